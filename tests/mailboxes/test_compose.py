"""What is built is exactly what was meant, or nothing is built."""

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailboxes.compose import RefusedMail, as_html, compose, new_message_id, read_back
from mailboxes.providers.base import Mail

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def make_mail(**changes: object) -> Mail:
    meant = {
        "sender_email": "alice@acme.test",
        "sender_name": "Alice Archer",
        "recipient": "jordan@globex.test",
        "recipient_name": "Jordan Lee",
        "subject": "A question about Globex",
        "text": "Hi Jordan,\n\nhow are you?\n",
        "message_id": "<touch7@acme.test>",
        "date": NOON,
    }
    return compose(**meant | changes)


def read(mail: Mail) -> EmailMessage:
    """The mail as another program's strict parser sees it."""
    return message_from_bytes(mail.raw, policy=policy.SMTP)


def header_lines(mail: Mail, name: str) -> str:
    """One header as its raw lines, unfolded by hand."""
    head = mail.raw.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n ", " ").split("\r\n")
    found = [line for line in head if line.lower().startswith(f"{name.lower()}:")]
    assert len(found) == 1
    return found[0].partition(":")[2].strip()


def test_a_plain_mail_reads_as_it_was_written():
    mail = make_mail(reference="touch-7.attempt-1")

    message = read(mail)
    assert message["From"] == "Alice Archer <alice@acme.test>"
    assert message["To"] == "Jordan Lee <jordan@globex.test>"
    assert message["Subject"] == "A question about Globex"
    assert message["Message-ID"] == "<touch7@acme.test>"
    assert message["Date"].datetime == NOON
    assert message["X-Outreach-Ref"] == "touch-7.attempt-1"
    assert message.get_body(["plain"]).get_content() == "Hi Jordan,\r\n\r\nhow are you?\r\n"
    assert "<p>Hi Jordan,</p>" in message.get_body(["html"]).get_content()
    assert (mail.sender, mail.recipient) == ("alice@acme.test", "jordan@globex.test")
    assert (mail.message_id, mail.reference) == ("<touch7@acme.test>", "touch-7.attempt-1")


def test_both_bodies_are_quoted_printable():
    parts = [part for part in read(make_mail()).walk() if not part.is_multipart()]

    assert [part["Content-Transfer-Encoding"] for part in parts] == ["quoted-printable"] * 2
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]


def test_nothing_is_added_to_what_was_asked_for():
    assert sorted(read(make_mail()).keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]
    )


def test_the_same_mail_is_built_from_the_same_parts():
    assert make_mail().raw == make_mail().raw


def test_the_date_keeps_its_zone():
    mail = make_mail(date=NOON.astimezone(timezone(timedelta(hours=-5))))

    assert header_lines(mail, "Date") == "Sat, 21 Nov 2026 07:00:00 -0500"


def test_long_machine_headers_arrive_verbatim():
    long_id = f"<{'A' * 400}@prod.outlook.test>"
    ids = [f"<{letter * 120}@mail.test>" for letter in "abcdefghij"]
    url = f"https://acme.test/u/{'t' * 500}?signature={'s' * 200}"

    mail = make_mail(
        in_reply_to=long_id,
        references=ids,
        unsubscribe_url=url,
        unsubscribe_mailto="u+token@acme.test?subject=unsubscribe",
    )

    assert header_lines(mail, "In-Reply-To") == long_id
    assert header_lines(mail, "References") == " ".join(ids)
    assert header_lines(mail, "List-Unsubscribe") == (
        f"<{url}>, <mailto:u+token@acme.test?subject=unsubscribe>"
    )
    assert header_lines(mail, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 998


def test_a_long_header_never_starts_with_an_empty_line():
    mail = make_mail(in_reply_to=f"<{'A' * 400}@prod.outlook.test>")

    assert b"In-Reply-To: <AAAA" in mail.raw


def test_one_click_is_promised_for_https_alone():
    over_http = make_mail(unsubscribe_url="http://127.0.0.1:8000/u/1")
    by_mail = make_mail(unsubscribe_mailto="mailto:u@acme.test")

    assert header_lines(over_http, "List-Unsubscribe") == "<http://127.0.0.1:8000/u/1>"
    assert header_lines(by_mail, "List-Unsubscribe") == "<mailto:u@acme.test>"
    assert "List-Unsubscribe-Post" not in read(over_http)
    assert "List-Unsubscribe-Post" not in read(by_mail)


@pytest.mark.parametrize(
    "name",
    [
        "Lee, Jordan",
        'Jordan "Joe" Lee',
        "Jordan (Globex)",
        "O'Lee",
        "Jörg Müller",
        "Müller, Jörg",
        "李小龍",
        "Zoë 🙂",
        "jordan@globex.test",
        "back\\slash",
        "Łukasz " * 20,
        "x" * 120,
        "",
    ],
)
def test_display_names_of_all_kinds_name_one_person(name: str):
    mail = make_mail(sender_name=name, recipient_name=name)

    for header, address in (("From", "alice@acme.test"), ("To", "jordan@globex.test")):
        (person,) = read(mail)[header].addresses
        assert person.addr_spec == address
        # Python's reader puts a space between the encoded words of a long name.
        assert person.display_name.replace("  ", " ") == " ".join(name.split())


@pytest.mark.parametrize(
    "subject",
    [
        "Grüße aus Köln",
        "Grüße " * 40,
        "x" * 300,
        "word " * 60,
        f"a   b {'x' * 80}   c",
        "100 % – “quoted”",
        "🙂" * 80,
        "",
    ],
)
def test_subjects_of_all_kinds_arrive(subject: str):
    mail = make_mail(subject=subject)

    assert read(mail)["Subject"] == subject.strip()
    lines = mail.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert all(len(line) <= 76 for line in lines if b"=?" in line)


def test_a_domain_beyond_ascii_is_written_in_its_encoded_form():
    mail = make_mail(recipient="jordan@straße.example")

    assert mail.recipient == "jordan@xn--strae-oqa.example"
    assert header_lines(mail, "To") == "Jordan Lee <jordan@xn--strae-oqa.example>"


INJECTIONS = [
    "Hi\r\nBcc: evil@x.test",
    "Hi\nBcc: evil@x.test",
    "Hi\rBcc: evil@x.test",
    "=?utf-8?q?Hi=0ABcc:_evil@x.test?=",
    "=?UTF-8?B?SGkKQmNjOiBldmlsQHgudGVzdA==?=",
    "Hi\x00there",
    "Hi\x0bthere",
    "Hi\x85there",
    "Hi\u2028there",
    "Hi\ud800there",
]
HEADER_FIELDS = [
    "sender_email",
    "sender_name",
    "recipient",
    "recipient_name",
    "subject",
    "message_id",
    "in_reply_to",
    "reference",
    "unsubscribe_url",
    "unsubscribe_mailto",
]


@pytest.mark.parametrize("injection", INJECTIONS)
@pytest.mark.parametrize("field", HEADER_FIELDS)
def test_injection_is_refused_in_every_header(field: str, injection: str):
    with pytest.raises(RefusedMail):
        make_mail(**{field: injection})


@pytest.mark.parametrize("injection", INJECTIONS)
def test_injection_is_refused_inside_well_formed_values(injection: str):
    for changes in (
        {"recipient": f"{injection}@globex.test"},
        {"message_id": f"<{injection}@acme.test>"},
        {"in_reply_to": f"<{injection}@x.test>"},
        {"references": ["<a@x.test>", f"<{injection}@x.test>"]},
        {"unsubscribe_url": f"https://acme.test/{injection}"},
    ):
        with pytest.raises(RefusedMail):
            make_mail(**changes)


@pytest.mark.parametrize(
    "recipient",
    [
        "a@x.test, b@x.test",
        "a@x.test;b@x.test",
        "Jordan <a@x.test>",
        "<a@x.test>",
        "a@x.test>",
        "a@b@x.test",
        "a",
        "@x.test",
        "a@",
        "a@localhost",
        "a b@x.test",
        "a@x..test",
        "a@-x.test",
        "jörg@x.test",
        f"{'a' * 65}@x.test",
        f"a@{'x' * 64}.test",
        "",
    ],
)
def test_a_mail_goes_to_exactly_one_address(recipient: str):
    with pytest.raises(RefusedMail, match="recipient"):
        make_mail(recipient=recipient)


@pytest.mark.parametrize(
    "message_id",
    [
        "touch7@acme.test",
        "<touch7>",
        "<touch7@acme>",
        "<touch7@acme.test.>",
        "<a@b@acme.test>",
        "<a b@acme.test>",
        "<@acme.test>",
        "<>",
        "",
        f"<{'a' * 70}@acme.test>",
        "<töuch@acme.test>",
    ],
)
def test_a_message_id_that_a_server_might_replace_is_refused(message_id: str):
    with pytest.raises(RefusedMail):
        make_mail(message_id=message_id)


@pytest.mark.parametrize(
    "changes",
    [
        {"references": ["no-brackets@x.test"]},
        {"references": ["<a@x.test> <b@x.test>"]},
        {"in_reply_to": f"<{'A' * 950}@x.test>"},
        {"unsubscribe_url": "javascript:alert(1)"},
        {"unsubscribe_url": "https://acme.test/> , <https://evil.test/"},
        {"reference": "two words"},
        {"date": datetime(2026, 11, 21, 12, 0)},
        {"text": "lone surrogate \ud800"},
        {"text": " \n"},
    ],
)
def test_malformed_parts_are_refused_with_a_sentence(changes: dict):
    with pytest.raises(RefusedMail, match=r"^The .+\.$"):
        make_mail(**changes)


@pytest.mark.parametrize(
    "text",
    [
        ".\n..\n...\n",
        "From me\nFrom you\n",
        "x" * 5000,
        "é" * 5000,
        "trailing space \nand tab\t\n",
        "windows\r\nold mac\rend",
        "=?utf-8?q?=0ABcc:_evil?=\n\nBcc: evil@x.test\n",
        "--=_boundary\nContent-Type: text/html\n",
        "\n\n\nx\n\n\n",
        "🙂 日本語\u2028next",
        "Hello Jordan. " * 3700,
    ],
)
def test_bodies_of_all_kinds_arrive(text: str):
    message = read(make_mail(text=text))

    body = message.get_body(["plain"]).get_payload(decode=True).decode()
    assert body.replace("\r\n", "\n") == text.replace("\r\n", "\n").replace("\r", "\n")
    assert "Bcc" not in message


def test_the_html_says_the_same_and_executes_nothing():
    html = as_html(
        "Hi <script>alert(1)</script> & co,\nsecond line\n\n"
        'See https://acme.test/a?b=1&c="x" (or http://acme.test/b).\n\n\n\nBye'
    )

    assert html == (
        "<p>Hi &lt;script&gt;alert(1)&lt;/script&gt; &amp; co,<br>\nsecond line</p>\n"
        '<p>See <a href="https://acme.test/a?b=1&amp;c=">https://acme.test/a?b=1&amp;c=</a>'
        "&quot;x&quot; "
        '(or <a href="http://acme.test/b">http://acme.test/b</a>).</p>\n'
        "<p>Bye</p>\n"
    )


TAMPERED = [
    (b"To: Jordan", b"Bcc: evil@x.test\r\nTo: Jordan", "header"),
    (b"To: Jordan Lee <jordan@globex.test>", b"X-To: nobody", "header"),
    (b"<jordan@globex.test>", b"<jordan@globex.test>, evil@x.test", "exactly one"),
    (b"<jordan@globex.test>", b"<evil@x.test>", "exactly one"),
    (b"Jordan Lee <", b"Someone Else <", "exactly one"),
    (b"<alice@acme.test>", b"<evil@x.test>", "exactly one"),
    (b"Subject: A question", b"Subject: =?utf-8?q?Another?= question", "subject"),
    (b"<touch7@acme.test>", b"=?utf-8?q?=3Ctouch7=40acme=2Etest=3E?=", "Message-ID"),
    (b"how are you?\r\n\r\n--", b"how is Bob?\r\n\r\n--", "text"),
    (b"<p>Hi", b"<p>Dear", "text"),
    (b"Hi Jordan,\r\n", b"Hi Jordan,\n", "line end"),
    (b"Hi Jordan", "Hi Jördan".encode(), "unencoded"),
    (b"Hi Jordan", b"Hi Jordan" + b" " * 1000, "longer"),
]


@pytest.mark.parametrize(("meant", "found", "words"), TAMPERED)
def test_reading_back_notices_whatever_is_not_as_meant(meant: bytes, found: bytes, words: str):
    text = "Hi Jordan,\n\nhow are you?\n"
    mail = make_mail(text=text)
    told = (
        {"Message-ID": "<touch7@acme.test>", "Date": "Sat, 21 Nov 2026 12:00:00 +0000"},
        "A question about Globex",
        ("Alice Archer", "alice@acme.test"),
        ("Jordan Lee", "jordan@globex.test"),
        text,
        as_html(text),
    )
    read_back(mail.raw, *told)
    assert meant in mail.raw

    with pytest.raises(RefusedMail, match=words):
        read_back(mail.raw.replace(meant, found, 1), *told)


def test_a_message_id_is_made_from_its_seed_alone():
    first = new_message_id("touch 7", "acme.test")

    assert first == new_message_id("touch 7", "acme.test")
    assert first != new_message_id("touch 8", "acme.test")
    assert make_mail(message_id=first).message_id == first


@pytest.mark.parametrize(
    "domain", ["acme.test", "ACME.test", "müller.example", f"mail.{'long-' * 5}name.acme.test"]
)
def test_a_message_id_is_short_enough_to_be_kept(domain: str):
    message_id = new_message_id("touch 7", domain)

    assert len(message_id) <= 78
    assert make_mail(message_id=message_id).message_id == message_id


def test_a_very_long_domain_gives_way_to_its_parent():
    message_id = new_message_id("touch 7", f"{'a' * 60}.acme.test")

    assert message_id.endswith("@acme.test>")


anything = st.text(max_size=120)


@settings(max_examples=300, deadline=None)
@given(subject=anything, sender_name=anything, recipient_name=anything, text=anything)
def test_any_text_arrives_unchanged_or_is_refused(
    subject: str, sender_name: str, recipient_name: str, text: str
):
    try:
        mail = make_mail(
            subject=subject, sender_name=sender_name, recipient_name=recipient_name, text=text
        )
    except RefusedMail:
        return

    message = message_from_bytes(mail.raw, policy=policy.SMTP)
    assert len(message.keys()) == 7
    assert [person.addr_spec for person in message["To"].addresses] == ["jordan@globex.test"]
    assert [person.addr_spec for person in message["From"].addresses] == ["alice@acme.test"]


ordinary = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=90)


@settings(max_examples=300, deadline=None)
@given(subject=ordinary, name=ordinary, text=st.text(st.characters(codec="utf-8"), max_size=300))
def test_ordinary_text_is_never_refused(subject: str, name: str, text: str):
    assume("=?" not in subject + name and text.strip())

    make_mail(subject=subject, sender_name=name, recipient_name=name, text=text)
