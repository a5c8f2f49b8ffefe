"""Turns and reservations: what one mail takes from every limit, and what gives it back.

All of them are taken here, in one order (the sequence's turn, the mailbox's turn, its
day, the sequence's day), so that no two claims wait for each other. Each is a conditional UPDATE; a
limit that is not set costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from mailboxes.models import Ledger, Mailbox, MailboxDay
from sequences.models import Attempt, Enrollment, Sequence, SequenceDay, Touch
from sequences.rules import schedule
from sequences.rules.reasons import Reason


class GaveWay(Exception):
    """A limit was reached between looking and reserving; nothing was claimed."""


@dataclass(frozen=True, slots=True)
class Full:
    """A limit that is used up: whose, how many it is, and when it is free again."""

    reason: Reason
    owner: Mailbox | Sequence
    most: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Reserved:
    """The local days on which one mail was reserved."""

    day: date
    sequence_day: date | None


def reserve(touch: Touch, mailbox: Mailbox, sequence: Sequence, at: datetime) -> Reserved:
    """Take every turn and reservation that one mail needs, or none.

    Call it in a transaction. Raises GaveWay when one refuses; rolling back undoes the others.
    """
    if not sequence.take_turn(at) or not mailbox.take_turn(touch.pk, at):
        raise GaveWay
    day = schedule.local_day(at, mailbox.zone)
    if not MailboxDay.reserve(mailbox.pk, day, mailbox.limit_on(day, MailboxDay).most):
        raise GaveWay
    sequence_day = None
    if sequence.daily_limit is not None:
        sequence_day = schedule.local_day(at, sequence.zone)
        limit = sequence.limit_on(sequence_day, SequenceDay)
        if not SequenceDay.reserve(sequence.pk, sequence_day, limit.most):
            raise GaveWay
    return Reserved(day, sequence_day)


def release(attempt: Attempt, run: Enrollment) -> None:
    """Give back what was reserved for a mail that provably did not leave; its turn is gone."""
    for ledger, owner_id, day in _reservations(attempt, run):
        ledger.release(owner_id, day)


def count_sent(attempt: Attempt, run: Enrollment) -> None:
    """Count the mail on its days; late news may come after the reservation was given back."""
    was_released = attempt.outcome in (Attempt.Outcome.ABANDONED, Attempt.Outcome.REJECTED)
    for ledger, owner_id, day in _reservations(attempt, run):
        count = ledger.count_late if was_released else ledger.count_sent
        count(owner_id, day)


def _reservations(attempt: Attempt, run: Enrollment) -> Iterator[tuple[type[Ledger], int, date]]:
    yield MailboxDay, attempt.mailbox_id, attempt.day
    if attempt.sequence_day:
        yield SequenceDay, run.sequence_id, attempt.sequence_day


def used_up(mailbox: Mailbox, sequence: Sequence, at: datetime) -> tuple[Full, ...]:
    """Return the limits that let nothing more leave at this instant."""
    return tuple(filter(None, (_mailbox_day(mailbox, at), _sequence_day(sequence, at))))


def left_today(mailbox: Mailbox, at: datetime) -> tuple[int, int]:
    """Return how many more may leave from a mailbox today, and its limit of the day."""
    day = schedule.local_day(at, mailbox.zone)
    most = mailbox.limit_on(day, MailboxDay).most
    return max(most - MailboxDay.used_on(mailbox.pk, day), 0), most


def _mailbox_day(mailbox: Mailbox, at: datetime) -> Full | None:
    day = schedule.local_day(at, mailbox.zone)
    limit = mailbox.limit_on(day, MailboxDay)
    if MailboxDay.used_on(mailbox.pk, day) < limit.most:
        return None
    reason = Reason.MAILBOX_WARM_UP if limit.is_warming_up else Reason.MAILBOX_LIMIT
    return Full(reason, mailbox, limit.most, schedule.next_midnight(at, mailbox.zone))


def _sequence_day(sequence: Sequence, at: datetime) -> Full | None:
    if sequence.daily_limit is None:
        return None
    day = schedule.local_day(at, sequence.zone)
    limit = sequence.limit_on(day, SequenceDay)
    if SequenceDay.used_on(sequence.pk, day) < limit.most:
        return None
    reason = Reason.SEQUENCE_WARM_UP if limit.is_warming_up else Reason.SEQUENCE_LIMIT
    return Full(reason, sequence, limit.most, schedule.next_midnight(at, sequence.zone))
