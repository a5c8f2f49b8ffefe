import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.rules.texts import Change, content_hash, difference, reply_subject, word_count

PARTS = ("recipient", "sender_name", "sender", "subject", "body")
contents = st.fixed_dictionaries(dict.fromkeys(PARTS, st.text(max_size=20)))


@given(contents, contents)
def test_two_contents_share_a_hash_only_if_they_are_the_same(one, other):
    assert (content_hash(**one) == content_hash(**other)) == (one == other)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_counts(part):
    content = dict.fromkeys(PARTS, "x")

    assert content_hash(**content) != content_hash(**content | {part: "x "})


def test_text_cannot_move_from_one_part_to_the_next():
    content = dict.fromkeys(PARTS, "")

    assert content_hash(**content | {"subject": 'a", "b'}) != content_hash(
        **content | {"subject": "a", "body": "b"}
    )


def test_the_hash_stays_what_it_is_so_that_old_approvals_hold():
    known = content_hash(
        recipient="ana@acme.test", sender_name="Bo", sender="7", subject="Olá", body="Hi\n👋"
    )

    assert known == "4d52a5ae1f7b890c987e9bc4023b0e97390d0ec8afece324a6754152e3d5d82a"


@given(st.text(), st.text())
def test_a_difference_holds_both_texts(old, new):
    changes = difference(old, new)

    assert "".join(change.text for change in changes if change.kind != "insert") == old
    assert "".join(change.text for change in changes if change.kind != "delete") == new


def test_a_difference_names_only_the_words_that_changed():
    assert difference("Hi Ana,\n\nsee you.", "Hi Ana,\n\nsee all of you.") == [
        Change("same", "Hi Ana,\n\nsee "),
        Change("insert", "all of "),
        Change("same", "you."),
    ]


def test_very_long_texts_are_shown_whole():
    old, new = "a " * 50_000, "b " * 50_000

    assert difference(old, new) == [Change("delete", old), Change("insert", new)]


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("Quick question", "Re: Quick question"),
        ("re: Quick question", "Re: Quick question"),
        ("AW: RE: Quick question", "Re: Quick question"),
        ("Reply: all", "Re: Reply: all"),
        ("  ", "Re:"),
    ],
)
def test_an_answer_says_re_once(subject, answer):
    assert reply_subject(subject) == answer
    assert reply_subject(answer) == answer


def test_a_subject_of_many_prefixes_is_read_to_its_end():
    assert reply_subject("Re:" * 10_000 + "x") == "Re: x"


def test_punctuation_is_no_word():
    assert word_count("— Hi ,  Ana !\n- one\n") == 3
