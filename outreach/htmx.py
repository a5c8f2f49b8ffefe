"""One URL answers with a page or with the part of it that htmx swaps."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseRedirectBase
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers

from outreach.requests import Request


def wants_part(request: Request) -> bool:
    """Tell whether htmx will put the answer into a page that is already there."""
    # When the browser goes back and htmx has no cached page, it asks for the whole page with an
    # htmx request; a boosted link replaces the whole body.
    htmx = request.htmx
    return bool(htmx) and not htmx.history_restore_request and not htmx.boosted


def page_or_part(
    request: Request,
    page: str,
    part: str,
    context: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the part for htmx, the whole page for everyone else."""
    template = part if wants_part(request) else page
    response = render(request, template, dict(context or {}), status=status)
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    return response


class SignInMiddleware:
    """Send the whole page to sign-in when a session ends during an htmx call.

    Without it htmx follows the redirect and swaps a sign-in page into a cell of the table.
    """

    def __init__(self, get_response: Callable[[Request], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        response = self.get_response(request)
        if not request.htmx or not isinstance(response, HttpResponseRedirectBase):
            return response
        sign_in = resolve_url(settings.LOGIN_URL)
        if response.url.split("?")[0] != sign_in:
            return response
        back = request.htmx.current_url_abs_path or settings.LOGIN_REDIRECT_URL
        answer = HttpResponse()
        answer["HX-Redirect"] = f"{sign_in}?{urlencode({'next': back})}"
        return answer
