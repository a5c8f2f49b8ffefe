"""Which contacts a page shows or a selection means; all of it in the URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from outreach.models import Workspace
from outreach.requests import MemberRequest
from sequences.filters import is_id
from sequences.models import Contact, ContactList

WORDS = 5
# So many at a time: a request that locks every run of them must end before its reader gives up.
MOST = 1_000


@dataclass(frozen=True)
class ContactFilter:
    """?q=ana&list=3&status=new; what is unknown means everything."""

    workspace: Workspace
    query: str = ""
    list: ContactList | None = None
    status: str = ""

    @classmethod
    def read(cls, values: Mapping[str, Any], workspace: Workspace) -> "ContactFilter":
        number = values.get("list", "")
        lists = ContactList.objects.within(workspace)
        status = values.get("status", "")
        return cls(
            workspace,
            query=" ".join(values.get("q", "").replace("\0", "").split())[:200],
            list=lists.filter(pk=number).first() if is_id(number) else None,
            status=status if status in Contact.Status.values else "",
        )

    @property
    def rows(self) -> QuerySet:
        rows = Contact.objects.within(self.workspace)
        if self.list is not None:
            # Not a join: the page walks along the contacts' own order.
            inside = ContactList.contacts.through.objects.filter(contactlist=self.list)
            rows = rows.filter(pk__in=inside.values("contact_id"))
        if self.status:
            rows = rows.filter(status=self.status)
        for word in self.query.casefold().split()[:WORDS]:
            rows = rows.filter(search__contains=word)
        return rows

    @property
    def parameters(self) -> str:
        values = {
            "q": self.query,
            "list": str(self.list.pk) if self.list else "",
            "status": self.status,
        }
        return urlencode({name: value for name, value in values.items() if value})

    @property
    def is_narrowed(self) -> bool:
        return bool(self.parameters)

    @property
    def is_one_list(self) -> bool:
        return self.list is not None and not self.query and not self.status

    @property
    def said(self) -> str:
        """Name what narrows the table: “ana” in the list Spring, with the status New."""
        parts = [f"“{self.query}”" if self.query else "any contact"]
        if self.list:
            parts.append(f"in the list {self.list.name}")
        if self.status:
            parts.append(f"with the status {Contact.Status(self.status).label}")
        return " ".join(parts)


@dataclass(frozen=True)
class Picked:
    """Contacts that a person selected; `fields` are the hidden fields that select them again."""

    rows: QuerySet
    ids: list[int]
    filter: ContactFilter | None = None

    @classmethod
    def read(cls, request: MemberRequest) -> "Picked":
        """Read ids=1&ids=2, or matching=1&filter=q=ana."""
        if request.POST.get("matching") == "1":
            state = ContactFilter.read(QueryDict(request.POST.get("filter", "")), request.workspace)
            return cls(state.rows, [], state)
        ids = [int(text) for text in request.POST.getlist("ids") if is_id(text)]
        ids = list(dict.fromkeys(ids))[:MOST]
        return cls(Contact.objects.within(request.workspace).filter(Q(pk__in=ids)), ids)

    @property
    def fields(self) -> list[tuple[str, str]]:
        if self.filter is not None:
            return [("matching", "1"), ("filter", self.filter.parameters)]
        return [("ids", str(pk)) for pk in self.ids]
