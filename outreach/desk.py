"""A few database connections, lent to many threads.

A thread that waits for a mail server should hold no connection: two hundred of them would use up
what a database has. Such a thread sits `at` a desk, and borrows one of the desk's connections for
every function that is marked `done_at_desk`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from queue import LifoQueue
from typing import Any, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections

P = ParamSpec("P")
R = TypeVar("R")

# How often is looked whether a connection broke or grew old.
LOOKS_EVERY_SECONDS = 5.0
# A desk is closed when its work is over; what goes on for longer than this keeps its connection.
CLOSES_WITHIN_SECONDS = 60.0

_mine = threading.local()


class Desk:
    """A few connections, for whoever has something to do; made with the first work there is."""

    def __init__(self, most: int) -> None:
        self._most = most
        # The one used last goes first: as many are opened as are needed at the same time.
        self._free: LifoQueue[_Lent | None] = LifoQueue()
        for _ in range(most):
            self._free.put(None)

    def do(self, work: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
        """Do the work with one of the desk's connections, once one is free."""
        lent = self._free.get()
        try:
            lent = lent or _Lent()
            with lent.used():
                return work(*args, **named)
        finally:
            self._free.put(lent)

    def close(self) -> None:
        """Close the connections once they are free; the desk is not used again."""
        for _ in range(self._most):
            if lent := self._free.get(timeout=CLOSES_WITHIN_SECONDS):
                lent.close()


@contextmanager
def at(desk: Desk) -> Iterator[None]:
    """Let this thread's database work be done at the desk."""
    _mine.desk = desk
    try:
        yield
    finally:
        _mine.desk = None


def done_at_desk(work: Callable[P, R]) -> Callable[P, R]:
    """Mark a function as database work; where no desk is, the thread's own connection does it."""

    @wraps(work)
    def borrow(*args: P.args, **named: P.kwargs) -> R:
        desk: Desk | None = getattr(_mine, "desk", None)
        return work(*args, **named) if desk is None else desk.do(work, *args, **named)

    return borrow


class _Lent:
    """One connection of a desk."""

    def __init__(self) -> None:
        # Of its own, whoever made it; used by one thread after the other.
        self._connection: Any = connections.create_connection(DEFAULT_DB_ALIAS)
        self._connection.inc_thread_sharing()
        self._looked = time.monotonic()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let it be this thread's connection, and what the work calls be part of the work."""
        if time.monotonic() - self._looked >= LOOKS_EVERY_SECONDS:
            self._connection.close_if_unusable_or_obsolete()
            self._looked = time.monotonic()
        desk, own = getattr(_mine, "desk", None), _own()
        _mine.desk, connections[DEFAULT_DB_ALIAS] = None, self._connection
        try:
            yield
        except Exception:
            # It may have been the connection; Django drops one that broke.
            self._connection.close_if_unusable_or_obsolete()
            raise
        finally:
            _mine.desk = desk
            if own is None:
                del connections[DEFAULT_DB_ALIAS]
            else:
                connections[DEFAULT_DB_ALIAS] = own

    def close(self) -> None:
        self._connection.close()


def _own() -> Any:
    """Return the thread's own connection, if it has made one."""
    made = connections.all(initialized_only=True)
    return next((each for each in made if each.alias == DEFAULT_DB_ALIAS), None)
