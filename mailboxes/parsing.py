"""Reading mail that came in: who wrote what, in answer to what, and whether a person did.

Whatever bytes arrive, something is returned, in time proportional to their number.
"""

import email.message
import email.utils
import re
from binascii import Error as BadBase64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header

from mailboxes.opening import MAX_PARTS, addresses, clean, decode, inner, opened, text_of
from mailboxes.quoting import as_text, reply_text

__all__ = ["Parsed", "is_automatic", "is_bounce", "parse", "reply_text"]

MAX_TEXT = 200_000
MAX_HTML = 1_000_000
MAX_HEADERS = 150
MAX_HEADER = 2_000
MAX_REFERENCES = 100

MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")

AUTOMATIC_HEADERS = {"x-autoreply", "x-autorespond", "x-ms-exchange-inbox-rules-loop", "list-id"}
AUTOMATIC_PRECEDENCE = {"auto_reply", "bulk", "junk", "list"}
AUTOMATIC_SUBJECT = re.compile(
    r"""\s*\W{0,3}(
        auto(matic|matisch|matische|mated)?[\s:_-]{0,2}(reply|response|antwort|antwoord)\b
        | out\s+of\s+(the\s+)?office\b | ooo\b
        | away\s+from\s+(the\s+|my\s+)?(office|desk|e?-?mail)\b
        | auto-?respon\w+ | (vacation|holiday|absence)\s+(reply|response|notice|message|auto\w*)\b
        | (i\s+am\s+)?on\s+(annual\s+|parental\s+)?(leave|vacation|holiday)\b
        | abwesenheit | ich\s+bin\s+(im\s+urlaub|abwesend) | nicht\s+im\s+b(ü|ue)ro
        | r(é|e)ponse\s+automatique | absence\s*: | absent(e)?\s+du\s+bureau | message\s+d.absence
        | respuesta\s+autom | fuera\s+de\s+(la\s+)?oficina
        | resposta\s+autom | fora\s+do\s+escrit(ó|o)rio | aus(ê|e)ncia\b
        | risposta\s+automatica | fuori\s+(sede|ufficio)
        | afwezig
        | automatisk\s+svar | autosvar | automaattinen\s+vastaus | odpowied(ź|z)\s+automatyczna
    )""",
    re.IGNORECASE | re.VERBOSE,
)
MACHINE_SENDERS = ("mailer-daemon", "postmaster", "microsoftexchange", "mail-daemon")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One mail, decoded; ids keep their angle brackets, header names are in lower case."""

    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    reference: str = ""
    from_email: str = ""
    from_name: str = ""
    to: tuple[str, ...] = ()
    subject: str = ""
    date: datetime | None = None
    text: str = ""
    html: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_automatic: bool = False
    is_bounce: bool = False


def parse(raw: bytes) -> Parsed:
    """Return what a mail says, as far as it can be read.

    >>> mail = parse(b"From: Ana <Ana@Acme.test>\\nSubject: =?utf-8?q?Ol=C3=A1?=\\n\\nHi\\n")
    >>> mail.from_email, mail.subject, mail.text
    ('ana@acme.test', 'Olá', 'Hi')
    """
    message = opened(raw)
    raw_headers = _raw_headers(message)
    headers = {name: _decode_header(value) for name, value in raw_headers.items()}
    text, html = _bodies(message)
    senders = _addresses(raw_headers.get("from", ""))
    from_name, from_email = senders[0] if senders else ("", "")
    recipients = _addresses(raw_headers.get("to", "")) + _addresses(raw_headers.get("cc", ""))
    return Parsed(
        message_id=_first_id(headers.get("message-id", "")),
        in_reply_to=_first_id(headers.get("in-reply-to", "")),
        references=tuple(MESSAGE_ID.findall(headers.get("references", ""))[-MAX_REFERENCES:]),
        reference=headers.get("x-outreach-ref", "").strip()[:64],
        from_email=from_email,
        from_name=from_name,
        to=tuple(dict.fromkeys(address for _, address in recipients)),
        subject=headers.get("subject", "").strip(),
        date=_date(headers.get("date", "")),
        text=text or as_text(html)[:MAX_TEXT],
        html=html,
        headers=headers,
        is_automatic=is_automatic(headers, headers.get("subject", "")),
        is_bounce=is_bounce(headers, from_email),
    )


def is_automatic(headers: Mapping[str, str], subject: str) -> bool:
    """Say whether a machine wrote the mail: an absence note, a report, a list.

    >>> is_automatic({"Auto-Submitted": "auto-replied (vacation)"}, "Re: Hello")
    True
    >>> is_automatic({"Auto-Submitted": "no"}, "Re: Hello")
    False
    >>> is_automatic({}, "Automatic reply: Hello")
    True
    """
    values = {name.lower(): value.strip().lower() for name, value in headers.items()}
    submitted = values.get("auto-submitted", "no").partition(";")[0].strip() or "no"
    return (
        submitted.split()[0] != "no"
        or not AUTOMATIC_HEADERS.isdisjoint(values)
        or values.get("precedence") in AUTOMATIC_PRECEDENCE
        or "mailbox rules agent" in values.get("x-ms-exchange-generated-message-source", "")
        or values.get("return-path") == "<>"
        or values.get("content-type", "").startswith("multipart/report")
        or "ooftemplate" in values.get("x-ms-exchange-message-class", "")
        # X-Auto-Response-Suppress asks others not to answer and proves nothing by itself.
        or AUTOMATIC_SUBJECT.match(subject) is not None
    )


def is_bounce(headers: Mapping[str, str], from_email: str) -> bool:
    """Say whether the mail reports that another one could not be delivered.

    >>> is_bounce({"Content-Type": "multipart/report; report-type=delivery-status"}, "")
    True
    >>> is_bounce({}, "mailer-daemon@acme.test"), is_bounce({}, "ana@acme.test")
    (True, False)
    """
    values = {name.lower(): value.lower() for name, value in headers.items()}
    content_type = values.get("content-type", "")
    return (
        (content_type.startswith("multipart/report") and "delivery-status" in content_type)
        or "x-failed-recipients" in values
        or from_email.lower().partition("@")[0].startswith(MACHINE_SENDERS)
    )


def _raw_headers(message: email.message.Message) -> dict[str, str]:
    """Return each header's first value, unfolded, its bytes read as UTF-8 or Windows text."""
    found: dict[str, str] = {}
    for name, value in message.raw_items():
        if len(found) == MAX_HEADERS:
            break
        octets = str(value)[: MAX_HEADER * 4].encode("utf-8", "surrogateescape")
        unfolded = re.sub(r"[\r\n]+[ \t]*", " ", decode(octets, "utf-8"))
        found.setdefault(clean(name).lower()[:100], clean(unfolded).strip())
    return found


def _decode_header(value: str) -> str:
    """Return the text of a header that may hold encoded words, good or bad."""
    if "=?" not in value:
        return value[:MAX_HEADER]
    try:
        words = decode_header(value)
    except (HeaderParseError, BadBase64, ValueError):
        return value[:MAX_HEADER]
    text = "".join(
        word if isinstance(word, str) else decode(word, charset or "utf-8")
        for word, charset in words
    )
    # An encoded word may hide line breaks.
    return " ".join(clean(text).splitlines())[:MAX_HEADER]


def _addresses(value: str) -> list[tuple[str, str]]:
    """Return the (name, address) pairs; names are decoded after the cut, so they cannot add any."""
    return [
        (_decode_header(name).strip()[:200], address.strip().lower())
        for name, address in addresses(value)
        if re.fullmatch(r"[^@\s<>]{1,64}@[^@\s<>]{1,189}", address.strip())
    ]


def _first_id(value: str) -> str:
    found = MESSAGE_ID.search(value)
    return found[0] if found else ""


def _date(value: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(value)
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _bodies(message: email.message.Message) -> tuple[str, str]:
    """Return the plain text and the HTML that a mail program would show first."""
    texts: list[str] = []
    html = ""
    for part in _leaves(message):
        kind = part.get_content_type()
        if kind not in ("text/plain", "text/html") or _is_attachment(part):
            continue
        body = text_of(part)
        if kind == "text/plain":
            texts.append(body.strip("\r\n"))
        elif not html:
            html = body[:MAX_HTML]
    text = "\n\n".join(text for text in texts if text.strip())
    return text.replace("\r\n", "\n").replace("\r", "\n")[:MAX_TEXT], html


def _leaves(message: email.message.Message) -> Iterator[email.message.Message]:
    """Yield the leaves in order, but nothing of a mail that is only attached."""
    waiting = [message]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        if not part.is_multipart():
            yield part
        elif part.get_content_maintype() == "multipart":
            waiting.extend(reversed(inner(part)))


def _is_attachment(part: email.message.Message) -> bool:
    return str(part.get("Content-Disposition", "")).strip().lower().startswith("attachment")
