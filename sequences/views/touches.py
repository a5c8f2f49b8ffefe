"""The verbs of one step: edit, approve, retry, skip, reschedule, decide, fill in."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from mailboxes.providers.base import Receipt
from outreach import localtime
from outreach.access import needs
from outreach.htmx import wants_part
from outreach.requests import MemberRequest
from outreach.toasts import toast
from outreach.transitions import IllegalTransition
from sequences import cards
from sequences.engine import drafting, settling
from sequences.models import Enrollment, NotReady, TextChanged, Touch
from sequences.views import drawer, review
from sequences.views.enrollments import oob

LONGEST_TEXT = 50_000


@require_POST
@needs("member")
def edit(request: MemberRequest, pk: int) -> HttpResponse:
    """Save a draft's new text; what was typed survives every refusal."""
    touch = find(request, pk)
    run = drawer.find(request, touch.enrollment_id)
    subject, body = request.POST.get("subject", ""), request.POST.get("body", "")
    typed = {"editing": touch.pk, "typed_subject": subject, "typed_body": body}
    try:
        if len(body) > LONGEST_TEXT:
            raise NotReady(f"The text is longer than {LONGEST_TEXT:,} characters.")
        shown = request.POST.get("shown", "")
        drafting.edit(touch, subject=subject, body=body, by=request.user, shown=shown)
    except TextChanged as problem:
        words = "Somebody changed this text while you were editing it. Yours is not saved yet."
        diffs = cards.differences(run, problem.shown, touch)
        return show(request, run, words, status=409, diffs=diffs, is_changed=True, **typed)
    except NotReady as problem:
        return show(request, run, str(problem), status=422, **typed)
    except IllegalTransition as problem:
        return show(request, run, str(problem), status=409, **typed)
    touch.refresh_from_db()
    after = "" if touch.is_approved else " It needs a new approval."
    toast(request, f"Step {touch.position} saved.{after if not run.is_drafting else ''}")
    return answer(request, run)


@require_POST
@needs("approver")
def approve(request: MemberRequest, pk: int) -> HttpResponse:
    """Approve one step, as the page showed it."""

    def act(run: Enrollment, touch: Touch) -> str:
        run.approve_touch(touch, by=request.user, shown=request.POST.get("shown", ""))
        return f"Step {touch.position} approved."

    return carry_out(request, pk, act)


@require_POST
@needs("approver")
def retry(request: MemberRequest, pk: int) -> HttpResponse:
    """Queue a failed step again."""

    def act(run: Enrollment, touch: Touch) -> str:
        touch.retry(by=request.user)
        return f"Step {touch.position} is queued; it is tried again within seconds."

    return carry_out(request, pk, act)


@require_POST
@needs("approver")
def skip(request: MemberRequest, pk: int) -> HttpResponse:
    """Leave a step out."""

    def act(run: Enrollment, touch: Touch) -> str:
        touch.skip(by=request.user)
        return f"Step {touch.position} is skipped."

    return carry_out(request, pk, act)


@require_POST
@needs("approver")
def reschedule(request: MemberRequest, pk: int) -> HttpResponse:
    """Choose when a step leaves, on the reader's own clock."""

    def act(run: Enrollment, touch: Touch) -> str:
        wanted = parse_datetime(request.POST.get("at", "")) if request.POST.get("at") else None
        if wanted is None:
            raise NotReady("Choose a day and a time.")
        wanted = timezone.make_aware(wanted) if timezone.is_naive(wanted) else wanted
        due = touch.reschedule(wanted, by=request.user)
        moved = " (moved into the sending hours)" if due != wanted else ""
        return f"Step {touch.position} leaves {localtime.when(due)}{moved}."

    return carry_out(request, pk, act)


@require_POST
@needs("approver")
def decide(request: MemberRequest, pk: int) -> HttpResponse:
    """Settle a step whose outcome nobody could find out: it was sent, or send it again."""

    def act(run: Enrollment, touch: Touch) -> str:
        return f"Step {touch.position} {settle(request, touch)}."

    return carry_out(request, pk, act)


@require_POST
@needs("member")
def fill(request: MemberRequest, pk: int) -> HttpResponse:
    """Put the values that the drafts of a run lack into them."""
    run = drawer.find(request, pk)
    names = drawer.missing(run)
    values = {name: request.POST.get(f"value_{name}", "") for name in names}
    try:
        drafting.fill(run, values, by=request.user)
    except (NotReady, IllegalTransition) as problem:
        return refused(request, run, problem)
    toast(request, "Filled in. Read the drafts once more before you approve them.")
    return answer(request, run)


def settle(request: MemberRequest, touch: Touch) -> str:
    """Settle a touch as the form says, and return what it does from now on.

    Raises NotReady where the form says neither, or somebody has settled it before.
    """
    said = request.POST.get("answer")
    if said not in ("sent", "again"):
        raise NotReady("Say whether it was sent, or send it again.")
    if said == "sent":
        receipt = Receipt(touch.message_id, touch.thread_id)
        settled = touch.decide and settling.was_sent(touch.pk, receipt, by=request.user)
    else:
        settled = touch.decide and settling.was_not_sent(touch.pk, by=request.user)
    if not settled:
        raise NotReady("This has been settled already.")
    return "counts as sent" if said == "sent" else "is sent again"


def find(request: MemberRequest, pk: int) -> Touch:
    """Return a step of this workspace; else 404."""
    mine = Touch.steps.filter(
        enrollment__workspace=request.workspace, enrollment__dropped_at__isnull=True
    )
    return get_object_or_404(mine, pk=pk)


def carry_out(
    request: MemberRequest, pk: int, act: Callable[[Enrollment, Touch], str]
) -> HttpResponse:
    """Do it, say what happened, and answer with the drawer."""
    touch = find(request, pk)
    run = drawer.find(request, touch.enrollment_id)
    try:
        said = act(run, touch)
    except (NotReady, IllegalTransition, TextChanged) as problem:
        return refused(request, run, problem)
    toast(request, said)
    return answer(request, run)


def answer(request: MemberRequest, run: Enrollment) -> HttpResponse:
    """Answer with what the step was shown in, and behind a drawer with the fresh row."""
    if not wants_part(request):
        return redirect(back(request, run))
    response = show(request, run)
    if request.htmx.target in drawer.PLACES:
        response.write(oob(request, drawer.find(request, run.pk)))
    return response


def show(
    request: MemberRequest, run: Enrollment, problem: str = "", *, status: int = 200, **more: Any
) -> HttpResponse:
    """Render the drawer, or the review where the step was shown there."""
    part = review if request.htmx and request.htmx.target == "review" else drawer
    return part.show(request, run, problem, status=status, **more)


def refused(request: MemberRequest, run: Enrollment, problem: Exception) -> HttpResponse:
    """Say that it came too late or met another text (409), or what it lacks (422)."""
    changed: dict[str, Any] = {}
    if isinstance(problem, TextChanged):
        changed = {"diffs": cards.differences(run, problem.shown), "is_changed": True}
    status = 422 if isinstance(problem, NotReady) else 409
    return show(request, run, str(problem), status=status, **changed)


def back(request: MemberRequest, run: Enrollment) -> str:
    """Return where a plain form goes on: the page it named, else the prospect's own."""
    wanted = request.POST.get("next", "")
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(wanted, hosts, require_https=request.is_secure()):
        return wanted
    return reverse("sequences:enrollment", args=[run.pk])
