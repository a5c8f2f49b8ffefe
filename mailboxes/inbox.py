"""Mail that comes in: fetched from where it waits, read once, and kept until it is settled."""

from datetime import datetime

from mailboxes import answers, bounces, parsing
from mailboxes.models import InboundMail, Mailbox, SandboxMail
from outreach.times import now

BATCH = 100
# What an index row of the database can hold, and far more than any real thread.
LONGEST_REFERENCES = 10_000


def fetch() -> int:
    """Take in what waits at the providers; how many mails were new."""
    returned = SandboxMail.everywhere.caught().exclude(bounce="").select_related("mailbox")
    new = 0
    for caught in returned.order_by("pk")[:BATCH]:
        raw = answers.bounce(caught, caught.bounce)
        new += deliver(
            caught.mailbox, raw, f"bounce-{caught.draft_id}", thread_id=caught.thread_id
        )[1]
        # Last: a fetch that dies before this delivers the same mail again, which counts once.
        SandboxMail.everywhere.filter(pk=caught.pk).update(bounce="")
    return new


def deliver(
    mailbox: Mailbox,
    raw: bytes,
    provider_id: str,
    *,
    thread_id: str = "",
    received_at: datetime | None = None,
) -> tuple[InboundMail, bool]:
    """Read a mail and keep it; the same one delivered twice is kept once."""
    parsed = parsing.parse(raw)
    return InboundMail.everywhere.get_or_create(
        mailbox=mailbox,
        provider_id=provider_id,
        defaults={
            "workspace_id": mailbox.workspace_id,
            "message_id": parsed.message_id[:255],
            "in_reply_to": parsed.in_reply_to[:255],
            "references": " ".join(parsed.references)[-LONGEST_REFERENCES:],
            "reference": parsed.reference,
            "thread_id": thread_id[:255],
            "from_email": parsed.from_email.lower()[:254],
            "from_name": parsed.from_name[:200],
            "subject": parsed.subject,
            "text": parsed.text,
            "html": parsed.html,
            "headers": parsed.headers,
            "report": bounces.report(raw),
            "is_automatic": parsed.is_automatic,
            "received_at": received_at or now(),
        },
    )
