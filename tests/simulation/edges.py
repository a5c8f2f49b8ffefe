"""Aim at edges: where hours close, where a day ends, where the clocks change."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sequences.models import Sequence, Touch
from sequences.rules import schedule
from tests.simulation import people
from tests.simulation.judge import is_inside
from tests.simulation.world import MAILBOXES, Run, any_of, delay

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation


def aim(sim: "Simulation", run: Run) -> None:
    """Move the run's next step to a few seconds before an edge, so that the gate is after it."""
    waiting = Touch.objects.filter(enrollment=run.enrollment, status=Touch.Status.SCHEDULED)
    touch = waiting.select_related("enrollment").order_by("position").first()
    if touch is None or touch.due_at is None:
        return
    after = max(touch.due_at, sim.at) + timedelta(minutes=1)
    target = any_of(sim.luck, [closing, closing, midnight, clock_change])(run, after)
    if not is_inside(target - timedelta(seconds=1), sim.judge.plans[run.sequence]):
        target = closing(run, after)
    at = target - delay(sim.luck, 0, 3)
    words = f"{run} {run.key(touch.position)} rescheduled"
    if people.attempt(sim, words, lambda: touch.reschedule(at, by=sim.world.person)):
        sim.hit("aimed at an edge")
        sim.look_again()


def closing(run: Run, after: datetime) -> datetime:
    return schedule.closes_at(after, Sequence.everywhere.get(name=run.sequence).window)


def midnight(run: Run, after: datetime) -> datetime:
    """The mailbox's day ends, and with it what may be sent."""
    return schedule.next_midnight(after, MAILBOXES[run.kind][1])


def clock_change(run: Run, after: datetime) -> datetime:
    """The next time in a fortnight at which the sequence's zone changes its clocks, or closing."""
    zone = ZoneInfo(Sequence.everywhere.get(name=run.sequence).zone)
    hour = after.replace(minute=0, second=0, microsecond=0)
    for _ in range(14 * 48):
        later = hour + timedelta(minutes=30)
        if later.astimezone(zone).utcoffset() != hour.astimezone(zone).utcoffset():
            return later
        hour = later
    return closing(run, after)
