"""Workspaces: make one, switch, its settings, the emergency stop, deleting, the audit log."""

from django.conf import settings as conf
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from outreach.access import needs
from outreach.audit import details, done
from outreach.forms import DeleteWorkspaceForm, NewWorkspaceForm, WorkspaceForm, zone_names
from outreach.models import AuditEntry, Membership, Workspace
from outreach.requests import SESSION_KEY, MemberRequest, SignedInRequest
from outreach.toasts import toast
from outreach.views.back import back

ENTRIES_ON_A_PAGE = 50


@require_http_methods(["GET", "POST"])
@login_required
def new(request: SignedInRequest) -> HttpResponse:
    """Make a workspace; whoever makes it owns it."""
    posted = request.POST if request.method == "POST" else None
    form = NewWorkspaceForm(posted, initial={"zone": request.user.zone})
    if form.is_valid():
        with transaction.atomic():
            workspace = form.save()
            role = Membership.Role.OWNER
            Membership.objects.create(user=request.user, workspace=workspace, role=role)
            AuditEntry.note(workspace, "create", by=request.user, about=workspace)
        request.session[SESSION_KEY] = workspace.pk
        toast(request, f"{workspace} is ready.")
        return redirect("/")
    context = {"form": form, "zones": zone_names()}
    status = 422 if form.is_bound else 200
    return render(request, "settings/new_workspace.html", context, status=status)


@require_POST
@login_required
def switch(request: SignedInRequest, pk: int) -> HttpResponse:
    """Work in another workspace from now on."""
    membership = get_object_or_404(request.user.memberships, workspace_id=pk)
    request.session[SESSION_KEY] = membership.workspace_id
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    return redirect(wanted if ours else "/")


@require_http_methods(["GET", "POST"])
@needs("viewer")
def settings(request: MemberRequest) -> HttpResponse:
    """Show the workspace's settings; only admins can change them."""
    if request.method == "POST":
        return _save(request)
    form = WorkspaceForm(instance=request.workspace)
    if not request.membership.may("admin"):
        for field in form.fields.values():
            field.disabled = True
    return _show(request, form)


@needs("admin")
def _save(request: MemberRequest) -> HttpResponse:
    # A record of its own: the frame of the page goes on showing what is stored.
    workspace = Workspace.objects.get(pk=request.workspace.pk)
    form = WorkspaceForm(request.POST, instance=workspace)
    with transaction.atomic():
        is_valid = form.is_valid()
        if is_valid and form.changed_data:
            form.save()
            AuditEntry.note(
                workspace, "change", by=request.user, about=workspace, fields=form.changed_data
            )
    if not is_valid:
        return _show(request, form, status=422)
    toast(request, "Settings saved." if form.changed_data else "Nothing was changed.")
    return redirect("outreach:settings")


@require_POST
@needs("admin")
def stop_sending(request: MemberRequest) -> HttpResponse:
    """Stop every send of the workspace at its next gate."""
    request.workspace.stop_sending(by=request.user)
    toast(request, "Sending is stopped. What a provider already had is delivered.")
    return redirect(back(request))


@require_http_methods(["GET", "POST"])
@needs("admin")
def resume_sending(request: MemberRequest) -> HttpResponse:
    """Say what would leave, and when; then let sending go on, at the pace of the sequences."""
    if request.method == "GET":
        preview = import_string(conf.RESUME_PREVIEW)(request.workspace)
        context = {"place": "workspace", "may_change": True, "preview": preview}
        return render(request, "settings/resume.html", context)
    request.workspace.resume_sending(by=request.user)
    toast(request, "Sending goes on. What is overdue leaves at the pace of its sequence.")
    return redirect("outreach:settings")


@require_POST
@needs("owner")
def delete(request: MemberRequest) -> HttpResponse:
    """Delete the workspace with everything in it; its name has to be typed."""
    workspace: Workspace = request.workspace
    form = DeleteWorkspaceForm(request.POST, workspace=workspace)
    if not form.is_valid():
        return _show(request, WorkspaceForm(instance=workspace), deletion=form, status=422)
    workspace.erase()
    request.session.pop(SESSION_KEY, None)
    toast(request, f"{workspace} and everything in it was deleted.")
    return redirect("/")


@require_GET
@needs("admin")
def audit(request: MemberRequest) -> HttpResponse:
    """Show who did what, newest first, one page at a time."""
    entries = AuditEntry.objects.within(request.workspace).select_related("by")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdecimal() and len(before) < 19:
        entries = entries.filter(pk__lt=int(before))
    found = list(entries.order_by("-pk")[: ENTRIES_ON_A_PAGE + 1])
    shown = found[:ENTRIES_ON_A_PAGE]
    context = {
        "place": "audit",
        "entries": [(each, done(each), details(each)) for each in shown],
        "older": shown[-1].pk if len(found) > len(shown) else None,
        "is_later_page": bool(before),
    }
    return render(request, "settings/audit.html", context)


def _show(
    request: MemberRequest,
    form: WorkspaceForm,
    *,
    deletion: DeleteWorkspaceForm | None = None,
    status: int = 200,
) -> HttpResponse:
    may_delete = request.membership.may("owner")
    context = {
        "place": "workspace",
        "form": form,
        "zones": zone_names(),
        "may_change": request.membership.may("admin"),
        "deletion": deletion or (may_delete and DeleteWorkspaceForm(workspace=request.workspace)),
    }
    return render(request, "settings/workspace.html", context, status=status)
