"""What a refusal by the Gmail API or by Google's sign-in means: a pure table."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    Misconfigured,
    ProviderError,
    QuotaReached,
    RateLimited,
    TryAgain,
    Unknown,
)
from mailboxes.providers.web import clean, retry_after

OUR_FAULT = {"accessNotConfigured", "SERVICE_DISABLED", "dailyLimitExceeded", "CONSUMER_INVALID"}
GRANT_FAULT = {
    "authError",
    "insufficientPermissions",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "domainPolicy",
    "failedPrecondition",
}
TOO_FAST = {"userRateLimitExceeded", "rateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
# A rate limit that lifts only hours later is a quota.
HOURS = timedelta(hours=1)
SENDING_LIMIT = ("sending limit", "limit for sending")

CLIENT_FAULT = {"invalid_client", "deleted_client", "unauthorized_client", "disabled_client"}
ADMIN_FAULT = {"admin_policy_enforced", "org_internal", "access_denied", "policy_enforced"}
PASSING = {"internal_failure", "server_error", "temporarily_unavailable"}
ASK_YOUR_ADMIN = "An admin of your Google Workspace has to allow this app."


def classify(
    status: int, headers: Mapping[str, str], content: bytes, *, sending: bool, at: datetime
) -> ProviderError:
    """The error that names the next action after this answer of the Gmail API."""
    message, reasons = read(content)
    words = clean(f"{status} {message}".strip())
    if status >= 500 or status < 400:
        return Unknown(words) if sending else TryAgain(words)
    if status == 404:
        # The draft is gone. If the request was doubled on its way, it is gone because it was sent.
        return Unknown(words) if sending else TryAgain(words)
    if reasons & OUR_FAULT:
        return Misconfigured(words)
    if status == 429 or reasons & TOO_FAST:
        wait = retry_after(headers, message, at)
        limit = any(each in message.lower() for each in SENDING_LIMIT)
        if limit or (wait and wait >= HOURS):
            return QuotaReached(words, resets_at=at + wait if wait else None)
        return RateLimited(words, retry_after=wait)
    if status == 401 or reasons & GRANT_FAULT:
        return Disconnected(words)
    if status == 403:
        return Misconfigured(words)
    if status == 408:
        return TryAgain(words)
    return ContentRefused(words)


def read(content: bytes) -> tuple[str, set[str]]:
    """The message of an error, and every reason that it names, wherever it names them."""
    try:
        error = json.loads(content)["error"]
        message = str(error.get("message") or "")
        entries = [each for each in error.get("errors") or [] if isinstance(each, dict)]
        entries += [each for each in error.get("details") or [] if isinstance(each, dict)]
        return message, {str(each["reason"]) for each in entries if each.get("reason")}
    except (ValueError, KeyError, TypeError, AttributeError):
        return content[:300].decode("utf-8", "replace"), set()


def classify_sign_in(payload: Any, words: str, *, is_passing: bool = False) -> ProviderError:
    """The error that names the next action when Google gives no new access token.

    Nothing was sent. Only the mailbox's own grant makes it disconnected: a fault of our client
    id or secret concerns every mailbox, and none of them has to be connected again.
    """
    words = clean(words)
    # An answer that is no JSON comes from something in between, whatever the library thinks.
    if not isinstance(payload, dict):
        return TryAgain(words)
    code = str(payload.get("error") or "")
    if code == "invalid_grant":
        return Disconnected(words)
    if code in CLIENT_FAULT:
        return Misconfigured(words)
    if code in ADMIN_FAULT:
        return Disconnected(f"{words} {ASK_YOUR_ADMIN}")
    if is_passing or code in PASSING:
        return TryAgain(words)
    return Misconfigured(words)
