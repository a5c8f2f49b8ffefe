"""Signing in as both providers do it: a consent page, codes used once, tokens that end."""

import hashlib
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote, urlencode

from tests.fakes.pages import page
from tests.fakes.web import Answer, Asked

CLIENT_ID, CLIENT_SECRET = "fake-client", "fake-secret"


@dataclass
class Grant:
    """What somebody allowed: whose account, and what may be done with it."""

    account: str
    scopes: list[str]
    revoked: bool = False


@dataclass
class Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    nonce: str = ""


class Grants:
    """Codes, access tokens and refresh tokens of one provider."""

    def __init__(self, clock: Callable[[], float], *, prefix: str) -> None:
        self.clock = clock
        self.prefix = prefix
        self.client_id, self.client_secret = CLIENT_ID, CLIENT_SECRET
        self.codes: dict[str, Code] = {}
        self.access: dict[str, tuple[Grant, float]] = {}
        self.refresh: dict[str, Grant] = {}
        self.lasts = 3599
        # Microsoft gives a new refresh token each time.
        self.rotates = False

    def new_code(
        self,
        account: str,
        scopes: list[str],
        *,
        redirect_uri: str,
        challenge: str = "",
        nonce: str = "",
    ) -> str:
        code = f"{self.prefix}-code-{secrets.token_hex(8)}"
        self.codes[code] = Code(Grant(account, scopes), redirect_uri, challenge, nonce)
        return code

    def new_grant(self, account: str, scopes: list[str]) -> tuple[str, str]:
        """An access token and a refresh token, without anybody being asked."""
        grant = Grant(account.lower(), scopes)
        return self.new_access(grant), self.new_refresh(grant)

    def new_access(self, grant: Grant) -> str:
        token = f"{self.prefix}-access-{secrets.token_hex(8)}"
        self.access[token] = (grant, self.clock() + self.lasts)
        return token

    def new_refresh(self, grant: Grant) -> str:
        token = f"{self.prefix}-refresh-{secrets.token_hex(8)}"
        self.refresh[token] = grant
        return token

    def of(self, access_token: str) -> Grant | None:
        grant, end = self.access.get(access_token, (None, 0.0))
        if grant is None or grant.revoked or end <= self.clock():
            return None
        return grant

    def revoke(self, token: str) -> bool:
        grant = self.refresh.get(token) or self.access.get(token, (None, 0.0))[0]
        if grant is None:
            return False
        grant.revoked = True
        return True

    def revoke_all(self, account: str) -> None:
        """As the person, or the admin, does it at the provider."""
        granted = [grant for grant, _ in self.access.values()]
        for grant in [*self.refresh.values(), *granted]:
            if grant.account == account.lower():
                grant.revoked = True

    def end_access_tokens(self) -> None:
        """Let every access token be over; the refresh tokens stay good."""
        self.access.clear()

    def token(self, asked: Asked) -> Answer:
        """The token endpoint of Google; Microsoft's adds to it."""
        form = asked.form
        if client_of(asked) != (self.client_id, self.client_secret):
            return failed(401, "invalid_client", "The OAuth client was not found.")
        if form.get("grant_type") == "refresh_token":
            return self.renewed(form)
        code = self.codes.pop(form.get("code", ""), None)
        if code is None:
            return failed(400, "invalid_grant", "Malformed auth code.")
        if code.redirect_uri != form.get("redirect_uri"):
            return failed(400, "redirect_uri_mismatch", "Bad Request")
        if code.challenge and code.challenge != challenge_of(form.get("code_verifier", "")):
            return failed(400, "invalid_grant", "Invalid code verifier.")
        return Answer(
            200,
            self.said(code.grant) | {"refresh_token": self.new_refresh(code.grant)},
            {"X-Nonce": code.nonce},
        )

    def renewed(self, form: dict[str, str]) -> Answer:
        grant = self.refresh.get(form.get("refresh_token", ""))
        if grant is None or grant.revoked:
            return failed(400, "invalid_grant", "Token has been expired or revoked.")
        said = self.said(grant)
        if self.rotates:
            said["refresh_token"] = self.new_refresh(grant)
        return Answer(200, said)

    def said(self, grant: Grant) -> dict[str, object]:
        return {
            "access_token": self.new_access(grant),
            "expires_in": self.lasts,
            "scope": " ".join(grant.scopes),
            "token_type": "Bearer",
        }


def client_of(asked: Asked) -> tuple[str, str]:
    """Id and secret of the program, from the form or from the header."""
    kind, _, value = asked.headers.get("authorization", "").partition(" ")
    if kind == "Basic":
        name, _, secret = b64decode(value).decode().partition(":")
        return unquote(name), unquote(secret)
    return asked.form.get("client_id", ""), asked.form.get("client_secret", "")


def failed(status: int, code: str, description: str) -> Answer:
    return Answer(status, {"error": code, "error_description": description})


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def redirected(query: dict[str, str], **answer: str) -> Answer:
    """Back to where the person came from, with the answer."""
    said = answer | ({"state": query["state"]} if "state" in query else {})
    return Answer(302, headers={"Location": f"{query['redirect_uri']}?{urlencode(said)}"})


def consent_page(name: str, asked: Asked, accounts: list[str]) -> Answer:
    """A page on which one chooses an account and what it may be used for."""
    kept = "".join(
        f'<input type="hidden" name="{escape(key)}" value="{escape(value)}">'
        for key, value in asked.query.items()
    )
    hint = asked.query.get("login_hint", "")
    forms = []
    for account in accounts or [hint or "alex@brightline.test"]:
        forms.append(
            f'<form action="{escape(asked.path)}/answer"><h2>{escape(account)}</h2>{kept}'
            f'<input type="hidden" name="account" value="{escape(account)}">'
            f"{leave_out(asked)}<button>Allow {escape(account)}</button></form>"
        )
    cancel = (
        f'<form action="{escape(asked.path)}/answer">{kept}'
        '<input type="hidden" name="answer" value="cancel"><button>Cancel</button></form>'
    )
    title = f"Fake {name}: choose an account"
    return page(title, f"{''.join(forms)}{cancel}")


def leave_out(asked: Asked) -> str:
    scopes = asked.query.get("scope", "").split()
    options = "".join(f"<option>{escape(scope)}</option>" for scope in scopes)
    return (
        '<label>Leave out <select name="leave_out"><option value="">nothing</option>'
        f"{options}</select></label> "
    )
