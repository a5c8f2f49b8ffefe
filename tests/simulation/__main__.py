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
from tests.simulation.play import PROCESSES, begin, end, play, play_in_pool, say

ENOUGH_SEEDS, ENOUGH_DAYS = 20, 100
SHOWN = 5


def main(arguments: list[str]) -> int:
    given = parse(arguments)
    database.set_up()
    seeds = [given.seed] if given.seed is not None else list(range(1, given.seeds + 1))
    started = perf_counter()
    counts: Counter[str] = Counter()
    broken = 0
    for result, seconds in results(seeds, given.days, given.jobs):
        counts += result.counts
        broken += len(result.broken)
        show(result, seconds, given)
    print_counts(counts)
    say(
        f"{len(seeds)} seeds × {given.days} days: {counts['deliveries']} deliveries, "
        f"{broken} violations, {perf_counter() - started:.0f} s"
    )
    missing = never_happened(counts) if is_enough(len(seeds), given.days) else []
    for event in missing:
        say(f"Never happened, so it was not tried: {event}")
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
                yield play(seed, days)
        finally:
            end()
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(play_in_pool, [(seed, days) for seed in seeds])


def show(result: Any, seconds: float, given: argparse.Namespace) -> None:
    if given.history:
        say("\n".join(result.history))
    verdict = f"{len(result.broken)} VIOLATIONS" if result.broken else "holds"
    say(
        f"seed {result.seed}: {result.counts['deliveries']} deliveries, "
        f"{result.events} events, {verdict}, {seconds:.1f} s, {result.digest[:12]}"
    )
    for one in result.broken[:SHOWN]:
        say(f"  {one}")
    if result.broken:
        say(f"  Play it alone: make simulate SEED={result.seed} DAYS={result.days}")
        say("  The last events of the first one:")
        for line in result.last_events(result.broken[0].key):
            say(f"    {line}")


def print_counts(counts: Counter[str]) -> None:
    width = max(map(len, counts), default=0)
    for name, number in sorted(counts.items()):
        say(f"  {name:<{width}}  {number}")


def is_enough(seeds: int, days: int) -> bool:
    """Tell whether so much was played that every rare event must have happened."""
    return seeds >= ENOUGH_SEEDS and days >= ENOUGH_DAYS


def never_happened(counts: Counter[str]) -> list[str]:
    from tests.simulation.sometimes import SOMETIMES

    return [event for event in SOMETIMES if not counts[event]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
