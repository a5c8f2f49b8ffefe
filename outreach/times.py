"""The one place time comes from, so that a simulation can own it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from outreach import statements


def _system_clock() -> datetime:
    return datetime.now(UTC)


_clock: Callable[[], datetime] = _system_clock


def now() -> datetime:
    """Return the current instant in UTC."""
    return _clock()


class DatabaseClock(models.Func):
    """The database's clock, read by a statement that asks for other things as well.

    PostgreSQL's now() is the start of the transaction, hence clock_timestamp().
    """

    output_field = models.DateTimeField(null=True)

    def as_postgresql(self, *compiling: Any) -> tuple[str, list[Any]]:
        return "clock_timestamp()", []

    def as_sqlite(self, *compiling: Any, **options: Any) -> tuple[str, list[Any]]:
        return "NULL", []


def database_now(said: datetime | None = None) -> datetime:
    """Return the database's idea of now, for leases that several machines compare.

    `said` is what a DatabaseClock said a moment ago, where one was asked. SQLite runs on this
    machine, whose clock is the same.
    """
    if connection.vendor != "postgresql" or _clock is not _system_clock:
        return now()
    if said is not None:
        return said
    [[(instant,)]] = statements.read(
        connections[DEFAULT_DB_ALIAS], ("SELECT clock_timestamp()", [])
    )
    return cast(datetime, instant)


@contextmanager
def clock(read: Callable[[], datetime]) -> Iterator[None]:
    """Let `read` tell the time for a while; for simulations and tests."""
    global _clock
    before, _clock = _clock, read
    try:
        yield
    finally:
        _clock = before
