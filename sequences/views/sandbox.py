"""The buttons of the sandbox: let a prospect answer, and let time pass."""

from datetime import timedelta

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from mailboxes.models import InboundMail, SandboxMail
from mailboxes.views.sandbox import find
from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast
from sequences.engine import sandbox
from sequences.models import NotReady, Touch

LONGEST_TEXT = 5_000


@require_POST
@needs("member")
def answer(request: MemberRequest, pk: int) -> HttpResponse:
    """Answer a caught mail as its prospect would, and settle the answer at once."""
    caught = find(request, pk)
    kind, text = request.POST.get("kind", ""), request.POST.get("text", "").strip()
    if kind not in {*sandbox.TEXTS, "bounce", "text"}:
        raise BadRequest("Choose how the prospect answers.")
    if kind == "text" and not 0 < len(text) <= LONGEST_TEXT:
        toast(request, f"Write 1 to {LONGEST_TEXT:,} characters.", level="error")
        return redirect("mailboxes:sandbox_mail", pk=caught.pk)
    mail = sandbox.answer(caught, kind, text)
    touch = touch_of(request, caught)
    address = f"{reverse('sequences:table')}?open={touch.enrollment_id}" if touch else ""
    link_text = f"Open {touch.enrollment.prospect}" if touch else ""
    toast(request, said(mail), link_url=address, link_text=link_text)
    return redirect("mailboxes:sandbox_mail", pk=caught.pk)


@require_GET
@needs("viewer")
def prospect(request: MemberRequest, pk: int) -> HttpResponse:
    """Open the drawer of the prospect that the caught mail was written to."""
    touch = touch_of(request, find(request, pk))
    if touch is None:
        toast(request, "This mail belongs to no run any more.")
        return redirect("mailboxes:sandbox_mail", pk=pk)
    return redirect(f"{reverse('sequences:table')}?open={touch.enrollment_id}")


def touch_of(request: MemberRequest, caught: SandboxMail) -> Touch | None:
    """Return the step that the caught mail was."""
    mine = Touch.objects.filter(enrollment__workspace=request.workspace)
    sent = mine.filter(wire_message_id=caught.message_id)
    return sent.select_related("enrollment__contact").first()


def said(mail: InboundMail) -> str:
    """Say what became of the answer."""
    if reply := getattr(mail, "reply", None):
        label = reply.get_label_display().lower()
        return f"The reply came in and was read as {label}. The run is updated."
    if mail.outcome == "bounce":
        return "The mail came back. The address is suppressed and the run archived."
    return "The mail came in, but it belongs to no run."


@require_POST
@needs("member")
def fast_forward(request: MemberRequest) -> HttpResponse:
    """Leave out the waiting until the next send, and send it."""
    try:
        skipped = sandbox.fast_forward(request.workspace)
    except NotReady as problem:
        toast(request, str(problem), level="error")
        return redirect("mailboxes:sandbox")
    if skipped is None:
        toast(request, "Nothing is planned: approve a prospect first, or activate the sequence.")
    else:
        sandbox.send_now(request.workspace)
        mails = "1 mail leaves" if skipped.leaving == 1 else f"{skipped.leaving:,} mails leave"
        passed = f"{in_words(skipped.time)} skipped: " if skipped.time else ""
        toast(request, f"{passed}{mails} now.")
    return redirect("mailboxes:sandbox")


def in_words(span: timedelta) -> str:
    """Say a span in its two largest units.

    >>> in_words(timedelta(days=3, hours=2, minutes=10)), in_words(timedelta(seconds=20))
    ('3 days 2 hours', 'Less than a minute')
    """
    minutes = int(span.total_seconds()) // 60
    amounts = {"day": minutes // 1440, "hour": minutes // 60 % 24, "minute": minutes % 60}
    named = [f"{n} {unit}{'' if n == 1 else 's'}" for unit, n in amounts.items() if n]
    return " ".join(named[:2]) or "Less than a minute"
