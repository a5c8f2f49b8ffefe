"""Which deals the page lists, all of it in the URL, and what each of its rows says."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.urls import reverse

from outreach.models import Workspace
from sequences import rows
from sequences.engine import counts
from sequences.filters import WORDS, is_id
from sequences.models import Deal, Reply
from sequences.pages import Sort
from sequences.rules import money

CHIPS = {"open": "Open", **dict(Deal.Stage.choices), "all": "All"}
DEFAULT = "open"
COLUMNS = {"value": "Value", "created_at": "Opened", "updated_at": "Last changed"}
SORTS = {
    str(sort): sort
    for way in (True, False)
    for sort in (
        Sort("created_at", descending=way),
        Sort("updated_at", descending=way),
        Sort("value", descending=way, nullable=True, is_amount=True),
    )
}
ORDERS = {
    "created_at": ("newest first", "oldest first"),
    "updated_at": ("last changed first", "longest unchanged first"),
    "value": ("largest first", "smallest first"),
}
FIELDS = (
    "pk",
    "title",
    "stage",
    "value",
    "currency",
    "created_at",
    "updated_at",
    "contact_id",
    "contact__first_name",
    "contact__last_name",
    "contact__email",
    "contact__title",
    "company__name",
    "company__domain",
    "enrollment_id",
    "enrollment__dropped_at",
    "enrollment__sequence_id",
    "enrollment__sequence__name",
)
# Sums of more currencies than this are no longer read at a glance.
MOST_CURRENCIES = 4


@dataclass(frozen=True)
class State:
    """?stage=meeting&sort=value:desc&q=globex, or ?deal=7 for a single one."""

    workspace: Workspace
    chip: str = DEFAULT
    sort: Sort = SORTS["created_at:desc"]
    query: str = ""
    deal: int | None = None

    @classmethod
    def read(cls, values: Mapping[str, Any], workspace: Workspace) -> "State":
        """Read a URL's parameters; what is unknown means the default."""
        chip, deal = values.get("stage", ""), values.get("deal", "")
        return cls(
            workspace,
            chip="all" if is_id(deal) else chip if chip in CHIPS else DEFAULT,
            sort=SORTS.get(values.get("sort", ""), cls.sort),
            query=" ".join(values.get("q", "").replace("\0", "").split())[:200],
            deal=int(deal) if is_id(deal) else None,
        )

    def link(self, **changes: Any) -> str:
        """Return the address of this state with these changes; always from its first page."""
        return f"{reverse('sequences:deals')}?{replace(self, **changes).parameters()}"

    def parameters(self, **more: Any) -> str:
        """Write the state as a URL's parameters."""
        values = {"stage": self.chip, "sort": str(self.sort)}
        if self.query:
            values["q"] = self.query
        if self.deal:
            values["deal"] = str(self.deal)
        return urlencode(values | more, safe=":")

    @property
    def label(self) -> str:
        return CHIPS[self.chip]

    @property
    def order(self) -> str:
        return ORDERS[self.sort.field][not self.sort.descending]

    @cached_property
    def found(self) -> QuerySet:
        """The deals of every chip that the search leaves."""
        found: QuerySet = Deal.objects.within(self.workspace)
        for word in self.query.split()[:WORDS]:
            found = found.filter(
                Q(title__icontains=word)
                | Q(company__name__icontains=word)
                | Q(contact__search__contains=word.casefold())
            )
        return found

    @cached_property
    def rows(self) -> QuerySet:
        """The deals of the current chip, or the single one, in no order yet."""
        if self.deal is not None:
            return self.found.filter(pk=self.deal)
        if self.chip == "all":
            return self.found
        stages = Deal.OPEN if self.chip == "open" else [self.chip]
        return self.found.filter(stage__in=stages)

    @cached_property
    def sums(self) -> dict[str, "Sums"]:
        """What every chip lists, and what that is worth."""
        found: dict[str, Sums] = defaultdict(Sums)
        groups = self.found.order_by().values_list("stage", "currency")
        for stage, currency, number, worth in groups.annotate(Count("pk"), Sum("value")):
            chips = [stage, "all", *(["open"] if stage in Deal.OPEN else [])]
            for chip in chips:
                found[chip] = found[chip].plus(number, currency, worth)
        return found


@dataclass(frozen=True)
class Sums:
    """How many deals there are, and what they are worth in each currency."""

    number: int = 0
    worth: tuple[tuple[str, Decimal], ...] = ()

    def plus(self, number: int, currency: str, worth: Decimal | None) -> "Sums":
        if not worth:
            return Sums(self.number + number, self.worth)
        amounts = dict(self.worth)
        amounts[currency] = amounts.get(currency, Decimal(0)) + worth
        return Sums(self.number + number, tuple(amounts.items()))

    @property
    def said(self) -> str:
        """Say the amounts, the largest first: "12,000.00 EUR and 900.00 USD"."""
        amounts = sorted(self.worth, key=lambda each: (-each[1], each[0]))
        words = [money.said(worth, currency) for currency, worth in amounts[:MOST_CURRENCIES]]
        if len(amounts) > MOST_CURRENCIES:
            words.append("more in other currencies")
        return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def chips(state: State) -> list[dict[str, Any]]:
    """Return the chips, and how many deals each would list."""
    return [
        {
            "key": key,
            "label": label,
            "number": counts.said(state.sums[key].number),
            "url": state.link(chip=key, deal=None),
            "current": key == state.chip and state.deal is None,
        }
        for key, label in CHIPS.items()
    ]


def of(found: QuerySet) -> QuerySet:
    """Read from these deals what `formatted` needs."""
    answers = Reply.everywhere.filter(enrollment=OuterRef("enrollment_id"))
    latest = Subquery(answers.order_by("-received_at", "-pk").values("pk")[:1])
    return found.annotate(reply=latest).values(*FIELDS, "reply")


def formatted(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Format rows as the page shows them."""
    return [_row(row) for row in found]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    # A prospect that was removed is shown nowhere; their deal stays.
    run = row["enrollment_id"] if row["enrollment__dropped_at"] is None else None
    person = rows.name_of(row) if row["contact_id"] or row["enrollment_id"] else ""
    company = row["company__name"] or row["company__domain"] or ""
    about = [person, row["contact__title"] or "", company]
    return {
        "pk": row["pk"],
        "title": row["title"],
        "about": " · ".join(part for part in about if part),
        "person": person or row["title"],
        "stage": row["stage"],
        "label": Deal.Stage(row["stage"]).label,
        "value": row["value"],
        "currency": row["currency"],
        "worth": money.said(row["value"], row["currency"]),
        "run": run,
        "contact": row["contact_id"],
        "reply": row["reply"] if run else None,
        "sequence": row["enrollment__sequence__name"] if run else "",
        "sequence_pk": row["enrollment__sequence_id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
