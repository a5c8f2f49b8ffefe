"""Turns and reservations: what one mail takes from every limit, and what gives it back.

All of them are taken here, in one order (the sequence's turn, the mailbox's turn, its day, its
last 24 hours, the sequence's day, the workspace's day), so that no two claims wait for each
other. Each is a conditional UPDATE; a limit that is not set costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import QuerySet

from mailboxes.models import Ledger, Mailbox, MailboxDay, WorkspaceDay
from outreach.models import Workspace
from sequences.models import Attempt, Enrollment, Sequence, SequenceDay, Touch
from sequences.rules import schedule
from sequences.rules.reasons import Reason

A_DAY = timedelta(hours=24)


class GaveWay(Exception):
    """A limit was reached between looking and reserving; nothing was claimed."""


@dataclass(frozen=True, slots=True)
class Full:
    """A limit that is used up: whose, how many it is, and when it is free again."""

    reason: Reason
    owner: Mailbox | Sequence | Workspace
    most: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Reserved:
    """The local days on which one mail was reserved."""

    day: date
    sequence_day: date | None = None
    workspace_day: date | None = None


# Taking and giving back


def reserve(
    touch: Touch, run: Enrollment, mailbox: Mailbox, at: datetime, *, may_carry: bool = True
) -> Reserved:
    """Take every turn and reservation that one mail needs, or none.

    Call it in a transaction. Raises GaveWay when one refuses; rolling back undoes the others.
    `may_carry` False says that nothing of the days before counts any more, which saves a look.
    """
    sequence, workspace = run.sequence, run.workspace
    if not sequence.take_turn(at) or not mailbox.take_turn(touch.pk, at):
        raise GaveWay
    day = schedule.local_day(at, mailbox.zone)
    most = mailbox.limit_on(day, MailboxDay).most
    if not MailboxDay.reserve(mailbox.pk, day, most):
        raise GaveWay
    # The row of the day is this transaction's now: whoever reserves after it sees it counted.
    if may_carry and _rolling(mailbox, most + 1, MailboxDay.around(mailbox.pk, day), at):
        raise GaveWay
    days = {}
    if sequence.daily_limit is not None:
        days["sequence_day"] = day_of = schedule.local_day(at, sequence.zone)
        most = sequence.limit_on(day_of, SequenceDay).most
        if not SequenceDay.reserve(
            sequence.pk, day_of, most, lambda: _sent_by_sequence(sequence, day_of)
        ):
            raise GaveWay
    if workspace.daily_limit is not None:
        days["workspace_day"] = today = schedule.local_day(at, workspace.zone)
        if not WorkspaceDay.reserve(
            workspace.pk, today, workspace.daily_limit, lambda: _sent_by_all(workspace, today)
        ):
            raise GaveWay
    return Reserved(day, **days)


def is_still_the_day(attempt: Attempt, run: Enrollment, mailbox: Mailbox, at: datetime) -> bool:
    """Tell whether the days on which the mail was reserved are still today, where each is."""
    reserved = (
        (attempt.day, mailbox.zone),
        (attempt.sequence_day, run.sequence.zone),
        (attempt.workspace_day, run.workspace.zone),
    )
    return all(day is None or day == schedule.local_day(at, zone) for day, zone in reserved)


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
    if attempt.workspace_day:
        yield WorkspaceDay, run.workspace_id, attempt.workspace_day


# Looking


def used_up(run: Enrollment, mailbox: Mailbox, at: datetime) -> tuple[Full, ...]:
    """Return the limits that let nothing more of this run leave at this instant."""
    return (
        *_mailbox_full(mailbox, at),
        *_sequence_full(run.sequence, at),
        *_workspace_full(run.workspace, at),
    )


def left_today(mailbox: Mailbox, at: datetime) -> tuple[int, int]:
    """Return how many more may leave from a mailbox today, and its limit of the day."""
    day = schedule.local_day(at, mailbox.zone)
    most = mailbox.limit_on(day, MailboxDay).most
    return max(most - MailboxDay.used_on(mailbox.pk, day), 0), most


def _mailbox_full(mailbox: Mailbox, at: datetime) -> Iterator[Full]:
    day = schedule.local_day(at, mailbox.zone)
    limit = mailbox.limit_on(day, MailboxDay)
    days = MailboxDay.around(mailbox.pk, day)
    midnight = schedule.next_midnight(at, mailbox.zone)
    if day in days and days[day].used >= limit.most:
        reason = Reason.MAILBOX_WARM_UP if limit.is_warming_up else Reason.MAILBOX_LIMIT
        yield Full(reason, mailbox, limit.most, midnight)
    until = _rolling(mailbox, limit.most, days, at)
    if until and until > midnight and limit.is_warming_up:
        # The next day allows more, and so do the 24 hours before each moment of it.
        tomorrow = mailbox.limit_on(schedule.local_day(midnight, mailbox.zone), MailboxDay)
        until = _rolling(mailbox, tomorrow.most, days, midnight) or midnight
    if until:
        yield Full(Reason.MAILBOX_24_HOURS, mailbox, limit.most, until)


def _rolling(
    mailbox: Mailbox, most: int, days: dict[date, Ledger], at: datetime
) -> datetime | None:
    """Return when fewer than `most` will have left within 24 hours; None where that is so now.

    Providers count like this: a limit used up late yesterday is not free again at midnight.
    """
    if sum(row.used for row in days.values()) < most:
        return None
    reserved = sum(row.reserved for row in days.values())
    lately = Attempt.objects.filter(
        mailbox=mailbox, outcome=Attempt.Outcome.ACCEPTED, wire_at__gt=at - A_DAY
    )
    latest = lately.order_by("-wire_at").values_list("wire_at", flat=True)
    decides = latest[max(most - reserved - 1, 0) :].first()
    return decides + A_DAY if decides else None


def _sequence_full(sequence: Sequence, at: datetime) -> Iterator[Full]:
    if sequence.daily_limit is None:
        return
    day = schedule.local_day(at, sequence.zone)
    limit = sequence.limit_on(day, SequenceDay)
    used = SequenceDay.used_on(sequence.pk, day, lambda: _sent_by_sequence(sequence, day))
    if used >= limit.most:
        reason = Reason.SEQUENCE_WARM_UP if limit.is_warming_up else Reason.SEQUENCE_LIMIT
        yield Full(reason, sequence, limit.most, schedule.next_midnight(at, sequence.zone))


def _workspace_full(workspace: Workspace, at: datetime) -> Iterator[Full]:
    most = workspace.daily_limit
    if most is None:
        return
    day = schedule.local_day(at, workspace.zone)
    if WorkspaceDay.used_on(workspace.pk, day, lambda: _sent_by_all(workspace, day)) >= most:
        until = schedule.next_midnight(at, workspace.zone)
        yield Full(Reason.WORKSPACE_LIMIT, workspace, most, until)


# What left before a limit was set, so that one that is set at noon knows of the morning.


def _sent_by_sequence(sequence: Sequence, day: date) -> int:
    sent = _sent_since(day, sequence.zone, sequence.workspace_id)
    return sent.filter(touch__enrollment__sequence=sequence).count()


def _sent_by_all(workspace: Workspace, day: date) -> int:
    return _sent_since(day, workspace.zone, workspace.pk).count()


def _sent_since(day: date, zone: str, workspace_id: int) -> QuerySet[Attempt]:
    midnight = schedule.instant(datetime.combine(day, time(0)), zone)
    accepted = Attempt.objects.filter(outcome=Attempt.Outcome.ACCEPTED, wire_at__gte=midnight)
    return accepted.filter(mailbox__workspace=workspace_id)
