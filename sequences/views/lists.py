"""Lists of contacts: how many are in each, and making, renaming and deleting them."""

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast
from sequences.forms.contacts import ListForm
from sequences.models import ContactList
from sequences.views.newest import newest


@require_GET
@needs("viewer")
def lists(request: MemberRequest) -> HttpResponse:
    """Show the lists, newest first."""
    return _show(request, ListForm(request.workspace))


@require_POST
@needs("member")
def new(request: MemberRequest) -> HttpResponse:
    """Make an empty list."""
    form = ListForm(
        request.workspace, request.POST, instance=ContactList(workspace=request.workspace)
    )
    if not form.is_valid():
        return _show(request, form, status=422)
    made = form.save()
    toast(request, f"Made the list {made.name}.")
    return redirect("sequences:lists")


@require_http_methods(["GET", "POST"])
@needs("member")
def rename(request: MemberRequest, pk: int) -> HttpResponse:
    """Give a list another name."""
    found = _find(request, pk)
    before = found.name
    form = ListForm(request.workspace, request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        toast(request, f"Renamed {before} to {found.name}.")
        return redirect("sequences:lists")
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "list": found, "before": before}
    return render(request, "contacts/rename_list.html", context, status=status)


@require_POST
@needs("member")
def delete(request: MemberRequest, pk: int) -> HttpResponse:
    """Delete a list; its contacts stay."""
    found = _find(request, pk)
    found.delete()
    toast(request, f"Deleted the list {found.name}. Its contacts are still here.")
    return redirect("sequences:lists")


def _find(request: MemberRequest, pk: int) -> ContactList:
    return get_object_or_404(ContactList.objects.within(request.workspace), pk=pk)


def _show(request: MemberRequest, form: ListForm, status: int = 200) -> HttpResponse:
    rows = ContactList.objects.within(request.workspace).annotate(size=Count("contacts"))
    context = {
        "page": newest(request, rows),
        "form": form,
        "may_write": request.membership.may("member"),
    }
    return render(request, "contacts/lists.html", context, status=status)
