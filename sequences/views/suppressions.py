"""The suppression list: who must never be contacted again, since when and why."""

import json

from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from outreach.access import needs
from outreach.htmx import page_or_part, wants_part
from outreach.models import AuditEntry
from outreach.requests import MemberRequest
from outreach.toasts import toast
from sequences.engine import suppression_files
from sequences.engine.importing import Unreadable
from sequences.engine.suppressing import suppress
from sequences.forms.contacts import SuppressForm, SuppressionFileForm
from sequences.models import Suppression
from sequences.views.files import csv_file
from sequences.views.newest import newest


@require_GET
@needs("viewer")
def suppressions(request: MemberRequest) -> HttpResponse:
    """Show suppressed addresses and domains, newest first."""
    return _show(request, SuppressForm())


@require_POST
@needs("member")
def add(request: MemberRequest) -> HttpResponse:
    """Put an address or a domain on the list, and stop every run that it covers."""
    form = SuppressForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    value = form.cleaned_data["value"]
    put_on_list(request, value, source="Suppression list")
    return redirect("sequences:suppressions")


def put_on_list(request: MemberRequest, value: str, *, source: str) -> None:
    """Suppress an address or a domain in this member's name, and say so."""
    known = Suppression.objects.within(request.workspace).filter(value=value).exists()
    reason = Suppression.Reason.BY_HAND
    with transaction.atomic():
        entry = suppress(request.workspace, value, reason=reason, source=source, by=request.user)
        if not known:
            AuditEntry.note(request.workspace, "suppress", by=request.user, about=entry)
    toast(
        request,
        f"{value} is on the list already."
        if known
        else f"Nobody at {value} is written to again."
        if entry.is_domain
        else f"{value} is never written to again.",
    )


@require_http_methods(["GET", "POST"])
@needs("member")
def take_in(request: MemberRequest) -> HttpResponse:
    """Put all of a file on the list, and tell what was taken and what was not."""
    form = SuppressionFileForm(request.POST or None, request.FILES or None)
    report = None
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            # One byte more tells that it is too large, without reading the rest.
            content = upload.read(suppression_files.MAX_BYTES + 1)
            report = suppression_files.take_in(
                request.workspace, upload.name, content, by=request.user
            )
        except Unreadable as problem:
            form.add_error("file", str(problem))
    context = {"form": form, "report": report}
    status = 422 if form.errors else 200
    return render(request, "contacts/import_suppressions.html", context, status=status)


@require_GET
@needs("member")
def export(request: MemberRequest) -> StreamingHttpResponse:
    """Give the whole list as a file, which the import reads."""
    return csv_file("suppression-list.csv", suppression_files.rows_of(request.workspace))


@require_POST
@needs("admin")
def remove(request: MemberRequest, pk: int) -> HttpResponse:
    """Take an entry off the list; runs that it ended stay ended."""
    entry = get_object_or_404(Suppression.objects.within(request.workspace), pk=pk)
    with transaction.atomic():
        AuditEntry.note(
            request.workspace, "unsuppress", by=request.user, about=entry, reason=entry.reason
        )
        entry.delete()
    toast(request, f"Took {entry.value} off the suppression list. Stopped runs stay stopped.")
    return redirect("sequences:suppressions")


def _show(request: MemberRequest, form: SuppressForm, status: int = 200) -> HttpResponse:
    query = request.GET.get("q", "").replace("\0", "").strip().lower()[:200]
    rows = Suppression.objects.within(request.workspace).select_related("created_by")
    if query:
        rows = rows.filter(value__contains=query)
    page = newest(request, rows)
    context = {
        "page": page,
        "query": query,
        "form": form,
        "may_add": request.membership.may("member"),
        "may_remove": request.membership.may("admin"),
    }
    answer = page_or_part(
        request,
        "contacts/suppressions.html",
        "contacts/_suppressions.html",
        context,
        status=status,
    )
    if wants_part(request):
        said = f"{page.total_said} suppressed"
        answer["HX-Trigger"] = json.dumps({"announce": said})
    return answer
