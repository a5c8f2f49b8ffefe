"""Mail that comes in: fetched from where it waits, read once, and kept until it is settled."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

import structlog
from django.db.models import Q

from mailboxes import answers, bounces, parsing
from mailboxes.models import Folder, InboundMail, Mailbox, SandboxMail
from mailboxes.reading import READERS, reader_for
from mailboxes.reading.base import Batch, Incoming
from outreach.desk import done_at_desk
from outreach.times import now

logger = structlog.get_logger(__name__)

BATCH = 100
# What an index row of the database can hold, and far more than any real thread.
LONGEST_REFERENCES = 10_000
# One reading takes this much, so that nobody else waits long; the rest is read by the next.
MOST_MAILS = 200
# How far back an inbox is read that was never read before, or that began anew.
BACK = timedelta(days=30)
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading an inbox: how many mails were new, and whether that was all."""

    new: int
    is_whole: bool


def readable() -> Q:
    """Return which mailboxes have an inbox that can be read from here."""
    by_imap = Q(provider=Mailbox.Provider.SMTP) & ~Q(imap_host="")
    by_api = Q(provider__in=READERS.keys() - {Mailbox.Provider.SMTP})
    return (by_imap | by_api) & ~Q(status=Mailbox.Status.DISCONNECTED)


def read(mailbox: Mailbox) -> Reading:
    """Take in what has come since the last reading; raises a ProviderError with its words.

    A batch is kept before its cursor: a reading that dies in between sees the batch again,
    which counts once.
    """
    since = max(mailbox.created_at, now() - BACK) - A_DAY
    seen = new = 0
    reader = reader_for(mailbox)
    try:
        for batch in reader.read(_cursors(mailbox), since):
            new += _keep_all(mailbox, batch)
            seen += len(batch.mails)
            if seen >= MOST_MAILS:
                return Reading(new, is_whole=False)
    finally:
        reader.close()
    return Reading(new, is_whole=True)


@done_at_desk
def _cursors(mailbox: Mailbox) -> dict[str, str]:
    return dict(mailbox.folders.values_list("name", "cursor"))


@done_at_desk
def _keep_all(mailbox: Mailbox, batch: Batch) -> int:
    """Keep the mails of a batch, then how far its folder was read; returns how many are new."""
    new = sum(_keep(mailbox, mail) for mail in batch.mails)
    Folder.objects.update_or_create(
        mailbox=mailbox, name=batch.folder, defaults={"cursor": batch.cursor}
    )
    return new


def _keep(mailbox: Mailbox, mail: Incoming) -> bool:
    """Keep one mail; of one that breaks the reading of its body, what its head says."""
    identity = mail.provider_id or identity_of(mail.raw)
    came_at = min(mail.received_at or now(), now())
    take = partial(deliver, mailbox, thread_id=mail.thread_id, received_at=came_at)
    try:
        return take(mail.raw, identity)[1]
    except (ValueError, LookupError, RecursionError, MemoryError):
        logger.exception("The body of a mail could not be read", mailbox=mailbox.pk)
        return take(head_of(mail.raw), identity)[1]


def head_of(raw: bytes) -> bytes:
    """Return the headers of a mail, without its body.

    >>> head_of(b"From: ana@acme.test\\r\\nSubject: Hi\\r\\n\\r\\nSee you\\r\\n")
    b'From: ana@acme.test\\r\\nSubject: Hi\\r\\n\\r\\n'
    """
    ends = [end + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (end := raw.find(mark)) >= 0]
    return raw[: min(ends, default=len(raw))]


def identity_of(raw: bytes) -> str:
    """Name a mail by what stays the same in whichever folder, and under whichever number, it lies.

    A Message-ID alone would not do: some programs give the same one to every mail they write.
    """
    head = head_of(raw)
    parsed = parsing.parse(head)
    lasting = [parsed.message_id, *(parsed.headers.get(name, "") for name in ("date", "from"))]
    named = "\n".join(lasting).encode() if parsed.message_id else head
    return f"mail-{sha256(named).hexdigest()}"


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
