"""What every limit has counted: read once, then kept in memory while mails are played."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.db.models import Count, F, Min, Q

from mailboxes import limits
from mailboxes.models import Ledger, Mailbox, MailboxDay, WorkspaceDay
from outreach.models import Workspace
from sequences.engine import pacing
from sequences.models import Attempt, Sequence, SequenceDay, Touch
from sequences.rules import schedule

MOST_SENT_LATELY = 20_000


@dataclass(slots=True)
class Records:
    """What limits count at the beginning: the ledgers, and when mails left lately."""

    mailbox_days: dict[int, dict[date, Ledger]] = field(default_factory=dict)
    used: dict[pacing.Place, int] = field(default_factory=dict)
    # The day of the first mail that counts for a warm-up, by ledger and owner.
    first: dict[tuple[type[Ledger], int], date] = field(default_factory=dict)
    # When mails left each mailbox lately, the latest last.
    sent_at: dict[int, list[datetime]] = field(default_factory=dict)


class Book(pacing.Look):
    """What every limit has used, moved on with what is played."""

    def __init__(self, at: datetime, records: Records) -> None:
        super().__init__(at)
        self.records = records
        self._used = records.used

    def count(self, touch: Touch) -> None:
        """Take in that this one leaves now, and begin the pauses that follow it."""
        run, mailbox = touch.enrollment, pacing.sender_of(touch.enrollment, touch)
        if mailbox is None:
            raise pacing.GaveWay
        for place in pacing.places_of(run, mailbox, self.at):
            if place.ledger is MailboxDay:
                self._row(mailbox, place.day).sent += 1
            else:
                self._used[place] = self._used_of(place) + 1
            self.records.first.setdefault((place.ledger, place.owner.pk), place.day)
        self.records.sent_at.setdefault(mailbox.pk, []).append(self.at)
        run.sequence.next_free_at = self.at + run.sequence.spacing
        if mailbox.gap_least is not None and mailbox.gap_most is not None:
            pause = limits.gap(touch.pk, mailbox.gap_least, mailbox.gap_most)
            mailbox.next_free_at = self.at + pause

    def _row(self, mailbox: Mailbox, day: date) -> Ledger:
        rows = self.records.mailbox_days.setdefault(mailbox.pk, {})
        return rows.setdefault(day, MailboxDay(mailbox=mailbox, day=day, quota=0))

    def _used_of(self, place: pacing.Place) -> int:
        if place.ledger is MailboxDay:
            row = self.records.mailbox_days.get(place.owner.pk, {}).get(place.day)
            return row.used if row else 0
        return self._used.get(place, 0)

    def _limit_of(self, place: pacing.Place) -> limits.DayLimit:
        if isinstance(place.owner, Mailbox | Sequence):
            first = self.records.first.get((place.ledger, place.owner.pk))
            return place.owner.limit_since(first, place.day)
        return place.limit

    def _days_around(self, mailbox: Mailbox, day: date) -> dict[date, Ledger]:
        rows = self.records.mailbox_days.get(mailbox.pk, {})
        near = (day + timedelta(days=n) for n in range(-2, 2))
        return {each: rows[each] for each in near if each in rows}

    def _sent_lately(self, mailbox: Mailbox, at: datetime, place: int) -> datetime | None:
        times = self.records.sent_at.get(mailbox.pk, [])
        if place >= len(times) or times[-1 - place] <= at - pacing.A_DAY:
            return None
        return times[-1 - place]


# Reading


def read(
    scheduled: Iterable[Touch],
    workspace: Workspace,
    mailboxes: dict[int, Mailbox],
    at: datetime,
    pooled: Iterable[int] = (),
) -> Records:
    """Read what the limits of these mails have counted so far, and of the mailboxes in pools."""
    boxes = {touch.mailbox_id for touch in scheduled if touch.mailbox_id} | set(pooled)
    sequences = {touch.enrollment.sequence_id: touch.enrollment.sequence for touch in scheduled}
    days: dict[int, dict[date, Ledger]] = defaultdict(dict)
    near = (at.date() - timedelta(days=3), at.date() + timedelta(days=2))
    for row in MailboxDay.objects.filter(mailbox__in=boxes, day__range=near):
        days[row.mailbox_id][row.day] = row
    sent_at: dict[int, list[datetime]] = defaultdict(list)
    lately = Attempt.objects.filter(
        outcome=Attempt.Outcome.ACCEPTED, mailbox__in=boxes, wire_at__gt=at - pacing.A_DAY
    ).order_by("-wire_at")
    for mailbox_id, wire_at in lately.values_list("mailbox_id", "wire_at")[:MOST_SENT_LATELY]:
        if wire_at:
            sent_at[mailbox_id].append(wire_at)
    return Records(
        mailbox_days=dict(days),
        used=_used(sequences.values(), workspace, at),
        first=_first_days(MailboxDay, [mailboxes[pk] for pk in boxes])
        | _first_days(SequenceDay, sequences.values()),
        sent_at={pk: moments[::-1] for pk, moments in sent_at.items()},
    )


def _used(
    sequences: Iterable[Sequence], workspace: Workspace, at: datetime
) -> dict[pacing.Place, int]:
    """Return what is used of today's limits of sequences and workspace; later days are empty."""
    limited = [sequence for sequence in sequences if sequence.daily_limit is not None]
    places = {
        sequence.pk: pacing.Place(SequenceDay, sequence, schedule.local_day(at, sequence.zone))
        for sequence in limited
    }
    used: dict[pacing.Place, int] = {}
    near = (at.date() - timedelta(days=1), at.date() + timedelta(days=1))
    for row in SequenceDay.objects.filter(sequence__in=places, day__range=near):
        if places[row.sequence_id].day == row.day:
            used[places[row.sequence_id]] = row.used
    if new := {pk: place for pk, place in places.items() if place not in used}:
        used |= {new[pk]: sent for pk, sent in _not_counted(new.values(), at)}
    if workspace.daily_limit is not None:
        today = schedule.local_day(at, workspace.zone)
        place = pacing.Place(WorkspaceDay, workspace, today)
        used[place] = place.used()
    return used


def _not_counted(places: Collection[pacing.Place], at: datetime) -> Iterable[tuple[int, int]]:
    """Count what left today before a limit was set, by sequence: `Place.used` for many at once."""
    today = Q()
    for zone in {place.owner.zone for place in places}:
        midnight = schedule.instant(datetime.combine(schedule.local_day(at, zone), time(0)), zone)
        today |= Q(touch__enrollment__sequence__zone=zone, wire_at__gte=midnight)
    return (
        Attempt.objects.filter(
            today,
            outcome=Attempt.Outcome.ACCEPTED,
            sequence_day=None,
            touch__in_reply_to__isnull=True,
            touch__enrollment__sequence__in=[place.owner.pk for place in places],
        )
        .order_by()
        .values_list("touch__enrollment__sequence_id")
        .annotate(Count("pk"))
    )


def _first_days(
    ledger: type[Ledger], owners: Iterable[Mailbox | Sequence]
) -> dict[tuple[type[Ledger], int], date]:
    """Return when the first mail of each warm-up went out."""
    warming = [owner.pk for owner in owners if owner.warm_up]
    if not warming:
        return {}
    since = f"{ledger.OWNER}__warm_up_since"
    rows = ledger._default_manager.filter(
        Q(day__gte=F(since)) | Q(**{since: None}), sent__gt=0, **{f"{ledger.OWNER}__in": warming}
    )
    firsts = rows.order_by().values_list(f"{ledger.OWNER}_id").annotate(Min("day"))
    return {(ledger, owner_id): first for owner_id, first in firsts}
