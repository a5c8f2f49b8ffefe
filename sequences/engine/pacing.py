"""Turns and reservations: what mails take from every limit, and what gives it back.

All of them are taken here, in one order (the sequences' turns, the mailboxes' turns, their
days and last 24 hours, the sequences' days, the workspaces' days), so that no two claims wait
for each other. Each is a conditional UPDATE; a limit that is not set costs nothing.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial

from django.db.models import QuerySet

from mailboxes import limits
from mailboxes.models import Ledger, Mailbox, MailboxDay, WorkspaceDay
from outreach.models import Workspace
from sequences.models import Attempt, Enrollment, Sequence, SequenceDay, Touch
from sequences.rules import schedule
from sequences.rules.reasons import Reason

A_DAY = timedelta(hours=24)

Owner = Mailbox | Sequence | Workspace


class GaveWay(Exception):
    """A limit was reached between looking and reserving; nothing was claimed."""


@dataclass(frozen=True, slots=True)
class Full:
    """A limit that is used up: whose, how many it is, and when it is free again."""

    reason: Reason
    owner: Owner
    most: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Reserved:
    """The mailbox and the local days of one mail; None where there is no limit."""

    mailbox: Mailbox
    day: date
    sequence_day: date | None
    workspace_day: date | None


@dataclass(frozen=True, slots=True)
class Place:
    """A day of somebody, on which mails are counted."""

    ledger: type[Ledger]
    owner: Owner
    day: date

    @property
    def limit(self) -> limits.DayLimit:
        """What the day allows, warm-up and all."""
        if isinstance(self.owner, Workspace):
            return limits.DayLimit(self.owner.daily_limit or 0)
        return self.owner.limit_on(self.day, self.ledger)

    def reserve(self, count: int) -> bool:
        """Reserve so many mails of the day, all or none."""
        take_in = int if self.ledger is MailboxDay else self._take_in
        return self.ledger.reserve(self.owner.pk, self.day, self.limit.most, count, take_in)

    def used(self) -> int:
        """Count what is reserved or sent on the day, also before the limit was set."""
        return self.ledger.used_on(self.owner.pk, self.day, self._not_counted().count)

    def _take_in(self) -> int:
        """Count what left that day before the limit was set: one set at noon knows the morning.

        The attempts say from now on that they are counted here; returns how many they are.
        """
        name = "workspace_day" if isinstance(self.owner, Workspace) else "sequence_day"
        return self._not_counted().update(**{name: self.day})

    def _not_counted(self) -> QuerySet[Attempt]:
        midnight = schedule.instant(datetime.combine(self.day, time(0)), self.owner.zone)
        sent = _accepted().filter(wire_at__gte=midnight)
        if isinstance(self.owner, Sequence):
            # Its mailboxes too, because the index of what was sent lately begins with them.
            mine = {"mailbox__workspace": self.owner.workspace_id, "sequence_day": None}
            steps = sent.filter(touch__in_reply_to__isnull=True)
            return steps.filter(touch__enrollment__sequence=self.owner, **mine)
        return sent.filter(mailbox__workspace=self.owner.pk, workspace_day=None)


def sender_of(run: Enrollment, touch: Touch | None = None) -> Mailbox | None:
    """Return the mailbox that a run's mails leave from; a claim binds its first one to one."""
    if touch and touch.is_by_hand:
        return touch.mailbox
    if run.mailbox_id is None and touch and touch.is_pooled and touch.mailbox_id:
        return touch.mailbox
    return run.mailbox or run.sequence.mailbox


# Taking and giving back


def reserve(touches: Collection[Touch], at: datetime) -> dict[int, Reserved]:
    """Take every turn and reservation that these mails need; returns their days by touch.

    Call it in a transaction, with touches that come with their runs. Raises GaveWay when one
    limit refuses; rolling back undoes the others.
    """
    senders = {touch.pk: _known_sender(touch) for touch in touches}
    steps = [touch.enrollment for touch in touches if not touch.is_by_hand]
    sequences = {run.sequence_id: run.sequence for run in steps}
    if not Sequence.take_turns(sequences.values(), at):
        raise GaveWay
    for touch in sorted(touches, key=lambda touch: (senders[touch.pk].pk, touch.pk)):
        if not senders[touch.pk].take_turn(touch.pk, at):
            raise GaveWay
    found = {
        touch.pk: places_of(touch.enrollment, senders[touch.pk], at, by_hand=touch.is_by_hand)
        for touch in touches
    }
    counts = Counter(place for places in found.values() for place in places)
    for ledger in (MailboxDay, SequenceDay, WorkspaceDay):
        mine = [place for place in counts if place.ledger is ledger]
        for place in sorted(mine, key=lambda place: place.owner.pk):
            if not place.reserve(counts[place]) or _exceeds_24_hours(place, at):
                raise GaveWay
    return {pk: days_of(senders[pk], places) for pk, places in found.items()}


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


def _known_sender(touch: Touch) -> Mailbox:
    mailbox = sender_of(touch.enrollment, touch)
    if mailbox is None:
        raise GaveWay
    return mailbox


def places_of(
    run: Enrollment, mailbox: Mailbox, at: datetime, *, by_hand: bool = False
) -> list[Place]:
    """Return the days that a mail of this run counts on: only those with a limit.

    What was written by hand counts on its mailbox's and the workspace's, not on the sequence's.
    """
    places = [Place(MailboxDay, mailbox, schedule.local_day(at, mailbox.zone))]
    limited: list[tuple[type[Ledger], Owner]] = [
        (SequenceDay, run.sequence),
        (WorkspaceDay, run.workspace),
    ]
    places += [
        Place(ledger, owner, schedule.local_day(at, owner.zone))
        for ledger, owner in limited
        if owner.daily_limit is not None and not (by_hand and owner is run.sequence)
    ]
    return places


def days_of(mailbox: Mailbox, places: list[Place]) -> Reserved:
    """Return the same days by name, as an attempt keeps them."""
    days = {place.ledger: place.day for place in places}
    return Reserved(mailbox, days[MailboxDay], days.get(SequenceDay), days.get(WorkspaceDay))


def _reservations(attempt: Attempt, run: Enrollment) -> Iterator[tuple[type[Ledger], int, date]]:
    yield MailboxDay, attempt.mailbox_id, attempt.day
    if attempt.sequence_day:
        yield SequenceDay, run.sequence_id, attempt.sequence_day
    if attempt.workspace_day:
        yield WorkspaceDay, run.workspace_id, attempt.workspace_day


def _exceeds_24_hours(place: Place, at: datetime) -> bool:
    """Tell whether a mailbox's reservation, just made, is more than 24 hours may hold.

    The day's row is this transaction's now, so whoever reserves after it sees it counted.
    """
    if place.ledger is not MailboxDay:
        return False
    days = MailboxDay.around(place.owner.pk, place.day)
    latest = partial(_sent_lately, place.owner.pk, at)
    return _free_again(place.limit.most + 1, days.values(), latest) is not None


# Looking


class Look:
    """What every limit has used at one instant: read once for many touches."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._used: dict[Place, int] = {}
        self._limits: dict[Place, limits.DayLimit] = {}
        self._around: dict[int, dict[date, Ledger]] = {}
        self._pauses: dict[int, datetime] = {}

    def full(self, run: Enrollment, mailbox: Mailbox, *, by_hand: bool = False) -> tuple[Full, ...]:
        """Return the limits that let nothing more of this run leave."""
        beside = self.full_beside(run, mailbox, by_hand=by_hand)
        return (*self._full_of(mailbox), *beside)

    def count(self, touch: Touch) -> None:
        """Take in that this one will leave."""
        mailbox = _known_sender(touch)
        run, by_hand = touch.enrollment, touch.is_by_hand
        for place in places_of(run, mailbox, self.at, by_hand=by_hand):
            self._used[place] = self._used_of(place) + 1
        today = schedule.local_day(self.at, mailbox.zone)
        days = self._days_around(mailbox, today)
        days.setdefault(today, MailboxDay(mailbox=mailbox, day=today, quota=0)).reserved += 1
        if mailbox.gap_least is not None and mailbox.gap_most is not None:
            pause = limits.gap(touch.pk, mailbox.gap_least, mailbox.gap_most)
            self._pauses[mailbox.pk] = self.at + pause

    def read_days(self, mailboxes: Collection[Mailbox]) -> None:
        """Read the days of many mailboxes at once."""
        today = {each.pk: schedule.local_day(self.at, each.zone) for each in mailboxes}
        today = {pk: day for pk, day in today.items() if pk not in self._around}
        self._around |= MailboxDay.around_each(today)

    def free_at(self, mailbox: Mailbox) -> datetime:
        """Return when the mailbox's own limits, pauses and holds let it send next."""
        moments = [full.until for full in self._full_of(mailbox)]
        if mailbox.held_until:
            moments.append(mailbox.held_until)
        if mailbox.next_free_at and mailbox.gap_least is not None:
            moments.append(mailbox.next_free_at)
        return max(moments, default=self.at)

    def full_beside(
        self, run: Enrollment, mailbox: Mailbox, *, by_hand: bool = False
    ) -> tuple[Full, ...]:
        """Return the limits of sequence and workspace that let nothing more of this run leave."""
        places = places_of(run, mailbox, self.at, by_hand=by_hand)
        beside = (place for place in places if place.owner != mailbox)
        return tuple(full for place in beside for full in self._used_up(place))

    def _full_of(self, mailbox: Mailbox) -> Iterator[Full]:
        if pause := self._pauses.get(mailbox.pk):
            yield Full(Reason.GAP, mailbox, 1, pause)
        place = Place(MailboxDay, mailbox, schedule.local_day(self.at, mailbox.zone))
        yield from self._used_up(place)
        if until := self._free_again(mailbox, place):
            yield Full(Reason.MAILBOX_24_HOURS, mailbox, self._limit_of(place).most, until)

    def _used_up(self, place: Place) -> Iterator[Full]:
        limit = self._limit_of(place)
        if self._used_of(place) >= limit.most:
            reason = REASONS[place.ledger, limit.is_warming_up]
            midnight = schedule.next_midnight(self.at, place.owner.zone)
            yield Full(reason, place.owner, limit.most, midnight)

    def _free_again(self, mailbox: Mailbox, place: Place) -> datetime | None:
        midnight = schedule.next_midnight(self.at, mailbox.zone)
        limit, days = self._limit_of(place), self._days_around(mailbox, place.day).values()
        until = _free_again(limit.most, days, partial(self._sent_lately, mailbox, self.at))
        if until and until > midnight and limit.is_warming_up:
            # The next day allows more, and so do the 24 hours before each moment of it.
            day = schedule.local_day(midnight, mailbox.zone)
            tomorrow = self._limit_of(Place(MailboxDay, mailbox, day))
            latest = partial(self._sent_lately, mailbox, midnight)
            return _free_again(tomorrow.most, days, latest) or midnight
        return until

    def _sent_lately(self, mailbox: Mailbox, at: datetime, place: int) -> datetime | None:
        return _sent_lately(mailbox.pk, at, place)

    def _used_of(self, place: Place) -> int:
        if place not in self._used:
            if place.ledger is MailboxDay and isinstance(place.owner, Mailbox):
                row = self._days_around(place.owner, place.day).get(place.day)
                self._used[place] = row.used if row else 0
            else:
                self._used[place] = place.used()
        return self._used[place]

    def _limit_of(self, place: Place) -> limits.DayLimit:
        if place not in self._limits:
            self._limits[place] = place.limit
        return self._limits[place]

    def _days_around(self, mailbox: Mailbox, day: date) -> dict[date, Ledger]:
        if mailbox.pk not in self._around:
            self._around[mailbox.pk] = MailboxDay.around(mailbox.pk, day)
        return self._around[mailbox.pk]


REASONS = {
    (MailboxDay, False): Reason.MAILBOX_LIMIT,
    (MailboxDay, True): Reason.MAILBOX_WARM_UP,
    (SequenceDay, False): Reason.SEQUENCE_LIMIT,
    (SequenceDay, True): Reason.SEQUENCE_WARM_UP,
    (WorkspaceDay, False): Reason.WORKSPACE_LIMIT,
}


def left_today(mailbox: Mailbox, at: datetime) -> tuple[int, int]:
    """Return how many more may leave from a mailbox today, and its limit of the day."""
    place = Place(MailboxDay, mailbox, schedule.local_day(at, mailbox.zone))
    used, most = MailboxDay.used_on(mailbox.pk, place.day), place.limit.most
    return max(most - used, 0), most


def _free_again(
    most: int, days: Collection[Ledger], latest: Callable[[int], datetime | None]
) -> datetime | None:
    """Return when fewer than `most` will have left within 24 hours; None where that is so now.

    Providers count like this: a limit used up late yesterday is not free again at midnight.
    `latest` tells when the mail at a place left, counted back from the latest at 0.
    """
    if sum(row.used for row in days) < most:
        return None
    reserved = sum(row.reserved for row in days)
    decides = latest(max(most - reserved - 1, 0))
    return decides + A_DAY if decides else None


def _sent_lately(mailbox_id: int, at: datetime, place: int) -> datetime | None:
    """Return when the mail at that place of the last 24 hours left, the latest at 0."""
    lately = _accepted().filter(mailbox=mailbox_id, wire_at__gt=at - A_DAY)
    return lately.order_by("-wire_at").values_list("wire_at", flat=True)[place:].first()


def _accepted() -> QuerySet[Attempt]:
    return Attempt.objects.filter(outcome=Attempt.Outcome.ACCEPTED)
