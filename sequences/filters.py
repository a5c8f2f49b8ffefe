"""The state of the table, all of it in the URL: ?status=replied&sort=last_sent_at:desc

Not a FilterSet: a mistyped value means the default here, the same state also counts the chips
and names a selection, and a form per request costs a third of the page's time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse

from outreach.models import Workspace
from sequences.engine import counts
from sequences.models import Contact, Enrollment, Sequence
from sequences.pages import Sort

LABELS = {
    "active": "Active",
    "pending_approval": "Pending approval",
    "replied": "Replied",
    "complete": "Complete",
    "archived": "Archived",
    "attention": "Needs attention",
}
DEFAULT = "active"
SORTS = {
    str(sort): sort
    for sort in (
        Sort("last_sent_at", descending=True, nullable=True),
        Sort("last_sent_at", descending=False, nullable=True),
        Sort("created_at", descending=True),
        Sort("created_at", descending=False),
    )
}
COLUMNS = {"last_sent_at": "Last sent", "created_at": "Created"}
ORDERS = {"last_sent_at": "last sent", "created_at": "created"}
WORDS = 5
# So many contacts are looked up first and their runs then by number; a search that finds more
# is frequent enough to be met soon while walking along the table's own index.
FEW = 1_000


@dataclass(frozen=True)
class TableFilter:
    """Which rows the table shows, and in which order."""

    workspace: Workspace
    chip: str = DEFAULT
    sort: Sort = SORTS["last_sent_at:desc"]
    query: str = ""
    sequence: Sequence | None = None

    @classmethod
    def read(cls, values: Mapping[str, Any], workspace: Workspace) -> "TableFilter":
        """Read a URL's parameters; what is unknown means the default."""
        chip = values.get("status", "")
        return cls(
            workspace,
            chip=chip if chip in LABELS else DEFAULT,
            sort=SORTS.get(values.get("sort", ""), cls.sort),
            query=" ".join(values.get("q", "").replace("\0", "").split())[:200],
            sequence=_sequence(values.get("sequence", ""), workspace),
        )

    def link(self, **changes: Any) -> str:
        """Return the address of this state with these changes; always from its first page."""
        address = reverse("sequences:table")
        return f"{address}?{replace(self, **changes).parameters()}"

    def parameters(self, **more: Any) -> str:
        """Write the state as a URL's parameters."""
        values = {"status": self.chip, "sort": str(self.sort)}
        if self.sequence is not None:
            values["sequence"] = str(self.sequence.pk)
        if self.query:
            values["q"] = self.query
        return urlencode(values | more, safe=":")

    @property
    def label(self) -> str:
        return LABELS[self.chip]

    @property
    def is_narrowed(self) -> bool:
        return bool(self.query) or self.sequence is not None

    @property
    def order(self) -> str:
        """Say the order: "last sent, newest first"."""
        way = "newest" if self.sort.descending else "oldest"
        return f"{ORDERS[self.sort.field]}, {way} first"

    @cached_property
    def found(self) -> QuerySet:
        """The rows of every chip that the search and the sequence leave."""
        rows: QuerySet = Enrollment.objects.within(self.workspace)
        if self.sequence is not None:
            rows = rows.filter(sequence=self.sequence)
        if self.query:
            rows = self._search(rows)
        return rows

    @cached_property
    def rows(self) -> QuerySet:
        """The rows of the current chip, in no order yet."""
        return counts.listed(self.found, self.chip)

    def numbers(self) -> dict[str, int]:
        """Count every chip of this state."""
        if self.query:
            return counts.chips_among(self.found)
        return counts.chips(self.workspace, self.sequence)

    def _search(self, rows: QuerySet) -> QuerySet:
        """Keep the runs of contacts in whom every word is found."""
        words = self.query.casefold().split()[:WORDS]
        contacts = Contact.objects.within(self.workspace).filter(
            *(Q(search__contains=word) for word in words)
        )
        ids = list(contacts.values_list("pk", flat=True)[: FEW + 1])
        if len(ids) <= FEW:
            return rows.filter(contact__in=ids)
        return rows.filter(*(Q(contact__search__contains=word) for word in words))


def is_id(text: str) -> bool:
    """Tell whether this may be the number of a row."""
    return text.isdecimal() and text.isascii() and len(text) < 19


def _sequence(value: str, workspace: Workspace) -> Sequence | None:
    if not is_id(value):
        return None
    return Sequence.objects.within(workspace).filter(pk=int(value)).first()
