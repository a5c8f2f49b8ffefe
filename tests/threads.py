"""Several things at the same moment, each on its own database connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection


def together(*actions: Callable[[], object]) -> list[object]:
    """Start the actions at once; returns what they returned, or raises what one raised."""
    gate = Barrier(len(actions))

    def act(action: Callable[[], object]) -> object:
        try:
            gate.wait(timeout=10)
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [each.result(timeout=60) for each in [pool.submit(act, one) for one in actions]]
