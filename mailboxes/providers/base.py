"""What every mail provider promises, and the one error class per next action."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, Self


class ProviderError(Exception):
    """A mail did not leave, or may not have; str() is the provider's own words, unchanged."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class TryAgain(ProviderError):
    """Certainly not sent, and the cause is passing: the next attempt comes later."""

    def __init__(
        self, words: str, *, retry_after: timedelta | None = None, smtp: bool = False
    ) -> None:
        super().__init__(words)
        self.retry_after = retry_after
        # An SMTP 4xx answer is often greylisting, which needs the longer waits.
        self.smtp = smtp


class RateLimited(ProviderError):
    """Certainly not sent: the mailbox is held for a while and no attempt is used up."""

    def __init__(self, words: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(words)
        self.retry_after = retry_after


class QuotaReached(ProviderError):
    """Certainly not sent: the mailbox is held until its quota is free again."""

    def __init__(self, words: str, *, resets_at: datetime | None = None) -> None:
        super().__init__(words)
        self.resets_at = resets_at


class Disconnected(ProviderError):
    """The sign-in no longer works: a person must reconnect the mailbox."""


class Misconfigured(ProviderError):
    """A setting of the mailbox or of this installation must be changed before it can send."""


class RecipientRefused(ProviderError):
    """The address was refused: for good (hard: suppress it) or for now (soft: count it)."""

    def __init__(self, words: str, *, hard: bool, code: str = "") -> None:
        super().__init__(words)
        self.hard = hard
        self.code = code


class ContentRefused(ProviderError):
    """The text or the sender was refused: the step fails, the recipient is not to blame."""


class Unknown(ProviderError):
    """The provider may have accepted the mail: ask it, never send again blindly."""


class Verdict(StrEnum):
    """What a look-up after an unknown outcome has proved.

    Where the mail was found, a Receipt takes the place of SENT: it names what is on the wire.
    """

    SENT = "sent"
    NOT_SENT = "not_sent"  # proved, and fenced: it never will be
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mail:
    """One built mail, ready for the wire: exactly these bytes, to exactly one recipient."""

    raw: bytes
    sender: str
    recipient: str
    message_id: str
    thread_id: str = ""
    reference: str = ""
    # It was tried before, so that something of an earlier attempt may lie at the provider.
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider's word that it has accepted a mail."""

    message_id: str  # the one that is really on the wire, which may differ from ours
    thread_id: str = ""
    provider_id: str = ""
    words: str = ""


class Prepared(Protocol):
    """A mail that the provider stands ready to take; nothing has left yet.

    Exactly one of commit() and abandon() ends it; a second commit() is refused.
    """

    draft_id: str
    thread_id: str

    def commit(self) -> Receipt:
        """Put the mail on the wire; raises a definite error, or Unknown."""

    def abandon(self) -> None:
        """Let go so that nothing is sent; never raises."""


class Provider(Protocol):
    """A connected sending account: translates, decides nothing, retries nothing."""

    keeps_message_id: bool
    can_unsubscribe_header: bool
    lease: timedelta  # longer than the slowest answer, so that a living worker is never reaped
    budget: timedelta  # from claim to commit; a later commit must not begin

    @classmethod
    def for_mailbox(cls, mailbox: object) -> Self:
        """The adapter for one mailbox; opens no connection yet."""

    def prepare(self, mail: Mail) -> Prepared:
        """Do everything that can fail for certain before the point of no return."""

    def look_up(
        self,
        *,
        message_id: str,
        recipient: str,
        draft_id: str = "",
        thread_id: str = "",
        reference: str = "",
        age: timedelta = timedelta(),
    ) -> Verdict | Receipt:
        """What became of a mail so long after it was handed over.

        A look-up that fails proves nothing: it says UNKNOWN, or raises what kept it from asking.
        """

    def check(self) -> None:
        """Connect and sign in without sending; raises the error that a send would meet."""

    def close(self) -> None:
        """Let go of an open connection, if any; never raises."""
