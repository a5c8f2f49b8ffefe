"""Statements that go to PostgreSQL one behind the other, and whose plans it keeps.

A statement that waits for the answer to the one before costs both sides a switch to the other;
sent together they cost one. psycopg's own pipeline and cursors do the same at several times the
work in Python, so this speaks to libpq as they do, with psycopg's adapters.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg import errors, generators
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import Loader, PyFormat, Transformer
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.types.numeric import Int8BinaryDumper

PLACE = re.compile(r"%([s%])")
# A plan that is kept is made for any values, at once and not after five for those of the moment;
# and not for a table as small as it is now, because nobody plans anew while it grows.
PLANS_TO_KEEP = (
    b"SET plan_cache_mode = force_generic_plan",
    b"SET enable_seqscan = off",
    b"SET jit = off",
)
PLANS_AS_USUAL = (b"RESET enable_seqscan", b"RESET jit")
# A plan that fits the tables no longer, or that somebody made the connection forget.
OUTDATED = (errors.FeatureNotSupported, errors.InvalidSqlStatementName)
Statement = tuple[str, Sequence[Any]]


class Answer(NamedTuple):
    """What a statement gave: its rows, and how many it changed."""

    rows: list[tuple[Any, ...]]
    changed: int


class Pipe:
    """The way of compiled statements to the database, over one connection of psycopg's."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        # The stubs describe it without its arguments.
        cursor: Any = ServerBindingCursor
        context = cursor(opened)
        context.adapters.register_loader("jsonb", _Unread)
        # Of one width: PostgreSQL plans a statement anew for other types of its values.
        context.adapters.register_dumper(int, Int8BinaryDumper)
        self._adapt = Transformer(context)
        # What PostgreSQL has planned, by its text and the types of its values.
        self._planned: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self._names = count()

    def run(self, statements: Sequence[Statement], *, commit: bool = False) -> list[Answer]:
        """Run statements in their order, in the open transaction or in one that begins here.

        What follows one that fails is not run. `commit` ends the transaction if none has failed.
        Raises psycopg's errors.
        """
        sent: list[_Sent] = []
        line = self._opened.pgconn
        try:
            line.enter_pipeline_mode()
            if self._begins:
                _say(line, sent, b"BEGIN")
            for sql, values in statements:
                self._send(line, sql, values, sent)
            if commit:
                _say(line, sent, b"COMMIT")
            line.pipeline_sync()
            found = self._opened.wait(_fetch(line, len(sent)))
            line.exit_pipeline_mode()
        except BaseException:
            # Between two answers nobody could tell whose the next one is.
            self._opened.close()
            raise
        self._raise_first(sent, found)
        return [
            self._read(result)
            for each, result in zip(sent, found, strict=True)
            if each.is_statement
        ]

    @property
    def _begins(self) -> bool:
        is_idle = self._opened.pgconn.transaction_status == TransactionStatus.IDLE
        return is_idle and not self._opened.autocommit

    def _send(self, line: PGconn, sql: str, values: Sequence[Any], sent: list["_Sent"]) -> None:
        params = self._adapt.dump_sequence(values, [PyFormat.AUTO] * len(values))
        key = sql, self._adapt.types or ()
        name = self._planned.get(key)
        is_new = name is None
        if name is None:
            name = self._planned[key] = b"outreach_%d" % next(self._names)
            _say(line, sent, *PLANS_TO_KEEP)
            line.send_prepare(name, _numbered(sql), self._adapt.types)
            sent.append(_Sent(plans=key))
        line.send_query_prepared(name, params, self._adapt.formats, result_format=Format.BINARY)
        sent.append(_Sent(is_statement=True))
        if is_new:
            _say(line, sent, *PLANS_AS_USUAL)

    def _raise_first(self, sent: Sequence["_Sent"], found: Sequence[PGresult]) -> None:
        failed = next((each for each in found if each.status == ExecStatus.FATAL_ERROR), None)
        if failed is None:
            return
        problem = errors.error_from_result(failed, encoding=self._adapt.encoding)
        if isinstance(problem, OUTDATED):
            self._planned.clear()
        for each in sent:
            if each.plans:
                self._planned.pop(each.plans, None)
        raise problem

    def _read(self, result: PGresult) -> Answer:
        changed = result.command_tuples or 0
        if result.status != ExecStatus.TUPLES_OK:
            return Answer([], changed)
        self._adapt.set_pgresult(result, format=Format.BINARY)
        return Answer(self._adapt.load_rows(0, result.ntuples, tuple), changed)


class _Sent(NamedTuple):
    """One thing that was sent, and that is answered."""

    is_statement: bool = False
    plans: tuple[str, tuple[int, ...]] | None = None


def _say(line: PGconn, sent: list[_Sent], *commands: bytes) -> None:
    for command in commands:
        line.send_query_params(command, None)
        sent.append(_Sent())


def _fetch(line: PGconn, many: int) -> PQGen[list[PGresult]]:
    """Send what is in the pipeline, and wait for so many answers and for its end."""
    yield from generators.send(line)
    found = []
    for _ in range(many):
        found += yield from generators.fetch_many(line)
    yield from generators.fetch_many(line)
    return found


@lru_cache(maxsize=1000)
def _numbered(sql: str) -> bytes:
    """Return a statement with its places as PostgreSQL counts them.

    >>> _numbered("SELECT %s LIKE %s || '%%'")
    b"SELECT $1 LIKE $2 || '%'"
    """
    places = count(1)
    return PLACE.sub(lambda found: f"${next(places)}" if found[1] == "s" else "%", sql).encode()


class _Unread(Loader):
    """Leaves JSON to Django's field, as Django's own connections do."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        # A byte in front says which version of the format it is.
        return bytes(data[1:]).decode()
