"""Mail that is made to burst its reader. What is bounded is measured in memory and in parts."""

import tracemalloc

import pytest

from mailboxes import bounces, opening
from mailboxes.parsing import MAX_HEADER, parse
from mailboxes.quoting import as_text, own_words, reply_text

MEGABYTE = 1_000_000
REPORT = (
    b"From: mailer-daemon@b.test\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n"
    b"--x\nContent-Type: message/delivery-status\n\n"
)


def nested(levels: int) -> bytes:
    return b"From: ana@acme.test\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels)
    )


MAILS = {
    "20 MB of text": b"From: ana@acme.test\n\n" + b"word " * 4 * MEGABYTE,
    "20 MB of lines": b"From: ana@acme.test\n\n" + b"> a\n" * 5 * MEGABYTE,
    "600,000 parts": b"From: ana@acme.test\nContent-Type: multipart/mixed; boundary=x\n\n"
    + b"--x\n\nHi\n" * 600_000,
    "3,000 levels": nested(3_000),
    "levels and lines": nested(29) + b"a\n" * MEGABYTE,
    "mails in mails": b"Content-Type: message/rfc822\n\n" * 100_000,
    "a million parameters": b"From: ana@acme.test\nContent-Type: text/plain"
    + b";" * MEGABYTE
    + b"\n\n",
    "folded parameters": b"From: ana@acme.test\nContent-Type: text/plain"
    + b";\n a=1" * 200_000
    + b"\n\n",
    "10,000 recipients": b"From: ana@acme.test\nTo: "
    + b", ".join(b'"N %d" <p%d@acme.test>' % (n, n) for n in range(10_000))
    + b"\n\nHi",
    "comments in comments": b"From: " + b"(" * MEGABYTE + b"\nTo: " + b"(" * MEGABYTE + b"\n\nHi",
    "100,000 headers": b"".join(b"X-%d: a\n" % n for n in range(100_000)) + b"\n\nHi",
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\nHi",
    "references": b"References: " + b"<a@b> " * 500_000 + b"\n\nHi",
    "recipients in a report": REPORT + b"Final-Recipient: rfc822; a@b.test\n\n" * 50_000,
    "nothing in a report": REPORT + b"\n" * MEGABYTE,
    "addresses in prose": b"From: mailer-daemon@b.test\nSubject: failure notice\n\n"
    + b"<a@b.test>: unknown\n" * 100_000,
    "one long word": b"From: mailer-daemon@b.test\nSubject: failure notice\n\n" + b"a@" * MEGABYTE,
    "a wide table": b"From: ana@acme.test\nContent-Type: text/html\n\n<table><tr>"
    + b"<td>x" * 150_000,
    "a long table": b"From: ana@acme.test\nContent-Type: text/html\n\n<table>"
    + b"<tr><td>x" * 80_000,
}


@pytest.mark.parametrize("raw", MAILS.values(), ids=MAILS.keys())
def test_hostile_mail_is_read_in_bounded_memory(raw):
    tracemalloc.start()
    try:
        parsed = parse(raw)
        bounces.report(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # What is read at most is five megabytes, in a handful of forms.
    assert peak < 100 * MEGABYTE
    assert len(parsed.text) <= 200_000
    assert len(parsed.to) <= opening.MAX_PARTS
    assert all(len(value) <= MAX_HEADER for value in parsed.headers.values())
    assert isinstance(own_words(reply_text(parsed.text)), str)


def test_what_stands_before_the_bomb_is_read():
    raw = b"From: ana@acme.test\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nYes, gladly.\n"

    assert parse(raw + b"--x\n\nHi\n" * 600_000).text.startswith("Yes, gladly.")
    assert parse(b"From: ana@acme.test\n\nYes\n" + b"word " * 4 * MEGABYTE).text[:3] == "Yes"


def test_no_more_parts_are_made_than_anybody_can_have_meant():
    bomb = MAILS["600,000 parts"]

    assert sum(1 for _ in opening.opened(bomb).walk()) <= opening.MAX_DELIMITERS + 1
    assert sum(1 for _ in opening.parts(opening.opened(bomb))) <= opening.MAX_PARTS


def test_a_field_with_too_many_parameters_is_cut_and_its_mail_read():
    got = parse(MAILS["a million parameters"] + b"Hello")

    assert got.text == "Hello"
    assert len(opening.opened(MAILS["a million parameters"])["Content-Type"]) <= opening.MAX_FIELD


@pytest.mark.parametrize(
    "text",
    [
        "x" * MEGABYTE,
        ">" * MEGABYTE,
        ">\n" * 100_000,
        "> " * 500_000,
        "\n".join(">" * min(n, 500) + " a" for n in range(5_000)),
        "> a\nb\n" * 50_000,
        "On " * 300_000 + "wrote:",
        "On 1\n" * 100_000,
        "a <b@c.test> 1\n" * 50_000,
        ("a" * 120 + "<") * 8_000,
        "Sent from " + "my " * 300_000,
        "Sent from " + "a" * MEGABYTE,
        "-- \n" * 100_000,
        "_" * MEGABYTE,
        "_____\n" * 100_000,
        "This email " + "is " * 300_000,
        "From: a\nTo: b\n" * 50_000,
        "Date: a\n" * 100_000,
        " " * MEGABYTE + "x",
        "\n" * MEGABYTE,
        "\u200e" * MEGABYTE,
    ],
)
def test_a_megabyte_of_anything_is_read_to_its_end(text):
    got = reply_text(text)

    assert bool(got) == bool(text[:100_000].strip("\n\u200e "))
    assert isinstance(own_words(got), str)


def test_a_page_of_too_many_elements_still_gives_its_text():
    page = "<style>p{}</style><p>Yes, gladly.</p>" + "<b>x</b> " * 30_000

    assert as_text(page).split("\n")[:2] == ["Yes, gladly.", "x"]
