"""Put the first-run checklist away, and take it out again."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast

SESSION_KEY = "first_run"
DISMISSED, ASKED = "dismissed", "asked"


def chosen(request: MemberRequest) -> str:
    """Return what this person chose in this workspace: DISMISSED, ASKED or nothing yet."""
    return request.session.get(SESSION_KEY, {}).get(str(request.workspace.pk), "")


@require_POST
@needs("viewer")
def dismiss(request: MemberRequest) -> HttpResponse:
    """Hide the checklist until it is asked for."""
    _choose(request, DISMISSED)
    toast(request, "The checklist is put away. It is in your account menu, under Getting started.")
    return redirect("sequences:table")


@require_POST
@needs("viewer")
def show(request: MemberRequest) -> HttpResponse:
    """Show the checklist again."""
    _choose(request, ASKED)
    return redirect("sequences:table")


def _choose(request: MemberRequest, choice: str) -> None:
    chosen_before = request.session.get(SESSION_KEY, {})
    request.session[SESSION_KEY] = chosen_before | {str(request.workspace.pk): choice}
