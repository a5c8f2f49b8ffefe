"""What every reader of an inbox promises."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from mailboxes.providers.base import ProviderError


@dataclass(frozen=True, slots=True)
class Incoming:
    """One mail as it lies in a mailbox; of a very large one only the beginning."""

    raw: bytes
    received_at: datetime | None = None
    # What the provider calls it for ever; empty where its names change with the folder.
    provider_id: str = ""
    thread_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some mails of one folder, and how far it has been read once they are kept."""

    folder: str
    cursor: str
    mails: tuple[Incoming, ...] = ()


def head_of(headers: Iterable[Mapping[str, str]]) -> bytes:
    """Return the head of a mail of which only the headers were asked for: it was too large.

    >>> head_of([{"name": "Subject", "value": "Hi"}])
    b'Subject: Hi\\r\\n\\r\\n'
    """
    lines = (f"{each['name']}: {each['value']}\r\n" for each in headers)
    return ("".join(lines) + "\r\n").encode()


def is_too_large(problem: ProviderError) -> bool:
    """Tell whether a mail is larger than what `providers.web` takes in."""
    return "too large" in problem.words


class Reader(Protocol):
    """The inbox of one mailbox: reads, and changes nothing; not even what is marked as read."""

    @classmethod
    def for_mailbox(cls, mailbox: object) -> Self:
        """The reader for one mailbox; opens no connection yet."""

    def read(self, cursors: Mapping[str, str], since: datetime) -> Iterator[Batch]:
        """Yield what came after each folder's cursor, in batches that fit into memory.

        A folder without a cursor, or whose cursor is no longer good for anything, is read from
        `since` on; what was seen before may then come again. When the iterator ends, all that
        had come before it began has been yielded. Raises a ProviderError with the provider's words.
        """

    def close(self) -> None:
        """Let go of an open connection, if any; never raises."""
