"""What changes around the runs: limits, pauses of everything, the suppression list."""

from typing import TYPE_CHECKING

from mailboxes.models import Mailbox
from sequences.engine.suppressing import suppress as put_on_list
from sequences.models import Enrollment, Sequence, Suppression
from tests.simulation import people, product
from tests.simulation.world import MAILBOXES, Run, any_of

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation

HOUR = 3600


def close_all(sim: "Simulation", address: str, why: str) -> None:
    """Nothing leaves to this address any more."""
    sim.judge.next_order()
    sim.judge.suppressed.add(address)
    for run in sim.runs:
        if run.address == address:
            run.closed = run.closed or why


def suppress(sim: "Simulation", run: Run) -> None:
    reason = any_of(sim.luck, [Suppression.Reason.BY_HAND, Suppression.Reason.UNSUBSCRIBED])
    by = sim.world.person
    put_on_list(sim.world.workspace, run.address, reason=reason, source="Asked for it", by=by)
    sim.note(f"{run} suppressed")
    close_all(sim, run.address, "suppressed")


def by_the_clock(sim: "Simulation") -> None:
    """Let pauses end that end by themselves."""
    if sim.chance(sim.rates.late_tick):
        return sim.soon(15, 300, lambda: by_the_clock(sim))
    product.by_the_clock()
    for run in sim.runs:
        if run.paused and run.fresh().status != Enrollment.Status.PAUSED:
            run.paused = False
            sim.note(f"{run} goes on")
    return sim.look_again()


def notice_bounces(sim: "Simulation") -> None:
    """See which sequences paused themselves, and which mailboxes left their pools."""
    paused = Sequence.everywhere.filter(status=Sequence.Status.PAUSED).exclude(pause_note="")
    for sequence in paused.order_by("pk"):
        if sequence.name not in sim.judge.halted:
            sim.note(f"{sequence} paused itself")
            sim.hit("paused for its bounces")
            sim.judge.halted.add(sequence.name)
    for mailbox in Mailbox.everywhere.filter(out_since__isnull=False).order_by("pk"):
        sim.note(f"{mailbox} put back into its pools")
        sim.hit("out of its pools for its bounces")
        mailbox.return_to_pools()


# Halts: the workspace, a sequence, a mailbox. Each is called with the run it is to cross.


def halt_workspace(sim: "Simulation", run: Run) -> None:
    sim.world.workspace.stop_sending(by=sim.world.person)
    sim.note("workspace stopped")
    sim.judge.halted.add("workspace")
    sim.soon(60, 6 * HOUR, lambda: end_halts(sim))


def halt_sequence(sim: "Simulation", run: Run) -> None:
    sequence = Sequence.everywhere.get(name=run.sequence)
    if people.attempt(sim, f"{sequence} paused", lambda: sequence.pause(by=sim.world.person)):
        sim.judge.halted.add(run.sequence)
        sim.soon(60, 20 * HOUR, lambda: end_halts(sim))


def halt_mailbox(sim: "Simulation", run: Run) -> None:
    mailbox = sim.mailbox(run.kind)
    if people.attempt(sim, f"{mailbox} paused", mailbox.pause):
        sim.judge.halted.add(run.kind)
        sim.soon(60, 20 * HOUR, lambda: end_halts(sim))


def change_limit(sim: "Simulation", run: Run) -> None:
    """Lower or raise what a mailbox, or the sequence that has a limit, may send a day."""
    owner = any_of(sim.luck, [*(email for email, _ in MAILBOXES.values()), "Limited"])
    limit = sim.luck.randint(1, 6)
    if owner == "Limited":
        Sequence.everywhere.filter(name=owner).update(daily_limit=limit)
    else:
        Mailbox.everywhere.filter(email=owner).update(daily_limit=limit)
    sim.note(f"limit of {owner}: {limit}")
    sim.judge.change_limit(owner, limit)
    sim.hit("limit changed")


HALTS = [halt_workspace, halt_sequence, halt_mailbox, change_limit]


def trouble(sim: "Simulation") -> None:
    """Something happens in the office."""
    if not sim.runs:
        return
    acts = [*HALTS, change_limit, change_limit]
    any_of(sim.luck, acts)(sim, any_of(sim.luck, sim.runs))
    sim.look_again()


def end_halts(sim: "Simulation") -> None:
    """Take back every halt; what cannot go on yet is tried again at the next visit."""
    notice_bounces(sim)
    reconnect(sim)
    halted, person = sim.judge.halted, sim.world.person
    if "workspace" in halted:
        sim.world.workspace.resume_sending(by=person)
        halted.discard("workspace")
        sim.note("workspace goes on")
    for name in sorted(halted & set(sim.judge.plans)):
        sequence = Sequence.everywhere.get(name=name)
        resumed = people.attempt(
            sim, f"{name} resumed", lambda sequence=sequence: sequence.resume(by=person)
        )
        if resumed:
            halted.discard(name)
    for kind in sorted(halted & set(MAILBOXES)):
        if people.attempt(sim, f"{kind} resumed", sim.mailbox(kind).resume):
            halted.discard(kind)
    sim.look_again()


def reconnect(sim: "Simulation") -> None:
    """Sign in again where a provider no longer takes the old sign-in."""
    lost = Mailbox.everywhere.filter(status=Mailbox.Status.DISCONNECTED).order_by("pk")
    for mailbox in lost:
        mailbox.reconnect()
        kind = next(kind for kind, (email, _) in MAILBOXES.items() if email == mailbox.email)
        sim.judge.halted.discard(kind)
        sim.note(f"{kind} reconnected")
        sim.look_again()
