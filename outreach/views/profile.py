"""What people set for themselves."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from outreach.forms import ProfileForm, zone_names
from outreach.models import User
from outreach.requests import SignedInRequest
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
        toast(request, "Profile saved.")
        return redirect("outreach:profile")
    memberships = request.user.memberships.select_related("workspace")
    context = {
        "place": "profile",
        "form": form,
        "zones": zone_names(),
        "memberships": memberships.order_by("workspace__name", "pk")[:200],
    }
    return render(request, "settings/profile.html", context, status=422 if form.is_bound else 200)


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
