"""Take away one guard of the product at a time, and see whether the simulation notices.

`python -m tests.simulation.mutants` prints, for each mutant, which check caught it at which seed.
A mutant that must be caught and is not makes it end with 1: the simulation would be blind there.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from time import perf_counter
from typing import Any

from django.db import IntegrityError

from tests.simulation import database
from tests.simulation.play import PROCESSES, in_own_database, say

SEEDS, DAYS = 40, 12
RAISED = ("no worker raises", "no tick fails")


@dataclass(frozen=True)
class Outcome:
    """Which check caught a mutant, at which seed."""

    name: str
    check: str
    seed: int
    seconds: float


@contextmanager
def without(name: str) -> Iterator[None]:
    """Take the guard of this name away."""
    from tests.simulation.guards import every

    with ExitStack() as patches:
        every()[name].take_away(patches)
        yield


def hunt(name: str, seeds: int = SEEDS, days: int = DAYS) -> Outcome:
    """Play seed after seed without one guard until a check notices."""
    from tests.simulation.driver import Simulation

    started = perf_counter()
    for seed in range(1, seeds + 1):
        database.empty()
        try:
            with without(name):
                broken = Simulation(seed, days).run(stop_at_first=True).broken
        except IntegrityError as problem:
            return Outcome(name, f"the database: {problem}", seed, perf_counter() - started)
        if broken:
            first = broken[0]
            # Such a check says little; what was raised shows whether it was the product.
            check = f"{first.check}: {first.words}" if first.check in RAISED else first.check
            return Outcome(name, check, seed, perf_counter() - started)
    return Outcome(name, "", 0, perf_counter() - started)


def hunt_in_pool(task: tuple[str, int, int]) -> Outcome:
    in_own_database()
    return hunt(*task)


def main(arguments: list[str]) -> int:
    database.set_up()
    from tests.simulation.guards import NOT_TRIED, every

    mutants = every()
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these mutants")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--jobs", type=int, default=PROCESSES)
    given = parser.parse_args(arguments)
    names = given.names or list(mutants)
    if unknown := [name for name in names if name not in mutants]:
        parser.error(f"no mutant {unknown[0]!r}; use any of: {', '.join(mutants)}")
    tasks = [(name, given.seeds, given.days) for name in names]
    blind = 0
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(hunt_in_pool, tasks):
            blind += show(outcome, mutants[outcome.name])
    for name, reason in NOT_TRIED.items() if not given.names else ():
        say(f"{name:<34} {'–':>8}  not tried: {reason}")
    say(f"{len(names)} mutants, {blind} that must be caught and were not")
    return 1 if blind else 0


def show(outcome: Outcome, mutant: Any) -> bool:
    """Print one line of the table; True when a fatal mutant survived."""
    if outcome.check:
        verdict = f"caught at seed {outcome.seed}: {outcome.check}"
    elif mutant.harmless:
        verdict = f"survives: {mutant.harmless}"
    else:
        verdict = "NOT CAUGHT"
    say(f"{outcome.name:<34} {outcome.seconds:6.1f} s  {verdict}")
    return not outcome.check and not mutant.harmless


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
