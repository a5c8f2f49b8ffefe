"""A built mail in the words of Graph, which takes no finished mail without changing it. Pure."""

from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from typing import Any

from mailboxes.compose import decoded
from mailboxes.providers.base import ContentRefused, Mail

# Our mark on a draft, by which it is found again whatever became of its ids.
MARK = "String {6d1f7b52-0d0c-4d0e-9a55-3f8c2f1f6a01} Name OutreachRef"
# Graph takes no other headers than those that begin with X-; these have a property of their own.
# List-Unsubscribe-Post has none, and Microsoft signs neither: one click is not promised.
PROPERTIES = {
    "In-Reply-To": "String 0x1042",
    "References": "String 0x1039",
    "List-Unsubscribe": "String 0x1045",
}


def message_of(mail: Mail) -> dict[str, Any]:
    """The draft to make: what the reader sees, and every header that Graph lets us set."""
    read = message_from_bytes(mail.raw, policy=compat32)
    found: dict[str, Any] = {
        "subject": decoded(unfolded(read, "Subject")),
        "body": {"contentType": "HTML", "content": part_of(read, "text/html")},
        "toRecipients": [person(read, "To", mail.recipient)],
        "from": person(read, "From", mail.sender),
        "internetMessageId": mail.message_id,
    }
    properties = [
        {"id": tag, "value": unfolded(read, name)}
        for name, tag in PROPERTIES.items()
        if name in read
    ]
    # Of this very attempt: a draft of an earlier one, left behind, is never taken for it.
    properties.append({"id": MARK, "value": mail.message_id})
    found["singleValueExtendedProperties"] = properties
    if mail.reference:
        # An empty list of headers would be refused.
        found["internetMessageHeaders"] = [{"name": "X-Outreach-Ref", "value": mail.reference}]
    return found


def check_kept(mail: Mail, draft: dict[str, Any]) -> None:
    """Raise ContentRefused unless the draft is to exactly whom and about what was meant."""
    meant = message_of(mail)
    to = [each["emailAddress"]["address"].lower() for each in draft.get("toRecipients", [])]
    if to != [mail.recipient.lower()] or draft.get("ccRecipients") or draft.get("bccRecipients"):
        raise ContentRefused("Microsoft would send this mail to somebody else.")
    if draft.get("subject") != meant["subject"]:
        raise ContentRefused("Microsoft would send this mail with another subject.")


def person(read: Message, header: str, address: str) -> dict[str, Any]:
    [(name, _)] = getaddresses([unfolded(read, header)])
    return {"emailAddress": {"address": address, "name": decoded(name) or address}}


def unfolded(read: Message, header: str) -> str:
    return str(read.get(header, "")).replace("\r\n", "").strip()


def part_of(read: Message, kind: str) -> str:
    for part in read.walk():
        if part.get_content_type() == kind:
            content = part.get_payload(decode=True)
            return content.decode("utf-8") if isinstance(content, bytes) else ""
    raise ContentRefused(f"The mail has no {kind} part.")
