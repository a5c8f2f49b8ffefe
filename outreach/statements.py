"""How compiled statements get to the database: with plans it keeps, and several writes at once.

What a mail costs is mostly the way to the database and back. In `written_together` a change waits
for the next statement that reads, or for the end, and goes there in one statement with the others.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

T = TypeVar("T")


def read(mine: Any, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """Run a statement that gives rows, and return them."""
    with _run(mine, sql, values) as cursor:
        # Django's own cursor turns the database's errors into Django's.
        with mine.wrap_database_errors:
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def write(
    mine: Any, sql: str, values: list[Any], model: type[models.Model], key: Any = None
) -> int:
    """Run a statement that changes rows of a model, and return how many.

    `key` says which row it is where that is known; None stands for any of them.
    """
    if writes := _put_off(mine):
        writes.add(sql, values, model, key)
        return 1
    with _run(mine, sql, values) as cursor:
        return int(cursor.rowcount)


def store(mine: Any, sql: str, values: list[Any], record: models.Model) -> None:
    """Run a statement that adds a row, and give the record its id; put off, it gets none."""
    key = record._meta.pk
    if writes := _put_off(mine):
        writes.add(sql, values, type(record), key=object())
    else:
        name = mine.ops.quote_name(str(key.column))
        [(record.pk,)] = read(mine, f"{sql} RETURNING {name}", values)
    record._state.adding, record._state.db = False, mine.alias


# Together


class NotAsExpected(Exception):
    """A write that was put off changed no row, or several."""


class Writes:
    """Changes of one row each that a transaction has put off, in their order."""

    def __init__(self, mine: Any) -> None:
        self._mine = mine
        self._waiting: list[tuple[str, list[Any]]] = []
        # PostgreSQL changes a row once in a statement, and does not say which change it took.
        self._keys: dict[type[models.Model], set[Any]] = {}

    def add(self, sql: str, values: list[Any], model: type[models.Model], key: Any) -> None:
        keys = self._keys.get(model, set())
        if keys and (key is None or key in keys or None in keys):
            self.flush()
        self._keys.setdefault(model, set()).add(key)
        self._waiting.append((sql, values))

    def flush(self) -> None:
        """Make the changes; raises NotAsExpected where one of them is not that of one row."""
        waiting, self._waiting, self._keys = self._waiting, [], {}
        if not waiting:
            return
        parts = ", ".join(f"w{n} AS ({sql} RETURNING 1)" for n, (sql, _) in enumerate(waiting))
        # They are made in the order in which they are counted here.
        counts = ", ".join(f"(SELECT count(*) FROM w{n})" for n in range(len(waiting)))
        values = [value for _, each in waiting for value in each]
        [changed] = read(self._mine, f"WITH {parts} SELECT {counts}", values)
        if any(count != 1 for count in changed):
            raise NotAsExpected

    def __call__(self, execute: Callable[..., T], *statement: Any) -> T:
        """Let nobody who asks the database through Django miss what was put off."""
        self.flush()
        return execute(*statement)


def written_together(work: Callable[[], T]) -> T:
    """Do `work` in a transaction in which what is changed goes to PostgreSQL together.

    A change that was put off is taken to be that of exactly one row, and a new record has no id
    yet. Where one was not, all is undone, and done once more step by step: `work` reads anew
    what it works on. SQLite, to which there is no way, changes each row at once.
    """
    mine = connections[DEFAULT_DB_ALIAS]
    if mine.vendor == "postgresql" and _put_off(mine) is None:
        with suppress(NotAsExpected), transaction.atomic(), _putting_off(mine):
            return work()
    with transaction.atomic():
        return work()


@contextmanager
def _putting_off(mine: Any) -> Iterator[None]:
    writes = Writes(mine)
    with mine.execute_wrapper(writes):
        mine.outreach_writes = writes
        try:
            yield
            writes.flush()
        finally:
            del mine.outreach_writes


def _put_off(mine: Any) -> Writes | None:
    return getattr(mine, "outreach_writes", None)


# Running


def _run(mine: Any, sql: str, values: list[Any]) -> AbstractContextManager[Any]:
    """Run a statement; returns the cursor that has done so, for as long as it is looked at."""
    keeps_plans = mine.vendor == "postgresql" and settings.DATABASE_KEEPS_PLANS
    writes = _put_off(mine)
    # A log of statements, and whoever listens to them, get them from Django's cursor.
    listen = any(each is not writes for each in mine.execute_wrappers)
    if not keeps_plans or mine.queries_logged or listen:
        cursor = mine.cursor()
        cursor.execute(sql, values)
        return closing(cursor)
    if writes:
        writes.flush()
    # As connection.cursor() and its execute() do, with a cursor that keeps plans and stays open.
    mine.close_if_health_check_failed()
    mine.ensure_connection()
    mine.validate_thread_sharing()
    mine.validate_no_broken_transaction()
    kept = _kept_open(mine.connection)
    with mine.wrap_database_errors:
        kept.execute(sql, values)
    return nullcontext(kept)


# The stubs describe it without its arguments.
KeepingPlans: Any = ServerBindingCursor


def _kept_open(opened: Any) -> Any:
    """Return the one cursor of a PostgreSQL connection whose statements are planned once."""
    kept = getattr(opened, "outreach_cursor", None)
    if kept is None:
        # Binary: of a text Django reads each time in Python.
        kept = opened.outreach_cursor = KeepingPlans(opened)
        kept.format = Format.BINARY
        kept.adapters.register_loader("jsonb", _Unread)
    return kept


class _Unread(Loader):
    """Leaves JSON to Django's field, as Django's own connections do."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        # A byte in front says which version of the format it is.
        return bytes(data[1:]).decode()
