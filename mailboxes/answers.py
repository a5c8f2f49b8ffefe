"""What a prospect of the sandbox sends back: real mail, so that all of it is read as mail is."""

from email import message_from_bytes
from email.headerregistry import Address
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime, getaddresses
from secrets import token_hex

from django.core.mail import EmailMessage

from mailboxes.compose import ANY_MESSAGE_ID, decoded
from mailboxes.models import SandboxMail
from outreach.times import now

REASONS = {
    "5.1.1": "550 5.1.1 <{to}>: no such address here",
    "4.2.2": "452 4.2.2 <{to}>: the mailbox is full",
    "5.7.1": "550 5.7.1 Message blocked by the policy of the recipient's organisation",
}


def new_id(address: str) -> str:
    return f"<{token_hex(16)}@{address.rpartition('@')[2]}>"


def reply(caught: SandboxMail, text: str, *, automatic: bool = False) -> bytes:
    """Return a mail of the prospect that answers the caught one, in its thread."""
    original = original_of(caught)
    people = getaddresses([str(original.get("To", ""))]) or [("", caught.recipient)]
    subject = caught.subject
    if automatic:
        subject = f"Automatic reply: {subject}"
    elif not subject.lower().startswith("re:"):
        subject = f"Re: {subject}"
    ids = ANY_MESSAGE_ID.findall(str(original.get("References", "")))
    headers = {
        "Message-ID": new_id(caught.recipient),
        "Date": format_datetime(now()),
        "In-Reply-To": caught.message_id,
        "References": " ".join([*ids[-10:], caught.message_id]),
    }
    if automatic:
        headers |= {"Auto-Submitted": "auto-replied", "X-Autoreply": "yes"}
    quoted = "\n".join(f"> {line}".rstrip() for line in text_of(original).splitlines())
    written = f"On {now():%a, %d %b %Y at %H:%M}, {caught.mailbox.email} wrote:\n{quoted}\n"
    mail = EmailMessage(
        subject=subject,
        body=text.strip() + "\n" + ("" if automatic else f"\n{written}"),
        from_email=str(Address(decoded(people[0][0]), addr_spec=caught.recipient)),
        to=[caught.mailbox.email],
        headers=headers,
    )
    lines = mail.message().as_bytes().splitlines()
    return b"\r\n".join([*lines, b""])


def bounce(caught: SandboxMail, code: str = "5.1.1") -> bytes:
    """Return the report that the caught mail could not be delivered."""
    to, boundary = caught.recipient, f"report-{token_hex(8)}"
    words = REASONS[code].format(to=to)
    head = bytes(caught.raw).partition(b"\r\n\r\n")[0]
    lines = [
        f"From: Mail Delivery System <mailer-daemon@{to.rpartition('@')[2]}>",
        f"To: {caught.mailbox.email}",
        "Subject: Undelivered Mail Returned to Sender",
        f"Date: {format_datetime(now())}",
        f"Message-ID: {new_id(to)}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f' boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"Your message to {to} could not be delivered.",
        "",
        words,
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; sandbox.invalid",
        "",
        f"Final-Recipient: rfc822; {to}",
        "Action: failed",
        f"Status: {code}",
        f"Diagnostic-Code: smtp; {words}",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
    ]
    return "\r\n".join(lines).encode() + b"\r\n" + head + f"\r\n\r\n--{boundary}--\r\n".encode()


def original_of(caught: SandboxMail) -> Message:
    return message_from_bytes(bytes(caught.raw), policy=compat32)


def text_of(message: Message, kind: str = "text/plain") -> str:
    """Return the text of a mail as its reader sees it."""
    for part in message.walk():
        if part.get_content_type() == kind:
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                return content.decode("utf-8", "replace").replace("\r\n", "\n")
    return ""
