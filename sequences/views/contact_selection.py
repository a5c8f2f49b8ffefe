"""What can be done to selected contacts: enroll, add to a list, delete."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast
from sequences.engine import people
from sequences.forms.contacts import AddToListForm
from sequences.models import ContactList, Enrollment
from sequences.views.contact_filter import MOST, Picked

# More would not fit into an address.
MOST_IN_ADDRESS = 200
AT_ONCE = 500


@require_POST
@needs("member")
def enroll(request: MemberRequest) -> HttpResponse:
    """Go on to the choice of a sequence for the selected contacts."""
    picked = Picked.read(request)
    choose = reverse("sequences:enroll_choose")
    if picked.filter is not None and picked.filter.is_one_list:
        return redirect(f"{choose}?{urlencode({'list': picked.filter.list.pk})}")
    ids = list(picked.rows.values_list("pk", flat=True)[: MOST_IN_ADDRESS + 1])
    if not ids:
        return _nobody(request)
    if len(ids) > MOST_IN_ADDRESS:
        text = f"Put more than {MOST_IN_ADDRESS} contacts into a list, then enroll the list."
        toast(request, text, level="error")
        return _choose_list(request, picked, AddToListForm(request.workspace), status=422)
    return redirect(f"{choose}?{urlencode({'contacts': ','.join(map(str, ids))}, safe=',')}")


@require_POST
@needs("member")
def add_to_list(request: MemberRequest) -> HttpResponse:
    """Ask for a list, then put the selected contacts into it."""
    picked = Picked.read(request)
    if not picked.rows.exists():
        return _nobody(request)
    if "chosen" not in request.POST:
        return _choose_list(request, picked, AddToListForm(request.workspace))
    form = AddToListForm(request.workspace, request.POST)
    if not form.is_valid():
        return _choose_list(request, picked, form, status=422)
    target = form.cleaned_data["list"]
    if target is None:
        mine = ContactList.objects.within(request.workspace)
        target, _ = mine.get_or_create(name=form.cleaned_data["name"], workspace=request.workspace)
    ids = list(picked.rows.order_by("pk").values_list("pk", flat=True))
    for begin in range(0, len(ids), AT_ONCE):
        target.contacts.add(*ids[begin : begin + AT_ONCE])
    count = f"{len(ids):,} contact{'' if len(ids) == 1 else 's'}"
    toast(request, f"Added {count} to {target.name}.")
    return redirect(f"{reverse('sequences:contacts')}?{urlencode({'list': target.pk})}")


def _choose_list(
    request: MemberRequest, picked: Picked, form: AddToListForm, status: int = 200
) -> HttpResponse:
    context = {"picked": picked, "count": picked.rows.count(), "form": form}
    return render(request, "contacts/add_to_list.html", context, status=status)


@require_POST
@needs("member")
def delete(request: MemberRequest) -> HttpResponse:
    """Say what deleting the selected contacts means, then do it."""
    picked = Picked.read(request)
    some = list(picked.rows.order_by("pk")[: MOST + 1])
    if not some:
        return _nobody(request)
    if len(some) > MOST:
        toast(request, f"Delete up to {MOST:,} contacts at a time.", level="error")
        return redirect("sequences:contacts")
    if "confirmed" not in request.POST:
        runs = Enrollment.objects.within(request.workspace).filter(contact__in=some)
        context = {
            "picked": picked,
            "contacts": some,
            "few": some[:10],
            "unfinished": runs.unfinished().count(),
        }
        return render(request, "contacts/delete.html", context)
    people.delete(request.workspace, some, by=request.user)
    who = some[0].name if len(some) == 1 else f"{len(some):,} contacts"
    toast(request, f"Deleted {who}.")
    return redirect("sequences:contacts")


def _nobody(request: MemberRequest) -> HttpResponse:
    toast(request, "Select contacts first.", level="error")
    return redirect("sequences:contacts")
