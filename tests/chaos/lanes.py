"""Several experiments at the same time, each lane with a house of its own.

Experiments have nothing in common, and wait as much as they compute: one lane a processor leaves
each of them the time that its deadlines ask for. This process is the first lane and hands out
the rest.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from tests.chaos import machine
from tests.chaos.house import House
from tests.chaos.playing import Result, play

IDLE_ENDS_WITHIN, ENDS_WITHIN = 10, 60


class Lane:
    """Another process that plays what it is given, one experiment after the other."""

    def __init__(self, cluster: Path, options: list[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos", "--lane", str(cluster), *options],
            cwd=machine.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def play(self, number: int) -> Result:
        """Have it play the experiment at this place of the list."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(f"{number}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            return Result("A lane has ended in the middle of an experiment.", [0, 0, 0], False)
        return Result(**json.loads(answer))

    def end(self) -> None:
        """Let it clean up; an experiment that it still plays is broken off."""
        assert self.process.stdin
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        for patience, number in ((IDLE_ENDS_WITHIN, signal.SIGINT), (ENDS_WITHIN, signal.SIGKILL)):
            try:
                self.process.wait(patience)
                return
            except subprocess.TimeoutExpired:
                self.process.send_signal(number)
        self.process.wait()


def play_all(
    house: House, numbers: list[int], given: argparse.Namespace, tell: Callable[[Result], None]
) -> None:
    """Play these, the longest first, on as many lanes as there are; tell of each as it ends."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in numbers:
        waiting.put(number)

    def work(play_one: Callable[[int], Result]) -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except Empty:
                return
            tell(play_one(number))

    options = ["--seed", given.seed, *(["--ci"] if given.ci else [])]
    with ExitStack() as stack:
        others = []
        for cluster in house.clusters(min(given.lanes, len(numbers)) - 1):
            lane = Lane(cluster, options)
            stack.callback(lane.end)
            others.append(Thread(target=work, args=[lane.play], daemon=True))
        for each in others:
            each.start()
        work(lambda number: play(house, number, given))
        for each in others:
            each.join()


def be_a_lane(given: argparse.Namespace) -> None:
    """Play what is asked for line by line, until nothing more is asked."""
    # Whatever an experiment prints must not come between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    with ExitStack() as stack:
        house = House(stack, cluster=Path(given.lane))
        for line in sys.stdin:
            result = play(house, int(line), given)
            answers.write(json.dumps(asdict(result)) + "\n")
            answers.flush()
