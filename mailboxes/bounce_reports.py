"""Reports in the forms made for machines: RFC 3464 on delivery, RFC 5965 on complaints."""

import re
from email import message_from_bytes
from email.message import Message
from typing import Any

from mailboxes.compose import ANY_MESSAGE_ID
from mailboxes.opening import MAX_PARTS, inner, parts, text_of
from mailboxes.providers.smtp_replies import words_of

CODE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
# Class codes that say no more than "failed".
VAGUE = {"5.0.0", "4.0.0", "5.5.0", "5.3.0"}
ADDRESS = re.compile(
    r"""(?:"[^"\s@]{1,62}"|[^\s<>()\[\];:,"'@=]{1,64})"""
    r"""@[^\s<>()\[\];:,"'@=]{1,189}[^\s<>()\[\];:,"'@=.]"""
)
# The address that we wrote to, then the one that it was found to be.
RECIPIENT_FIELDS = ("Original-Recipient", "Final-Recipient", "X-Actual-Recipient")
MESSAGE_ID_LINE = re.compile(r"^[> \t]{0,8}Message-ID:\s{0,5}(<[^<>\s]{1,250}>)", re.I | re.M)
REFERENCE_LINE = re.compile(r"^[> \t]{0,8}X-Outreach-Ref:[ \t]{0,5}(\S{1,64})", re.I | re.M)
# The programme of Hotmail and Outlook.com attaches the mail with this field in it, and no more.
HOTMAIL = "X-HmXmrOriginalRecipient"
MAX_TEXT = 200_000


def is_one(message: Message) -> bool:
    """Tell whether the mail says of itself that it reports on a delivery."""
    kind = str(message.get_param("report-type", "")).lower()
    return message.get_content_type() == "multipart/report" and kind == "delivery-status"


def failures(message: Message) -> list[dict[str, Any]] | None:
    """Return what the report says of each recipient; nothing for a mail in neither form."""
    found: list[dict[str, Any]] = []
    for part in parts(message):
        match part.get_content_type():
            case "message/feedback-report":
                return complaint(part, message)
            case "message/delivery-status" | "message/global-delivery-status":
                found += filter(None, map(failure, _blocks(part)))
            case "message/rfc822" if HOTMAIL in (mail := next(iter(inner(part)), Message())):
                return [_complaint(address_in(str(mail[HOTMAIL])), "abuse")]
    # The first that is said of somebody counts.
    known = {each["recipient"]: each for each in reversed(found)}
    return list(reversed(known.values()))


def failure(block: Message) -> dict[str, str] | None:
    """Read the block about one recipient."""
    addresses = [address_in(str(block.get(field, ""))) for field in RECIPIENT_FIELDS]
    address = next(filter(None, addresses), "")
    if not address:
        return None
    words = re.sub(r"\s+", " ", str(block.get("Diagnostic-Code", "")))
    said = CODE.search(str(block.get("Status", "")))
    status = said[1] if said else ""
    if (not status or status in VAGUE) and (better := CODE.search(words)):
        status = better[1]
    action = re.split(r"[\s(;]", str(block.get("Action", "")).strip())[0].lower()
    return {
        "recipient": address,
        "final": addresses[1] or address,
        "action": action or ("failed" if status.startswith("5.") else ""),
        "status": status,
        "words": words_of(0, words.partition(";")[2] or words),
    }


def complaint(part: Message, message: Message) -> list[dict[str, Any]]:
    """Read a feedback report: who complained, and of what kind."""
    fields = next(iter(_blocks(part)), Message())
    kind = str(fields.get("Feedback-Type", "")).strip().lower()
    named = [address_in(str(each)) for each in fields.get_all("Original-Rcpt-To", [])[:MAX_PARTS]]
    if not any(named):
        named = [address_in(str(each.get("To", ""))) for each in originals(message)]
    people = list(dict.fromkeys(filter(None, named))) or [""]
    return [_complaint(each, kind or "other") for each in people]


def _complaint(recipient: str, kind: str) -> dict[str, str]:
    words = f"Feedback report: {kind}"[:200]
    return {
        "recipient": recipient,
        "complaint": kind[:40],
        "action": "",
        "status": "",
        "words": words,
    }


def original(message: Message) -> dict[str, str]:
    """Read which mail of ours the report is about, from the copy of it or of its head."""
    for each in originals(message):
        ids = ANY_MESSAGE_ID.findall(str(each.get("Message-ID", "")))
        reference = str(each.get("X-Outreach-Ref", "")).strip()
        if ids or reference:
            return {"message_id": ids[0][:255] if ids else "", "reference": reference[:64]}
    for part in parts(message):
        if part.get_content_maintype() == "text":
            text = text_of(part)[:MAX_TEXT].replace("\r", "\n")
            ids, references = MESSAGE_ID_LINE.findall(text), REFERENCE_LINE.findall(text)
            if ids or references:
                # The last one: before it stand the copies of what was only passed on.
                return {"message_id": "".join(ids[-1:]), "reference": "".join(references[-1:])}
    return {"message_id": "", "reference": ""}


def originals(message: Message) -> list[Message]:
    """Return the mails that the report has attached."""
    found: list[Message] = []
    for part in parts(message):
        if part.get_content_type() in ("message/rfc822", "message/global"):
            found += inner(part)[:1]
        elif part.get_content_type() in ("text/rfc822-headers", "message/global-headers"):
            content = part.get_payload(decode=True)
            if not isinstance(content, bytes):
                found += inner(part)[:1]
            else:
                found.append(message_from_bytes(content[:MAX_TEXT].lstrip()))
    return found


def _blocks(part: Message) -> list[Message]:
    """Return the groups of fields of a report; also of one that was encoded, as none should be."""
    blocks = inner(part)
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding not in ("base64", "quoted-printable"):
        return blocks[:MAX_PARTS]
    coded = Message()
    coded["Content-Transfer-Encoding"] = encoding
    coded.set_payload("\n".join(block.as_string() for block in blocks))
    groups = re.split(r"\n[ \t]*\n", text_of(coded))
    return [message_from_bytes(group.strip().encode()) for group in groups[:MAX_PARTS]]


def address_in(value: str) -> str:
    """Return the address in a field such as `rfc822; <Ana@acme.test>`, in lower case."""
    found = ADDRESS.search(value.rpartition(";")[2] or value)
    return found[0].lower().removeprefix("smtp=") if found else ""
