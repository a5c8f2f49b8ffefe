"""The page behind an invitation's link."""

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from outreach.accounts import INVITATION_KEY, open_invitation
from outreach.models import AuditEntry, Invitation, Membership, User
from outreach.requests import SESSION_KEY, Request
from outreach.times import now
from outreach.toasts import toast


class TooLate(Exception):
    """The invitation was accepted or withdrawn a moment ago."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: Request, token: str) -> HttpResponse:
    """Remember the invitation, ask to sign in, and join on a click."""
    request.session[INVITATION_KEY] = token
    found = open_invitation(request)
    if found is None:
        return _gone(request)
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect_to_login(request.path)
        try:
            return _join(request, request.user, found)
        except TooLate:
            return _gone(request)
    user = request.user
    mine = user.memberships.filter(workspace=found.workspace) if user.is_authenticated else None
    context = {"invitation": found, "is_member": mine is not None and mine.exists()}
    return render(request, "settings/invitation.html", context)


def _join(request: Request, user: User, found: Invitation) -> HttpResponse:
    """Make whoever clicked a member; of several at once only one joins."""
    with transaction.atomic():
        if not user.memberships.filter(workspace=found.workspace).exists():
            waiting = Invitation.objects.filter(pk=found.pk, accepted_at=None)
            if not waiting.update(accepted_at=now()):
                raise TooLate
            Membership.objects.create(user=user, workspace=found.workspace, role=found.role)
            AuditEntry.note(found.workspace, "join", by=user, about=user)
    request.session.pop(INVITATION_KEY, None)
    request.session[SESSION_KEY] = found.workspace_id
    toast(request, f"Welcome to {found.workspace}.")
    return redirect("/")


def _gone(request: Request) -> HttpResponse:
    request.session.pop(INVITATION_KEY, None)
    return render(request, "settings/invitation.html", status=404)
