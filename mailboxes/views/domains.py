"""The domain of a mailbox: what its records say, and asking again."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from mailboxes import dns, domains
from mailboxes.forms import SelectorForm
from mailboxes.models import DomainCheck, Mailbox
from mailboxes.views.cards import find
from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast

SAID = {dns.PASSING: "Passing", dns.FAILING: "Failing", dns.UNKNOWN: "Unknown"}


@require_GET
@needs("viewer")
def domain(request: MemberRequest, pk: int) -> HttpResponse:
    """Show what was found about the mailbox's domain, and what to publish."""
    mailbox = find(request, pk)
    asked = DomainCheck.objects.filter(mailbox=mailbox).first()
    return _show(request, mailbox, asked, SelectorForm(instance=asked))


@require_POST
@needs("admin")
def recheck(request: MemberRequest, pk: int) -> HttpResponse:
    """Ask DNS again, now, for the key of the selector that was entered."""
    mailbox = find(request, pk)
    if mailbox.provider == Mailbox.Provider.SANDBOX:
        toast(request, "Sandbox mail never leaves, so its domain is not checked.", level="error")
        return redirect("mailboxes:domain", pk=pk)
    asked = DomainCheck.objects.filter(mailbox=mailbox).first()
    before = asked.dkim_selector if asked else ""
    if "dkim_selector" in request.POST:
        form = SelectorForm(request.POST, instance=asked)
        if not form.is_valid():
            return _show(request, mailbox, asked, form, status=422)
        selector = form.cleaned_data["dkim_selector"]
        if selector != before:
            domains.choose_selector(mailbox, selector, by=request.user)
    asked = domains.check(mailbox)
    name = mailbox.email.rpartition("@")[2]
    toast(request, f"{name} was checked: {SAID[overall(asked)].lower()}.")
    return redirect("mailboxes:domain", pk=pk)


def overall(asked: DomainCheck | None) -> str:
    """Sum up what was found: the worst of it, and Unknown before anything was."""
    found = [each["status"] for each in asked.findings] if asked else []
    if not found:
        return dns.UNKNOWN
    return next((word for word in (dns.FAILING, dns.UNKNOWN) if word in found), dns.PASSING)


def _show(
    request: MemberRequest,
    mailbox: Mailbox,
    asked: DomainCheck | None,
    form: SelectorForm,
    status: int = 200,
) -> HttpResponse:
    rows: list[dict[str, Any]] = [
        each | {"label": dns.LABELS[each["kind"]], "said": SAID[each["status"]]}
        for each in (asked.findings if asked else [])
    ]
    context = {
        "mailbox": mailbox,
        "domain": mailbox.email.rpartition("@")[2],
        "asked": asked,
        "rows": rows,
        "form": form,
        "overall": overall(asked),
        "overall_said": SAID[overall(asked)],
        "stops_at": domains.stops_at(mailbox),
        "may_change": request.membership.may("admin"),
        "every": int(domains.EVERY.total_seconds() // 3600),
        "is_sandbox": mailbox.provider == Mailbox.Provider.SANDBOX,
    }
    return render(request, "mailboxes/domain.html", context, status=status)
