"""The mail that the sandbox caught: a list, and each mail as its reader sees it."""

import re

from csp.decorators import csp
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from mailboxes import frames
from mailboxes.answers import original_of, text_of
from mailboxes.compose import decoded
from mailboxes.models import InboundMail, SandboxMail
from mailboxes.parsing import reply_text
from mailboxes.providers.sandbox import FAULTS, fault_of
from outreach.access import needs
from outreach.htmx import page_or_part
from outreach.requests import MemberRequest

PAGE = 25
COUNTED = 1_000
MOST_ANSWERS = 20
SHOWN_HEADERS = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "X-Outreach-Ref",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
WEB_ADDRESS = re.compile(r"<(https?://[^<>\s]+)>")


@require_GET
@needs("viewer")
def sandbox(request: MemberRequest) -> HttpResponse:
    """List what was caught, newest first; `seen` asks only whether there is something newer."""
    rows = SandboxMail.objects.within(request.workspace).caught().select_related("mailbox")
    query = request.GET.get("q", "").strip()[:254]
    if query:
        rows = rows.filter(recipient__icontains=query)
    before, after = number(request, "before"), number(request, "after")
    if after:
        page = list(rows.filter(pk__gt=after).order_by("pk")[:PAGE])[::-1]
    else:
        older = rows.filter(pk__lt=before) if before else rows
        page = list(older.order_by("-pk")[:PAGE])
    first, last = (page[0].pk, page[-1].pk) if page else (0, 0)
    if request.htmx and number(request, "seen") == first and "seen" in request.GET:
        return HttpResponse(status=204)
    newer = rows.filter(pk__gt=first).exists() if page else False
    older_left = rows.filter(pk__lt=last).exists() if page else False
    total = rows.order_by()[: COUNTED + 1].count()
    context = {
        "mails": page,
        "query": query,
        "newest": first,
        "is_first": not (before or after),
        "total": f"{COUNTED:,}+" if total > COUNTED else f"{total:,}",
        "newer_url": link(query, after=first) if newer else "",
        "older_url": link(query, before=last) if older_left else "",
        "faults": FAULTS.items(),
        "may_play": request.membership.may("member"),
    }
    return page_or_part(request, "sandbox/list.html", "sandbox/_list.html", context)


def number(request: MemberRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def link(query: str, **where: int) -> str:
    searched: dict[str, str | int] = {"q": query} if query else {}
    return "?" + urlencode({**searched, **where})


def find(request: MemberRequest, pk: int) -> SandboxMail:
    """Return a caught mail of this workspace, else 404."""
    rows = SandboxMail.objects.within(request.workspace).caught().select_related("mailbox")
    return get_object_or_404(rows, pk=pk)


@require_GET
@needs("viewer")
def mail(request: MemberRequest, pk: int) -> HttpResponse:
    """Show a caught mail: its headers, the mail as its reader sees it, and what came back."""
    caught = find(request, pk)
    original = original_of(caught)
    headers = [(name, decoded(str(original[name]))) for name in SHOWN_HEADERS if name in original]
    came_back = InboundMail.objects.within(request.workspace).filter(
        mailbox=caught.mailbox, thread_id=caught.thread_id
    )
    context = {
        "mail": caught,
        "headers": [(name, " ".join(value.split())) for name, value in headers],
        "text": text_of(original),
        "has_html": bool(text_of(original, "text/html")),
        "fault": FAULTS.get(fault_of(caught.recipient), ""),
        "answers": [
            (each, reply_text(each.text))
            for each in came_back.order_by("-received_at", "-pk")[:MOST_ANSWERS]
        ],
        "optout_url": next(iter(WEB_ADDRESS.findall(str(original["List-Unsubscribe"]))), ""),
        "may_play": request.membership.may("member"),
    }
    return render(request, "sandbox/mail.html", context)


@require_GET
@xframe_options_sameorigin
@csp(frames.POLICY)  # type: ignore[arg-type]
@needs("viewer")
def html(request: MemberRequest, pk: int) -> HttpResponse:
    """Return the HTML of a mail for its frame, where nothing of it can act."""
    shown = text_of(original_of(find(request, pk)), "text/html")
    if not shown:
        raise Http404
    return HttpResponse(frames.STYLE + shown, content_type="text/html; charset=utf-8")
