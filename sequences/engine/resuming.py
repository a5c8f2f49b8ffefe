"""What would leave, and when, if a stopped workspace went on: said before it is resumed.

The scheduler's own rules (`explain.clock`) are played forward for what is overdue. Nothing is
changed, and what becomes due meanwhile is not counted.
"""

from collections import Counter
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heapreplace

from outreach.models import Workspace
from outreach.times import database_now
from sequences.engine import explain, pacing
from sequences.engine.explain import Facts, Kind, Reason
from sequences.models import Enrollment, Sequence, Touch

# How much is looked at, and how many sends are played: beyond it the page says "more than".
COUNTED_AT_MOST = 10_000
PLAYED_AT_MOST = 3_000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# What keeps a whole line waiting, whoever is next in it.
HOLDS_THE_LINE = (
    Reason.HELD,
    Reason.SEQUENCE,
    Reason.MAILBOX,
    Reason.DISCONNECTED,
    Reason.MAILBOX_PAUSED,
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How the overdue steps of one sequence would leave."""

    sequence: Sequence
    overdue: int
    in_hour: int
    in_day: int
    # Why none of them leaves for a day: a person has to act, or it is too early.
    why: str
    is_held: bool


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
        return sum(pace.overdue for pace in self.paces if pace.is_held)

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


@dataclass(slots=True)
class Line:
    """The overdue steps of one sequence, by the mailbox they leave from; one stands for all."""

    sequence: Sequence
    facts: dict[int | None, Facts]
    left: Counter[int | None]
    sent_at: list[datetime] = field(default_factory=list)


def preview(workspace: Workspace) -> Preview:
    """Say how what is overdue would leave if sending went on now."""
    at = database_now()
    lines, has_more = _lines(workspace, at)
    held = {line.sequence.pk: why for line in lines if (why := _held_by(line, at))}
    overdue = {line.sequence.pk: line.left.total() for line in lines}
    early = {line.sequence.pk: _first(line, at).sentence for line in lines}
    moving = [line for line in lines if line.sequence.pk not in held]
    is_cut = _play(moving, at)
    last = max((moment for line in moving for moment in line.sent_at), default=None)
    is_over = not any(line.left.total() for line in moving)
    paces = [
        Pace(
            sequence=line.sequence,
            overdue=overdue[line.sequence.pk],
            in_hour=sum(moment <= at + HOUR for moment in line.sent_at),
            in_day=len(line.sent_at),
            why=held.get(line.sequence.pk) or ("" if line.sent_at else early[line.sequence.pk]),
            is_held=line.sequence.pk in held,
        )
        for line in lines
    ]
    return Preview(paces, last if is_over and not has_more else None, has_more, is_cut)


def _lines(workspace: Workspace, at: datetime) -> tuple[list[Line], bool]:
    """Return what is overdue, one line for each sequence, and whether there is more of it."""
    due = Touch.objects.filter(
        status=Touch.Status.SCHEDULED,
        due_at__lte=at,
        enrollment__workspace=workspace,
        enrollment__status__in=Enrollment.SENDING,
    ).order_by("due_at", "pk")
    rows = list(
        due.values_list("pk", "enrollment__sequence_id", "mailbox_id")[: COUNTED_AT_MOST + 1]
    )
    lines: dict[int, Line] = {}
    for touch_id, sequence_id, mailbox_id in rows[:COUNTED_AT_MOST]:
        line = lines.get(sequence_id)
        if line is None or mailbox_id not in line.facts:
            facts = _facts(touch_id, at)
            line = lines.setdefault(sequence_id, Line(copy(facts.sequence), {}, Counter()))
            line.facts[mailbox_id] = replace(facts, sequence=line.sequence)
        line.left[mailbox_id] += 1
    in_order = sorted(lines.values(), key=lambda line: (line.sequence.name, line.sequence.pk))
    return in_order, len(rows) > COUNTED_AT_MOST


def _facts(touch_id: int, at: datetime) -> Facts:
    touch = Touch.objects.select_related("step").get(pk=touch_id)
    run = Enrollment.everywhere.select_related(
        "workspace", "sequence__mailbox", "mailbox", "contact"
    ).get(pk=touch.enrollment_id)
    # As if the stop were over; the record itself stays as it is.
    run.workspace.stopped_at = None
    touch.enrollment = run
    return explain.read_facts(touch, run, at)


def _held_by(line: Line, at: datetime) -> str:
    """Say why nothing of this line leaves, where that is not for one of its steps alone."""
    sentence = ""
    for facts in line.facts.values():
        answer = explain.leaving(facts, at)
        if answer.kind != Kind.BLOCKED or answer.reason not in HOLDS_THE_LINE:
            return ""
        sentence = answer.sentence
    return sentence


def _first(line: Line, at: datetime) -> explain.Answer:
    return explain.leaving(next(iter(line.facts.values())), at)


def _play(lines: list[Line], at: datetime) -> bool:
    """Let the lines send for a day, each at its own pace; tells whether it was cut short."""
    look, played = pacing.Look(at), 0
    waiting = [(at, place) for place in range(len(lines))]
    while waiting and waiting[0][0] <= at + DAY:
        moment, place = waiting[0]
        line = lines[place]
        goes_on, facts = _next_of(line, moment, look)
        if facts:
            if played == PLAYED_AT_MOST:
                return True
            played += 1
            _send(line, facts, moment, look)
        if line.left.total():
            heapreplace(waiting, (goes_on, place))
        else:
            heappop(waiting)
    return False


def _next_of(line: Line, moment: datetime, look: pacing.Look) -> tuple[datetime, Facts | None]:
    """Return when the line is to be asked again, or the facts of what leaves now."""
    later = moment + 2 * DAY
    look.at = moment
    for mailbox_id in +line.left:
        facts = line.facts[mailbox_id]
        if facts.mailbox is None:
            continue
        facts = replace(facts, full=look.full(facts.run, facts.mailbox))
        answer = explain.clock(facts, moment)
        if answer.kind == Kind.NOW:
            return moment, facts
        if answer.at and moment < answer.at < later:
            later = answer.at
    return later, None


def _send(line: Line, facts: Facts, moment: datetime, look: pacing.Look) -> None:
    look.count(facts.touch)
    line.left[facts.touch.mailbox_id] -= 1
    line.sent_at.append(moment)
    line.sequence.next_free_at = moment + line.sequence.spacing
