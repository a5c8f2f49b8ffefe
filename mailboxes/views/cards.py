"""The mailboxes of a workspace, and what a person does with one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from mailboxes import connecting, domains, pushing
from mailboxes.compose import RefusedMail
from mailboxes.limits import DayLimit
from mailboxes.models import Mailbox, MailboxDay
from mailboxes.models.inbox import SELDOM
from mailboxes.providers.base import ProviderError
from mailboxes.signing_in import BY_PROVIDER
from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.times import now
from outreach.toasts import toast
from outreach.transitions import IllegalTransition

MOST_CARDS = 200
NEAR = 0.8
EVERY = SELDOM // timedelta(minutes=1)

# Why a mailbox is held, as its card says it.
HOLDS = {
    "quota": "The provider's quota is used up",
    "rate": "The provider asks for fewer mails at once",
    "settings": "A setting is wrong",
    "faults": "Too many faults in a row",
}


@dataclass(frozen=True)
class Card:
    """A mailbox as its page shows it."""

    mailbox: Mailbox
    used: int
    held: str
    today: DayLimit
    stops_at: datetime | None = None
    pushes: bool = False
    unpushed: str = ""

    @property
    def limit(self) -> int:
        return self.today.most

    @property
    def level(self) -> str:
        if self.used >= self.limit:
            return "full"
        return "near" if self.used >= NEAR * self.limit else ""

    @property
    def heard(self) -> str:
        """Say how the product learns that something came in."""
        return f"{'Pushes, and polls' if self.pushes else 'Polls'} every {EVERY} minutes"


def cards_of(mailboxes: list[Mailbox], at: datetime) -> list[Card]:
    """Look up what each mailbox has used of its own local day, and what that day allows."""
    todays = {each.pk: at.astimezone(ZoneInfo(each.zone)).date() for each in mailboxes}
    days = MailboxDay.around_each(todays)
    found = []
    for each in mailboxes:
        today = todays[each.pk]
        is_held = each.held_until is not None and each.held_until > at
        held = HOLDS.get(each.hold_reason, "Held") if is_held else ""
        limit = each.limit_on(today, MailboxDay)
        pushes, unpushed = pushing.pushes(each, at), pushing.problem_of(each)
        day = days[each.pk].get(today)
        used, stops_at = day.used if day else 0, domains.stops_at(each)
        found.append(Card(each, used, held, limit, stops_at, pushes, unpushed))
    return found


@require_GET
@needs("viewer")
def mailboxes(request: MemberRequest) -> HttpResponse:
    mine = Mailbox.objects.within(request.workspace).select_related("watched_by", "push")
    rows = list(mine.order_by("email")[:MOST_CARDS])
    context = {"cards": cards_of(rows, now()), "may_change": request.membership.may("admin")}
    return render(request, "mailboxes/list.html", context)


def find(request: MemberRequest, pk: int) -> Mailbox:
    """Return a mailbox of this workspace, else 404."""
    rows = Mailbox.objects.within(request.workspace).select_related("workspace")
    return get_object_or_404(rows, pk=pk)


@require_POST
@needs("admin")
def pause(request: MemberRequest, pk: int) -> HttpResponse:
    return change(request, pk, "pause", "Nothing leaves from {} until it is resumed.")


@require_POST
@needs("admin")
def resume(request: MemberRequest, pk: int) -> HttpResponse:
    return change(request, pk, "resume", "{} sends again.")


@require_POST
@needs("admin")
def put_back(request: MemberRequest, pk: int) -> HttpResponse:
    """Let a mailbox take turns in its pools again, after a person has seen to its bounces."""
    mailbox = find(request, pk)
    if connecting.put_back(mailbox, by=request.user):
        toast(request, f"{mailbox} takes turns in its pools again. Its bounces are counted anew.")
    else:
        toast(request, f"{mailbox} takes turns in its pools already.")
    return redirect("mailboxes:list")


def change(request: MemberRequest, pk: int, verb: str, said: str) -> HttpResponse:
    mailbox = find(request, pk)
    try:
        connecting.change(mailbox, verb, by=request.user)
    except IllegalTransition as problem:
        toast(request, str(problem), level="error")
    else:
        toast(request, said.format(mailbox))
    return redirect("mailboxes:list")


@require_POST
@needs("admin")
def disconnect(request: MemberRequest, pk: int) -> HttpResponse:
    """Take the mailbox out of service; its runs wait for a person."""
    mailbox = find(request, pk)
    connecting.disconnect(mailbox, by=request.user)
    toast(request, f"{mailbox} is disconnected. Its steps wait until it is connected again.")
    return redirect("mailboxes:list")


@require_POST
@needs("admin")
def reconnect(request: MemberRequest, pk: int) -> HttpResponse:
    """Take a Sandbox mailbox back at once; others show what to enter, or where to sign in."""
    mailbox = find(request, pk)
    if far := BY_PROVIDER.get(mailbox.provider):
        return redirect(f"{reverse(far.page)}?mailbox={mailbox.pk}")
    if mailbox.provider != Mailbox.Provider.SANDBOX:
        return redirect("mailboxes:edit", pk=mailbox.pk)
    try:
        connecting.connect(mailbox, by=request.user)
    except connecting.NotHere as problem:
        toast(request, str(problem), level="error")
    else:
        toast(request, f"{mailbox} is connected again.")
    return redirect("mailboxes:list")


@require_POST
@needs("admin")
def watch(request: MemberRequest, pk: int) -> HttpResponse:
    """Take this person's word that they watch an inbox that the product cannot read."""
    mailbox = find(request, pk)
    try:
        connecting.watch(mailbox, by=request.user)
    except connecting.IsRead as problem:
        toast(request, str(problem), level="error")
    else:
        toast(request, f"Follow-ups leave from {mailbox}. Stop the runs of whoever answers.")
    return redirect("mailboxes:list")


@require_POST
@needs("admin")
def unwatch(request: MemberRequest, pk: int) -> HttpResponse:
    mailbox = find(request, pk)
    connecting.unwatch(mailbox, by=request.user)
    toast(request, f"Nobody watches the inbox of {mailbox} any more, so its follow-ups wait.")
    return redirect("mailboxes:list")


@require_POST
@needs("admin")
def test(request: MemberRequest, pk: int) -> HttpResponse:
    """Send a test mail to whoever asks, and repeat what the server said."""
    mailbox = find(request, pk)
    try:
        words = connecting.send_test(mailbox, request.user)
    except (ProviderError, RefusedMail) as problem:
        toast(request, f"The test mail was not sent. The server said: {problem}", level="error")
    else:
        toast(request, f"A test mail is on its way to {request.user.email}. {words}".strip())
    if request.POST.get("then") == "connected":
        return redirect("mailboxes:connected", pk=pk)
    return redirect("mailboxes:list")
