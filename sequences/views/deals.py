"""The deals of a workspace: which chance stands where, and what it is worth."""

import json
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from outreach.access import needs
from outreach.htmx import page_or_part, wants_part
from outreach.requests import MemberRequest
from outreach.toasts import toast
from sequences import deals as listing
from sequences import pages
from sequences.forms.deals import WorthForm
from sequences.models import Deal

STAGES = ", ".join(Deal.Stage.labels[:-1]) + f" or {Deal.Stage.labels[-1]}"


@require_GET
@needs("viewer")
def deals(request: MemberRequest) -> HttpResponse:
    """Show one page of deals; stage, order, search and page are in the URL."""
    return show(request)


@require_GET
@needs("viewer")
def deal(request: MemberRequest, pk: int) -> HttpResponse:
    """Show one deal in the list of them."""
    return redirect(f"{reverse('sequences:deals')}?deal={find(request, pk).pk}")


@require_POST
@needs("member")
def move(request: MemberRequest, pk: int) -> HttpResponse:
    """Put a deal into another stage; an undo names with ?back= the one that it was in."""
    found = find(request, pk)
    stage = request.POST.get("stage") or request.GET.get("back", "")
    if stage not in Deal.Stage.values:
        return show(request, f"Choose one of the stages: {STAGES}.", status=422)
    was = _still_there(found.move_to, stage, by=request.user)
    if was == stage:
        toast(request, f"{found} is in {found.get_stage_display()} already.")
    else:
        undo = f"{reverse('sequences:deal_move', args=[pk])}?{_kept(request, back=was)}"
        toast(request, f"Moved {found} to {found.get_stage_display()}.", undo_url=undo)
    return answer(request)


@require_POST
@needs("member")
def revalue(request: MemberRequest, pk: int) -> HttpResponse:
    """Put a value on a deal, or take it off."""
    found = find(request, pk)
    form = WorthForm(request.POST)
    if not form.is_valid():
        typed = {name: request.POST.get(name, "") for name in form.fields}
        return show(request, status=422, editing=pk, typed=typed, wrong=form.problem)
    _still_there(found.revalue, **form.cleaned_data, by=request.user)
    toast(
        request, f"{found} is worth {found.worth}." if found.worth else f"{found} has no value now."
    )
    return answer(request)


def find(request: MemberRequest, pk: int) -> Deal:
    """Return a deal of this workspace, else 404."""
    mine = Deal.objects.within(request.workspace).select_related("enrollment", "workspace")
    found: Deal = get_object_or_404(mine, pk=pk)
    return found


def _still_there(verb: Any, *values: Any, **named: Any) -> Any:
    """Act on a deal; 404 where a corrected reply has closed it in this very moment."""
    try:
        return verb(*values, **named)
    except ObjectDoesNotExist:
        raise Http404 from None


def show(
    request: MemberRequest, problem: str = "", *, status: int = 200, **more: Any
) -> HttpResponse:
    """Answer with the list; `more` is what was typed into one of its rows, and what is wrong."""
    state = listing.State.read(request.GET, request.workspace)
    if state.deal is not None and not state.rows.exists():
        raise Http404
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    sums = state.sums[state.chip] if state.deal is None else listing.Sums(1)
    page = pages.page(listing.of(state.rows), state.sort, after=after, before=before)
    page = pages.numbered(page, sums.number)
    total = pages.total(page, sums.number)
    context = {
        "state": state,
        "rows": listing.formatted(page.rows),
        "page": page,
        "total": total,
        "worth": sums.said,
        "chips": listing.chips(state),
        "headers": pages.headers(
            listing.COLUMNS, state.sort, lambda word: state.link(sort=listing.SORTS[word])
        ),
        "previous_url": f"{state.link()}&before={page.previous}" if page.previous else "",
        "next_url": f"{state.link()}&after={page.next}" if page.next else "",
        "kept": _kept(request),
        "all_url": state.link(chip="all", query="", deal=None),
        "any_stage_url": state.link(chip="all"),
        "has_any": bool(state.sums["all"].number),
        "stages": Deal.Stage.choices,
        "usual_currency": _usual_currency(request),
        "may_write": request.membership.may("member"),
        "problem": problem,
    } | more
    response = page_or_part(request, "deals/deals.html", "deals/_deals.html", context, status)
    if wants_part(request) and request.method == "GET":
        said = f"{total} deal{'' if sums.number == 1 else 's'}, {state.order}"
        response["HX-Trigger"] = json.dumps({"announce": said})
    return response


def answer(request: MemberRequest) -> HttpResponse:
    """Show the list as it is now, at the address that it had."""
    here = f"{reverse('sequences:deals')}?{_kept(request)}"
    if not wants_part(request):
        return redirect(here)
    response = show(request)
    # An undo comes from a message, which puts its answer nowhere.
    response["HX-Retarget"] = "#results"
    response["HX-Reswap"] = "innerHTML"
    return response


def _kept(request: MemberRequest, **more: str) -> str:
    """Write where in the list this is."""
    state = listing.State.read(request.GET, request.workspace)
    place = {name: request.GET[name] for name in ("after", "before") if name in request.GET}
    return state.parameters() + (f"&{urlencode(place | more)}" if place | more else "")


def _usual_currency(request: MemberRequest) -> str:
    """Return the currency of the deal that was last given one."""
    named = Deal.objects.within(request.workspace).exclude(currency="").order_by("-pk")
    return str(named.values_list("currency", flat=True).first() or "")
