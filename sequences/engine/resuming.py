"""What would leave, and when, if a stopped workspace went on: said before it is resumed.

The workspace's next day is played forward (`playing`), and what is overdue now is counted in it.
What becomes due meanwhile takes its share of the limits and is not counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from outreach.models import Workspace
from outreach.times import database_now
from sequences.engine import plans
from sequences.engine.playing import Play
from sequences.models import Sequence, Touch

# How much is looked at, and how many sends are played: beyond it the page says "more than".
COUNTED_AT_MOST = 10_000
PLAYED_AT_MOST = 3_000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How the overdue steps of one sequence would leave."""

    sequence: Sequence
    overdue: int
    held: int
    in_hour: int
    in_day: int
    # Why none of them leaves for a day: a person has to act, or it is too early.
    why: str


@dataclass(slots=True)
class Preview:
    """How everything that is overdue in a workspace would leave."""

    paces: list[Pace] = field(default_factory=list)
    # When the last of it leaves, if that is within a day.
    last_at: datetime | None = None
    # More is overdue than was counted, and more leaves than was played.
    has_more: bool = False
    is_cut: bool = False

    @property
    def overdue(self) -> int:
        return sum(pace.overdue for pace in self.paces)

    @property
    def held(self) -> int:
        return sum(pace.held for pace in self.paces)

    @property
    def goes_on(self) -> bool:
        """Tell whether some of it leaves later than in a day."""
        return not self.is_cut and self.in_day < self.overdue - self.held

    @property
    def in_hour(self) -> int:
        return sum(pace.in_hour for pace in self.paces)

    @property
    def in_day(self) -> int:
        return sum(pace.in_day for pace in self.paces)


def preview(workspace: Workspace) -> Preview:
    """Say how what is overdue would leave if sending went on now."""
    at = database_now()
    plan = plans.read(workspace, at, until=at + DAY, most=COUNTED_AT_MOST)
    overdue = {touch.pk: touch for touch in plan.scheduled if _is_overdue(touch, at)}
    overdue = {pk: each for pk, each in overdue.items() if each.enrollment_id not in plan.wakes_at}
    held = [each for each in plan.held if _is_overdue(each.touch, at)]
    counted = _by_sequence([*overdue.values(), *(each.touch for each in held)])
    held_counts = _by_sequence(each.touch for each in held)
    why = {each.touch.enrollment.sequence_id: each.answer.sentence for each in held}
    sequences = {touch.enrollment.sequence_id: touch.enrollment.sequence for touch in plan.touches}
    play = Play(plan)
    left: dict[int, list[datetime]] = defaultdict(list)
    for departure in play.departures(at + DAY, PLAYED_AT_MOST):
        if departure.touch_id in overdue:
            del overdue[departure.touch_id]
            left[departure.sequence_id].append(departure.at)
    for line in play.lines.values():
        if line.first and line.sequence.pk not in left:
            why[line.sequence.pk] = line.first.sentence
    paces = [
        Pace(
            sequence=sequences[pk],
            overdue=count,
            held=held_counts[pk],
            in_hour=sum(moment <= at + HOUR for moment in left[pk]),
            in_day=len(left[pk]),
            why="" if left[pk] else why.get(pk, ""),
        )
        for pk, count in counted.items()
    ]
    has_more = plan.has_more and counted.total() == COUNTED_AT_MOST
    last = max((moment for moments in left.values() for moment in moments), default=None)
    return Preview(
        sorted(paces, key=lambda pace: (pace.sequence.name, pace.sequence.pk)),
        None if overdue or has_more else last,
        has_more,
        play.is_cut,
    )


def _is_overdue(touch: Touch, at: datetime) -> bool:
    return touch.due_at is not None and touch.due_at <= at


def _by_sequence(touches: Iterable[Touch]) -> Counter[int]:
    return Counter(touch.enrollment.sequence_id for touch in touches)
