"""What a refusal by Graph or by Microsoft's sign-in means: a pure table."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    Misconfigured,
    ProviderError,
    QuotaReached,
    RateLimited,
    RecipientRefused,
    TryAgain,
    Unknown,
)
from mailboxes.providers.web import clean, retry_after

# Of the same meaning whatever the status: they have been seen as 400, 403 and 429.
QUOTA_USED_UP = {
    "ErrorExceededMessageLimit",
    "ErrorExceededHourlyMessageLimit",
    "ErrorSubmissionQuotaExceeded",
    "ErrorExceededMaxRecipientLimit",
}
MAILBOX_UNUSABLE = {
    "InvalidAuthenticationToken",
    "ErrorAccessDenied",
    "MailboxNotEnabledForRESTAPI",
    "MailboxNotHostedInExchangeOnline",
    "ErrorMessageSubmissionBlocked",
    "ErrorAccountSuspend",
    "ErrorQuotaExceeded",
}
TOO_FAST = {"ApplicationThrottled", "TooManyRequests", "activityLimitReached"}
SENDER_REFUSED = {"ErrorSendAsDenied"}

CLIENT_FAULT = {"invalid_client", "unauthorized_client"}
GRANT_FAULT = {"invalid_grant", "interaction_required", "consent_required", "login_required"}
PASSING = {"temporarily_unavailable", "server_error"}


def classify(
    status: int, headers: Mapping[str, str], content: bytes, *, sending: bool, at: datetime
) -> ProviderError:
    """The error that names the next action after this answer of Graph."""
    code, message = read(content)
    words = clean(f"{status} {code}: {message}" if code else f"{status} {message}".strip())
    wait = retry_after(headers, message, at)
    if code in QUOTA_USED_UP:
        return QuotaReached(words, resets_at=at + wait if wait else None)
    if code in MAILBOX_UNUSABLE or status in (401, 507):
        return Disconnected(words)
    if code in SENDER_REFUSED:
        return ContentRefused(words)
    if status == 429 or code in TOO_FAST or (status == 503 and wait is not None):
        # Graph names a wait only where it has throttled the request, that is, not processed it.
        return RateLimited(words, retry_after=wait)
    if status >= 500 or status < 400:
        return Unknown(words) if sending else TryAgain(words)
    if status == 404:
        # The draft is gone. If the request was doubled on its way, it is gone because it was sent.
        return Unknown(words) if sending else TryAgain(words)
    if code == "ErrorInvalidRecipients":
        return RecipientRefused(words, hard=False, code=code)
    if status == 403:
        return Misconfigured(words)
    if status in (408, 409, 412, 423):
        return TryAgain(words)
    return ContentRefused(words)


def read(content: bytes) -> tuple[str, str]:
    """The code and the message of an error."""
    try:
        error = json.loads(content)["error"]
        return str(error.get("code") or ""), str(error.get("message") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", content[:300].decode("utf-8", "replace")


def classify_sign_in(found: Mapping[str, Any]) -> ProviderError:
    """The error that names the next action when Microsoft gives no new access token.

    Nothing was sent. Only the mailbox's own grant makes it disconnected: a fault of our client
    id or secret concerns every mailbox, and none of them has to be connected again.
    """
    code = str(found.get("error") or "")
    words = clean(str(found.get("error_description") or code or "Microsoft gave no token."))
    if code in CLIENT_FAULT:
        return Misconfigured(words)
    if code in GRANT_FAULT or found.get("claims"):
        return Disconnected(words)
    if code in PASSING:
        return TryAgain(words)
    return Misconfigured(words)
