"""What Google promises to tell us about a mailbox, and how we know that it is Google who tells.

Gmail publishes to a topic of Pub/Sub, which posts to us with a token that Google has signed.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from django.conf import settings
from google.auth.exceptions import GoogleAuthError, TransportError
from google.oauth2 import id_token

from mailboxes.providers.base import TryAgain
from mailboxes.providers.gmail import Gmail
from mailboxes.providers.web import clean, request_once, without_retries

ISSUERS = ("accounts.google.com", "https://accounts.google.com")
# What we write ourselves is no news.
OURS = ["SENT", "DRAFT"]
CERTS_SECONDS = 3
# Where Google names no time; and after a failure, so that nobody can have it asked at each push.
CERTS_USUALLY, CERTS_AFTER_FAILURE = 300, 10
CERTS_AT_MOST = 24 * 3600
MAX_AGE = re.compile(r"max-age=(\d{1,9})")
LONGEST_TOKEN = 4096
CLOCK_SKEW = 30


class Forged(Exception):
    """Whoever sent this is not whom we asked."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What Google's library takes for an answer."""

    status: int
    data: bytes
    good_until: float


class Certificates:
    """Google's public keys, kept for as long as Google says: asking at each push is too slow."""

    def __init__(self) -> None:
        self.kept: dict[str, Fetched] = {}

    def __call__(self, url: str, method: str = "GET", **_: Any) -> Fetched:
        found = self.kept.get(url)
        if found is None or found.good_until <= time.monotonic():
            found = self.kept[url] = self.fetch(url, method)
        return found

    def fetch(self, url: str, method: str) -> Fetched:
        with without_retries(requests.Session()) as session:
            try:
                answer = request_once(session, method, url, CERTS_SECONDS)
            except requests.RequestException as problem:
                words = clean(str(problem)).encode()
                return Fetched(503, words, time.monotonic() + CERTS_AFTER_FAILURE)
        seconds = CERTS_AFTER_FAILURE
        if answer.status_code == 200:
            named = MAX_AGE.search(answer.headers.get("Cache-Control", ""))
            seconds = min(int(named[1]), CERTS_AT_MOST) if named else CERTS_USUALLY
        return Fetched(answer.status_code, answer.content, time.monotonic() + seconds)


certificates: Any = Certificates()


def check(token: str, *, audience: str) -> None:
    """Raise Forged unless Google signed this token for us and for the account that pushes.

    Raises TryAgain where Google's keys cannot be had now.
    """
    if not 0 < len(token) <= LONGEST_TOKEN:
        raise Forged("There is no token.")
    try:
        said = id_token.verify_token(
            token,
            certificates,
            audience=audience,
            certs_url=settings.GOOGLE_CERTS_URL,
            clock_skew_in_seconds=CLOCK_SKEW,
        )
    except TransportError as problem:
        raise TryAgain(f"Google's keys cannot be had: {clean(str(problem))}") from problem
    except (GoogleAuthError, ValueError, KeyError, TypeError, AttributeError) as problem:
        # What somebody made up may break the library anywhere.
        raise Forged(clean(str(problem))) from problem
    if said.get("iss") not in ISSUERS:
        raise Forged("Somebody else than Google has issued the token.")
    is_pusher = str(said.get("email") or "").lower() == settings.GOOGLE_PUSH_ACCOUNT.lower()
    if not (is_pusher and said.get("email_verified") is True):
        raise Forged("The token is that of another account.")


def watch(mailbox: Any, topic: str) -> datetime:
    """Have Gmail tell the topic when something comes in; returns until when it will."""
    gmail = Gmail.for_mailbox(mailbox)
    wanted = {"topicName": topic, "labelIds": OURS, "labelFilterBehavior": "exclude"}
    try:
        found = gmail.asked(gmail.users.watch(userId="me", body=wanted))
    finally:
        gmail.close()
    try:
        return datetime.fromtimestamp(int(found["expiration"]) / 1000, UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise TryAgain("Gmail answered without saying until when it pushes.") from None


def stop(mailbox: Any) -> None:
    """Have Gmail tell nobody any more when something comes in."""
    gmail = Gmail.for_mailbox(mailbox)
    try:
        gmail.asked(gmail.users.stop(userId="me"))
    finally:
        gmail.close()
