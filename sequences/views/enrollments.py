"""The verbs of one row: approve, pause, resume, stop, undo, retry.

One answer for whoever asks: the row gets the row, the drawer the drawer, a toast's Undo what
changed out of band, and a plain form goes back to where it came from.
"""

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from outreach import localtime
from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.times import now
from outreach.toasts import toast
from outreach.transitions import IllegalTransition
from sequences import rows
from sequences.engine import counts, explain
from sequences.filters import TableFilter
from sequences.models import Enrollment, NotReady, TextChanged, Touch
from sequences.views import drawer
from sequences.views.table import chips_context, rights

Act = Callable[[Enrollment], str]


@require_POST
@needs("approver")
def approve(request: MemberRequest, pk: int) -> HttpResponse:
    """Approve every draft of a run, as the page showed it."""

    def act(run: Enrollment) -> str:
        run.approve(by=request.user, shown=request.POST.get("shown", ""))
        return f"Approved {run.prospect}. {leaving(run)}"

    return carry_out(request, pk, act, undo=True)


@require_POST
@needs("member")
def resume(request: MemberRequest, pk: int) -> HttpResponse:
    """Go on with a paused run."""

    def act(run: Enrollment) -> str:
        run.resume(by=request.user)
        return f"Resumed {run.prospect}."

    return carry_out(request, pk, act)


@require_POST
@needs("approver")
def stop(request: MemberRequest, pk: int) -> HttpResponse:
    """End a run for good; what waits is cancelled."""

    def act(run: Enrollment) -> str:
        run.stop(by=request.user, reason="by_hand")
        return f"Stopped {run.prospect}. Nothing more is sent."

    return carry_out(request, pk, act, undo=True)


@require_POST
@needs("approver")
def undo(request: MemberRequest, pk: int) -> HttpResponse:
    """Take back the last approval or stop, within its window."""

    def act(run: Enrollment) -> str:
        undone = run.undo(by=request.user)
        if undone == "approval":
            return f"Approval undone: {run.prospect} waits for approval again."
        return f"Stop undone: {run.prospect} goes on."

    return carry_out(request, pk, act)


@require_POST
@needs("approver")
def retry(request: MemberRequest, pk: int) -> HttpResponse:
    """Queue the failed step of a run again."""

    def act(run: Enrollment) -> str:
        failed = run.touches.filter(status=Touch.Status.FAILED).order_by("position").first()
        if failed is None:
            raise NotReady("No step of this run has failed any more.")
        failed.retry(by=request.user)
        run.refresh_from_db()
        return f"Step {failed.position} for {run.prospect} is queued again."

    return carry_out(request, pk, act)


def find(request: MemberRequest, pk: int) -> Enrollment:
    """Return a run of this workspace, or answer 404."""
    mine = Enrollment.objects.within(request.workspace).filter(dropped_at__isnull=True)
    return get_object_or_404(mine.select_related("contact", "sequence", "workspace"), pk=pk)


def carry_out(request: MemberRequest, pk: int, act: Act, *, undo: bool = False) -> HttpResponse:
    """Do it, say what happened, and answer whoever asked."""
    run = find(request, pk)
    try:
        said = act(run)
    except (IllegalTransition, TextChanged, NotReady) as problem:
        return refuse(request, find(request, pk), problem)
    window = request.workspace.undo_seconds if undo else 0
    undo_url = reverse("sequences:undo", args=[pk]) if window else ""
    toast(request, said, undo_url=undo_url, seconds=max(10, window))
    return answer(request, run)


def refuse(request: MemberRequest, run: Enrollment, problem: Exception) -> HttpResponse:
    """Say that it was too late, that the text changed (both 409), or what is missing (422)."""
    if asker(request) in drawer.PLACES or not request.htmx:
        return drawer.refuse(request, run, problem)
    # A row has no room for the sentence, let alone for what changed in the text.
    link = reverse("sequences:enrollment", args=[run.pk])
    toast(request, str(problem), level="error", link_url=link, link_text=f"See {run.prospect}")
    return answer(request, run, status=422 if isinstance(problem, NotReady) else 409)


def asker(request: MemberRequest) -> str:
    """Return the id of what htmx will put the answer into; nothing for a plain form."""
    return (request.htmx.target or "") if request.htmx else ""


def answer(request: MemberRequest, run: Enrollment, status: int = 200) -> HttpResponse:
    """Answer with what the asking part of the page shows of this run."""
    if not request.htmx:
        return redirect(back(request))
    news = {f"enrollment-{run.pk}": True}
    if asker(request) in drawer.PLACES:
        response = drawer.show(request, run, status=status)
        response.content += oob(request, run).encode()
    elif asker(request).startswith("row-"):
        context = _row_context(request, run)
        response = render(request, "sequences/_row_answer.html", context, status=status)
    else:
        # A toast's Undo. The row may have left the table already: it is asked for as a whole.
        context = _row_context(request, run)
        response = render(request, "sequences/_counts.html", context, status=status)
        news["table-refresh"] = True
    response["HX-Trigger"] = json.dumps(news)
    return response


def oob(request: MemberRequest, run: Enrollment) -> str:
    """Render the run's row, the chips and the review count, to be swapped out of band."""
    return render_to_string("sequences/_row_oob.html", _row_context(request, run), request)


def back(request: MemberRequest) -> str:
    """Return the page to go on with, if it is one of ours."""
    came_from = request.headers.get("Referer", "") if request.method == "GET" else ""
    wanted = request.POST.get("next") or request.GET.get("next") or came_from
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else reverse("sequences:table")


def leaving(run: Enrollment) -> str:
    """Say when the first step of an approved run leaves."""
    at = now()
    touch, expected = explain.next_step(run, at)
    if touch is None or expected is None or expected.at is None:
        return expected.sentence if expected else ""
    due = expected.at
    seconds = round((due - at).total_seconds())
    if seconds <= max(60, run.workspace.undo_seconds):
        return f"Step {touch.position} leaves in {max(seconds, 0)} s."
    return f"Step {touch.position} leaves {localtime.when(due, run.clock.zone)}."


def _row_context(request: MemberRequest, run: Enrollment) -> dict[str, object]:
    """Return what the row, the chips and the review count show, on the page that asks."""
    page = urlsplit(request.htmx.current_url or "") if request.htmx else urlsplit("")
    in_table = page.path == reverse("sequences:table")
    state = TableFilter.read(QueryDict(page.query if in_table else ""), request.workspace)
    mine = Enrollment.objects.within(request.workspace).filter(pk=run.pk)
    (row,) = rows.formatted(rows.of(mine), request.membership)
    numbers = state.numbers()
    return chips_context(state, numbers) | {
        "in_table": in_table,
        "total": counts.said(numbers[state.chip]),
        "row": row,
        "leaving": not state.rows.filter(pk=run.pk).exists(),
        "review": counts.review(request.workspace),
        "may": rights(request.membership),
    }
