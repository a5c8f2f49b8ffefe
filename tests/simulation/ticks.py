"""The reaper and the reconciler, run when they have something to do, and sometimes late."""

from typing import TYPE_CHECKING

from django.db.models import Q

from sequences.models import Touch
from tests.simulation import product
from tests.simulation.world import delay

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation, Worker


def plan_reaper(sim: "Simulation", worker: "Worker") -> None:
    """The lease of a worker that is gone, or stalled, ends; the reaper comes by."""
    lease = product.provider_of(sim.world.mailboxes[worker.run.kind]).lease
    sim.on(sim.at + lease + delay(sim.luck, 0, 15), lambda: reap(sim))


def reap(sim: "Simulation") -> None:
    if sim.chance(sim.rates.late_tick):
        return sim.soon(10, 60, lambda: reap(sim))
    sending = Touch.objects.filter(status=Touch.Status.SENDING)
    stale = list(sending.filter(lease_until__lt=sim.at).order_by("pk"))
    if not stale:
        return None
    product.reap()
    for touch in stale:
        run, position = sim.by_touch[touch.pk]
        after = run.touch(position).status
        sim.note(f"{run} {run.key(position)} reaped: {after}")
        uncertain = after == Touch.Status.UNCERTAIN
        sim.hit("reaped after the wire" if uncertain else "reaped before the wire")
        if after == Touch.Status.FAILED:
            sim.hit("poison quarantined")
    plan_questions(sim)
    return sim.look_again()


def plan_questions(sim: "Simulation") -> None:
    asked = Touch.objects.filter(status=Touch.Status.UNCERTAIN, check_at__isnull=False)
    soonest = asked.order_by("check_at").values_list("check_at", flat=True).first()
    if soonest is not None:
        sim.on(max(soonest, sim.at) + delay(sim.luck, 0, 10), lambda: reconcile(sim))


def reconcile(sim: "Simulation") -> None:
    if sim.chance(sim.rates.late_tick):
        return sim.soon(10, 60, lambda: reconcile(sim))
    due = Q(status=Touch.Status.UNCERTAIN, check_at__lte=sim.at)
    asked = list(Touch.objects.filter(due).order_by("pk").values_list("pk", flat=True))
    if not asked:
        return None
    product.reconcile()
    for pk in asked:
        run, position = sim.by_touch[pk]
        touch = run.touch(position)
        sim.note(f"{run} {run.key(position)} asked about: {touch.status}")
        if touch.status == Touch.Status.SENT:
            sim.hit("settled by asking: sent")
        elif touch.status != Touch.Status.UNCERTAIN:
            sim.hit("settled by asking: not sent")
        elif touch.decide:
            sim.hit("a person must decide")
    plan_questions(sim)
    return sim.look_again()
