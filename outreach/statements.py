"""How compiled statements get to the database: with plans it keeps, and several writes at once.

What a mail costs is mostly the way to the database and back. In `written_together` a change waits
for the next statement that reads, or for the end, and goes there in one statement with the others.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DataError, connections, models, transaction
from psycopg.errors import DivisionByZero

from outreach.pipes import Answer, Pipe, Statement

T = TypeVar("T")


def read(mine: Any, *statements: Statement) -> list[list[tuple[Any, ...]]]:
    """Run statements that give rows, one after the other, and return those of each."""
    return [answer.rows for answer in _run(mine, statements)]


def read_alone(mine: Any, statement: Statement) -> list[tuple[Any, ...]]:
    """Run a statement that gives rows, planned for its values, and return them."""
    return _run_alone(mine, *statement).rows


def write(
    mine: Any, sql: str, values: list[Any], model: type[models.Model], key: Any = None
) -> int:
    """Run a statement that changes rows of a model, and return how many.

    `key` says which row it is where that is known; None stands for any of them.
    """
    if writes := _put_off(mine):
        writes.add(sql, values, model, key)
        return 1
    [answer] = _run(mine, [(sql, values)])
    return answer.changed


def store(mine: Any, sql: str, values: list[Any], record: models.Model) -> None:
    """Run a statement that adds a row, and give the record its id; put off, it gets none."""
    key = record._meta.pk
    if writes := _put_off(mine):
        writes.add(sql, values, type(record), key=object())
    else:
        name = mine.ops.quote_name(str(key.column))
        [[(record.pk,)]] = read(mine, (f"{sql} RETURNING {name}", values))
    record._state.adding, record._state.db = False, mine.alias


# Together


class NotAsExpected(Exception):
    """A write that was put off changed no row, or several."""


class Writes:
    """Changes of one row each that a transaction has put off, in their order."""

    def __init__(self, mine: Any) -> None:
        self._mine = mine
        self._waiting: list[Statement] = []
        # PostgreSQL changes a row once in a statement, and does not say which change it took.
        self._keys: dict[type[models.Model], set[Any]] = {}

    def add(self, sql: str, values: list[Any], model: type[models.Model], key: Any) -> None:
        keys = self._keys.get(model, set())
        if keys and (key is None or key in keys or None in keys):
            self.flush()
        self._keys.setdefault(model, set()).add(key)
        self._waiting.append((sql, values))

    def flush(self, *, commit: bool = False) -> None:
        """Make the changes; raises NotAsExpected where one of them is not that of one row."""
        waiting, self._waiting, self._keys = self._waiting, [], {}
        if not waiting:
            return
        parts = ", ".join(f"w{n} AS ({sql} RETURNING 1)" for n, (sql, _) in enumerate(waiting))
        # They are made in the order in which they are counted here. The database itself has to
        # refuse what is not as expected, where the end of the transaction is sent right behind.
        counts = " AND ".join(f"(SELECT count(*) FROM w{n}) = 1" for n in range(len(waiting)))
        sql = f"WITH {parts} SELECT 1 / CASE WHEN {counts} THEN 1 ELSE 0 END"
        try:
            _run(self._mine, [(sql, [value for _, each in waiting for value in each])], commit)
        except DataError as problem:
            if isinstance(problem.__cause__, DivisionByZero):
                raise NotAsExpected from problem
            raise

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
        is_all = not mine.in_atomic_block
        with suppress(NotAsExpected), transaction.atomic(), _putting_off(mine) as writes:
            done = work()
            # Django then finds nothing left to commit, and does what waits for that.
            writes.flush(commit=is_all and not mine.needs_rollback)
            return done
    with transaction.atomic():
        return work()


@contextmanager
def _putting_off(mine: Any) -> Iterator[Writes]:
    writes = Writes(mine)
    with mine.execute_wrapper(writes):
        mine.outreach_writes = writes
        try:
            yield writes
        finally:
            del mine.outreach_writes


def _put_off(mine: Any) -> Writes | None:
    return getattr(mine, "outreach_writes", None)


# Running


def _run(mine: Any, statements: Sequence[Statement], commit: bool = False) -> list[Answer]:
    """Run statements one after the other; to commit with the last is a favour, not a promise."""
    keeps_plans = mine.vendor == "postgresql" and settings.DATABASE_KEEPS_PLANS
    writes = _put_off(mine)
    # A log of statements, and whoever listens to them, get them from Django's cursor.
    listen = any(each is not writes for each in mine.execute_wrappers)
    if not keeps_plans or mine.queries_logged or listen:
        return [_run_alone(mine, *each) for each in statements]
    if writes:
        writes.flush()
    # As connection.cursor() and its execute() do, with a pipe that keeps plans and stays open.
    mine.close_if_health_check_failed()
    mine.ensure_connection()
    mine.validate_thread_sharing()
    mine.validate_no_broken_transaction()
    with mine.wrap_database_errors:
        return _pipe_of(mine.connection).run(statements, commit=commit)


def _run_alone(mine: Any, sql: str, values: Sequence[Any]) -> Answer:
    with closing(mine.cursor()) as cursor:
        cursor.execute(sql, values)
        gives_rows = cursor.description is not None
        # Django's own cursor turns the database's errors into Django's.
        with mine.wrap_database_errors:
            return Answer(cursor.fetchall() if gives_rows else [], cursor.rowcount)


def _pipe_of(opened: Any) -> Pipe:
    """Return the one pipe of a PostgreSQL connection."""
    pipe: Pipe | None = getattr(opened, "outreach_pipe", None)
    if pipe is None:
        pipe = opened.outreach_pipe = Pipe(opened)
    return pipe
