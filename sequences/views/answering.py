"""Answering a prospect by hand: written in the inbox, sent in the thread."""

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast
from outreach.transitions import IllegalTransition
from sequences import inbox as listing
from sequences.engine import answering
from sequences.filters import is_id
from sequences.models import NotReady, Reply, Touch
from sequences.views import answer_forms, inbox, touches


@require_GET
@needs("viewer")
def reply(request: MemberRequest, pk: int) -> HttpResponse:
    """Lead to the thread of a reply, whatever became of it."""
    if not Reply.objects.within(request.workspace).filter(pk=pk).exists():
        others = request.user.memberships.exclude(workspace=request.workspace)
        theirs = others.filter(workspace__replies=pk).select_related("workspace").first()
        if theirs:
            return render(request, "inbox/elsewhere.html", {"there": theirs.workspace})
    found = inbox.find(request, pk)
    return redirect(f"{reverse('sequences:inbox')}?state=all&at={found.pk}")


@require_POST
@needs("approver")
def write(request: MemberRequest, pk: int) -> HttpResponse:
    """Send what was written; the text survives every refusal."""
    found = inbox.find(request, pk)
    text, seen = request.POST.get("text", ""), request.POST.get("seen", "")
    try:
        written = answering.write(
            found,
            text=text,
            token=request.POST.get("token", ""),
            seen=int(seen) if is_id(seen) else 0,
            by=request.user,
        )
    except (NotReady, answering.AnsweredMeanwhile) as problem:
        status = 422 if isinstance(problem, NotReady) else 409
        return inbox.show(request, found, str(problem), status=status, typed=text)
    seconds = request.workspace.undo_seconds
    toast(
        request,
        f"Your answer to {inbox.sender_of(found)} leaves in {seconds} s."
        if seconds
        else f"Your answer to {inbox.sender_of(found)} is on its way.",
        undo_url=_address("answer_take_back", written.pk, request) if seconds else "",
        seconds=seconds or 10,
    )
    return inbox.answer(request, found)


@require_GET
@needs("viewer")
def written(request: MemberRequest, pk: int) -> HttpResponse:
    """Return one answer as its thread shows it now, for a page that waits for news of it."""
    touch = find(request, pk)
    letter = listing.by_hand(touch, touch.enrollment)
    context = {"letter": letter, "kept": request.GET.urlencode()} | answer_forms.rights(request)
    return render(request, "inbox/_written.html", context)


@require_POST
@needs("approver")
def take_back(request: MemberRequest, pk: int) -> HttpResponse:
    """Take an answer back before it leaves; its text is kept for another one."""

    def act(touch: Touch) -> str:
        try:
            touch.take_back(by=request.user)
        except IllegalTransition:
            state = touch.get_status_display().lower()
            raise NotReady(f"Too late to take it back: the answer is {state}.") from None
        return "Taken back. Your text is kept below."

    return _carry_out(request, pk, act)


@require_POST
@needs("approver")
def retry(request: MemberRequest, pk: int) -> HttpResponse:
    """Try a failed answer again."""

    def act(touch: Touch) -> str:
        touch.retry(by=request.user)
        return "Your answer is queued; it is tried again within seconds."

    return _carry_out(request, pk, act)


@require_POST
@needs("approver")
def decide(request: MemberRequest, pk: int) -> HttpResponse:
    """Settle an answer whose outcome nobody could find out: it was sent, or send it again."""

    def act(touch: Touch) -> str:
        return f"The answer {touches.settle(request, touch)}."

    return _carry_out(request, pk, act)


def find(request: MemberRequest, pk: int) -> Touch:
    """Return an answer that was written by hand in this workspace; else 404."""
    mine = Touch.objects.filter(
        in_reply_to__isnull=False,
        enrollment__workspace=request.workspace,
        enrollment__dropped_at__isnull=True,
    )
    together = ("mailbox", "approved_by", "enrollment__workspace", "enrollment__contact")
    return get_object_or_404(mine.select_related(*together), pk=pk)


def _carry_out(request: MemberRequest, pk: int, act: Callable[[Touch], str]) -> HttpResponse:
    touch = find(request, pk)
    found = inbox.find(request, touch.in_reply_to_id or 0)
    try:
        said = act(touch)
    except (NotReady, IllegalTransition) as problem:
        return inbox.show(request, found, str(problem), status=409)
    toast(request, said)
    return inbox.answer(request, found)


def _address(name: str, pk: int, request: MemberRequest) -> str:
    return f"{reverse(f'sequences:{name}', args=[pk])}?{request.GET.urlencode()}"
