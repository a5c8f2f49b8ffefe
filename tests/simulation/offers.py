"""When a worker has to look for work again: the sweep is simulated only when it may find some."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sequences.models import Enrollment, Sequence, Touch
from sequences.rules import schedule
from tests.simulation import rows
from tests.simulation.world import delay

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation

# How often a worker looks although nothing may leave.
LOOKS_ALL_THE_SAME = 0.1
SHORTEST, LONGEST = timedelta(seconds=20), timedelta(hours=4)


def next_offer(sim: "Simulation") -> datetime | None:
    """Return the first moment at which something may leave, as far as the rows tell."""
    waiting = Touch.objects.filter(
        status=Touch.Status.SCHEDULED,
        enrollment__status__in=Enrollment.SENDING,
        enrollment__sequence__status=Sequence.Status.ACTIVE,
    )
    dues = dict[int, datetime]()
    found = waiting.order_by("due_at").values_list("enrollment__sequence_id", "due_at")
    for sequence_id, due_at in found:
        dues.setdefault(sequence_id, due_at)
    if not dues:
        return None
    sequences = Sequence.everywhere.select_related("mailbox", "workspace").filter(pk__in=dues)
    moments = []
    for sequence in sequences.order_by("pk"):
        holds = [dues[sequence.pk], sequence.mailbox.held_until, sequence.next_free_at]
        moment = schedule.next_open(max(sim.at, *filter(None, holds)), sequence.window)
        # Now and then a worker looks all the same.
        if moment > sim.at or sim.luck.random() < LOOKS_ALL_THE_SAME:
            moments.append(moment)
        elif is_open(sequence) and (tomorrow := rows.full_until(sequence, sim.at)):
            sim.hit("limit reached")
            moments.append(schedule.next_open(tomorrow, sequence.window))
        elif is_open(sequence):
            moments.append(moment)
    if not moments:
        return None
    first = min(moments)
    if first > sim.at:
        return first
    # Something could leave and has not: its wake-up was lost, or somebody holds it.
    wait = min(SHORTEST * 4 ** min(sim.fruitless, 10), LONGEST)
    sim.fruitless += 1
    later = [moment for moment in moments if moment > sim.at]
    return min([sim.at + wait, *later]) + delay(sim.luck, 0, 5)


def is_open(sequence: Sequence) -> bool:
    """Tell whether no person has to do something before this sequence may send."""
    return sequence.mailbox.may_send and not sequence.workspace.is_stopped
