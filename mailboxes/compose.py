"""Build one mail to one person, read it back, and refuse whatever is not exactly what was meant."""

import re
from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes
from email.charset import QP, Charset
from email.generator import BytesGenerator
from email.header import Header, decode_header, make_header
from email.headerregistry import Address
from email.policy import Compat32, compat32
from email.utils import format_datetime, getaddresses
from html import escape
from io import BytesIO
from unicodedata import category
from uuid import NAMESPACE_URL, uuid5

from django.core.mail import EmailMultiAlternatives
from email_validator import EmailNotValidError, validate_email

from mailboxes.providers.base import Mail

QUOTED_PRINTABLE = Charset("utf-8")
QUOTED_PRINTABLE.body_encoding = QP

BUILT = {"mime-version", "content-type", "subject", "from", "to"}
# Control characters, ends of lines and paragraphs, halves of a character.
FORBIDDEN = ("Cc", "Zl", "Zp", "Cs")
LONGEST_LINE = 998  # RFC 5322 section 2.1.1
LONGEST_TOKEN = 900

ENCODED_WORD = re.compile(r"=\?[^?\s]*\?[bq]\?", re.IGNORECASE)
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{0,62}[A-Za-z0-9]"
ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){ATOM}(?:\.{ATOM})*@{DOMAIN}")
OUR_MESSAGE_ID = re.compile(rf"<{ATOM}(?:\.{ATOM})*@{DOMAIN}>")
ANY_MESSAGE_ID = re.compile(r"<[!-;=?-~]+>")
URI = re.compile(r"(?:https?://|mailto:)[!-;=?-~]+")
LINK = re.compile(r"""(https?://[^\s<>"']*[^\s<>"'.,;:!?)\]])""")


class RefusedMail(ValueError):
    """This mail cannot be built as it was meant; the text says why, for a person to read."""


class Folding(Compat32):
    """compat32, but headers are only ever folded between words, and never after the colon.

    The standard library encodes long Message-IDs and URLs, or puts them on a second line, which
    strict readers see as a value that begins with a space, and others as an empty one.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        lines = [f"{name}:"]
        for word in re.sub(r"\r?\n(?=[ \t])", "", value).strip().split(" "):
            full = len(lines[-1]) + len(word) >= 78 and not lines[-1].endswith(":")
            if full and lines[-1].strip():
                lines.append("")
            lines[-1] += f" {word}"
        return (self.linesep.join(lines) + self.linesep).encode("ascii")


WIRE = Folding(linesep="\r\n")


def compose(
    *,
    sender_email: str,
    sender_name: str,
    recipient: str,
    recipient_name: str = "",
    subject: str,
    text: str,
    message_id: str,
    date: datetime,
    in_reply_to: str = "",
    references: Sequence[str] = (),
    reference: str = "",
    unsubscribe_url: str = "",
    unsubscribe_mailto: str = "",
) -> Mail:
    """The mail, ready for the wire; raises RefusedMail rather than build something else."""
    sender = checked_address("sender", sender_email)
    to = checked_address("recipient", recipient)
    sender_name = " ".join(checked("sender's name", sender_name).split())
    recipient_name = " ".join(checked("recipient's name", recipient_name).split())
    subject = checked("subject", subject).strip()
    text = re.sub(r"\r\n?", "\n", text)
    if not text.strip():
        raise RefusedMail("The text is empty.")
    headers = machine_headers(
        message_id, date, in_reply_to, references, reference, unsubscribe_url, unsubscribe_mailto
    )
    html = as_html(text)

    built = EmailMultiAlternatives(
        subject=encoded(subject),
        body=text,
        from_email=named(sender_name, sender),
        to=[named(recipient_name, to)],
        headers=headers,
        alternatives=[(html, "text/html")],
    )
    built.encoding = QUOTED_PRINTABLE
    try:
        message = built.message()
        # Quoted-printable text cannot contain "=_", so this never occurs in the body. A few for
        # all mails: Python's parser compiles a pattern for each one that it meets.
        message.set_boundary(f"=_{uuid5(NAMESPACE_URL, message_id[:3]).hex}")
        written = BytesIO()
        BytesGenerator(written, mangle_from_=False, policy=WIRE).flatten(message)
    except UnicodeEncodeError:
        raise RefusedMail("The text contains characters that cannot be sent.") from None

    raw = written.getvalue()
    read_back(raw, headers, subject, (sender_name, sender), (recipient_name, to), text, html)
    return Mail(raw, sender, to, message_id, reference=reference)


def machine_headers(
    message_id: str,
    date: datetime,
    in_reply_to: str,
    references: Sequence[str],
    reference: str,
    unsubscribe_url: str,
    unsubscribe_mailto: str,
) -> dict[str, str]:
    """The headers that programs read, each checked."""
    if date.tzinfo is None:
        raise RefusedMail("The date of a mail needs its time zone.")
    headers = {"Message-ID": checked_message_id(message_id), "Date": format_datetime(date)}
    if in_reply_to:
        headers["In-Reply-To"] = checked_token("In-Reply-To", in_reply_to, ANY_MESSAGE_ID)
    if references:
        ids = (checked_token("References", each, ANY_MESSAGE_ID) for each in references)
        headers["References"] = " ".join(ids)
    if reference:
        headers["X-Outreach-Ref"] = checked_token(
            "X-Outreach-Ref", reference, re.compile(r"[\w.:+/=-]+", re.ASCII)
        )
    if unsubscribe_mailto and not unsubscribe_mailto.startswith("mailto:"):
        unsubscribe_mailto = f"mailto:{unsubscribe_mailto}"
    ways = [way for way in (unsubscribe_url, unsubscribe_mailto) if way]
    if ways:
        checked_ways = (checked_token("List-Unsubscribe", way, URI) for way in ways)
        headers["List-Unsubscribe"] = ", ".join(f"<{way}>" for way in checked_ways)
    # RFC 8058: one-click is for HTTPS alone.
    if unsubscribe_url.startswith("https://"):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def checked(field: str, value: str) -> str:
    """The value, if it can neither end its header line nor hide another one."""
    # What is printable throughout, as nearly all is, has no letter of these kinds.
    if not value.isprintable() and any(category(letter) in FORBIDDEN for letter in value):
        raise RefusedMail(f"The {field} contains a line break or a control character.")
    if ENCODED_WORD.search(value):
        raise RefusedMail(f"The {field} contains an encoded word (“=?…?=”), which can hide text.")
    return value


def checked_address(field: str, value: str) -> str:
    """The address in ASCII: a non-ASCII domain is sent in its encoded form."""
    checked(field, value)
    if not value.isascii():
        try:
            # The syntax alone; names kept for tests (.test) are as good as any.
            valid = validate_email(
                value, check_deliverability=False, test_environment=True, allow_smtputf8=False
            )
        except EmailNotValidError as problem:
            raise RefusedMail(f"The {field} “{value}” cannot be used: {problem}") from None
        value = str(valid.ascii_email)
    if len(value) > 254 or not ADDRESS.fullmatch(value):
        raise RefusedMail(f"The {field} “{value[:254]}” is not a mail address.")
    return value


def checked_token(field: str, value: str, pattern: re.Pattern[str]) -> str:
    checked(field, value)
    if not pattern.fullmatch(value):
        raise RefusedMail(f"The {field} “{value[:200]}” is malformed.")
    if len(value) > LONGEST_TOKEN:
        raise RefusedMail(f"The {field} is longer than {LONGEST_TOKEN} characters.")
    return value


def checked_message_id(value: str) -> str:
    """A Message-ID that no server sees a reason to replace."""
    checked("Message-ID", value)
    if len(value) > 78 or not OUR_MESSAGE_ID.fullmatch(value):
        raise RefusedMail(f"The Message-ID “{value[:200]}” is malformed or longer than 78.")
    return value


def new_message_id(seed: str, domain: str) -> str:
    """The Message-ID of a seed: the same seed gives the same one, at any time, in any process."""
    domain = checked_address("domain", f"id@{domain}").partition("@")[2].lower()
    local = uuid5(NAMESPACE_URL, f"outreach:{seed}").hex
    while len(local) + len(domain) + 3 > 78 and domain.count(".") > 1:
        domain = domain.partition(".")[2]
    return checked_message_id(f"<{local}@{domain}>")


def as_html(text: str) -> str:
    """The plain text as simple HTML: paragraphs, line breaks and links; nothing else is markup.

    >>> as_html("Hi <Jo>\\n\\nWhen?\\nhttps://x.test")
    '<p>Hi &lt;Jo&gt;</p>\\n<p>When?<br>\\n<a href="https://x.test">https://x.test</a></p>\\n'
    """
    paragraphs = [part for part in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text.strip("\n")) if part]
    lines = ("<br>\n".join(map(linked, part.split("\n"))) for part in paragraphs)
    return "".join(f"<p>{each}</p>\n" for each in lines)


def linked(text: str) -> str:
    """Escaped text in which every http(s) address is a link."""
    pieces = []
    for index, piece in enumerate(LINK.split(text)):
        safe = escape(piece)
        pieces.append(f'<a href="{safe}">{safe}</a>' if index % 2 else safe)
    return "".join(pieces)


def read_back(
    raw: bytes,
    headers: dict[str, str],
    subject: str,
    sender: tuple[str, str],
    recipient: tuple[str, str],
    text: str,
    html: str,
) -> None:
    """Raise RefusedMail unless a reader of these bytes sees exactly what was meant."""
    if re.search(rb"\r(?!\n)|(?<!\r)\n|[^\x01-\x7f]", raw):
        raise RefusedMail("The mail would contain a stray line end or an unencoded character.")
    if max(map(len, raw.split(b"\r\n"))) > LONGEST_LINE:
        raise RefusedMail(f"The mail would contain a line longer than {LONGEST_LINE} characters.")
    read = message_from_bytes(raw, policy=compat32)
    if sorted(name.lower() for name in read) != sorted(
        BUILT.union(name.lower() for name in headers)
    ):
        raise RefusedMail("The mail would carry a header that was not meant.")
    seen = {name: re.sub(r"\r\n", "", value) for name, value in read.items()}
    for name, value in headers.items():
        if seen[name] != value:
            raise RefusedMail(f"The {name} would not arrive as it is.")
    if decoded(seen["Subject"]) != subject:
        raise RefusedMail("The subject would not arrive as it was written.")
    for name, meant in (("From", sender), ("To", recipient)):
        people = [(decoded(shown), address) for shown, address in getaddresses([seen[name]])]
        if people != [meant]:
            raise RefusedMail(f"The mail would not be {name.lower()} exactly one address.")
    bodies = [
        (part.get_content_type(), part.get_payload(decode=True).decode().replace("\r\n", "\n"))
        for part in read.walk()
        if not part.is_multipart()
    ]
    if bodies != [("text/plain", text), ("text/html", html)]:
        raise RefusedMail("The text would not arrive as it was written.")


def encoded(subject: str) -> str:
    """The subject in ASCII; its first encoded word leaves room for the header's name."""
    if subject.isascii():
        return subject
    return Header(subject, "utf-8", maxlinelen=76, header_name="Subject").encode(linesep="")


def decoded(value: str) -> str:
    return str(make_header(decode_header(value))) if "=?" in value else value


def named(name: str, address: str) -> str:
    """A checked address with the name of who has it, as a header says it."""
    user, _, domain = address.rpartition("@")
    return str(Address(name, user, domain))
