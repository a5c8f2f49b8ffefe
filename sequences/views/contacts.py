"""Contacts: the table of them, one of them, and adding one by hand."""

import json

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from outreach.access import needs
from outreach.htmx import page_or_part, wants_part
from outreach.requests import MemberRequest
from outreach.toasts import toast
from sequences.engine import people
from sequences.forms.contacts import ContactForm
from sequences.models import Contact, ContactList, Enrollment, Import, Suppression
from sequences.views.contact_filter import ContactFilter
from sequences.views.newest import newest

RUNS_SHOWN = 100
LISTS_SHOWN = 500


@require_GET
@needs("viewer")
def contacts(request: MemberRequest) -> HttpResponse:
    """Show contacts, newest first, narrowed by words, list and status."""
    state = ContactFilter.read(request.GET, request.workspace)
    rows = state.rows.select_related("company").prefetch_related("lists").defer("fields", "search")
    page = newest(request, rows)
    context = {
        "state": state,
        "page": page,
        "statuses": Contact.Status.choices,
        "may_write": request.membership.may("member"),
        "lists": ContactList.objects.within(request.workspace).order_by("name")[:LISTS_SHOWN],
        "jobs": _jobs(request),
    }
    answer = page_or_part(request, "contacts/contacts.html", "contacts/_table.html", context)
    if wants_part(request):
        said = f"{page.total_said} contact{'' if page.total == 1 else 's'}, newest first"
        answer["HX-Trigger"] = json.dumps({"announce": said})
    return answer


def _jobs(request: MemberRequest) -> list[Import]:
    jobs = Import.objects.within(request.workspace).filter(status__in=Import.WORKING)
    return list(jobs.defer("content", "samples").order_by("pk")[:5])


@require_GET
@needs("viewer")
def contact(request: MemberRequest, pk: int) -> HttpResponse:
    """Show one contact, what is known about them, and their runs."""
    found = _find(request, pk)
    return _show(request, found, ContactForm(request.workspace, instance=found))


@require_POST
@needs("member")
def edit(request: MemberRequest, pk: int) -> HttpResponse:
    """Change a contact."""
    found = _find(request, pk)
    form = ContactForm(request.workspace, request.POST, instance=found)
    if not form.is_valid():
        return _show(request, _find(request, pk), form, status=422)
    _save(form)
    toast(request, f"Saved {found.name}.")
    return redirect("sequences:contact", found.pk)


@require_http_methods(["GET", "POST"])
@needs("member")
def new(request: MemberRequest) -> HttpResponse:
    """Add a contact by hand."""
    draft = Contact(workspace=request.workspace)
    form = ContactForm(request.workspace, request.POST or None, instance=draft)
    if request.method == "POST" and form.is_valid():
        _save(form)
        toast(request, f"Added {draft.name}.")
        return redirect("sequences:contact", draft.pk)
    status = 422 if request.method == "POST" else 200
    return render(request, "contacts/new.html", {"form": form}, status=status)


def _save(form: ContactForm) -> None:
    saved = form.save(commit=False)
    people.place(
        saved, company=form.cleaned_data["company_name"], website=form.cleaned_data["website"]
    )


def _find(request: MemberRequest, pk: int) -> Contact:
    rows = Contact.objects.within(request.workspace).select_related("company", "workspace")
    return get_object_or_404(rows, pk=pk)


def _show(
    request: MemberRequest, found: Contact, form: ContactForm, status: int = 200
) -> HttpResponse:
    runs = Enrollment.objects.within(request.workspace).filter(
        contact=found, dropped_at__isnull=True
    )
    context = {
        "contact": found,
        "form": form,
        "may_write": request.membership.may("member"),
        "runs": runs.select_related("sequence").order_by("-pk")[:RUNS_SHOWN],
        "lists": ContactList.objects.within(request.workspace).filter(contacts=found),
        "suppressed": Suppression.objects.within(request.workspace)
        .covering(found.email)
        .order_by("pk")
        .first(),
    }
    return render(request, "contacts/contact.html", context, status=status)
