"""Connecting a mailbox at Google or Microsoft: what is asked for and why, there, and back."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from mailboxes import connecting, signing_in
from mailboxes.connecting import NotHere
from mailboxes.models import Mailbox
from mailboxes.providers.base import ProviderError
from mailboxes.signing_in import BY_PROVIDER, Far, NotConnected
from mailboxes.views.cards import find
from mailboxes.views.connect import choose
from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast

# Why there is no mailbox, on the way from the page that found out to the one that says so.
PROBLEM = "mailbox_sign_in_problem"


@require_http_methods(["GET", "POST"])
@needs("admin")
@never_cache
def connect(request: MemberRequest, provider: str) -> HttpResponse:
    """Explain what will be asked for, then send the person to be asked."""
    far = BY_PROVIDER[provider]
    mailbox = asked_about(request, far)
    try:
        connecting.allow(request.workspace, provider)
    except NotHere as problem:
        return choose(request, str(problem), status=409)
    if request.method != "POST":
        return explain(request, far, mailbox, request.session.pop(PROBLEM, ""))
    if far.missing:
        return explain(request, far, mailbox, status=409)
    if wrong_address := elsewhere(request, far):
        return explain(request, far, mailbox, wrong_address, status=409)
    try:
        return HttpResponseRedirect(
            signing_in.begin(far, request.session, request.workspace, mailbox)
        )
    except ProviderError as fault:
        words = f"{far.company} could not be asked: {fault.words}"
        return explain(request, far, mailbox, words, status=409)


@require_GET
@needs("admin")
@never_cache
def back(request: MemberRequest, provider: str) -> HttpResponse:
    """Take in what the person brings back: their mailbox, or why there is none."""
    far = BY_PROVIDER[provider]
    begun = request.session.get(signing_in.SESSION_KEY) or {}
    try:
        mailbox = signing_in.finish(
            far, request.session, request.GET.dict(), request.workspace, by=request.user
        )
    except (NotHere, NotConnected) as problem:
        # Said on another page: the address of this one holds the code, and goes no further.
        request.session[PROBLEM] = str(problem)
        again = f"?mailbox={begun['mailbox']}" if begun.get("mailbox") else ""
        return redirect(f"{reverse(far.page)}{again}")
    toast(request, f"{mailbox} is connected.")
    return redirect("mailboxes:connected", pk=mailbox.pk)


@require_GET
@needs("admin")
def connected(request: MemberRequest, pk: int) -> HttpResponse:
    """Say that a mailbox works and what comes next: a test mail, and its limits."""
    return render(request, "mailboxes/connected.html", {"mailbox": find(request, pk)})


def asked_about(request: MemberRequest, far: Far) -> Mailbox | None:
    """The mailbox that is to be connected again, if one is named."""
    number = request.GET.get("mailbox", "")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    rows = Mailbox.objects.within(request.workspace)
    return rows.filter(pk=int(number), provider=far.provider).first()


def elsewhere(request: MemberRequest, far: Far) -> str:
    """Say where to begin, if the way back would lead to another address than this one."""
    if request.get_host() == urlsplit(settings.BASE_URL).netloc:
        return ""
    return (
        f"Open this page at {settings.BASE_URL}: {far.company} sends you back there, and this "
        "browser is signed in here only."
    )


def explain(
    request: MemberRequest, far: Far, mailbox: Mailbox | None, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "far": far,
        "mailbox": mailbox,
        "problem": problem,
        "address": reverse(far.page),
    }
    page = render(request, "mailboxes/sign_in.html", context, status=status)
    # Browsers hold the redirect that answers a form to the policy of the page with the form.
    consent = settings.GOOGLE_ACCOUNTS_URL if far is signing_in.GMAIL else ""
    url = urlsplit(consent or settings.MICROSOFT_LOGIN_URL)
    page._csp_update = {"form-action": [f"{url.scheme}://{url.netloc}"]}  # type: ignore[attr-defined]
    return page
