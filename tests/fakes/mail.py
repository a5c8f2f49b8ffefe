"""What both far sides have in common: mail as bytes, a journal of what really left, and answers."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import SMTP, compat32
from email.utils import format_datetime, getaddresses, make_msgid
from typing import Any


@dataclass(frozen=True)
class Accepted:
    """One mail that really left: what its recipient has got."""

    provider: str
    mailbox: str
    message_id: str  # the one on the wire
    recipient: str
    subject: str
    reference: str
    thread_id: str
    provider_id: str
    raw: bytes
    at: float

    def line(self) -> dict[str, Any]:
        """As `manage.py verify` reads a journal."""
        return {
            "message_id": self.message_id,
            "recipient": self.recipient,
            "mailbox": self.mailbox,
            "accepted_at": moment(self.at),
            "reference": self.reference,
        }


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parsed(raw: bytes) -> Message:
    return message_from_bytes(raw, policy=compat32)


def header(message: Message, name: str) -> str:
    value = re.sub(r"\r?\n(?=[ \t])", "", str(message.get(name, ""))).strip()
    return str(make_header(decode_header(value))) if value else ""


def addresses(message: Message, name: str) -> list[str]:
    return [address for _, address in getaddresses([header(message, name)]) if address]


def with_header(raw: bytes, name: str, value: str) -> bytes:
    """The mail with this header in place of its own of that name."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = re.split(rb"\r\n(?![ \t])", head)
    kept = [line for line in lines if not line.lower().startswith(name.lower().encode() + b":")]
    return b"\r\n".join([f"{name}: {value}".encode(), *kept]) + b"\r\n\r\n" + body


def text_of(raw: bytes, kind: str = "text/plain") -> str:
    for part in parsed(raw).walk():
        if part.get_content_type() == kind:
            content = part.get_payload(decode=True)
            return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    return ""


def short_id(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def answer_to(sent: Accepted, text: str, *, at: float, **headers: str) -> bytes:
    """What the recipient of a mail writes back."""
    return written(
        sender=sent.recipient,
        to=sent.mailbox,
        subject=f"Re: {sent.subject.removeprefix('Re: ')}",
        text=text,
        at=at,
        **{"In-Reply-To": sent.message_id, "References": sent.message_id} | headers,
    )


def bounce_of(sent: Accepted, *, at: float, status: str = "5.1.1") -> bytes:
    """The report that a mail could not be delivered, as a mail server writes it."""
    words = f"550 {status} <{sent.recipient}>: Recipient address rejected"
    boundary = f"report-{short_id(sent.message_id)}"
    lines = [
        f"From: Mail Delivery Subsystem <mailer-daemon@{sent.mailbox.partition('@')[2]}>",
        f"To: {sent.mailbox}",
        "Subject: Delivery Status Notification (Failure)",
        f"Date: {format_datetime(datetime.fromtimestamp(at, UTC))}",
        f"Message-ID: {make_msgid(domain='mx.fake.test')}",
        f"In-Reply-To: {sent.message_id}",
        f"References: {sent.message_id}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"Your message was not delivered to {sent.recipient}. {words}",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.fake.test",
        "",
        f"Final-Recipient: rfc822; {sent.recipient}",
        "Action: failed",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {words}",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
        f"Message-ID: {sent.message_id}",
        f"X-Outreach-Ref: {sent.reference}",
        f"Subject: {sent.subject}",
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


def written(*, sender: str, to: str, subject: str, text: str, at: float, **headers: str) -> bytes:
    message = EmailMessage(policy=SMTP.clone(max_line_length=900))
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "fake.test")
    for name, value in headers.items():
        message[name] = value
    message.set_content(text)
    return message.as_bytes()
