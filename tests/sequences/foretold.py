"""A forecast, and the workers that make it come true."""

from datetime import datetime, timedelta

from outreach.models import Workspace
from sequences.engine import draining, lifecycle, plans
from sequences.engine.playing import Play
from sequences.models import Enrollment, Sequence, Touch
from tests.factories import copies_of, make_contact, make_due_touch

A_DAY, A_MOMENT = timedelta(days=1), timedelta(microseconds=1)
# How often the workers look, whatever was foretold.
EVERY = timedelta(hours=1)


class Hands:
    """The clock of the test."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def read(self) -> datetime:
        return self.at


def work(hands: Hands, foretold: list[datetime], *, days: float) -> None:
    """Let workers look all the time: often, just before each foretold moment, and at it."""
    begin, until = hands.at, hands.at + timedelta(days=days)
    often = {begin + EVERY * n for n in range(int(timedelta(days=days) / EVERY))}
    looks = often | set(foretold) | {moment - A_MOMENT for moment in foretold}
    for moment in sorted(moment for moment in looks if begin <= moment <= until):
        hands.at = moment
        lifecycle.tick()
        draining.drain_all()
    hands.at = until


def predicted(workspace: Workspace, at: datetime, *, days: float) -> list[tuple[datetime, int]]:
    until = at + timedelta(days=days)
    play = Play(plans.read(workspace, at, until=until))
    left = [(each.at, each.touch_id) for each in play.departures(until, 10_000)]
    assert not play.is_cut
    return sorted(left)


def actual(workspace: Workspace, since: datetime) -> list[tuple[datetime, int]]:
    sent = Touch.objects.filter(enrollment__workspace=workspace, sent_at__gte=since)
    return sorted(sent.values_list("sent_at", "pk"))


def approved(sequence: Sequence, count: int, **contact: object) -> list[Enrollment]:
    """Runs of one sequence whose every step is approved."""
    person = make_contact(sequence.workspace, **contact)
    first = make_due_touch(sequence=sequence, contact=person)
    copies = copies_of(first, count - 1) if count > 1 else []
    return [first.enrollment, *(touch.enrollment for touch in copies)]


def comes_true(workspace: Workspace, hands: Hands, *, days: float = 8) -> int:
    begin = hands.at
    foretold = predicted(workspace, begin, days=days)
    work(hands, [moment for moment, _ in foretold], days=days)
    assert actual(workspace, begin) == foretold
    return len(foretold)
