"""Asking a person for Microsoft's permission to use their mailbox, with PKCE."""

import warnings
from collections.abc import Mapping
from typing import Any

import msal
import requests
from msal.exceptions import MsalError

from mailboxes.providers.base import Disconnected, TryAgain
from mailboxes.providers.microsoft_answers import classify_sign_in
from mailboxes.providers.microsoft_sign_in import SCOPES, SignInLine, application
from mailboxes.providers.web import clean

# msal would have the answer posted by a form. A form of another site brings no session cookie
# (SameSite=Lax), without which an answer could not be bound to the browser that asked.
warnings.filterwarnings("ignore", message="response_mode='form_post'", category=UserWarning)


def begin(redirect_uri: str, *, hint: str = "") -> tuple[str, dict[str, Any]]:
    """Where to send the person, and what to keep in their session until they are back."""
    flow = application().initiate_auth_code_flow(
        SCOPES, redirect_uri=redirect_uri, prompt="select_account", login_hint=hint or None
    )
    return SignInLine.found_at(flow["auth_uri"]), flow


def finish(
    kept: Mapping[str, Any], answer: Mapping[str, str], redirect_uri: str
) -> tuple[str, list[str]]:
    """Turn the code that Microsoft sent back into a cache, and what was granted with it.

    Raises what a send would raise.
    """
    cache = msal.SerializableTokenCache()
    app = application(cache)
    try:
        found = app.acquire_token_by_auth_code_flow(dict(kept), dict(answer))
    except (requests.RequestException, MsalError) as problem:
        raise TryAgain(clean(f"Microsoft's sign-in did not answer: {problem}")) from problem
    except ValueError as problem:
        # What came back does not belong to what was begun.
        raise Disconnected(clean(str(problem))) from problem
    if "access_token" not in found:
        raise classify_sign_in(found)
    return cache.serialize(), str(found.get("scope", "")).split()
