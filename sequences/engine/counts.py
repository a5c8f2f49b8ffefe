"""How many rows each chip of the table lists: one round trip, exact up to 10,000."""

from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, QuerySet

from outreach.models import Workspace
from sequences.models import Enrollment, Reply, Sequence

# Exact up to here; beyond it a page says "10,000+".
LIMIT = 10_000
# A chip that holds this many is not counted again for a while: within that while it would have
# to lose half of its rows for "10,000+" to be untrue.
PLENTY = 2 * LIMIT
PLENTY_SECONDS = 30
# The sidebar says "999+".
SHELL_LIMIT = 1_000

CHIPS = ("active", "pending_approval", "replied", "complete", "archived", "attention")
AWAY = ("archived", "dropped")


def listed(rows: QuerySet, chip: str) -> QuerySet:
    """Keep the rows that a chip lists; dropped ones are in none."""
    if chip == "active":
        return rows.exclude(chip__in=AWAY)
    if chip == "attention":
        # Archived ones too: a mail of theirs may be left of which nobody knows.
        return rows.exclude(chip="dropped").exclude(blocked_by="")
    return rows.filter(chip=chip)


def chips(workspace: Workspace, sequence: Sequence | None = None) -> dict[str, int]:
    """Count what every chip lists; a number above LIMIT only says that there are more."""
    rows = Enrollment.objects.within(workspace)
    if sequence is not None:
        rows = rows.filter(sequence=sequence)
    keys = {chip: f"chips:{workspace.pk}:{sequence.pk if sequence else 0}:{chip}" for chip in CHIPS}
    plenty = cache.get_many(keys.values())
    counted = _count({chip: listed(rows, chip) for chip in CHIPS if keys[chip] not in plenty})
    for chip, number in counted.items():
        if number >= PLENTY:
            cache.set(keys[chip], True, PLENTY_SECONDS)
    return dict.fromkeys(CHIPS, LIMIT + 1) | counted


def chips_among(rows: QuerySet) -> dict[str, int]:
    """Count what every chip lists of a search's result, in one pass over it."""
    numbers = dict.fromkeys(CHIPS, 0)
    groups = rows.order_by().values_list("chip", "blocked_by").annotate(Count("pk"))
    for chip, blocked_by, number in groups:
        if chip in numbers:
            numbers[chip] += number
        if chip not in AWAY:
            numbers["active"] += number
        if chip != "dropped" and blocked_by:
            numbers["attention"] += number
    return numbers


def review(workspace: Workspace) -> int:
    """Count the runs that wait for a reviewer, up to SHELL_LIMIT."""
    rows = Enrollment.objects.within(workspace).filter(chip="pending_approval")
    return rows.filter(drafted_at__isnull=False)[:SHELL_LIMIT].count()


def inbox(workspace: Workspace) -> int:
    """Count the replies that wait for a person, up to SHELL_LIMIT."""
    return int(Reply.objects.within(workspace).open()[:SHELL_LIMIT].count())


def said(number: int) -> str:
    """Write a count as pages do.

    >>> said(412), said(10_000), said(10_001)
    ('412', '10,000', '10,000+')
    """
    return f"{number:,}" if number <= LIMIT else f"{LIMIT:,}+"


def _count(lists: dict[str, QuerySet]) -> dict[str, int]:
    """Count each list up to PLENTY, all in one statement."""
    if not lists:
        return {}
    parts: list[str] = []
    values: list[Any] = []
    for name, rows in lists.items():
        sql, params = rows.order_by().values("pk")[:PLENTY].query.sql_with_params()
        parts.append(f"SELECT %s AS name, COUNT(*) AS number FROM ({sql}) AS listed")
        values += [name, *params]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return dict(cursor.fetchall())
