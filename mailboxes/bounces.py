"""What a delivery report says: whose mail did not arrive, and whether the address is to blame."""

import re
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from enum import StrEnum

from mailboxes.compose import ANY_MESSAGE_ID
from mailboxes.providers.smtp_replies import ADDRESS_UNKNOWN, BLAMES_THE_SENDER, words_of

CODE = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
# Class codes that say no more than "failed".
VAGUE = {"5.0.0", "4.0.0", "5.5.0"}


class Bounce(StrEnum):
    """What to do about a report."""

    HARD = "hard"  # no such address: never write to it again
    SOFT = "soft"  # did not arrive this time
    POLICY = "policy"  # refused for what we are or wrote; the address is not to blame
    NONE = ""  # delayed, delivered or relayed: nothing has failed


def report(raw: bytes) -> dict[str, str]:
    """Read a delivery report (RFC 3464); an empty dict for any other mail."""
    message = message_from_bytes(raw, policy=compat32)
    kind = str(message.get_param("report-type", "")).lower()
    if message.get_content_type() != "multipart/report" or kind != "delivery-status":
        return {}
    found = {"recipient": "", "action": "", "status": "", "words": "", "message_id": ""}
    found["reference"] = ""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            found |= recipient_of(part)
        elif part.get_content_type() in ("message/rfc822", "text/rfc822-headers"):
            found |= original_of(part)
    return found


def recipient_of(part: Message) -> dict[str, str]:
    """Read the block about the recipient; ours is the only one a mail has."""
    blocks = part.get_payload()
    if not isinstance(blocks, list):
        return {}
    for block in blocks:
        if not isinstance(block, Message):
            continue
        if "Final-Recipient" not in block and "Original-Recipient" not in block:
            continue
        address = str(block["Final-Recipient"] or block["Original-Recipient"])
        words = re.sub(r"\s+", " ", str(block.get("Diagnostic-Code", "")))
        said = CODE.search(str(block.get("Status", "")))
        status = said[1] if said else ""
        if (not status or status in VAGUE) and (better := CODE.search(words)):
            status = better[1]
        return {
            "recipient": address.rpartition(";")[2].strip().strip("<>").lower(),
            "action": re.split(r"[\s(;]", str(block.get("Action", "")).strip())[0].lower(),
            "status": status,
            "words": words_of(0, words.partition(";")[2] or words),
        }
    return {}


def original_of(part: Message) -> dict[str, str]:
    """Read which mail the report is about."""
    payload = part.get_payload()
    if isinstance(payload, list) and payload:
        original = payload[0]
    else:
        content = part.get_payload(decode=True)
        original = message_from_bytes(content if isinstance(content, bytes) else b"")
    ids = ANY_MESSAGE_ID.findall(str(original.get("Message-ID", "")))
    reference = str(original.get("X-Outreach-Ref", "")).strip()
    return {"message_id": ids[0][:255] if ids else "", "reference": reference[:64]}


def kind_of(report: dict[str, str]) -> Bounce:
    """Say what a report means for the address.

    >>> kind_of({"action": "failed", "status": "5.1.1", "words": "550 5.1.1 No such user"})
    <Bounce.HARD: 'hard'>
    >>> kind_of({"action": "failed", "status": "5.7.1", "words": "550 5.7.1 Blocked"})
    <Bounce.POLICY: 'policy'>
    >>> kind_of({"action": "failed", "status": "5.2.2", "words": "Mailbox full"})
    <Bounce.SOFT: 'soft'>
    >>> kind_of({"action": "delayed", "status": "4.4.1", "words": ""})
    <Bounce.NONE: ''>
    """
    status, words = report.get("status", ""), report.get("words", "")
    if report.get("action") != "failed":
        return Bounce.NONE
    if status.startswith(("5.6.", "5.7.")):
        return Bounce.POLICY
    if status in ADDRESS_UNKNOWN:
        return Bounce.HARD
    if status in VAGUE | {""} and words.startswith("550"):
        return Bounce.POLICY if BLAMES_THE_SENDER.search(words) else Bounce.HARD
    return Bounce.SOFT
