"""What Gmail and Graph have in common: one HTTP request, made once, and what its silence means."""

import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from mailboxes.providers.base import ProviderError, TryAgain, Unknown

CONNECT_SECONDS = 5
READ_SECONDS = 20
# The send itself: less patience would only make the fates of mails unknown.
SEND_SECONDS = 60
LARGEST_ANSWER = 30 * 1024 * 1024
LONGEST_WORDS = 2000
RETRY_AFTER = re.compile(r"retry after (\d{4}-\d\d-\d\dT[\d:.]+Z)", re.IGNORECASE)


def without_retries(session: requests.Session) -> requests.Session:
    """The session, set to make every request exactly once."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=0))
    return session


def request_once(
    session: requests.Session, method: str, url: str, seconds: float, **options: Any
) -> requests.Response:
    """Ask once and read the whole answer; it may not take longer, nor be larger, than allowed."""
    began = time.monotonic()
    answer = session.request(
        method,
        url,
        timeout=(CONNECT_SECONDS, seconds),
        allow_redirects=False,
        stream=True,
        **options,
    )
    read = bytearray()
    with answer:
        for piece in answer.iter_content(64 * 1024):
            read += piece
            if time.monotonic() - began > seconds + CONNECT_SECONDS:
                raise requests.ReadTimeout(f"The answer took longer than {seconds:.0f} s.")
            if len(read) > LARGEST_ANSWER:
                raise requests.ReadTimeout("The answer is too large.")
    answer._content = bytes(read)
    return answer


def lost(problem: requests.RequestException, *, sending: bool) -> ProviderError:
    """What a broken connection means: on the send itself, only a failed connect is certain."""
    words = f"No answer from the provider: {clean(str(problem))}"
    if sending and not never_connected(problem):
        return Unknown(words)
    return TryAgain(words)


def never_connected(problem: requests.RequestException) -> bool:
    """Tell whether certainly nothing of the request has reached the other side."""
    if isinstance(problem, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = getattr(problem.args[0], "reason", None) if problem.args else None
    if isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return True
    return "CERTIFICATE_VERIFY_FAILED" in str(problem)


def retry_after(headers: Any, words: str, at: datetime) -> timedelta | None:
    """How long the provider asks us to wait, in a header or in its words.

    >>> noon = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    >>> retry_after({"Retry-After": "120"}, "", noon)
    datetime.timedelta(seconds=120)
    >>> retry_after({}, "Rate exceeded.  Retry after 2026-11-21T12:01:00.000Z", noon)
    datetime.timedelta(seconds=60)
    """
    value = str(headers.get("Retry-After") or headers.get("retry-after") or "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), 7 * 24 * 3600))
    until = None
    try:
        if value:
            until = parsedate_to_datetime(value)
        elif found := RETRY_AFTER.search(words):
            until = datetime.fromisoformat(found[1])
    except ValueError:
        return None
    if until is None:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(until - at, timedelta())


def clean(words: str) -> str:
    """The provider's own words, safe to store and to show."""
    return re.sub(r"[^\n\x20-\x7e\xa0-\U0010ffff]", " ", words).strip()[:LONGEST_WORDS]
