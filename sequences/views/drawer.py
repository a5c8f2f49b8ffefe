"""The drawer of one prospect, and the same as a page of its own."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from outreach.access import needs
from outreach.htmx import page_or_part, wants_part
from outreach.requests import MemberRequest
from outreach.times import now
from sequences import cards, inbox, rows, upcoming
from sequences.engine import explain
from sequences.models import Enrollment, NotReady, Reply, TextChanged, Touch

# Where the part is shown: over the table, or on the prospect's own page.
PLACES = ("drawer", "drawer-page")
TABS = ("steps", "activity", "contact")


def find(request: MemberRequest, pk: int) -> Enrollment:
    """Return a run of this workspace with all that its drawer shows; else 404."""
    runs = Enrollment.objects.within(request.workspace).filter(dropped_at__isnull=True)
    together = ("workspace", "sequence__mailbox", "mailbox", "contact__company")
    return get_object_or_404(runs.select_related(*together), pk=pk)


@require_GET
@needs("viewer")
def enrollment(request: MemberRequest, pk: int) -> HttpResponse:
    """Show one prospect's run: the drawer's part for htmx, a page for everyone else.

    With ?seen= it is asked for news: where nothing has changed since, it answers nothing (204).
    """
    run = find(request, pk)
    if request.htmx and request.GET.get("seen") == upcoming.version(run):
        return HttpResponse(status=204)
    return page_or_part(
        request, "sequences/enrollment.html", "sequences/_drawer.html", context_of(request, run)
    )


def context_of(request: MemberRequest, run: Enrollment, **more: Any) -> dict[str, Any]:
    """Gather what the drawer of this run shows to this member."""
    tab = request.GET.get("tab", "steps")
    touch, answer = explain.next_step(run)
    here = reverse("sequences:enrollment", args=[run.pk])
    monday = rows.monday(now())
    editing = request.GET.get("edit", "")
    is_page = _is_page(request)
    found = {
        "run": run,
        "membership": request.membership,
        "target": "#drawer-page" if is_page else "#drawer",
        "is_page": is_page,
        "edit_link": f"{here}?edit=",
        "back_link": here,
        "first_open": run.open_drafts().order_by("position").first(),
        "tab": tab if tab in TABS else "steps",
        "cards": cards.of_run(run, request.membership),
        "next_touch": touch,
        "upcoming": upcoming.of(run, touch, answer),
        "seen": upcoming.version(run),
        "until": f"{monday:%Y-%m-%dT%H:%M}",
        "monday": f"{monday:%a %H:%M}",
        "local_time": cards.local_time(run),
        "replies": run.replies.select_related("mail", "corrected_by")[:20],
        "written": inbox.written(run),
        "labels": Reply.Label.choices,
        "missing": missing(run),
        "shown": run.approval_token(),
        "editing": int(editing) if editing.isdecimal() else None,
        "may_write": request.membership.may("member"),
        "may_approve": request.membership.may("approver"),
    }
    found["has_failed"] = any(card.is_bad for card in found["cards"])
    if found["tab"] == "activity":
        events = run.events.select_related("by", "touch").order_by("-at", "-id")
        found["events"] = events[: cards.HISTORY_AT_MOST]
    return found | more


def _is_page(request: MemberRequest) -> bool:
    if wants_part(request):
        return request.htmx.target == "drawer-page"
    return request.resolver_match.view_name != "sequences:table"


def missing(run: Enrollment) -> list[str]:
    """Name the values that drafts of this run lack, each once."""
    lists = run.touches.filter(status__in=Touch.EDITABLE).exclude(missing=[])
    names = (name for each in lists.values_list("missing", flat=True) for name in each)
    return list(dict.fromkeys(names))


def show(
    request: MemberRequest, run: Enrollment, problem: str = "", *, status: int = 200, **more: Any
) -> HttpResponse:
    """Answer an action with the fresh drawer; without htmx with the run's page."""
    run = find(request, run.pk)
    if not wants_part(request) and not problem:
        return redirect("sequences:enrollment", pk=run.pk)
    return page_or_part(
        request,
        "sequences/enrollment.html",
        "sequences/_drawer.html",
        context_of(request, run, problem=problem, **more),
        status=status,
    )


def refuse(request: MemberRequest, run: Enrollment, problem: Exception) -> HttpResponse:
    """Say that an action came too late or met another text (409), or what it lacks (422)."""
    if isinstance(problem, TextChanged):
        diffs = cards.differences(run, problem.shown)
        return show(request, run, str(problem), status=409, diffs=diffs, is_changed=True)
    status = 422 if isinstance(problem, NotReady) else 409
    return show(request, run, str(problem), status=status)
