"""What people set for themselves."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from outreach import localtime
from outreach.access import needs
from outreach.forms import DigestForm, ProfileForm, zone_names
from outreach.models import Membership, User
from outreach.requests import MemberRequest, SignedInRequest
from outreach.times import now
from outreach.toasts import toast
from outreach.views.back import back


@require_http_methods(["GET", "POST"])
@login_required
def profile(request: SignedInRequest) -> HttpResponse:
    """Change one's name, time zone and shortcuts."""
    posted = request.POST if request.method == "POST" else None
    # A record of its own: the frame of the page goes on showing what is stored.
    form = ProfileForm(posted, instance=User.objects.get(pk=request.user.pk))
    if form.is_valid():
        form.save()
        if "zone" in form.changed_data:
            _plan_digests(form.instance)
        toast(request, "Profile saved.")
        return redirect("outreach:profile")
    return _show(request, form, status=422 if form.is_bound else 200)


def _plan_digests(user: User) -> None:
    """Let the mails about replies go by the person's new clock."""
    for membership in user.memberships.exclude(digest=Membership.Digest.OFF):
        membership.plan_digest(now())


@require_POST
@needs("viewer")
def digest(request: MemberRequest) -> HttpResponse:
    """Choose how often one is told about replies that wait, in this workspace."""
    membership = Membership.objects.get(pk=request.membership.pk)
    form = DigestForm(request.POST, instance=membership)
    if not form.is_valid():
        person = ProfileForm(instance=User.objects.get(pk=request.user.pk))
        return _show(request, person, digest_form=form, status=422)
    form.save()
    membership.plan_digest(now())
    if membership.digest_at:
        toast(request, f"The next one may come {localtime.when(membership.digest_at)}.")
    else:
        toast(request, "No mail tells you about replies any more.")
    return redirect("outreach:profile")


def _show(
    request: SignedInRequest,
    form: ProfileForm,
    *,
    digest_form: DigestForm | None = None,
    status: int = 200,
) -> HttpResponse:
    memberships = request.user.memberships.select_related("workspace")
    membership = request.membership
    if membership and digest_form is None:
        digest_form = DigestForm(instance=Membership.objects.get(pk=membership.pk))
    context = {
        "place": "profile",
        "form": form,
        "digest_form": digest_form,
        "is_mail_printed": "console" in settings.EMAIL_BACKEND,
        "zones": zone_names(),
        "memberships": memberships.order_by("workspace__name", "pk")[:200],
    }
    return render(request, "settings/profile.html", context, status=status)


@require_POST
@login_required
def theme(request: SignedInRequest) -> HttpResponse:
    """Keep the chosen theme for this person, in every browser."""
    chosen = request.POST.get("theme", "")
    if chosen not in User.Theme.values:
        return HttpResponseBadRequest("Choose light, dark or system.")
    request.user.theme = chosen
    request.user.save(update_fields=["theme"])
    return HttpResponse(status=204) if request.htmx else redirect(back(request))
