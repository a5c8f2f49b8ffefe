"""How the invariants look at the database: at one moment, and without being able to write."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from mailboxes.models import Mailbox
from sequences.engine.invariants.journal import Journal
from sequences.models import Touch

SETTLES_WITHIN = timedelta(minutes=20)
MOST_NAMED = 20
# A wire mark has the database's time, an event that of the machine it was logged on.
CLOCKS_APART = timedelta(seconds=1)
# A provider's clock is not ours.
PROVIDER_APART = timedelta(minutes=1)
ROWS_AT_ONCE = 2000


@dataclass(frozen=True)
class Look:
    """One look: at which moment, at whose rows, and what providers say they took.

    `since` is the beginning of a journal that does not hold everything.
    """

    at: datetime
    older_than: timedelta = SETTLES_WITHIN
    workspace: int | None = None
    journal: Journal | None = None
    since: datetime | None = None

    @property
    def before(self) -> datetime:
        """What is older has had the time to settle."""
        return self.at - self.older_than

    # For statements

    def names(self, sql: str, **values: Any) -> Iterator[str]:
        """Yield the first column of what a statement finds."""
        return (str(row[0]) for row in self.rows(sql, **values))

    def rows(self, sql: str, **values: Any) -> Iterator[tuple]:
        """Yield what a statement finds, holding little of it in memory at a time."""
        if "%(journal)s" in sql:
            values["journal"] = self.journal.as_json() if self.journal else "[]"
        for name, value in values.items():
            if isinstance(value, datetime):
                values[name] = connection.ops.adapt_datetimefield_value(value)
        with connection.chunked_cursor() as cursor:
            cursor.execute(sql, values)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield from rows

    def mine(self, alias: str, column: str = "workspace_id") -> str:
        """Keep the rows of the workspace that is looked at."""
        return f"AND {alias}.{column} = {int(self.workspace)}" if self.workspace else ""

    def after(self, later: str, earlier: str) -> str:
        """Say that one time is after another, by more than clocks can be apart."""
        if connection.vendor == "sqlite":
            return f"{later} > {earlier}"  # One machine, one clock.
        return f"{later} > {earlier} + interval '{CLOCKS_APART.total_seconds()} seconds'"

    def by(self, time: str) -> str:
        """Give a provider's time what its clock may be behind ours."""
        seconds = int(PROVIDER_APART.total_seconds())
        if connection.vendor == "sqlite":
            return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', {time}, '+{seconds} seconds')"
        return f"{time} + interval '{seconds} seconds'"

    def domain(self, address: str) -> str:
        """What stands after the @."""
        where = "instr" if connection.vendor == "sqlite" else "strpos"
        return f"substr({address}, {where}({address}, '@') + 1)"

    # For querysets

    def touches(self) -> QuerySet[Touch]:
        return self.within(Touch.objects.all(), "enrollment__workspace")

    def within(self, rows: QuerySet, path: str = "workspace") -> QuerySet:
        """Keep the rows of the workspace that is looked at."""
        return rows.filter(**{path: self.workspace}) if self.workspace else rows

    # The provider's own journal

    @property
    def taken(self) -> str:
        """Begin a statement with `delivery`: what providers took, and for which touch.

        By our Message-ID, by the one that the provider gave it, or by the reference header that a
        journal's line quotes; served by message_id_once and touch_wire_id. What is not ours has
        no touch. The cast lets SQLite index what it has collected.
        """
        scoped = ""
        if self.workspace:
            scoped = f"""
                WHERE coalesce(own.id, renamed.id, named.id) IS NULL OR EXISTS (
                    SELECT 1 FROM sequences_enrollment e WHERE e.id = coalesce(
                        own.enrollment_id, renamed.enrollment_id, named.enrollment_id)
                    {self.mine("e")})"""
        return f"""
            WITH journal AS (
                SELECT 'mail ' || s.id AS name, s.mailbox_id AS mailbox_id,
                       lower(m.email) AS mailbox, s.message_id AS message_id,
                       s.recipient AS recipient, s.accepted_at AS accepted_at,
                       '' AS sha256, CAST(NULL AS bigint) AS touch
                FROM mailboxes_sandboxmail s JOIN mailboxes_mailbox m ON m.id = s.mailbox_id
                WHERE s.accepted_at IS NOT NULL {self.mine("m")}
                UNION ALL {_LINES[connection.vendor]}
            ), delivery AS MATERIALIZED (
                SELECT j.name, j.mailbox_id, j.mailbox, j.message_id, j.recipient, j.accepted_at,
                       j.sha256,
                       CAST(coalesce(own.id, renamed.id, named.id) AS bigint) AS touch_id
                FROM journal j
                LEFT JOIN sequences_touch own
                    ON own.message_id = j.message_id AND NOT (own.message_id = '')
                LEFT JOIN sequences_touch renamed
                    ON renamed.wire_message_id = j.message_id
                    AND NOT (renamed.wire_message_id = '') AND own.id IS NULL
                LEFT JOIN sequences_touch named
                    ON named.id = j.touch AND own.id IS NULL AND renamed.id IS NULL
                {scoped}
            )"""

    def told(self, alias: str) -> str:
        """Keep the mailboxes whose provider tells what it took."""
        listed = sorted(self.journal.mailboxes) if self.journal else []
        also = f" OR {alias}.id IN ({', '.join(map(str, listed))})" if listed else ""
        return f"({alias}.provider = 'sandbox'{also})"

    def untold(self) -> QuerySet[Mailbox]:
        """Return the mailboxes that have sent and whose provider nobody has asked."""
        listed = self.journal.mailboxes if self.journal else ()
        told = Q(provider=Mailbox.Provider.SANDBOX) | Q(pk__in=listed)
        sent = self.within(Mailbox.everywhere.filter(last_sent_at__isnull=False))
        return sent.exclude(told).order_by("pk")

    def anything_told(self) -> bool:
        """Tell whether any provider says what it took."""
        if self.journal is not None:
            return True
        sandboxes = Mailbox.everywhere.filter(provider=Mailbox.Provider.SANDBOX)
        return self.within(sandboxes).exists()


_LINES = {
    "postgresql": """
        SELECT 'line ' || f.line, NULL::bigint, f.mailbox, f.message_id, f.recipient,
               f.accepted_at, f.sha256, f.touch
        FROM json_to_recordset(%(journal)s::json) AS f(
            line integer, mailbox text, message_id text, recipient text,
            accepted_at timestamptz, sha256 text, touch bigint)""",
    "sqlite": """
        SELECT 'line ' || json_extract(f.value, '$.line'), NULL,
               json_extract(f.value, '$.mailbox'), json_extract(f.value, '$.message_id'),
               json_extract(f.value, '$.recipient'), json_extract(f.value, '$.accepted_at'),
               json_extract(f.value, '$.sha256'), json_extract(f.value, '$.touch')
        FROM json_each(%(journal)s) f""",
}


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that is always true of the product's records, and how to find what is not."""

    code: str
    promise: str
    find: Callable[[Look], Iterator[str]]
    needs_journal: bool = False

    def offenders(self, look: Look) -> tuple[list[str], bool]:
        """Return the first records that break it, and whether there are more."""
        found = list(islice(self.find(look), MOST_NAMED + 1))
        return found[:MOST_NAMED], len(found) > MOST_NAMED


INVARIANTS: dict[str, Invariant] = {}


def invariant(
    code: str, promise: str, *, needs_journal: bool = False
) -> Callable[[Callable[[Look], Iterator[str]]], Callable[[Look], Iterator[str]]]:
    """Enter a search for offenders under its code."""

    def enter(find: Callable[[Look], Iterator[str]]) -> Callable[[Look], Iterator[str]]:
        INVARIANTS[code] = Invariant(code, promise, find, needs_journal)
        return find

    return enter


@contextmanager
def reading() -> Iterator[None]:
    """Look at one moment of the database, which refuses every write meanwhile.

    Writers go on beside it. Inside a transaction of the caller the moment is the caller's.
    """
    if connection.vendor == "sqlite":
        with _reading_sqlite():
            yield
        return
    inside = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        isolation = "" if inside else "ISOLATION LEVEL REPEATABLE READ "
        cursor.execute(f"SET TRANSACTION {isolation}READ ONLY")
        # All that is found is read, not the first of it.
        cursor.execute("SET LOCAL cursor_tuple_fraction = 1")
        yield


@contextmanager
def _reading_sqlite() -> Iterator[None]:
    # Django would begin an immediate transaction, which keeps every writer waiting.
    begins = not connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        try:
            if begins:
                cursor.execute("BEGIN DEFERRED")
            yield
        finally:
            if begins:
                cursor.execute("ROLLBACK")
            cursor.execute("PRAGMA query_only = OFF")
