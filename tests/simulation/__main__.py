"""Simulate months of sending under many seeds: `python -m tests.simulation --seeds 20 --days 100`.

Ends with 1 when a promise was broken, and says how to play that seed again; also when a rare
event that the simulation is there for never happened.
"""

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter
from typing import Any

from tests.simulation import database

PROCESSES = 2
ENOUGH_SEEDS, ENOUGH_DAYS = 20, 100
SHOWN = 5

_kept: list[Any] = []


def begin() -> None:
    """Give this process its own database for as long as it lives."""
    database.set_up()
    mine = database.own()
    mine.__enter__()
    _kept.append(mine)


def end() -> None:
    while _kept:
        _kept.pop().__exit__(None, None, None)


def simulate(seed: int, days: int) -> tuple[Any, float]:
    """Play one seed on an empty database; returns what came of it and the seconds it took."""
    from tests.simulation.driver import Simulation

    started = perf_counter()
    database.empty()
    return Simulation(seed, days).run(), perf_counter() - started


def simulate_in_pool(task: tuple[int, int]) -> tuple[Any, float]:
    if not _kept:
        begin()
        # A worker of the pool leaves without any other goodbye.
        from multiprocessing.util import Finalize

        Finalize(None, end, exitpriority=10)
    return simulate(*task)


def main(arguments: list[str]) -> int:
    given = parse(arguments)
    seeds = [given.seed] if given.seed is not None else list(range(1, given.seeds + 1))
    started = perf_counter()
    counts: Counter[str] = Counter()
    broken = 0
    for result, seconds in results(seeds, given.days, given.jobs):
        counts += result.counts
        broken += len(result.broken)
        show(result, seconds, given)
    print_counts(counts)
    print(
        f"{len(seeds)} seeds × {given.days} days: {counts['deliveries']} deliveries, "
        f"{broken} violations, {perf_counter() - started:.0f} s"
    )
    missing = never_happened(counts) if is_enough(len(seeds), given.days) else []
    for event in missing:
        print(f"Never happened, so it was not tried: {event}")
    return 1 if broken or missing else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="play the seeds 1 to this one")
    parser.add_argument("--seed", type=int, help="play this seed alone")
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=min(PROCESSES, os.cpu_count() or 1))
    parser.add_argument("--history", action="store_true", help="print every event")
    return parser.parse_args(arguments)


def results(seeds: list[int], days: int, jobs: int) -> Any:
    """Play the seeds, several at once; results come in the order of the seeds."""
    if len(seeds) == 1 or jobs == 1:
        begin()
        try:
            for seed in seeds:
                yield simulate(seed, days)
        finally:
            end()
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(simulate_in_pool, [(seed, days) for seed in seeds])


def show(result: Any, seconds: float, given: argparse.Namespace) -> None:
    if given.history:
        print("\n".join(result.history))
    verdict = f"{len(result.broken)} VIOLATIONS" if result.broken else "holds"
    print(
        f"seed {result.seed}: {result.counts['deliveries']} deliveries, "
        f"{len(result.history)} events, {verdict}, {seconds:.1f} s, {result.digest[:12]}",
        flush=True,
    )
    for one in result.broken[:SHOWN]:
        print(f"  {one}")
    if result.broken:
        print(f"  Play it alone: make simulate SEED={result.seed} DAYS={result.days}")
        print("  The last events of the first one:")
        for line in result.last_events(result.broken[0].key):
            print(f"    {line}")


def print_counts(counts: Counter[str]) -> None:
    width = max(map(len, counts), default=0)
    for name, number in sorted(counts.items()):
        print(f"  {name:<{width}}  {number}")


def is_enough(seeds: int, days: int) -> bool:
    """Tell whether so much was played that every rare event must have happened."""
    return seeds >= ENOUGH_SEEDS and days >= ENOUGH_DAYS


def never_happened(counts: Counter[str]) -> list[str]:
    from tests.simulation.sometimes import SOMETIMES

    return [event for event in SOMETIMES if not counts[event]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
