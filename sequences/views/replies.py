"""Correcting what an answer means, in one click."""

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast
from sequences.engine import replies
from sequences.models import Reply
from sequences.views import drawer, touches


@require_POST
@needs("member")
def relabel(request: MemberRequest, pk: int) -> HttpResponse:
    """Give a reply another label and replay what follows from it."""
    rows = Reply.objects.within(request.workspace).select_related("enrollment")
    reply = get_object_or_404(rows, pk=pk)
    label = request.POST.get("label", "")
    if label not in Reply.Label.values:
        raise BadRequest("Choose what the reply means.")
    toast(request, replies.relabel(reply, label, by=request.user))
    return touches.answer(request, drawer.find(request, reply.enrollment_id))
