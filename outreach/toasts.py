"""What just happened, said once at the foot of the page, with the way back."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpResponse
from django.template.loader import render_to_string

from outreach.requests import Request

TEMPLATE = "partials/_toasts.html"


@dataclass(frozen=True)
class Toast:
    """One line to show: an error stays until it is closed, anything else leaves by itself."""

    text: str
    level: str = "info"
    undo_url: str = ""
    seconds: int = 10
    link_url: str = ""
    link_text: str = ""

    @property
    def is_error(self) -> bool:
        return self.level == "error"

    @classmethod
    def of(cls, message: Message) -> "Toast":
        """Read a message; those of other apps have no details of ours."""
        if message.extra_tags and message.extra_tags.startswith("{"):
            return cls(str(message), **json.loads(message.extra_tags))
        failed = message.level >= messages.WARNING
        return cls(str(message), level="error" if failed else "info")


def toast(
    request: Request,
    text: str,
    *,
    undo_url: str = "",
    seconds: int = 10,
    level: str = "info",
    link_url: str = "",
    link_text: str = "",
) -> None:
    """Say it on the answer to this request, or on the page that it redirects to."""
    details = asdict(Toast("", level, undo_url, seconds, link_url, link_text))
    del details["text"]
    number = messages.ERROR if level == "error" else messages.INFO
    messages.add_message(request, number, text, extra_tags=json.dumps(details))


def pending(request: Request) -> Iterator[Toast]:
    """Take the toasts that wait for this person; each is given out once."""
    for message in messages.get_messages(request):
        yield Toast.of(message)


class ToastMiddleware:
    """Append waiting toasts, out of band, to what htmx swaps in."""

    def __init__(self, get_response: Callable[[Request], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        response = self.get_response(request)
        if request.htmx and self.can_carry(response):
            waiting = messages.get_messages(request)
            if not getattr(waiting, "used", False) and len(waiting):
                self.append(request, response)
        return response

    def can_carry(self, response: HttpResponse) -> bool:
        leaves = any(name in response for name in ("HX-Redirect", "HX-Refresh", "HX-Location"))
        redirects = 300 <= response.status_code < 400
        html = response.get("Content-Type", "").startswith("text/html")
        return html and not (response.streaming or leaves or redirects)

    def append(self, request: Request, response: HttpResponse) -> None:
        if response.status_code == 204:
            # htmx does not read the body of a 204.
            response.status_code = 200
            response["HX-Reswap"] = "none"
        part = render_to_string(TEMPLATE, {"oob": True, "toasts": pending(request)}, request)
        response.content += part.encode(response.charset)
        if response.has_header("Content-Length"):
            response["Content-Length"] = str(len(response.content))
