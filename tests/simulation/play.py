"""Play one seed in a process that has a database of its own."""

import gc
import sys
from multiprocessing.util import Finalize
from time import perf_counter
from typing import Any

from tests.simulation import database

PROCESSES = 2

_kept: list[Any] = []


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def begin() -> None:
    """Give this process its own database for as long as it lives."""
    database.set_up()
    mine = database.own()
    mine.__enter__()
    _kept.append(mine)
    # What Django has made stays; a simulation makes much that is gone by itself.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def end() -> None:
    while _kept:
        _kept.pop().__exit__(None, None, None)


def play(seed: int, days: int) -> tuple[Any, float]:
    """Play one seed on an empty database; returns what came of it and the seconds it took."""
    from tests.simulation.driver import Simulation

    started = perf_counter()
    database.empty()
    return Simulation(seed, days).run(), perf_counter() - started


def in_own_database() -> None:
    """Give a worker of the pool its database once; it is gone when the worker ends."""
    if not _kept:
        begin()
        # A worker of the pool leaves without any other goodbye.
        Finalize(None, end, exitpriority=10)


def play_in_pool(task: tuple[int, int]) -> tuple[Any, float]:
    in_own_database()
    return play(*task)
