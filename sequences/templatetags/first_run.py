"""The checklist of a young workspace, for whoever can act on it."""

from typing import Any

from django import template
from django.urls import reverse

from outreach.requests import MemberRequest
from sequences.engine import first_run as engine
from sequences.views.first_run import ASKED, DISMISSED, chosen

register = template.Library()


@register.inclusion_tag("partials/_checklist.html", takes_context=True)
def first_run(context: template.Context) -> dict[str, Any]:
    """Show what is left to do; no query once it is dismissed, complete or the time is over."""
    request: MemberRequest = context["request"]
    membership = getattr(request, "membership", None)
    if membership is None or not membership.may("member"):
        return {}
    workspace = request.workspace
    asked = chosen(request) == ASKED
    if chosen(request) == DISMISSED:
        return {}
    if not asked and (not engine.is_young(workspace) or engine.is_complete(workspace)):
        return {}
    items = engine.items(workspace)
    done = sum(item.is_done for item in items)
    if done == len(items) and not asked:
        return {}
    return {
        "items": [(item, reverse(item.url_name), membership.may(item.role)) for item in items],
        "done": done,
        "total": len(items),
    }
