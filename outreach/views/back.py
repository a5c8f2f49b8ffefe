"""Where a form was sent from."""

from django.utils.http import url_has_allowed_host_and_scheme

from outreach.requests import Request


def back(request: Request) -> str:
    """Return the page that sent this form, if it is ours, else the start page."""
    page = request.META.get("HTTP_REFERER", "")
    hosts = {request.get_host()}
    ours = url_has_allowed_host_and_scheme(page, hosts, require_https=request.is_secure())
    return page if ours else "/"
