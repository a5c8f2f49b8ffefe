"""Who works in a workspace, and what becomes of their role."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from outreach.access import needs
from outreach.forms import InvitationForm, roles_given_by
from outreach.models import AuditEntry, Membership, Workspace
from outreach.requests import SESSION_KEY, MemberRequest
from outreach.times import now
from outreach.toasts import toast

MEMBERS_AT_MOST = 500
OWNER = Membership.Role.OWNER


@require_http_methods(["GET", "POST"])
@needs("viewer")
def members(request: MemberRequest) -> HttpResponse:
    """Show the members; admins also see who is invited, and invite."""
    if request.method == "POST":
        return _invite(request)
    return _show(request, InvitationForm(membership=request.membership))


@needs("admin")
def _invite(request: MemberRequest) -> HttpResponse:
    workspace: Workspace = request.workspace
    form = InvitationForm(request.POST, membership=request.membership)
    if not form.is_valid():
        return _show(request, form, status=422)
    email = form.cleaned_data["email"]
    try:
        with transaction.atomic():
            too_old = workspace.invitations.filter(accepted_at=None, expires_at__lte=now())
            too_old.filter(email=email).delete()
            invitation = form.save(commit=False)
            invitation.workspace, invitation.invited_by = workspace, request.user
            invitation.save()
            AuditEntry.note(workspace, "invite", by=request.user, about=invitation)
    except IntegrityError:
        form.add_error("email", f"{email} has just been invited by somebody else.")
        return _show(request, form, status=422)
    toast(request, f"{email} is invited. Copy the link and send it to them.")
    return redirect("outreach:members")


@require_POST
@needs("admin")
def change_role(request: MemberRequest, pk: int) -> HttpResponse:
    """Give a member another role, none above one's own."""
    role = request.POST.get("role", "")
    with _change(request, pk) as (me, member):
        if role not in dict(roles_given_by(me)):
            raise PermissionDenied("You can give no role above your own.")
        if role == member.role:
            return redirect("outreach:members")
        if role != OWNER:
            _keep_an_owner(member)
        member.role = role
        member.save(update_fields=["role"])
        AuditEntry.note(request.workspace, "change_role", by=request.user, about=member)
    toast(request, f"{member.user} is {member.get_role_display().lower()} now.")
    return redirect("outreach:members")


@require_POST
@needs("viewer")
def remove(request: MemberRequest, pk: int) -> HttpResponse:
    """Take a member out of the workspace, or leave it; what they did stays."""
    with _change(request, pk) as (me, member):
        leaves = me == member
        if not leaves and not me.may("admin"):
            raise PermissionDenied("Only admins and owners remove other members.")
        _keep_an_owner(member)
        verb, about = ("leave", request.user) if leaves else ("remove_member", member)
        AuditEntry.note(request.workspace, verb, by=request.user, about=about)
        member.delete()
    if leaves:
        request.session.pop(SESSION_KEY, None)
        toast(request, f"You left {request.workspace}.")
        return redirect("/")
    toast(request, f"{member.user} can no longer open {request.workspace}.")
    return redirect("outreach:members")


@require_POST
@needs("admin")
def withdraw(request: MemberRequest, pk: int) -> HttpResponse:
    """Make an invitation's link useless."""
    with transaction.atomic():
        waiting = request.workspace.invitations.filter(accepted_at=None)
        invitation = get_object_or_404(waiting.select_for_update(), pk=pk)
        AuditEntry.note(request.workspace, "withdraw_invitation", by=request.user, about=invitation)
        invitation.delete()
    toast(request, f"The invitation of {invitation.email} is withdrawn; its link no longer works.")
    return redirect("outreach:members")


def _show(request: MemberRequest, form: InvitationForm, status: int = 200) -> HttpResponse:
    workspace, me = request.workspace, request.membership
    may_change = me.may("admin")
    waiting = workspace.invitations.filter(accepted_at=None)
    context = {
        "place": "members",
        "may_change": may_change,
        "form": form,
        "roles": roles_given_by(me),
        "members": [
            (member, may_change and me.may(member.role))
            for member in workspace.memberships.select_related("user").order_by("user__email")[
                :MEMBERS_AT_MOST
            ]
        ],
        "count": workspace.memberships.count(),
        "at_most": MEMBERS_AT_MOST,
        "invitations": [
            (each, request.build_absolute_uri(reverse("outreach:invitation", args=[each.token])))
            for each in (waiting.order_by("-created_at")[:MEMBERS_AT_MOST] if may_change else [])
        ],
        "now": now(),
    }
    return render(request, "settings/members.html", context, status=status)


@contextmanager
def _change(request: MemberRequest, pk: int) -> Iterator[tuple[Membership, Membership]]:
    """Give one's own membership and the one to change, one change of a workspace at a time.

    Otherwise two owners could take the role from each other at once, and nobody would own it.
    """
    with transaction.atomic():
        get_object_or_404(Workspace.objects.select_for_update(), pk=request.workspace.pk)
        found = request.workspace.memberships.select_related("user")
        me = get_object_or_404(found, user=request.user)
        member = get_object_or_404(found, pk=pk)
        if not me.may(member.role):
            raise PermissionDenied(f"{member.user} has a higher role than you.")
        yield me, me if member == me else member


def _keep_an_owner(member: Membership) -> None:
    """Refuse to let the last owner go."""
    owners = member.workspace.memberships.filter(role=OWNER).exclude(pk=member.pk)
    if member.role == OWNER and not owners.exists():
        raise PermissionDenied(
            "A workspace keeps at least one owner; make somebody else one first."
        )
