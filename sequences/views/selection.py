"""What a person selected in the table: some rows, or everything that a filter matches."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import QueryDict

from outreach.requests import MemberRequest
from sequences.filters import TableFilter, is_id
from sequences.models import Enrollment

# So many at a time: a request that locks and logs every run must end before its reader gives up.
MOST = 200


@dataclass(frozen=True)
class Selection:
    """Runs that were selected; `fields` are the hidden fields that select them again."""

    rows: QuerySet
    is_filter: bool
    ids: list[int]
    filter: str

    @classmethod
    def read(cls, request: MemberRequest) -> "Selection":
        """Read ids=1&ids=2, or matching=1&filter=status=active."""
        selected = "ids" in request.POST or "matching" in request.POST
        values = request.POST if selected else request.GET
        mine = Enrollment.objects.within(request.workspace).filter(dropped_at__isnull=True)
        parameters = values.get("filter", "")
        if values.get("matching") == "1":
            state = TableFilter.read(QueryDict(parameters), request.workspace)
            return cls(state.rows, True, [], parameters)
        ids = [int(text) for text in values.getlist("ids") if is_id(text)]
        ids = list(dict.fromkeys(ids))
        return cls(mine.filter(pk__in=ids), False, ids, parameters)

    def able(self, statuses: Collection[str]) -> QuerySet:
        """Keep the runs whose status the verb starts from, in a stable order."""
        return self.rows.filter(status__in=statuses).order_by("pk")

    @property
    def fields(self) -> list[tuple[str, str]]:
        if self.is_filter:
            return [("matching", "1"), ("filter", self.filter)]
        return [("ids", str(pk)) for pk in self.ids]
