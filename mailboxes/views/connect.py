"""Connecting a mailbox, and changing one."""

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from mailboxes import connecting
from mailboxes.connecting import PRESETS, STEP_NAMES, NotHere
from mailboxes.forms import MailboxForm, SMTPForm
from mailboxes.models import Mailbox
from mailboxes.providers.smtp import Step
from mailboxes.signing_in import BY_PROVIDER
from mailboxes.views.cards import find
from outreach.access import needs
from outreach.htmx import page_or_part
from outreach.requests import MemberRequest
from outreach.toasts import toast


@require_GET
@needs("admin")
def connect(request: MemberRequest) -> HttpResponse:
    """Show the kinds of mailboxes that this workspace can have."""
    return choose(request)


def choose(request: MemberRequest, problem: str = "", status: int = 200) -> HttpResponse:
    context = {"problem": problem, "fars": BY_PROVIDER.values()}
    return render(request, "mailboxes/connect.html", context, status=status)


@require_POST
@needs("admin")
def connect_sandbox(request: MemberRequest) -> HttpResponse:
    try:
        mailbox = connecting.connect_sandbox(request.workspace, by=request.user)
    except NotHere as problem:
        return choose(request, str(problem), status=409)
    toast(request, f"{mailbox} is ready. Its mail is caught and shown under Sandbox.")
    return redirect("mailboxes:list")


@method_decorator([needs("admin"), never_cache], name="dispatch")
class SMTPMailbox(View):
    """A mailbox at an SMTP server: entered, tested step by step, and kept if it works."""

    http_method_names = ["get", "post"]
    mailbox: Mailbox

    def setup(self, request: MemberRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.preset = next((p for p in PRESETS if p.name == request.GET.get("preset")), None)

    def open(self, request: MemberRequest) -> Mailbox:
        """Return the mailbox to fill in."""
        workspace = request.workspace
        mailbox = Mailbox(
            workspace=workspace,
            provider=Mailbox.Provider.SMTP,
            zone=workspace.zone,
            sender_name=request.user.name,
        )
        if preset := self.preset:
            mailbox.smtp_host, mailbox.smtp_port = preset.host, preset.port
            mailbox.smtp_security = preset.security
            mailbox.imap_host = preset.imap_host
        return mailbox

    def get(self, request: MemberRequest, **kwargs: Any) -> HttpResponse:
        mailbox = self.open(request, **kwargs)
        try:
            connecting.allow(request.workspace, mailbox.provider)
        except NotHere as problem:
            return choose(request, str(problem), status=409)
        return self.show(request, SMTPForm(instance=mailbox))

    def post(self, request: MemberRequest, **kwargs: Any) -> HttpResponse:
        mailbox = self.open(request, **kwargs)
        try:
            connecting.allow(request.workspace, mailbox.provider)
        except NotHere as problem:
            return choose(request, str(problem), status=409)
        form = SMTPForm(request.POST, instance=mailbox)
        if not form.is_valid():
            return self.show(request, form, status=422)
        mailbox = form.save(commit=False)
        only_test = request.POST.get("do") == "test"
        is_back = mailbox.status == Mailbox.Status.DISCONNECTED
        steps = self.check(form, everything=only_test or is_back)
        failed = bool(steps) and not all(step.ok for _, step in steps)
        if only_test or failed:
            return self.show(request, form, steps=steps, status=422 if failed else 200)
        is_new = mailbox.pk is None
        connecting.connect(mailbox, form.fields, by=request.user, read_anew=form.touches_inbox)
        toast(request, f"{mailbox} is {'connected' if is_new or is_back else 'saved'}.")
        if not request.htmx:
            return redirect("mailboxes:list")
        answer = HttpResponse()
        answer["HX-Redirect"] = reverse("mailboxes:list")
        return answer

    def check(self, form: SMTPForm, *, everything: bool) -> list[tuple[str, Step]]:
        """Try what was changed, each step by its name; the inbox once sending works."""
        mailbox, steps = form.instance, list[tuple[str, Step]]()
        if everything or form.touches_server:
            steps = [(STEP_NAMES[step.name], step) for step in connecting.check(mailbox)]
        works = all(step.ok for _, step in steps)
        if mailbox.imap_host and works and (everything or form.touches_inbox):
            found = connecting.check_inbox(mailbox)
            steps += [(f"Inbox: {STEP_NAMES[step.name].lower()}", step) for step in found]
        return steps

    def show(
        self,
        request: MemberRequest,
        form: SMTPForm,
        *,
        steps: list[tuple[str, Step]] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "form": form,
            "mailbox": form.instance,
            "steps": steps or [],
            "works": bool(steps) and all(step.ok for _, step in steps),
            "presets": PRESETS,
            "preset": self.preset,
        }
        return page_or_part(
            request, "mailboxes/smtp.html", "mailboxes/_outcome.html", context, status
        )


class EditSMTPMailbox(SMTPMailbox):
    """The same form for a mailbox that exists: change it, or connect it again."""

    def open(self, request: MemberRequest, pk: int = 0) -> Mailbox:
        return find(request, pk)


@needs("admin")
def edit(request: MemberRequest, pk: int) -> HttpResponseBase:
    """Change a mailbox; what can be changed depends on its kind."""
    mailbox = find(request, pk)
    if mailbox.provider == Mailbox.Provider.SMTP:
        return EditSMTPMailbox.as_view()(request, pk=pk)
    form = MailboxForm(request.POST or None, instance=mailbox)
    if request.method == "POST" and form.is_valid():
        connecting.keep(mailbox, form.fields, by=request.user)
        toast(request, f"{mailbox} is saved.")
        return redirect("mailboxes:list")
    status = 422 if form.errors else 200
    context = {"form": form, "mailbox": mailbox}
    return render(request, "mailboxes/edit.html", context, status=status)
