"""What a mailbox at Google signs in with: kept encrypted, renewed by Google's own library."""

import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from google.oauth2.credentials import Credentials

from mailboxes.providers.base import Disconnected, Misconfigured

# Drafts and sending, and reading what came back. Not gmail.modify: nothing is moved or marked.
SCOPES = (
    "https://www.googleapis.com/auth/gmail.compose",
    "https://www.googleapis.com/auth/gmail.readonly",
)


def is_set_up() -> bool:
    """Tell whether the operator has registered this installation with Google."""
    return bool(settings.GOOGLE_CLIENT_ID and settings.GOOGLE_CLIENT_SECRET)


def token_url() -> str:
    return f"{settings.GOOGLE_TOKEN_URL}/token"


def as_text(credentials: Any) -> str:
    """The part of the credentials that is the mailbox's; the client's own stays in the settings."""
    expiry = credentials.expiry
    return json.dumps(
        {
            "token": credentials.token,
            "refresh_token": credentials.refresh_token,
            "expiry": expiry.replace(tzinfo=UTC).isoformat() if expiry else None,
        }
    )


def credentials_of(mailbox: Any) -> Credentials:
    """The credentials of a mailbox; no network is asked."""
    if not is_set_up():
        raise Misconfigured("Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET in the environment.")
    if not mailbox.sign_in:
        raise Disconnected("Google's permission to use this mailbox is not stored any more.")
    kept = json.loads(mailbox.sign_in)
    expiry = datetime.fromisoformat(kept["expiry"]) if kept.get("expiry") else None
    return Credentials(
        token=kept["token"],
        refresh_token=kept["refresh_token"],
        token_uri=token_url(),
        client_id=settings.GOOGLE_CLIENT_ID,
        client_secret=settings.GOOGLE_CLIENT_SECRET,
        scopes=list(SCOPES),
        # Google's library compares times without a zone.
        expiry=expiry.astimezone(UTC).replace(tzinfo=None) if expiry else None,
    )
