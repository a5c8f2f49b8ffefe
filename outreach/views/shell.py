"""The parts of the frame that are asked for again while a page is open."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from outreach.context import Heartbeat
from outreach.requests import Request

STOP_POLLING = 286


@never_cache
@require_GET
def heartbeat(request: Request) -> HttpResponse:
    """Say when the scheduler last ran."""
    if not request.user.is_authenticated:
        # A sign-in redirect from here would throw away what is being typed on the page.
        return HttpResponse(status=STOP_POLLING)
    context = {"heartbeat": Heartbeat.read(), "oob": True}
    return render(request, "partials/_heartbeat.html", context)
