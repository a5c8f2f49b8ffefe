"""Put away what is finished, once it was judged, so that a day costs the same in year thirty.

A prospect is put away with everything of theirs when no run of theirs has changed for longer than
the product looks back. Nothing of it can be sent, asked about or answered any more.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from mailboxes.models import InboundMail, MailboxDay
from outreach.models import AuditEntry
from outreach.prepared import Prepared
from sequences.models import (
    Contact,
    Enrollment,
    Event,
    OptOutLink,
    SequenceDay,
    Suppression,
    Touch,
)
from tests.simulation import rows
from tests.simulation.world import Run

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation

# The longest that the product looks back is 30 days, for the third soft bounce.
KEPT = timedelta(days=45)
EVERY = 10


def _over(before: datetime) -> object:
    mine = Enrollment.everywhere.filter(contact=OuterRef("pk"))
    fresh = Q(ended_at__isnull=True) | Q(ended_at__gt=before)
    lately = Event.everywhere.filter(enrollment__contact=OuterRef("pk"), at__gt=before)
    flying = Touch.objects.filter(
        enrollment__contact=OuterRef("pk"), status__in=[*Touch.IN_FLIGHT, *Touch.WAITING]
    )
    over = Contact.everywhere.filter(Exists(mine)).exclude(
        Exists(mine.filter(fresh)) | Exists(lately) | Exists(flying)
    )
    return over.order_by("pk").values_list("pk", "email")


OVER = Prepared(_over, datetime)


def put_away(sim: "Simulation") -> None:
    """Judge what is over as at the end, then delete and forget it."""
    before = sim.at - KEPT
    over = dict(OVER.rows(before))
    addresses = set(over.values())
    done = [run for run in sim.runs if run.address in addresses]
    for run in done:
        rows.look_at_run(sim, run)
    rows.look_at_days(sim, before=before)
    forget(sim, done, before)
    delete(list(over), addresses, before)


def delete(contacts: list[int], addresses: set[str], before: datetime) -> None:
    Enrollment.everywhere.filter(contact__in=contacts).delete()
    Contact.everywhere.filter(pk__in=contacts).delete()
    Suppression.everywhere.filter(value__in=addresses).delete()
    OptOutLink.everywhere.filter(email__in=addresses).delete()
    settled = InboundMail.everywhere.filter(settled_at__isnull=False, received_at__lt=before)
    settled.filter(reply__isnull=True).delete()
    AuditEntry.everywhere.filter(at__lt=before).delete()
    for ledger in (MailboxDay, SequenceDay):
        ledger._default_manager.filter(day__lt=before.date(), reserved=0).delete()


def forget(sim: "Simulation", done: list[Run], before: datetime) -> None:
    """Let go of what the simulation itself knows about these runs, and of old days."""
    gone = set(done)
    keys = {run.key(position) for run in done for position in run.touches}
    judge, net = sim.judge, sim.network
    sim.runs = [run for run in sim.runs if run not in gone]
    for run in done:
        del judge.runs[str(run)]
        judge.suppressed.discard(run.address)
        for pk in run.touches.values():
            del sim.by_touch[pk]
    for known in (judge.marks, judge.taken, judge.orders, judge.tries, sim.asleep):
        for key in keys:
            known.pop(key, None)  # type: ignore[attr-defined]
    # Nobody can go on with a worker whose touch is gone.
    sim.morgue = [worker for worker in sim.morgue if worker.run not in gone]
    net.stubborn -= keys
    net.asked = {what: n for what, n in net.asked.items() if what.split()[-1] not in keys}
    net.keys = {message_id: key for message_id, key in net.keys.items() if key not in keys}
    for server in net.servers.values():
        server.held = {n: held for n, held in server.held.items() if held.key not in keys}
        server.tidy(before)
    days = (judge.per_day, judge.wrong_orders, judge.wrong_credits)
    for counted in days:
        for owner, day in [each for each in counted if each[1] < before.date()]:
            del counted[owner, day]
    for owner, changes in judge.limits.items():
        past = sum(changed < before.date() for changed, _ in changes)
        judge.limits[owner] = changes[max(past - 1, 0) :]
