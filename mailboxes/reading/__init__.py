"""The readers of inboxes by kind of mailbox; each is loaded when first used."""

from typing import Any

from django.utils.module_loading import import_string

from mailboxes.providers.base import Misconfigured
from mailboxes.reading.base import Reader

READERS = {
    "gmail": "mailboxes.reading.gmail.GmailInbox",
    "microsoft": "mailboxes.reading.graph.GraphInbox",
    "smtp": "mailboxes.reading.imap.IMAP",
}


def reader_for(mailbox: Any) -> Reader:
    """The reader of this mailbox's inbox."""
    try:
        path = READERS[mailbox.provider]
    except KeyError:
        raise Misconfigured(
            f"The inbox of a mailbox of the kind “{mailbox.provider}” cannot be read; those of "
            f"these kinds can: {', '.join(READERS)}."
        ) from None
    return import_string(path).for_mailbox(mailbox)
