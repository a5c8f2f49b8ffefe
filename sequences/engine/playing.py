"""The scheduling rules played forward from one instant, as workers without faults would.

The one place that does it: `plans` reads what it needs, `forecast` and `resuming` tell what comes
of it. Nothing here asks the database or changes a record in it. Which mail of a sequence is next,
and when, is asked of `explain.clock` in the order of `claiming`; the limits are pacing's own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from mailboxes.models import Mailbox
from outreach import guards
from sequences.engine import explain, pacing, pooling
from sequences.engine.books import Book, Records
from sequences.engine.claiming import AT_ONCE, LOOKED_AHEAD
from sequences.engine.explain import Answer, Facts, Reason
from sequences.models import PoolMember, Sequence, Touch
from sequences.rules import schedule


@dataclass(frozen=True, slots=True)
class Departure:
    """One mail that leaves, if nothing goes wrong and nobody does anything."""

    touch_id: int
    run_id: int
    sequence_id: int
    mailbox_id: int
    position: int
    at: datetime
    # The approval is only assumed.
    is_assumed: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a mail stands in the line: as `claiming` orders what is due."""

    is_unhurried: bool
    is_first: bool
    due_at: datetime
    touch_id: int


def place_of(touch: Touch, due_at: datetime) -> Place:
    return Place(not touch.is_hurried, touch.position == 1, due_at, touch.pk)


@dataclass(slots=True)
class Line:
    """What one sequence sends from one mailbox: what is due, and what will be."""

    sequence: Sequence
    mailbox_id: int
    due: list[Place] = field(default_factory=list)
    coming: list[tuple[datetime, Place]] = field(default_factory=list)
    # When it is looked at next, and what held its head when it was last.
    looks_at: datetime | None = None
    asked_at: datetime | None = None
    held_by: Answer | None = None
    # The answer of the first look, and for how long each reason held it altogether.
    first: Answer | None = None
    held_for: dict[Reason, timedelta] = field(default_factory=lambda: defaultdict(timedelta))

    def note(self, answer: Answer, at: datetime) -> None:
        """Take in what a look brought, and for how long the answer before it held."""
        if self.held_by and self.asked_at:
            self.held_for[self.held_by.reason] += at - self.asked_at
        self.first = self.first or answer
        self.held_by = None if answer.may_leave else answer
        self.asked_at = at


Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Held:
    """A mail that has a time and waits for a person all the same, and the reason."""

    touch: Touch
    answer: Answer


@dataclass(slots=True)
class Plan:
    """Everything that is to leave, at the instant it was read; played once, and used up by it."""

    at: datetime
    records: Records
    mailboxes: dict[int, Mailbox] = field(default_factory=dict)
    # The mails that have a time, and the approved ones that follow them, by run and in order.
    scheduled: list[Touch] = field(default_factory=list)
    following: dict[int, list[Touch]] = field(default_factory=dict)
    # Before it none of a run leaves: somebody paused it until then.
    wakes_at: dict[int, datetime] = field(default_factory=dict)
    assumed: set[int] = field(default_factory=set)
    # What does not leave until a person acts.
    held: list[Held] = field(default_factory=list)
    has_more: bool = False
    # Of each sequence whose first mails have no mailbox yet, the members of its pool.
    pools: dict[int, list[PoolMember]] = field(default_factory=dict)

    @property
    def touches(self) -> list[Touch]:
        """Return all that has a time, whether it leaves or is held."""
        return [*self.scheduled, *(each.touch for each in self.held)]


class Play:
    """The days after a plan, mail by mail."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.book = Book(plan.at, plan.records)
        self.pools = pooling.Pools(self.book, plan.pools)
        self.lines: dict[Key, Line] = {}
        self.touches: dict[int, Touch] = {}
        self.looks: list[tuple[datetime, int, Key]] = []
        self.numbers = count()
        self.is_cut = False
        for touch in plan.scheduled:
            wakes_at = plan.wakes_at.get(touch.enrollment_id)
            self._add(touch, max(wakes_at or plan.at, touch.due_at or plan.at))

    def departures(self, until: datetime, most: int) -> Iterator[Departure]:
        """Yield what leaves until then, in order; `is_cut` tells afterwards if it was too much."""
        while self.looks and self.looks[0][0] <= until:
            at = self.looks[0][0]
            for departure in self._leave(at):
                if not most:
                    self.is_cut = True
                    return
                most -= 1
                yield departure

    @property
    def left(self) -> list[Touch]:
        """Return what has not left so far, in no order."""
        return list(self.touches.values())

    # What has a time

    def _add(self, touch: Touch, at: datetime) -> None:
        run = touch.enrollment
        key = touch.mailbox_id or 0, run.sequence_id
        line = self.lines.get(key)
        if line is None:
            line = self.lines[key] = Line(run.sequence, key[0])
        self.touches[touch.pk] = touch
        heappush(line.coming, (at, place_of(touch, touch.due_at or at)))
        self._look(key, line, at)

    def _look(self, key: Key, line: Line, at: datetime) -> None:
        if line.looks_at is None or at < line.looks_at:
            line.looks_at = at
            heappush(self.looks, (at, next(self.numbers), key))

    def _lines_at(self, at: datetime) -> dict[int, list[Line]]:
        """Return the lines to look at now, by mailbox, in the order that workers begin them."""
        found: dict[int, list[Line]] = defaultdict(list)
        while self.looks and self.looks[0][0] == at:
            line = self.lines[heappop(self.looks)[2]]
            if line.looks_at != at:
                continue
            line.looks_at = None
            while line.coming and line.coming[0][0] <= at:
                heappush(line.due, heappop(line.coming)[1])
            found[self._worker_of(line)].append(line)
        return dict(sorted(found.items()))

    def _worker_of(self, line: Line) -> int:
        """Return whose worker takes from a line: in a pool that of the mailbox that is next."""
        if line.mailbox_id:
            return line.mailbox_id
        mailbox, _ = self.pools.next(line.sequence)
        return mailbox.pk if mailbox else 0

    # What leaves

    def _leave(self, at: datetime) -> Iterator[Departure]:
        self.book.at = at
        for lines in self._lines_at(at).values():
            open_ones, batch = lines, 1
            while True:
                chosen, open_ones, has_refused = self._claim(open_ones, at, batch)
                yield from chosen
                if not chosen and not has_refused:
                    break
                batch = min(batch * 2, AT_ONCE)
            for line in lines:
                self._look_again((line.mailbox_id, line.sequence.pk), line, at)

    def _look_again(self, key: Key, line: Line, at: datetime) -> None:
        """Plan the next look: when what holds the head is over, and when something falls due."""
        if line.due:
            later = line.held_by.at if line.held_by else line.sequence.next_free_at
            if later and line.sequence.uses_prospect_zone:
                # Once the hours of this prospect end, others are asked whose hours have not.
                window = self.touches[line.due[0].touch_id].enrollment.window
                later = min(later, schedule.closes_at(at, window))
            if later and later > at:
                self._look(key, line, later)
        if line.coming:
            self._look(key, line, max(line.coming[0][0], at))

    def _claim(
        self, lines: list[Line], at: datetime, limit: int
    ) -> tuple[list[Departure], list[Line], bool]:
        """Choose what leaves next, as `claiming` does: round by round, one of each sequence.

        Returns it with the lines that may have more for this instant, and whether the hours of
        some prospect put theirs off.
        """
        asked = sorted((line for line in lines if line.due), key=lambda line: line.due[0])
        chosen: list[Departure] = []
        still_open: list[Line] = []
        has_refused = False
        while asked and len(chosen) < limit:
            again = []
            wanted = max(limit - len(chosen), LOOKED_AHEAD)
            for line in asked[:wanted]:
                touch = self.touches[line.due[0].touch_id]
                answer = self._ask(touch, at)
                if answer.is_their_own and answer.at:
                    heappop(line.due)
                    touch.due_at = answer.at
                    self._add(touch, answer.at)
                    has_refused = True
                    again.append(line)
                    continue
                line.note(answer, at)
                if answer.may_leave and len(chosen) < limit:
                    heappop(line.due)
                    chosen.append(self._send(touch, at))
                elif answer.may_leave:
                    still_open.append(line)
            asked = [line for line in again if line.due] + asked[wanted:]
        # The throttle lets a sequence send once at an instant: those that did are done for it.
        return chosen, still_open + asked, has_refused

    def _ask(self, touch: Touch, at: datetime) -> Answer:
        run = touch.enrollment
        mailbox = pacing.sender_of(run, touch)
        facts = Facts(touch, run, run.sequence, mailbox, suppressed_by="")
        if mailbox is None:
            return Answer(Reason.MAILBOX, "The sequence has no mailbox.")
        if pooling.draws(touch, run):
            facts = self.pools.facts(facts)
        else:
            facts = replace(facts, full=self.book.full(run, mailbox))
        return explain.clock(facts, at)

    def _send(self, touch: Touch, at: datetime) -> Departure:
        run = touch.enrollment
        if pooling.draws(touch, run):
            touch.mailbox, _ = self.pools.next(run.sequence)
            self.pools.note(run.sequence, touch.mailbox_id)
        self.book.count(touch)
        del self.touches[touch.pk]
        run.last_sent_at, run.mailbox = at, self.plan.mailboxes.get(touch.mailbox_id or 0)
        self._schedule_next(touch, at)
        return Departure(
            touch_id=touch.pk,
            run_id=run.pk,
            sequence_id=run.sequence_id,
            mailbox_id=touch.mailbox_id or 0,
            position=touch.position,
            at=at,
            is_assumed=touch.pk in self.plan.assumed,
        )

    def _schedule_next(self, touch: Touch, at: datetime) -> None:
        """Give the next approved step its time, as the run does once a mail has left."""
        following = self.plan.following.get(touch.enrollment_id)
        if not following or following[0].position <= touch.position:
            return
        after = following.pop(0)
        run = touch.enrollment
        after.status = Touch.Status.SCHEDULED
        after.due_at = after.planned(run, at)
        sender = pacing.sender_of(run)
        after.mailbox_id = sender.pk if sender else None
        if not hindrance(after, at):
            self._add(after, after.due_at)


def hindrance(
    touch: Touch,
    at: datetime,
    hold: guards.Hold | None = None,
    pool: Iterable[PoolMember] = (),
) -> Answer | None:
    """Return what keeps a mail from leaving whatever its text is, and however long it waits."""
    run = touch.enrollment
    mailbox = pacing.sender_of(run, touch)
    if pooling.draws(touch, run):
        mailbox = pooling.spokesman(run.sequence, pool)
    facts = Facts(touch, run, run.sequence, mailbox, suppressed_by="", hold=hold)
    return next((answer for rule in explain.AROUND_THE_TEXT if (answer := rule(facts, at))), None)
