"""Triage: one prospect at a time, with keys, until nobody waits."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from outreach.access import needs
from outreach.htmx import page_or_part, wants_part
from outreach.requests import MemberRequest
from outreach.toasts import toast
from outreach.transitions import IllegalTransition
from sequences import cards, upcoming
from sequences.engine import counts, preflight
from sequences.models import Enrollment, NotReady, Sequence, TextChanged, Touch
from sequences.views import drawer

QUEUE_AT_ONCE, QUEUE_BEHIND = 25, 3
REASONS = ("Wrong person", "Bad fit", "Bad timing", "Text is not good enough")


@require_GET
@needs("viewer")
def review(request: MemberRequest) -> HttpResponse:
    """Show the prospect that waits longest, or the one named by ?at=."""
    return show(request)


@require_POST
@needs("approver")
def approve(request: MemberRequest, pk: int) -> HttpResponse:
    """Approve all drafts of this prospect and go on to the next."""
    run = drawer.find(request, pk)
    after = _next(request, run)
    try:
        run.approve(by=request.user, shown=request.POST.get("shown", ""))
    except TextChanged as problem:
        diffs = cards.differences(run, problem.shown)
        return show(request, run, str(problem), status=409, diffs=diffs, is_changed=True)
    except (NotReady, IllegalTransition) as problem:
        status = 422 if isinstance(problem, NotReady) else 409
        return show(request, run, str(problem), status=status)
    _toast_undo(request, run, f"Approved {run.prospect}.")
    return _go_on(request, after)


@require_POST
@needs("approver")
def refuse(request: MemberRequest, pk: int) -> HttpResponse:
    """Take this prospect out of the sequence, with a reason, and go on to the next."""
    run = drawer.find(request, pk)
    after = _next(request, run)
    reason = " ".join(request.POST.get("reason", "").split())[:200]
    try:
        run.stop(by=request.user, reason="by_hand", note=reason)
    except IllegalTransition as problem:
        return show(request, run, str(problem), status=409)
    _toast_undo(request, run, f"Refused {run.prospect}. Nothing is sent.")
    return _go_on(request, after)


def show(
    request: MemberRequest,
    run: Enrollment | None = None,
    problem: str = "",
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """Answer with the triage of one prospect, or say that nobody waits."""
    queue = _queue(request)
    sequence = _sequence(request)
    if run is None:
        wanted = request.GET.get("at", "")
        run = drawer.find(request, int(wanted)) if wanted.isdecimal() else queue.first()
    run = drawer.find(request, run.pk) if run else None
    waiting = counts.review(request.workspace)
    total = queue.count() if sequence else waiting
    today = preflight.reviewed_today(request.workspace, request.user)
    context = {
        "run": run,
        "problem": problem,
        "sequence": sequence,
        "sequences": Sequence.objects.within(request.workspace)
        .exclude(status__in=["archived", "completed"])
        .order_by("name")[:200],
        "total": total,
        "review": waiting,
        "reviewed": today.number,
        "worked_through": today.number + total,
        "minutes_left": today.minutes_for(total),
        "here": _address(run, sequence),
        "reasons": REASONS,
    }
    if run:
        context |= _about(request, queue, run) | more
    return page_or_part(
        request, "sequences/review.html", "sequences/_review.html", context, status=status
    )


def _about(request: MemberRequest, queue: Any, run: Enrollment) -> dict[str, Any]:
    sequence = _sequence(request)
    earlier = Q(created_at__lt=run.created_at) | Q(created_at=run.created_at, pk__lt=run.pk)
    before = queue.filter(earlier)
    ahead = list(_after(queue, run)[: QUEUE_AT_ONCE + 1])
    behind = list(before.order_by("-created_at", "-pk")[:QUEUE_BEHIND])[::-1]
    context = drawer.context_of(request, run, target="#review")
    context |= {
        "edit_link": f"{_address(run, sequence)}&edit=",
        "back_link": _address(run, sequence),
        "queue": [*behind, run, *ahead[:QUEUE_AT_ONCE]],
        "lacking": _lacking([*behind, run, *ahead]),
        "more_waiting": len(ahead) > QUEUE_AT_ONCE,
        "number": before.count() + 1,
        "previous_url": _address(behind[-1], sequence) if behind else "",
        "next_url": _address(ahead[0], sequence) if ahead else "",
        "checks": preflight.checks(run),
        "if_approved": upcoming.if_approved(run),
    }
    return context


def _lacking(runs: list[Enrollment]) -> set[int]:
    """Return which of these runs cannot be approved until somebody fills in a value."""
    drafts = Touch.steps.filter(enrollment__in=runs, status=Touch.Status.DRAFT)
    return set(drafts.exclude(missing=[]).values_list("enrollment_id", flat=True))


def _queue(request: MemberRequest) -> Any:
    """Return who waits for approval, longest first."""
    waiting = Enrollment.objects.within(request.workspace).filter(
        chip="pending_approval", drafted_at__isnull=False
    )
    if sequence := _sequence(request):
        waiting = waiting.filter(sequence=sequence)
    return waiting.select_related("contact__company", "sequence").order_by("created_at", "pk")


def _after(queue: Any, run: Enrollment) -> Any:
    return queue.filter(created_at__gte=run.created_at).exclude(
        created_at=run.created_at, pk__lte=run.pk
    )


def _sequence(request: MemberRequest) -> Sequence | None:
    wanted = request.GET.get("sequence") or request.POST.get("sequence") or ""
    if not wanted.isdecimal():
        return None
    return get_object_or_404(Sequence.objects.within(request.workspace), pk=int(wanted))


def _address(run: Enrollment | None, sequence: Sequence | None) -> str:
    query = {"at": run.pk} if run else {}
    if sequence:
        query["sequence"] = sequence.pk
    return f"{reverse('sequences:review')}?{urlencode(query)}"


def _next(request: MemberRequest, run: Enrollment) -> Enrollment | None:
    queue = _queue(request)
    return _after(queue, run).first() or queue.exclude(pk=run.pk).first()


def _go_on(request: MemberRequest, run: Enrollment | None) -> HttpResponse:
    address = _address(run, _sequence(request))
    if not wants_part(request):
        return redirect(address)
    response = show(request, run)
    response["HX-Push-Url"] = address
    return response


def _toast_undo(request: MemberRequest, run: Enrollment, text: str) -> None:
    window = request.workspace.undo_seconds
    address = reverse("sequences:undo", args=[run.pk]) if window else ""
    toast(request, text, undo_url=address, seconds=max(10, window))
