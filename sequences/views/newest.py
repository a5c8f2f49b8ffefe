"""Pages of records, newest first, by key: a new one above moves nothing."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from outreach.requests import MemberRequest

SIZE = 50
COUNTED = 10_000


@dataclass(frozen=True)
class Newest:
    """One page, and the addresses of those beside it."""

    rows: list[Any]
    total: int
    first: int
    previous_url: str
    next_url: str

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0

    @property
    def total_said(self) -> str:
        return f"{self.total:,}" if self.total <= COUNTED else f"{COUNTED:,}+"


def newest(request: MemberRequest, rows: QuerySet) -> Newest:
    """Return the page that ?after= or ?before= names, else the first."""
    after, before = _key(request, "after"), _key(request, "before")
    if before is not None:
        found = list(rows.filter(pk__gt=before).order_by("pk")[: SIZE + 1])
        earlier = len(found) > SIZE
        if earlier:
            return _page(request, rows, found[:SIZE][::-1], earlier=True, later=True)
        # Fewer than a page are left: that is the first page.
        after = None
    older = rows.filter(pk__lt=after) if after is not None else rows
    shown = list(older.order_by("-pk")[: SIZE + 1])
    if not shown and after is not None:
        shown, after = list(rows.order_by("-pk")[: SIZE + 1]), None
    return _page(request, rows, shown[:SIZE], earlier=after is not None, later=len(shown) > SIZE)


def _page(
    request: MemberRequest, rows: QuerySet, shown: list[Any], *, earlier: bool, later: bool
) -> Newest:
    total = rows.order_by()[: COUNTED + 1].count()
    first = rows.filter(pk__gt=shown[0].pk).count() + 1 if earlier else int(bool(shown))
    return Newest(
        rows=shown,
        total=total,
        first=first,
        previous_url=_link(request, before=shown[0].pk) if earlier else "",
        next_url=_link(request, after=shown[-1].pk) if later else "",
    )


def _key(request: MemberRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else None


def _link(request: MemberRequest, **key: int) -> str:
    query = request.GET.copy()
    for name in ("after", "before"):
        query.pop(name, None)
    query.update({name: str(value) for name, value in key.items()})
    return f"{request.path}?{query.urlencode()}"
