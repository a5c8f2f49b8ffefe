from collections import ChainMap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.rules.tokens import KNOWN, look_up, names, one_line, problems, render

# Text that looks like the language more often than chance would have it.
scraps = st.lists(
    st.sampled_from(["{{", "}}", "{", "}", "name", " ", "|", "default:", '"', "'", "there", "\n"])
    | st.text(max_size=5)
).map("".join)


@given(scraps, st.dictionaries(st.sampled_from(["name", "there"]), st.text()))
def test_any_text_renders(text, values):
    rendered = render(text, values)

    assert set(rendered.missing) <= set(names(text))


@given(scraps)
def test_any_text_can_be_checked(text):
    assert len(problems(text)) <= 20


@given(scraps)
def test_text_without_problems_leaves_no_braces_once_its_values_are_there(text):
    if not problems(text):
        rendered = render(text, dict.fromkeys(names(text), "value"))

        assert not rendered.missing
        assert "{{" not in rendered.text.replace("{{{", "")


@given(st.text().filter(lambda value: value.strip()))
def test_a_value_arrives_verbatim_and_once(value):
    assert render("<{{ name }}>", {"name": value}).text == f"<{value}>"


@given(st.text())
def test_a_value_in_a_subject_is_one_line(value):
    text = render("{{ name | default: 'x' }}", {"name": value}, single_line=True).text

    assert text.splitlines() == [text]
    assert "\x00" not in text


@given(scraps)
def test_text_without_tokens_stays_as_it_is(text):
    if not names(text) and "ai_write" not in text:
        assert render(text, {"name": "value"}).text == text


@pytest.mark.parametrize(
    "value",
    [
        "{{ email }}",
        "{% debug %}",
        "{email}",
        "%(email)s",
        "${email}",
        r"\1\g<name>",
        "{0.__class__}",
    ],
)
def test_a_value_is_never_expanded(value):
    assert render("Hi {{ name }}", {"name": value, "email": "secret"}).text == f"Hi {value}"


def test_the_first_place_that_knows_a_name_wins():
    values = ChainMap({"title": "CTO"}, {"title": "Never", "company": "Acme"})

    assert render("{{ title }} of {{ company }}", values).text == "CTO of Acme"


def test_an_empty_value_gives_way_to_the_next_place():
    run, contact, sequence = {"company": None}, {"company": " "}, {"company": "your team"}

    assert look_up(run, contact, sequence) == {"company": "your team"}


def test_scalars_of_the_metadata_become_text_and_the_rest_is_left_out():
    metadata = {"seats": 12, "paying": True, "tags": ["a"], "deep": {"a": 1}, "none": None}

    assert look_up(metadata) == {"seats": "12", "paying": "true"}


def test_each_missing_name_is_told_once_and_in_order():
    rendered = render("{{ b }} {{ a }} {{ b }} {{ c | default: 'x' }}", {"a": ""})

    assert rendered.missing == ("b", "a")
    assert rendered.text == "{{ b }} {{ a }} {{ b }} x"


def test_both_kinds_of_quotes_and_those_of_word_processors_are_understood():
    for default in ('"there"', "'there'", "“there”", "‘there’"):
        assert render(f"{{{{ name | default: {default} }}}}", {}).text == "there"


def test_a_default_may_hold_the_other_quote_and_braces():
    assert render("""{{ name | default: "it's }} fine" }}""", {}).text == "it's }} fine"


def test_a_value_that_is_not_text_is_written_as_text():
    assert render("{{ seats }}", {"seats": 12}).text == "12"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{{}}", "is empty"),
        ("{{ a {{ b }}", "“{{ a” is not closed"),
        ("{{ 1st }}", "“1st” is not a name"),
        ("{{ a.b }}", "“a.b” is not a name"),
        ("{{ a | default }}", "in quotes"),
        ("{{ a | default: “x }}", "in quotes"),
        ("{{ a | title | default: 'x' }}", "“title | default: 'x'” is not known"),
        ("}} {{ a }}", "has no “{{” before it"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(text, part):
    (problem,) = problems(text)

    assert part in problem


def test_the_same_mistake_is_told_once_and_many_are_cut_short():
    assert len(problems("{{ a b }}" * 100)) == 1
    assert len(problems("".join(f"{{{{ a {n} }}}}" for n in range(100)))) == 20


@pytest.mark.parametrize(
    "unit", ["{{", "{{ ", '{{ a | default: "', "{{ a | default: '", "{{ ai_write: ", "{", "}}", " "]
)
def test_a_megabyte_of_unfinished_tokens_is_read_to_its_end(unit):
    hostile = unit * (1_000_000 // len(unit))

    assert render(hostile, {}).text == hostile
    assert len(problems(hostile)) <= 20


def test_every_known_name_is_a_name():
    text = " ".join(f"{{{{ {name} }}}}" for name in KNOWN)

    assert names(text) == list(KNOWN)
    assert problems(text) == []


def test_one_line_keeps_the_spaces_of_a_value_that_needs_no_cleaning():
    assert one_line("Acme  Inc") == "Acme  Inc"
