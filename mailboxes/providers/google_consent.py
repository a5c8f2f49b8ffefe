"""Asking a person for Google's permission to use their mailbox, with PKCE."""

import os
from collections.abc import Mapping
from typing import Any

import requests
from django.conf import settings
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import MissingTokenError, OAuth2Error

from mailboxes.providers import google_sign_in
from mailboxes.providers.base import Misconfigured, TryAgain
from mailboxes.providers.google_answers import classify_sign_in
from mailboxes.providers.google_sign_in import SCOPES
from mailboxes.providers.web import CONNECT_SECONDS, clean

ANSWER_SECONDS = 20

# Else oauthlib raises a bare Warning when a person has left a permission out, and also when
# Google only names them in another order. What was granted is compared afterwards.
os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"


def begin(redirect_uri: str, *, hint: str = "") -> tuple[str, dict[str, Any]]:
    """Where to send the person, and what to keep in their session until they are back."""
    flow = _flow(redirect_uri)
    # Only a consent screen gives a refresh token, so it is asked for each time.
    options = {"access_type": "offline", "prompt": "consent"}
    if hint:
        options["login_hint"] = hint
    url, state = flow.authorization_url(**options)
    return url, {"state": state, "code_verifier": flow.code_verifier}


def finish(kept: Mapping[str, Any], answer: Mapping[str, str], redirect_uri: str) -> Any:
    """Turn the code that Google sent back into credentials; raises what a send would raise."""
    flow = _flow(redirect_uri, code_verifier=kept["code_verifier"])
    try:
        flow.fetch_token(code=answer["code"], timeout=(CONNECT_SECONDS, ANSWER_SECONDS))
        return flow.credentials
    except MissingTokenError as problem:
        # Neither a token nor an error: something in between has answered.
        raise TryAgain("Google's sign-in answered with something else.") from problem
    except OAuth2Error as problem:
        words = f"{problem.error}: {problem.description or ''}"
        raise classify_sign_in({"error": problem.error}, words) from problem
    except (requests.RequestException, ValueError) as problem:
        raise TryAgain(clean(f"Google's sign-in did not answer: {problem}")) from problem


def _flow(redirect_uri: str, **options: Any) -> Any:
    if not google_sign_in.is_set_up():
        raise Misconfigured("Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET in the environment.")
    client = {
        "client_id": settings.GOOGLE_CLIENT_ID,
        "client_secret": settings.GOOGLE_CLIENT_SECRET,
        "auth_uri": f"{settings.GOOGLE_ACCOUNTS_URL}/o/oauth2/v2/auth",
        "token_uri": google_sign_in.token_url(),
    }
    return Flow.from_client_config(
        {"web": client}, scopes=list(SCOPES), redirect_uri=redirect_uri, **options
    )
