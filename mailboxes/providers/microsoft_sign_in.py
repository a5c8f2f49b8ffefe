"""What a mailbox at Microsoft signs in with: msal's cache, one for each mailbox, kept encrypted."""

import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msal
import requests
from django.conf import settings
from msal.exceptions import MsalError

from mailboxes.providers.base import Disconnected, Misconfigured, TryAgain
from mailboxes.providers.microsoft_answers import classify_sign_in
from mailboxes.providers.web import CONNECT_SECONDS, clean, without_retries

PUBLIC_LOGIN = "https://login.microsoftonline.com"
# msal adds openid, profile and offline_access itself.
SCOPES = [
    f"https://graph.microsoft.com/{name}" for name in ("Mail.ReadWrite", "Mail.Send", "User.Read")
]
SIGN_IN_SECONDS = 10
# A token that ends while a mail is on its way would be refused in the middle of it.
RENEWED_BEFORE_ITS_END = 300


def is_set_up() -> bool:
    """Tell whether the operator has registered this installation with Microsoft."""
    return bool(settings.MICROSOFT_CLIENT_ID and settings.MICROSOFT_CLIENT_SECRET)


class SignInLine:
    """What msal asks through: with a time limit, and where MICROSOFT_LOGIN_URL says."""

    def __init__(self) -> None:
        self.session = without_retries(requests.Session())

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.session.get(self.found_at(url), **options | self.limits())

    def post(self, url: str, **options: Any) -> requests.Response:
        return self.session.post(self.found_at(url), **options | self.limits())

    def close(self) -> None:
        self.session.close()

    @staticmethod
    def limits() -> dict[str, Any]:
        return {"timeout": (CONNECT_SECONDS, SIGN_IN_SECONDS), "allow_redirects": False}

    @staticmethod
    def found_at(url: str) -> str:
        """msal insists on https; a server for trying things out has none.

        >>> SignInLine.found_at("https://elsewhere.test/token")
        'https://elsewhere.test/token'
        """
        if not url.startswith(f"{PUBLIC_LOGIN}/"):
            return url
        login, meant = urlsplit(settings.MICROSOFT_LOGIN_URL), urlsplit(url)
        return urlunsplit(meant._replace(scheme=login.scheme, netloc=login.netloc))


def application(cache: msal.SerializableTokenCache | None = None) -> Any:
    """This installation as Microsoft knows it; asks once where to sign in."""
    if not is_set_up():
        raise Misconfigured(
            "Set MICROSOFT_CLIENT_ID and MICROSOFT_CLIENT_SECRET in the environment."
        )
    login = settings.MICROSOFT_LOGIN_URL
    if not login.startswith("https://"):
        login = PUBLIC_LOGIN
    try:
        return msal.ConfidentialClientApplication(
            settings.MICROSOFT_CLIENT_ID,
            client_credential=settings.MICROSOFT_CLIENT_SECRET,
            authority=f"{login}/{settings.MICROSOFT_TENANT}",
            token_cache=cache,
            http_client=SignInLine(),
            instance_discovery=False,
        )
    except (requests.RequestException, MsalError, ValueError) as problem:
        # msal says ValueError for any answer here that it cannot read.
        raise TryAgain(clean(f"Microsoft's sign-in cannot be reached: {problem}")) from problem


def token_for(mailbox: Any, *, renew: bool = False) -> str:
    """An access token for the mailbox; asks Microsoft only when the kept one is about to end."""
    if not is_set_up():
        raise Misconfigured(
            "Set MICROSOFT_CLIENT_ID and MICROSOFT_CLIENT_SECRET in the environment."
        )
    if not mailbox.sign_in:
        raise Disconnected("Microsoft's permission to use this mailbox is not stored any more.")
    cache = msal.SerializableTokenCache()
    cache.deserialize(mailbox.sign_in)
    kept = "" if renew else kept_token(cache)
    return kept or renewed_token(mailbox, cache)


def kept_token(cache: Any) -> str:
    """The access token of the cache, if it is still good for a while."""
    for token in cache.search(cache.CredentialType.ACCESS_TOKEN):
        if int(token["expires_on"]) - time.time() > RENEWED_BEFORE_ITS_END:
            return str(token["secret"])
    return ""


def renewed_token(mailbox: Any, cache: Any) -> str:
    app = application(cache)
    accounts = app.get_accounts()
    if not accounts:
        raise Disconnected("Microsoft's permission to use this mailbox is not stored any more.")
    try:
        found = app.acquire_token_silent_with_error(SCOPES, accounts[0], force_refresh=True)
    except (requests.RequestException, MsalError, ValueError) as problem:
        raise TryAgain(clean(f"Microsoft's sign-in did not answer: {problem}")) from problem
    if not found or "access_token" not in found:
        raise classify_sign_in(found or {})
    if mailbox.pk and cache.has_state_changed:
        # Another worker may have been quicker; the earlier refresh token stays good for a while.
        mailbox.keep_sign_in(cache.serialize())
    return str(found["access_token"])
