"""Break everything that sending rests on, with real processes: `python -m tests.chaos`.

Runs web, workers and beat as the Procfile does, on a PostgreSQL and a Redis of its own, kills and
stops and fills them, and judges what the mail servers took. CHAOS_SCALE=4 makes it larger.
"""

import argparse
import os
import signal
import sys
import time
from contextlib import ExitStack
from threading import Lock

from tests.chaos import lanes, machine
from tests.chaos.house import House
from tests.chaos.playing import HEAD, Result


def main(arguments: list[str]) -> int:
    given = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    if given.lane:
        lanes.be_a_lane(given)
        return 0
    with ExitStack() as stack:
        try:
            house = House(stack)
        except machine.Missing as problem:
            say(f"Chaos cannot run here: {problem}")
            return 1
        return run(house, given)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("only", nargs="*", help="only these, like F01 F21")
    parser.add_argument("--ci", action="store_true", help="the small selection of CI")
    parser.add_argument("--seed", default="1", help="what chance is drawn from")
    usual = os.cpu_count() or 1
    parser.add_argument("--lanes", type=int, default=usual, help="how many at the same time")
    parser.add_argument("--lane", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def run(house: House, given: argparse.Namespace) -> int:
    # They import models, which can only be done once the settings are there.
    from tests.chaos.everything import EXPERIMENTS

    chosen = [
        number
        for number, each in enumerate(EXPERIMENTS)
        if (each.code in given.only if given.only else each.in_ci or not given.ci)
    ]
    chosen.sort(key=lambda number: not EXPERIMENTS[number].is_long)
    say(HEAD)
    results: list[Result] = []
    began, lock = time.monotonic(), Lock()

    def tell(result: Result) -> None:
        with lock:
            results.append(result)
            say(result.text)

    lanes.play_all(house, chosen, given, tell)
    failed = sum(not each.is_green for each in results)
    verdict = "all green" if not failed else f"{failed} NOT GREEN"
    kills, restarts, deliveries = (
        sum(counts) for counts in zip(*(each.counts for each in results), strict=True)
    )
    say(
        f"{len(chosen)} experiments, {verdict}: {kills} kills, {restarts} restarts, "
        f"{deliveries} deliveries, {time.monotonic() - began:.0f} s"
    )
    return 1 if failed else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line.rstrip()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("Interrupted; everything that was started has been ended.")
        sys.exit(130)
