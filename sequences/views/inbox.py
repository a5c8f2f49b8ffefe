"""The inbox: what prospects answered, in all mailboxes, and what a person does about it."""

from datetime import timedelta
from typing import Any

from csp.decorators import csp
from django import forms
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from mailboxes import frames
from outreach import localtime
from outreach.access import needs
from outreach.htmx import page_or_part, wants_part
from outreach.models import User
from outreach.requests import MemberRequest
from outreach.times import now
from outreach.toasts import toast
from sequences import inbox as listing
from sequences.engine import counts, replies
from sequences.filters import is_id
from sequences.models import Deal, Reply, Suppression
from sequences.views import answer_forms, suppressions
from sequences.views.newest import newest

MOST_MEMBERS = 200
FARTHEST = timedelta(days=366)


@require_GET
@needs("viewer")
def inbox(request: MemberRequest) -> HttpResponse:
    """List the replies, and show the thread of the newest or of the one named by ?at=."""
    wanted = request.GET.get("at", "")
    chosen = find(request, int(wanted)) if is_id(wanted) else None
    return show(request, chosen)


def find(request: MemberRequest, pk: int) -> Reply:
    """Return a reply of this workspace with all that its thread shows; else 404."""
    mine = Reply.objects.within(request.workspace).filter(enrollment__dropped_at__isnull=True)
    found: Reply = get_object_or_404(listing.listed(mine), pk=pk)
    return found


@require_POST
@needs("member")
def handle(request: MemberRequest, pk: int) -> HttpResponse:
    """Note that nothing is left to do about a reply, and go on to the next."""
    reply = find(request, pk)
    after = _next(request, reply)
    if reply.handle(by=request.user):
        undo = f"{reverse('sequences:inbox_reopen', args=[pk])}?{request.GET.urlencode()}"
        toast(request, f"Handled: {sender_of(reply)}.", undo_url=undo)
    else:
        toast(request, f"{reply.handled_by or 'Somebody'} has handled it already.")
    return answer(request, after)


@require_POST
@needs("member")
def reopen(request: MemberRequest, pk: int) -> HttpResponse:
    """Let a handled reply wait for a person again."""
    reply = find(request, pk)
    reply.reopen()
    toast(request, f"{sender_of(reply)} waits for an answer again.")
    return answer(request, reply)


@require_POST
@needs("member")
def relabel(request: MemberRequest, pk: int) -> HttpResponse:
    """Give a reply another label and replay what follows from it."""
    reply = find(request, pk)
    label = request.POST.get("label", "")
    if label not in Reply.Label.values:
        raise BadRequest("Choose what the reply means.")
    toast(request, replies.relabel(reply, label, by=request.user))
    return answer(request, reply)


@require_POST
@needs("member")
def suppress(request: MemberRequest, pk: int) -> HttpResponse:
    """Never write to this prospect again."""
    reply = find(request, pk)
    suppressions.put_on_list(request, address_of(reply), source="Inbox")
    return answer(request, reply)


@require_POST
@needs("member")
def assign(request: MemberRequest, pk: int) -> HttpResponse:
    """Name the member who sees to a reply, or nobody."""
    reply = find(request, pk)
    wanted = request.POST.get("to", "")
    to = None
    if wanted:
        members = _members(request).filter(pk=int(wanted) if is_id(wanted) else 0)
        to = members.first()
        if to is None:
            raise BadRequest("Choose a member of this workspace, or nobody.")
    reply.assign(to)
    toast(request, f"{to} sees to {sender_of(reply)}." if to else "Nobody is assigned any more.")
    return answer(request, reply)


class SnoozeForm(forms.Form):
    """When a reply comes back, on the reader's clock."""

    until = forms.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        error_messages={
            "required": "Choose when it comes back.",
            "invalid": "Choose a day and a time, as 2026-11-30 09:00.",
        },
    )

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if not now() < until <= now() + FARTHEST:
            raise forms.ValidationError("Choose a time in the future, within a year.")
        return until


@require_POST
@needs("member")
def snooze(request: MemberRequest, pk: int) -> HttpResponse:
    """Put a reply out of sight until a time, and go on to the next."""
    reply = find(request, pk)
    form = SnoozeForm(request.POST)
    if not form.is_valid():
        return show(request, reply, str(form.errors["until"][0]), status=422)
    after = _next(request, reply)
    until = form.cleaned_data["until"]
    if reply.snooze(until):
        undo = f"{reverse('sequences:inbox_wake', args=[pk])}?{request.GET.urlencode()}"
        said = f"{sender_of(reply)} comes back {localtime.when(until)}."
        toast(request, said, undo_url=undo)
    else:
        toast(request, f"{reply.handled_by or 'Somebody'} has handled it already.")
    return answer(request, after)


@require_POST
@needs("member")
def wake(request: MemberRequest, pk: int) -> HttpResponse:
    """Bring a snoozed reply back now."""
    reply = find(request, pk)
    reply.wake()
    toast(request, f"{sender_of(reply)} is back.")
    return answer(request, reply)


@require_GET
@xframe_options_sameorigin
@csp(frames.POLICY)  # type: ignore[arg-type]
@needs("viewer")
def html(request: MemberRequest, pk: int) -> HttpResponse:
    """Return the HTML of a reply for its frame, where nothing of it can act."""
    return _framed(request, pk, images=False)


@require_GET
@xframe_options_sameorigin
@csp(frames.POLICY_WITH_IMAGES)  # type: ignore[arg-type]
@needs("viewer")
def html_with_images(request: MemberRequest, pk: int) -> HttpResponse:
    """Return the same with its images from elsewhere, for a reader who has asked for them."""
    return _framed(request, pk, images=True)


def _framed(request: MemberRequest, pk: int, *, images: bool) -> HttpResponse:
    mine = Reply.objects.within(request.workspace).filter(enrollment__dropped_at__isnull=True)
    written = get_object_or_404(mine.select_related("mail"), pk=pk).mail.html
    if not written:
        raise Http404
    return HttpResponse(
        frames.shown(written, images=images),
        content_type="text/html; charset=utf-8",
        headers={"X-DNS-Prefetch-Control": "off", "Referrer-Policy": "no-referrer"},
    )


def show(
    request: MemberRequest,
    chosen: Reply | None = None,
    problem: str = "",
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """Answer with the list and one thread; `more` is what the thread says otherwise."""
    state = listing.State.read(request.GET, request.workspace, request.user)
    page = newest(request, listing.listed(state.rows))
    listing.mark(page.rows)
    reply = chosen or next(iter(page.rows), None)
    kept = request.GET.copy()
    kept.pop("at", None)
    context = {
        "state": state,
        "page": page,
        "labels_shown": listing.labels(state),
        "states": listing.states(state),
        "mine_url": f"?{state.write(mine='' if state.mine else '1')}",
        "all_url": f"?{state.write(label='', mine='', q='')}",
        "kept": kept.urlencode(),
        "waiting": counts.inbox(request.workspace),
        "reply": reply,
        "is_chosen": chosen is not None,
        "problem": problem,
        "may_write": request.membership.may("member"),
    }
    if reply:
        context |= _about(request, reply) | _beside(page, reply, kept.urlencode())
        context |= answer_forms.about(request, reply)
    context |= more
    return page_or_part(request, "inbox/inbox.html", "inbox/_inbox.html", context, status=status)


def _about(request: MemberRequest, reply: Reply) -> dict[str, Any]:
    run = reply.enrollment
    address = address_of(reply)
    listed = Suppression.objects.within(request.workspace).covering(address)
    return {
        "run": run,
        "address": address,
        "is_suppressed": listed.exists(),
        "deal": Deal.objects.within(request.workspace).filter(enrollment=run).first(),
        "letters": listing.thread(reply),
        "labels": Reply.Label.choices,
        "members": list(_members(request)[:MOST_MEMBERS]),
        "mornings": listing.mornings(),
    }


def _beside(page: Any, reply: Reply, kept: str) -> dict[str, str]:
    """Return where the keys for the next and the previous reply lead."""
    ids = [each.pk for each in page.rows]
    if reply.pk not in ids:
        return {"next_at": _link(kept, ids[0]) if ids else "", "previous_at": ""}
    here = ids.index(reply.pk)
    return {
        "next_at": _link(kept, ids[here + 1]) if here + 1 < len(ids) else page.next_url,
        "previous_at": _link(kept, ids[here - 1]) if here else page.previous_url,
    }


def _link(kept: str, pk: int) -> str:
    return f"{reverse('sequences:inbox')}?{kept}{'&' if kept else ''}at={pk}"


def address_of(reply: Reply) -> str:
    """Return the address that we write to in this thread."""
    contact = reply.enrollment.contact
    return str(contact.email if contact else reply.mail.from_email)


def sender_of(reply: Reply) -> str:
    """Name who wrote."""
    return str(reply.mail.from_name or reply.mail.from_email)


def _members(request: MemberRequest) -> Any:
    mine = User.objects.filter(memberships__workspace=request.workspace, is_active=True)
    return mine.order_by("name", "email")


def _next(request: MemberRequest, reply: Reply) -> Reply | None:
    """Return whom the list shows after this reply, else before it."""
    state = listing.State.read(request.GET, request.workspace, request.user)
    others = listing.listed(state.rows).exclude(pk=reply.pk)
    older = others.filter(pk__lt=reply.pk).order_by("-pk").first()
    return older or others.order_by("pk").first()


def answer(request: MemberRequest, reply: Reply | None) -> HttpResponse:
    """Show this reply, or that none is left; the address says which one is shown."""
    query = request.GET.copy()
    query.pop("at", None)
    kept = query.urlencode()
    here = _link(kept, reply.pk) if reply else f"{reverse('sequences:inbox')}?{kept}"
    if not wants_part(request):
        return redirect(here)
    fresh = find(request, reply.pk) if reply else None
    response = show(request, fresh)
    # An undo comes from a message, which puts its answer nowhere.
    response["HX-Retarget"] = "#inbox"
    response["HX-Reswap"] = "innerHTML"
    response["HX-Replace-Url"] = here
    return response
