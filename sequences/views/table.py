"""The Sequences table: every prospect's run, and what needs a person."""

import json
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from outreach.access import needs
from outreach.htmx import page_or_part, wants_part
from outreach.models import Membership
from outreach.requests import MemberRequest
from outreach.times import now
from outreach.views.shell import STOP_POLLING
from sequences import pages, rows
from sequences.engine import counts
from sequences.filters import COLUMNS, LABELS, SORTS, TableFilter, is_id
from sequences.models import Enrollment, Sequence
from sequences.views import drawer

MOST_SEQUENCES = 200


@require_GET
@needs("viewer")
def table(request: MemberRequest) -> HttpResponse:
    """Show one page of the table; the chip, the order, the search and the page are in the URL."""
    state = TableFilter.read(request.GET, request.workspace)
    context = _context(request, state)
    status = 200
    if not wants_part(request):
        context |= _rail(request, state)
        status = _open(request, context)
    answer = page_or_part(
        request, "sequences/table.html", "sequences/_table_answer.html", context, status=status
    )
    if wants_part(request):
        answer["HX-Trigger"] = json.dumps({"announce": context["announcement"]})
    return answer


@never_cache
@require_GET
def updates(request: MemberRequest) -> HttpResponse:
    """Say how many of the rows that a page shows have changed since; moves nothing."""
    if request.membership is None:
        # Signed out: a redirect from here would throw away what is being typed on the page.
        return HttpResponse(status=STOP_POLLING)
    state = TableFilter.read(request.GET, request.workspace)
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    shown = dict(_seen(request.GET))
    wanted = ("pk", "updated_at", state.sort.field)
    fresh = pages.page(state.rows.values(*wanted), state.sort, after=after, before=before).rows
    gone = shown.keys() - {row["pk"] for row in fresh}
    left = Enrollment.objects.within(request.workspace).filter(pk__in=gone)
    since = request.GET.get("since", "")
    changed = sum(
        rows.version(row) != shown[row["pk"]]
        if row["pk"] in shown
        else rows.microseconds(row["updated_at"]) > since
        for row in [*fresh, *left.values("pk", "updated_at")]
    )
    context = {"changed": changed, "url": _here(state, after=after, before=before)}
    return render(request, "sequences/_updates.html", context)


def _seen(query: QueryDict) -> list[tuple[int, str]]:
    """Read the rows that the page shows, each with its version."""
    found = []
    for text in query.getlist("seen")[: 2 * pages.SIZE]:
        pk = text.partition(".")[0]
        if is_id(pk):
            found.append((int(pk), text))
    return found


def _context(request: MemberRequest, state: TableFilter) -> dict[str, Any]:
    at = now()
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    numbers = state.numbers()
    page = pages.numbered(
        pages.page(rows.of(state.rows), state.sort, after=after, before=before),
        numbers[state.chip],
    )
    total = pages.total(page, numbers[state.chip])
    membership = request.membership
    return {
        "state": state,
        "rows": rows.formatted(page.rows, membership),
        "page": page,
        "total": total,
        "pager": {
            "first": f"{page.first:,}",
            "last": f"{page.last:,}" if page.rows else "",
            "total": total,
            "first_url": state.link(),
            "previous_url": f"{state.link()}&before={page.previous}" if page.previous else "",
            "next_url": f"{state.link()}&after={page.next}" if page.next else "",
        },
        "matching": numbers[state.chip],
        "headers": pages.headers(COLUMNS, state.sort, lambda word: state.link(sort=SORTS[word])),
        "here": _here(state, after=after, before=before),
        "updates": state.parameters(since=rows.microseconds(at), after=after, before=before),
        "may": rights(membership),
        "empty": None if page.rows else _empty(state, numbers, membership),
        "announcement": f"{total} {_plural(numbers[state.chip])}, sorted by {state.order}",
    } | chips_context(state, numbers)


def chips_context(state: TableFilter, numbers: dict[str, int]) -> dict[str, Any]:
    """Return what the row of chips shows."""
    return {
        "state": state,
        "chips": [
            {
                "key": key,
                "label": label,
                "number": counts.said(numbers[key]),
                "url": state.link(chip=key),
                "current": key == state.chip,
            }
            for key, label in LABELS.items()
        ],
    }


def rights(membership: Membership) -> dict[str, bool]:
    """Return what decides which buttons a member sees."""
    return {role: membership.may(role) for role in ("member", "approver")}


def _here(state: TableFilter, *, after: str, before: str) -> str:
    place = {"after": after} if after else {"before": before} if before else {}
    return f"{state.link()}&{urlencode(place)}" if place else state.link()


def _empty(state: TableFilter, numbers: dict[str, int], membership: Membership) -> dict[str, str]:
    """Say why there is nothing to show, and what to do next."""
    if state.is_narrowed:
        said = [f"“{state.query}”"] if state.query else []
        said += [f"the sequence “{state.sequence}”"] if state.sequence else []
        return {
            "kind": "filtered",
            "title": "Nothing matches",
            "text": f"No prospect under {state.label} matches {' and '.join(said)}.",
            "action_url": state.link(query="", sequence=None),
            "action_text": "Clear filters",
        }
    if not any(numbers.values()):
        return FIRST if membership.may(Membership.Role.MEMBER) else FIRST_TO_READ
    return NOTHING[state.chip] | {
        "action_url": state.link(chip="active"),
        "action_text": "Show active prospects",
    }


FIRST = {
    "kind": "first",
    "title": "No prospects yet",
    "text": "Every row here will be one person on the way through a sequence of mails. Import "
    "contacts, enroll them in a sequence, and their drafts wait here for your approval.",
    "action_url": "/contacts/import/",
    "action_text": "Import contacts",
    "second_url": "/sequences/new/",
    "second_text": "New sequence",
}
FIRST_TO_READ = {
    "kind": "first",
    "title": "No prospects yet",
    "text": "Every row here will be one person on the way through a sequence of mails. A member of "
    "the workspace can import contacts and enroll them.",
}
DONE = {"kind": "done", "title": "All caught up"}
NOTHING = {
    "active": {"kind": "done", "title": "Nothing is under way", "text": "Every run is archived."},
    "pending_approval": DONE | {"text": "No draft waits for approval."},
    "replied": {"kind": "filtered", "title": "No replies yet", "icon": "reply"},
    "complete": {"kind": "filtered", "title": "No run is complete yet", "icon": "circle-check-big"},
    "archived": {"kind": "filtered", "title": "Nothing is archived", "icon": "archive"},
    "attention": DONE | {"text": "Nothing needs attention: no step failed and no step waits."},
}


def _rail(request: MemberRequest, state: TableFilter) -> dict[str, Any]:
    """Return the sequences to choose from."""
    sequences = Sequence.objects.within(request.workspace)
    found = list(sequences.exclude(status="archived").order_by("name", "pk")[:MOST_SEQUENCES])
    if state.sequence and state.sequence not in found:
        found.append(state.sequence)
    return {"sequences": found}


def _open(request: MemberRequest, context: dict[str, Any]) -> int:
    """Put the drawer that the URL names into the page; returns the page's status."""
    wanted = request.GET.get("open", "")
    if not wanted:
        return 200
    try:
        if not is_id(wanted):
            raise Http404
        run = drawer.find(request, int(wanted))
    except Http404:
        context["drawer_missing"] = True
        return 404
    context |= drawer.context_of(request, run) | {"drawer_open": True}
    return 200


def _plural(number: int) -> str:
    return "prospect" if number == 1 else "prospects"
