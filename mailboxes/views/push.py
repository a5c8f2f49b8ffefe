"""Where Google and Microsoft say that something came in: public, so nothing of it is believed
before it has proved from whom it is, and nothing but "look into this inbox" after that."""

import json
from base64 import b64decode
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from mailboxes import pushing
from mailboxes.providers import google_push
from mailboxes.providers.base import TryAgain

# Real ones have some hundred bytes; Microsoft puts several into one.
MOST_BYTES = 256 * 1024
MOST_NOTICES = 1000
LONGEST_WORD = 1024

logger = structlog.get_logger(__name__)

View = Callable[[HttpRequest], HttpResponse]


class Unreadable(Exception):
    """This is not what a provider posts."""


def answered(provider: str) -> Callable[[View], View]:
    """Answer only where pushes are set up; a refusal is a status and a sentence, and a log line."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @never_cache
        @require_POST
        @wraps(view)
        def answer(request: HttpRequest) -> HttpResponse:
            if not pushing.target(provider):
                return said(404, "Pushes are not set up on this installation.")
            if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
                return refused(provider, 413, "This is more than any notification has.")
            try:
                return view(request)
            except google_push.Forged as problem:
                return refused(provider, 401, "This is not from whom we asked.", str(problem))
            except Unreadable:
                return refused(provider, 400, "This is no notification.")
            except TryAgain as problem:
                return refused(provider, 503, "Try again later.", problem.words)

        return answer

    return decorate


@answered(pushing.GMAIL)
def google(request: HttpRequest) -> HttpResponse:
    """Take a push of Pub/Sub: signed by Google, for us, in the name of the account we know."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise google_push.Forged("There is no token.")
    google_push.check(token, audience=pushing.audience())
    if not pushing.told_by_google(address_in(request.body)):
        return refused(pushing.GMAIL, 404, "There is no such mailbox.")
    return HttpResponse(status=204)


@answered(pushing.MICROSOFT)
def microsoft(request: HttpRequest) -> HttpResponse:
    """Take notifications of Graph, or repeat the word by which it asks whether we listen."""
    word = request.GET.get("validationToken")
    if word is not None:
        if len(word) > LONGEST_WORD:
            raise Unreadable
        # Plain text, which no browser takes for a page.
        return HttpResponse(word, content_type="text/plain; charset=utf-8")
    if not pushing.told_by_microsoft(notices_in(request.body)):
        return refused(pushing.MICROSOFT, 404, "There is no such subscription.")
    return HttpResponse(status=202)


def address_in(body: bytes) -> str:
    """Return the address that a push of Pub/Sub names; raises Unreadable."""
    try:
        data = str(read(body)["message"]["data"]).translate(str.maketrans("-_", "+/"))
        named = read(b64decode(data + "=" * (-len(data) % 4)))["emailAddress"]
    except (ValueError, KeyError, TypeError):
        raise Unreadable from None
    if not isinstance(named, str) or "@" not in named:
        raise Unreadable
    return named[:254]


def notices_in(body: bytes) -> list[tuple[str, str, str]]:
    """Return subscription, word and event of each notification of Graph; raises Unreadable."""
    try:
        return [
            (
                str(each["subscriptionId"]),
                str(each.get("clientState") or ""),
                str(each.get("lifecycleEvent") or ""),
            )
            for each in read(body)["value"][:MOST_NOTICES]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unreadable from None


def read(text: bytes) -> Any:
    """Parse JSON; however deep it is nested, it is a ValueError at worst."""
    try:
        return json.loads(text)
    except RecursionError as problem:
        raise ValueError(str(problem)) from problem


def refused(provider: str, status: int, words: str, why: str = "") -> HttpResponse:
    logger.warning("A push was refused", provider=provider, status=status, why=why or words)
    return said(status, words)


def said(status: int, words: str) -> HttpResponse:
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")
