"""One mailbox's way out: its provider, opened once for mail after mail, and what a fault means
for the mailbox as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F, Q

from mailboxes.models import Mailbox
from mailboxes.providers import provider_for
from mailboxes.providers.base import (
    Disconnected,
    Misconfigured,
    Provider,
    ProviderError,
    QuotaReached,
    RateLimited,
    TryAgain,
)
from outreach.prepared import update

FAULTS_THAT_OPEN_THE_BREAKER = 5
LONGEST_HOLD = timedelta(hours=1)
TURN = timedelta(seconds=60)
A_MOMENT = timedelta(seconds=5)


@contextmanager
def opened(mailbox: Mailbox) -> Iterator[Provider]:
    """Give the mailbox's provider, and let go of its connection afterwards."""
    provider = provider_for(mailbox)
    try:
        yield provider
    finally:
        provider.close()


def take_turn(mailbox_id: int, at: datetime, length: timedelta = TURN) -> bool:
    """Be the one that drains this mailbox for a while; False while another worker is."""
    free = Q(draining_until__isnull=True) | Q(draining_until__lte=at)
    rows = Mailbox.everywhere.filter(free, pk=mailbox_id)
    return bool(rows.update(draining_until=at + length))


def keep_turn(mailbox_id: int, at: datetime, length: timedelta = TURN) -> None:
    """Drain on: the turn ends later."""
    update(Mailbox, {"pk": mailbox_id}, draining_until=at + length)


def end_turn(mailbox_id: int) -> None:
    """Let others drain this mailbox."""
    update(Mailbox, {"pk": mailbox_id}, draining_until=None)


def note_success(mailbox: Mailbox, at: datetime) -> None:
    """Remember that the mailbox works; said again only after a moment, or after a fault."""
    fine = not (mailbox.faults or mailbox.held_until or mailbox.last_error)
    if fine and mailbox.last_sent_at and at - mailbox.last_sent_at < A_MOMENT:
        return
    changes = {
        "last_sent_at": at,
        "faults": 0,
        "held_until": None,
        "hold_reason": "",
        "last_error": "",
    }
    Mailbox.everywhere.filter(pk=mailbox.pk).update(**changes)
    for name, value in changes.items():
        setattr(mailbox, name, value)


def note_fault(mailbox: Mailbox, problem: ProviderError, at: datetime) -> None:
    """Hold or disconnect the mailbox where the fault is the mailbox's and not the mail's."""
    words = problem.words
    if isinstance(problem, Disconnected):
        mailbox.disconnect(words)
    elif isinstance(problem, Misconfigured):
        mailbox.hold(at + timedelta(minutes=15), reason="settings", words=words)
    elif isinstance(problem, QuotaReached):
        until = problem.resets_at or next_midnight(at, mailbox.zone)
        mailbox.hold(until, reason="quota", words=words)
    elif isinstance(problem, RateLimited):
        wait = problem.retry_after or timedelta(minutes=1)
        mailbox.hold(at + wait, reason="rate", words=words)
    elif isinstance(problem, TryAgain):
        _count_fault(mailbox, words, at)


def _count_fault(mailbox: Mailbox, words: str, at: datetime) -> None:
    """Open the circuit breaker after five passing faults in a row: 1, 2, 4, … 60 minutes."""
    Mailbox.everywhere.filter(pk=mailbox.pk).update(faults=F("faults") + 1, last_error=words)
    mailbox.refresh_from_db(fields=["faults"])
    over = mailbox.faults - FAULTS_THAT_OPEN_THE_BREAKER
    if over >= 0:
        wait = min(timedelta(minutes=2 ** min(over, 6)), LONGEST_HOLD)
        mailbox.hold(at + wait, reason="faults", words=words)


def next_midnight(at: datetime, zone: str) -> datetime:
    """Return when the mailbox's daily counter resets."""
    tz = ZoneInfo(zone)
    tomorrow = at.astimezone(tz).date() + timedelta(days=1)
    # Through UTC and back: on some days of some zones midnight does not exist.
    return datetime.combine(tomorrow, time(0), tz).astimezone(ZoneInfo("UTC"))
