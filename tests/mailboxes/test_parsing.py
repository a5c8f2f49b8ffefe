from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.parsing import is_automatic, is_bounce, parse
from mailboxes.quoting import as_text, reply_text


def mail(body: bytes = b"Hi\n", **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}\n".encode() for name, value in headers.items()]
    return b"".join(lines) + b"\n" + body


def test_a_mail_is_read_into_its_parts():
    raw = mail(
        Message_ID="<1@acme.test>",
        In_Reply_To="<0@us.test>",
        References="<a@us.test>\n <0@us.test>",
        X_Outreach_Ref="abc",
        From='"Silva, Ana" <Ana@Acme.TEST>',
        To="Bo <bo@us.test>, cy@us.test",
        Subject="Re: Hello",
        Date="Mon, 02 Nov 2026 09:14:00 +0100",
    )

    got = parse(raw)

    assert (got.message_id, got.in_reply_to, got.reference) == (
        "<1@acme.test>",
        "<0@us.test>",
        "abc",
    )
    assert got.references == ("<a@us.test>", "<0@us.test>")
    assert (got.from_name, got.from_email) == ("Silva, Ana", "ana@acme.test")
    assert got.to == ("bo@us.test", "cy@us.test")
    assert got.date == datetime(2026, 11, 2, 8, 14, tzinfo=UTC)
    assert (got.subject, got.text, got.html) == ("Re: Hello", "Hi", "")
    assert not got.is_automatic and not got.is_bounce


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(raw):
    got = parse(raw)

    for text in (got.text, got.html, got.subject, got.from_name, *got.headers.values()):
        assert "\x00" not in text
        text.encode()


PIECES = [
    b"From: ",
    b"Subject: =?utf-8?b?",
    b"?=",
    b"Content-Type: multipart/mixed; boundary=x\n",
    b"Content-Type: text/html; charset=",
    b"Content-Transfer-Encoding: base64\n",
    b"\n",
    b"--x\n",
    b"<a@b.test>",
    b"\xff\xfe",
    b"utf-7",
    b"<p>",
    b"=\x00",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_mail_in_pieces_is_read(raw):
    got = parse(raw)

    got.text.encode()
    got.subject.encode()


def test_a_name_cannot_smuggle_in_an_address():
    got = parse(mail(From="=?utf-8?q?boss=40acme=2Etest=3E=2C?= <ana@acme.test>"))

    assert got.from_email == "ana@acme.test"


def test_an_encoded_word_cannot_break_the_line():
    got = parse(mail(Subject="=?utf-8?q?Hi=0D=0ABcc=3A_x?="))

    assert got.subject == "Hi Bcc: x"


@pytest.mark.parametrize(
    ("charset", "octets"),
    [
        ("utf-8", "Olá é".encode()),
        ("iso-8859-1", "Olá é".encode("latin-1")),
        ("utf-8", "Olá é".encode("latin-1")),
        ("no-such-charset", "Olá é".encode()),
        ("punycode", "Olá é".encode()),
        ("base64", "Olá é".encode()),
        ("undefined", "Olá é".encode()),
    ],
)
def test_a_body_is_read_whatever_it_says_its_character_set_is(charset, octets):
    raw = mail(octets, MIME_Version="1.0", Content_Type=f"text/plain; charset={charset}")

    assert parse(raw).text == "Olá é"


def test_eight_bit_headers_are_read():
    assert parse("Subject: Olá\n\n".encode()).subject == "Olá"
    assert parse("Subject: Olá\n\n".encode("cp1252")).subject == "Olá"


def test_of_two_alternatives_both_are_kept_and_the_text_is_the_plain_one():
    message = EmailMessage()
    message.set_content("plain")
    message.add_alternative("<p>rich</p>", subtype="html")

    got = parse(message.as_bytes())

    assert (got.text, got.html.strip()) == ("plain", "<p>rich</p>")


def test_a_mail_without_plain_text_is_read_from_its_html():
    message = EmailMessage()
    message.set_content(
        "<div>Yes,<br>gern!</div><style>p {}</style><script>x</script>"
        '<div class="gmail_quote">On Monday Bo wrote:<blockquote>Shall we?</blockquote></div>',
        subtype="html",
    )

    got = parse(message.as_bytes())

    assert reply_text(got.text) == "Yes,\ngern!"
    assert "> On Monday Bo wrote:" in got.text
    assert "Shall we?" in got.text


def test_what_is_only_attached_is_not_what_was_said():
    inner = EmailMessage()
    inner.set_content("inner secret")
    message = EmailMessage()
    message.set_content("outer")
    message.add_attachment(inner)
    message.add_attachment("a note", filename="note.txt")

    assert parse(message.as_bytes()).text == "outer"


def test_parts_within_parts_a_thousand_deep_are_survived():
    raw = b"From: ana@acme.test\n"
    for n in range(3000):
        raw += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n)

    assert parse(raw).from_email == "ana@acme.test"


def test_elements_within_elements_a_hundred_thousand_deep_are_survived():
    assert isinstance(as_text("<div>" * 100_000 + "x"), str)
    assert isinstance(as_text("<blockquote>" * 100_000 + "x"), str)
    assert isinstance(as_text("<table><tr><td>" * 20_000 + "x"), str)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"auto-submitted": "auto-generated; owner=x"},
        {"X-Autoreply": "yes"},
        {"X-Autorespond": ""},
        {"Precedence": "bulk"},
        {"Precedence": "Auto_Reply"},
        {"X-MS-Exchange-Inbox-Rules-Loop": "ana@acme.test"},
        {"X-MS-Exchange-Generated-Message-Source": "Mailbox Rules Agent"},
        {"List-Id": "<news.acme.test>"},
        {"Return-Path": "<>"},
        {"Content-Type": "multipart/report; report-type=disposition-notification"},
    ],
)
def test_a_machine_gives_itself_away_by_its_headers(headers):
    assert is_automatic(headers, "Re: Hello")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Auto-Submitted": "no"},
        {"Auto-Submitted": ""},
        {"X-Auto-Response-Suppress": "All"},
        {"Precedence": "first-class"},
        {"Return-Path": "<ana@acme.test>"},
        {"Content-Type": "text/plain"},
    ],
)
def test_a_person_is_taken_for_one(headers):
    assert not is_automatic(headers, "Re: Hello")


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Hello",
        "Auto-Reply: Hello",
        "Out of Office: Hello",
        "[OOO] Hello",
        "Abwesenheitsnotiz: Hello",
        "Automatische Antwort: Hello",
        "Réponse automatique : Hello",
        "Respuesta automática: Hello",
        "Resposta automática: Hello",
        "Risposta automatica: Hello",
        "Automatisch antwoord: Hello",
        "Out of Office AutoReply: Hello",
        "Away from my mail",
        "Vacation reply",
        "Automatisk svar: Hello",
    ],
)
def test_absence_notes_are_known_by_their_subject_in_seven_languages(subject):
    assert is_automatic({}, subject)


@pytest.mark.parametrize(
    "subject",
    ["", "Re: Out of office", "Re: automatic reply", "Office hours", "Automation at Acme"],
)
def test_a_subject_that_only_speaks_of_absence_is_no_note(subject):
    assert not is_automatic({}, subject)


def test_a_report_of_a_failed_delivery_is_a_bounce():
    assert is_bounce({"Content-Type": 'multipart/report; report-type="delivery-status"'}, "")
    assert is_bounce({"X-Failed-Recipients": "ana@acme.test"}, "x@google.test")
    assert is_bounce({}, "MAILER-DAEMON@acme.test")
    assert not is_bounce(
        {"Content-Type": "multipart/report; report-type=disposition-notification"}, ""
    )


QUOTE = "> Shall we talk?\n> Bo"


@pytest.mark.parametrize(
    "introduction",
    [
        "On Mon, 2 Nov 2026 at 9:14, Bo Ek <bo@us.test> wrote:",
        "On Mon, 2 Nov 2026 at 9:14, Bo Ek with a long name\n<bo@us.test> wrote:",
        "On Mon, 2 Nov 2026 at 9:14, Bo Ek <bo@us.test\n> wrote:",
        "Am 02.11.2026 um 09:14 schrieb Bo Ek <bo@us.test>:",
        "Am Mo., 2. Nov. 2026 um 09:14 Uhr schrieb Bo Ek <\nbo@us.test>:",
        "Le lun. 2 nov. 2026 à 09:14, Bo Ek <bo@us.test> a écrit :",
        "El lun, 2 nov 2026 a las 9:14, Bo Ek (<bo@us.test>) escribió:",
        "Em seg., 2 de nov. de 2026 às 09:14, Bo Ek <bo@us.test> escreveu:",
        "Il giorno lun 2 nov 2026 alle ore 09:14 Bo Ek <bo@us.test> ha scritto:",
        "Op ma 2 nov 2026 om 09:14 schreef Bo Ek <bo@us.test>:",
        "2026-11-02 9:14 GMT+01:00 Bo Ek <bo@us.test>:",
        "-----Original Message-----\nFrom: Bo Ek\nSent: Monday",
        "-----Ursprüngliche Nachricht-----\nVon: Bo Ek",
        "________________________________\nFrom: Bo Ek <bo@us.test>\nSent: 2 November 2026 09:14\n"
        "To: Ana\nSubject: Hello",
        "Von: Bo Ek <bo@us.test>\nGesendet: Montag, 2. November 2026\nAn: Ana\nBetreff: Hello",
        "De : Bo Ek\nEnvoyé : lundi 2 novembre 2026\nÀ : Ana\nObjet : Hello",
        "De: Bo Ek\nEnviado: lunes, 2 de noviembre\nPara: Ana\nAsunto: Hello",
        "Da: Bo Ek\nInviato: lunedì 2 novembre\nA: Ana\nOggetto: Hello",
        "Van: Bo Ek\nVerzonden: maandag 2 november\nAan: Ana\nOnderwerp: Hello",
        "*From:* Bo Ek\n*Sent:* Monday\n*To:* Ana\n*Subject:* Hello",
    ],
)
@pytest.mark.parametrize("quote", [QUOTE, QUOTE.replace("> ", "")])
def test_the_answer_above_a_quote_is_what_was_written(introduction, quote):
    text = f"Sounds good.\n\nAna\n\n{introduction}\n\n{quote}\n"

    assert reply_text(text) == "Sounds good.\n\nAna"
    assert reply_text(text.replace("\n", "\r\n")) == "Sounds good.\n\nAna"


def test_answers_between_and_below_quotes_are_kept():
    text = "On Mon, 2 Nov 2026, Bo wrote:\n> When?\nTuesday.\n> Where?\nAt ours.\n"

    assert reply_text(text) == "Tuesday.\n> Where?\nAt ours."


@pytest.mark.parametrize(
    "text",
    [
        "On Monday she wrote:\nthis is what I think.",
        "From: my point of view it is fine.\nThanks",
        "I looked at --\nwhat a price\n" + "and more\n" * 20,
        "Our offer:\n-----\n10 % off",
        "Sent from here to there in three days, can you do that?" + " Really." * 20,
        "> only a quote",
        "--\nAna",
        "Sent from my iPhone",
        "On Mon, 2 Nov 2026 at 9:14, Bo <bo@us.test> wrote:\n\nShall we talk?",
    ],
)
def test_no_word_that_may_have_been_written_is_lost(text):
    assert reply_text(text).split()[-1] == text.split()[-1]


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Enviado do meu iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
    ],
)
def test_the_line_that_names_the_phone_is_left_out(line):
    assert reply_text(f"Yes, gladly.\n\n{line}\n") == "Yes, gladly."


def test_the_signature_below_its_mark_is_left_out():
    assert reply_text("Yes.\n\n-- \nAna Silva\nAcme, Lisbon\n") == "Yes."


@given(st.text(max_size=300))
def test_there_is_always_something_where_there_was_text(text):
    assert (
        bool(reply_text(text)) == bool(text.replace("\xa0", " ").strip("\u200e\u200f\ufeff \n\r\t"))
        or not text.strip()
    )


@given(
    st.lists(
        st.sampled_from(
            ["\n", "On ", "> ", "wrote:", "From: a\n", "To: b\n", "--\n", "hi", "_____\n"]
        ),
        max_size=40,
    ).map("".join)
)
def test_every_line_of_an_answer_was_in_the_mail(text):
    lines = {line.strip() for line in text.split("\n")}

    assert {line.strip() for line in reply_text(text).split("\n")} <= lines | {""}


@pytest.mark.parametrize(
    "unit", ["\n", "On ", "On \n", "> ", "From: \n", "--\n", " ", "<", "_", "On 1:\n"]
)
def test_a_hundred_thousand_of_the_same_are_read_to_their_end(unit):
    assert isinstance(reply_text(unit * 100_000), str)
