"""Pages by key: page 2,000 costs what page 1 costs, and a new row above moves nothing.

NULLs come last, whichever way the table is sorted. An index cannot serve that order in one
piece, so a page is read from up to two ranges: the rows with a value, then those without.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

from sequences.engine import counts

SIZE = 50
LARGEST = 2**63 - 1
# What a column of amounts holds, in hundredths.
LARGEST_AMOUNT = 10**12 - 1


@dataclass(frozen=True)
class Sort:
    """An order of a table: a column of times or amounts, one way or the other, ties by id."""

    field: str
    descending: bool = True
    nullable: bool = False
    is_amount: bool = False

    def __str__(self) -> str:
        return f"{self.field}:{'desc' if self.descending else 'asc'}"

    def order(self, rows: QuerySet, *, backwards: bool = False) -> QuerySet:
        sign = "-" if self.descending != backwards else ""
        return rows.order_by(f"{sign}{self.field}", f"{sign}pk")

    def beyond(self, rows: QuerySet, key: "Key", *, backwards: bool = False) -> QuerySet:
        """Keep what comes after the key, within the key's own range."""
        smaller = self.descending != backwards
        if key.value is None:
            return rows.filter(**{"pk__lt" if smaller else "pk__gt": key.pk})
        lookup = TupleLessThan if smaller else TupleGreaterThan
        return rows.filter(lookup(Tuple(F(self.field), F("pk")), (key.value, key.pk)))


@dataclass(frozen=True)
class Key:
    """A row's place in a sorted table, and how many rows a reader has left behind before it."""

    value: datetime | Decimal | None
    pk: int
    number: int

    def write(self, sort: Sort) -> str:
        """Return the key as it stands in a link; it holds for this order only."""
        value = "" if self.value is None else str(_whole(self.value))
        text = f"{sort}/{value}/{self.pk}/{self.number}"
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, sort: Sort) -> "Key | None":
        """Read a key; None for one that is damaged or belongs to another order."""
        try:
            decoded = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)).decode()
            order, value, pk, number = decoded.split("/")
            read = _amount if sort.is_amount else _instant
            key = cls(read(int(value)) if value else None, int(pk), int(number))
        except (NotBase64, ValueError, OverflowError):
            return None
        sane = 0 <= key.pk <= LARGEST and 0 <= key.number <= LARGEST
        fits = key.value is not None or sort.nullable
        return key if sane and fits and order == str(sort) else None


@dataclass(frozen=True)
class Page:
    """Some rows of a table, and the keys of what lies before and after them."""

    rows: list[dict[str, Any]]
    before: int
    previous: str = ""
    next: str = ""

    @property
    def first(self) -> int:
        return self.before + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return self.before + len(self.rows)

    def moved_to(self, before: int) -> "Page":
        """Return this page with another number of rows before it."""
        return replace(self, before=max(0, before))


def page(rows: QuerySet, sort: Sort, *, after: str = "", before: str = "") -> Page:
    """Return the page that a link names; a key that cannot be read means the first page.

    `rows` is a queryset of dicts that carry `pk` and the column that is sorted by.
    """
    if key := Key.read(before, sort) if before else None:
        found = _take(rows, sort, key, backwards=True)
        if len(found) > SIZE:
            number = max(1, key.number - SIZE)
            return _between(found[:SIZE][::-1], sort, number, earlier=True, later=True)
        # Fewer rows are left before it than make a page: that is the first page.
        key = None
    else:
        key = Key.read(after, sort) if after else None
    found = _take(rows, sort, key)
    later = len(found) > SIZE
    if key is None:
        return _between(found[:SIZE], sort, 0, earlier=False, later=later)
    if not found:
        return page(rows, sort)
    return _between(found[:SIZE], sort, key.number, earlier=True, later=later)


def numbered(found: Page, number: int) -> Page:
    """On the last page count from the end, so that its last row has the number of the chip."""
    if found.next or number > counts.LIMIT:
        return found
    return found.moved_to(number - len(found.rows)) if found.previous else found


def total(found: Page, number: int) -> str:
    """Say how many rows there are, as far as anybody counted."""
    if number <= counts.LIMIT:
        return f"{max(number, found.last):,}"
    if found.next:
        return f"{max(counts.LIMIT, found.last):,}+"
    return f"{found.last:,}"


def headers(
    columns: Mapping[str, str], current: Sort, link: Callable[[str], str]
) -> dict[str, dict[str, str]]:
    """Return the columns that sort: a second click turns the order around."""
    found = {}
    for field, label in columns.items():
        is_current = current.field == field
        goes_down = is_current and current.descending
        found[field] = {
            "label": label,
            "aria": ("descending" if goes_down else "ascending") if is_current else "none",
            "icon": "arrow-up" if is_current and not goes_down else "arrow-down",
            "url": link(f"{field}:{'asc' if goes_down else 'desc'}"),
        }
    return found


def _between(
    rows: list[dict[str, Any]], sort: Sort, number: int, *, earlier: bool, later: bool
) -> Page:
    def key(row: dict[str, Any], left_behind: int) -> str:
        return Key(row[sort.field], row["pk"], left_behind).write(sort)

    return Page(
        rows,
        number,
        previous=key(rows[0], number) if earlier else "",
        next=key(rows[-1], number + len(rows)) if later else "",
    )


def _take(
    rows: QuerySet, sort: Sort, key: Key | None, *, backwards: bool = False
) -> list[dict[str, Any]]:
    """Read one row more than a page, from the key on, across the two ranges."""
    found: list[dict[str, Any]] = []
    for part in _ranges(rows, sort, key, backwards=backwards):
        found += sort.order(part, backwards=backwards)[: SIZE + 1 - len(found)]
        if len(found) > SIZE:
            break
    return found


def _ranges(rows: QuerySet, sort: Sort, key: Key | None, *, backwards: bool) -> list[QuerySet]:
    if not sort.nullable:
        return [rows if key is None else sort.beyond(rows, key, backwards=backwards)]
    filled = rows.filter(**{f"{sort.field}__isnull": False})
    empty = rows.filter(**{f"{sort.field}__isnull": True})
    ranges = [empty, filled] if backwards else [filled, empty]
    if key is None:
        return ranges
    if (key.value is None) != backwards:
        # The key lies in the range that is read last.
        ranges = ranges[1:]
    return [sort.beyond(ranges[0], key, backwards=backwards), *ranges[1:]]


def _whole(value: datetime | Decimal) -> int:
    """Write a time in microseconds, an amount in hundredths."""
    if isinstance(value, Decimal):
        return int(value * 100)
    seconds = int(value.replace(microsecond=0).timestamp())
    return seconds * 1_000_000 + value.microsecond


def _instant(microseconds: int) -> datetime:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def _amount(hundredths: int) -> Decimal:
    if abs(hundredths) > LARGEST_AMOUNT:
        raise ValueError(hundredths)
    return Decimal(hundredths) / 100
