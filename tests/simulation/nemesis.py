"""Whatever can happen to a worker between two of its stages."""

from typing import TYPE_CHECKING

from sequences.models import Attempt
from tests.simulation import people, product, ticks
from tests.simulation.judge import is_inside

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation, Worker

# Seconds: over the budget of a send, past the lease, hours.
STALLS = [(50, 140), (150, 1500), (1500, 40000)]


def after_stage(sim: "Simulation", worker: "Worker") -> None:
    """Kill the worker, stall it, or let it go on; and let something cross its way."""
    before_wire = worker.stage in product.BEFORE_WIRE
    rouse(sim, worker)
    if before_wire and worker.run.poison and sim.faulty:
        return kill(sim, worker)
    if sim.chance(sim.rates.kill):
        return kill(sim, worker)
    if sim.chance(sim.rates.race):
        # Now, between this stage and the next.
        what = people.cross(sim, worker.run)
        sim.hit(f"{what} {'before' if before_wire else 'after'} the wire")
    if sim.chance(sim.rates.stall):
        return stall(sim, worker)
    return sim.go_on(worker, *patience(sim, worker))


def patience(sim: "Simulation", worker: "Worker") -> tuple[float, float]:
    """Return how long the next stage takes: the provider's answer, or our own few steps."""
    if worker.stage != product.ANSWERED:
        return 0, 2
    if not sim.chance(0.03):
        return 0, 15
    sim.hit("slow answer")
    return (60, 580) if worker.run.kind == "smtp" else (15, 60)


def kill(sim: "Simulation", worker: "Worker") -> None:
    sim.hit(f"killed when {worker.stage}")
    sim.note(f"{worker.run} {worker.key} killed when {worker.stage}")
    sim.morgue.append(worker)
    ticks.plan_reaper(sim, worker)
    sim.look_again()


def stall(sim: "Simulation", worker: "Worker") -> None:
    sim.hit("stalled")
    sim.note(f"{worker.run} {worker.key} stalls when {worker.stage}")
    worker.stalled = True
    least, most = STALLS[sim.luck.randrange(len(STALLS))]
    ticks.plan_reaper(sim, worker)
    sim.asleep.setdefault(worker.key, []).append(worker)
    sim.soon(least, most, lambda: go_on_if_asleep(sim, worker))


def rouse(sim: "Simulation", worker: "Worker") -> None:
    """Let a stalled worker go on just when another one has its touch."""
    for sleeper in sim.asleep.get(worker.key, []):
        if sleeper is not worker and sim.chance(0.5):
            sim.hit("two workers with one touch")
            sim.soon(0, 4, lambda sleeper=sleeper: go_on_if_asleep(sim, sleeper))


def go_on_if_asleep(sim: "Simulation", worker: "Worker") -> None:
    if worker in sim.asleep[worker.key]:
        sim.drive(worker)


def note_held_back(sim: "Simulation", worker: "Worker") -> None:
    """Count by which guard the gate held a mail back."""
    mine = Attempt.objects.filter(touch_id=worker.run.touches[worker.position])
    latest = mine.latest("number")
    closed_now = latest.outcome == Attempt.Outcome.ABANDONED and latest.finished_at == sim.at
    why = latest.words if closed_now else "lease"
    sim.hit(f"gate: {why}")
    if not is_inside(sim.at, sim.judge.plans[worker.run.sequence]):
        sim.hit("the gate was after the hours")
    sim.note(f"{worker.run} {worker.key} gate: {why}")
