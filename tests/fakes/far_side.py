"""Google and Microsoft on one port of this machine, with a journal of what really left.

`make fakes` runs it for development and prints the environment for `make run`; tests start it
with `running()`. Whoever runs in another process asks over HTTP:

    GET  /journal            one JSON object a line, as `manage.py verify --journal` reads it
    POST /faults             {"name": "gmail.drafts.send", "status": 503, "accepts": true, …}
    DELETE /faults           everything works again
    POST /time               {"seconds": 300}: the far side's clock moves on
    POST /grants             {"provider": "gmail", "mailbox": "a@b.test"}: tokens, unasked
    POST /inbound            {"provider", "mailbox", "raw" (base64)}: a mail comes in
    POST /notices            {"times": 2, "backwards": true}: what was subscribed to is told;
                             with "push_url" Google pushes there from now on
"""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msal

from tests.fakes.google import COMPOSE, READ, Google
from tests.fakes.mail import Accepted, answer_to, bounce_of
from tests.fakes.microsoft import RESOURCE, Microsoft, signed_in_as
from tests.fakes.notices import Post
from tests.fakes.oauth import CLIENT_ID, CLIENT_SECRET
from tests.fakes.pages import Pages
from tests.fakes.web import Answer, Asked, Website, serving

GRAPH_SCOPES = [RESOURCE + name for name in ("Mail.ReadWrite", "Mail.Send", "User.Read")]
AUTOMATIC = {"Auto-Submitted": "auto-replied", "X-Autoreply": "yes"}


class FarSide(Website):
    """Everything beyond the network: both providers, their prospects, and what went wrong."""

    def __init__(self, *, seed: int = 1) -> None:
        super().__init__()
        self.luck.seed(seed)
        self.journal: list[Accepted] = []
        self.post = Post()
        self.calls_out = {"notices", "graph.subscriptions.create"}
        self.google = Google(self, self.journal, self.post)
        self.microsoft = Microsoft(self, self.journal, self.post)
        self.pages = Pages(self)
        on = self.on
        on("GET", "/journal", "journal")(self.show_journal)
        on("POST", "/faults", "faults")(self.take_fault)
        on("DELETE", "/faults", "heal")(self.take_healing)
        on("POST", "/time", "time")(self.take_time)
        on("POST", "/grants", "grants")(self.take_grant)
        on("POST", "/inbound", "inbound")(self.take_inbound)
        on("POST", "/notices", "notices")(self.take_notices)

    # Settings and sign-ins for who talks to it

    @property
    def environment(self) -> dict[str, str]:
        """What the product has to be told to find this place instead of the real one."""
        return {
            "GMAIL_URL": self.url,
            "GOOGLE_ACCOUNTS_URL": self.url,
            "GOOGLE_TOKEN_URL": self.url,
            "GOOGLE_CLIENT_ID": CLIENT_ID,
            "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
            "GOOGLE_CERTS_URL": f"{self.url}/oauth2/v1/certs",
            "GRAPH_URL": f"{self.url}/v1.0",
            "MICROSOFT_LOGIN_URL": self.url,
            "MICROSOFT_CLIENT_ID": CLIENT_ID,
            "MICROSOFT_CLIENT_SECRET": CLIENT_SECRET,
        }

    def sign_in(self, provider: str, email: str) -> str:
        """What a mailbox of the product keeps once its person has allowed everything."""
        return self.google_sign_in(email) if provider == "gmail" else self.microsoft_sign_in(email)

    def google_sign_in(self, email: str, scopes: tuple[str, ...] = (COMPOSE, READ)) -> str:
        self.google.mailbox(email)
        access, refresh = self.google.grants.new_grant(email, list(scopes))
        end = datetime.fromtimestamp(self.clock(), UTC) + timedelta(seconds=3599)
        return json.dumps({"token": access, "refresh_token": refresh, "expiry": end.isoformat()})

    def microsoft_sign_in(self, email: str, scopes: list[str] | None = None) -> str:
        self.microsoft.mailbox(email)
        scopes = GRAPH_SCOPES if scopes is None else scopes
        access, refresh = self.microsoft.grants.new_grant(email, scopes)
        cache = msal.SerializableTokenCache()
        cache.add(
            {
                "client_id": CLIENT_ID,
                "scope": scopes,
                "token_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
                "response": {
                    "access_token": access,
                    "refresh_token": refresh,
                    "expires_in": 3599,
                    "token_type": "Bearer",
                    "scope": " ".join(scopes),
                }
                | signed_in_as(email.lower(), CLIENT_ID, self),
            },
            now=self.clock(),
        )
        return cache.serialize()

    # Prospects

    def answer_as_prospect(self, sent: Accepted, text: str, *, automatic: bool = False) -> str:
        """The recipient of a mail writes back; the id of what came in."""
        headers = AUTOMATIC if automatic else {}
        return self.deliver(
            sent.provider, sent.mailbox, answer_to(sent, text, at=self.clock(), **headers)
        )

    def bounce(self, sent: Accepted, status: str = "5.1.1") -> str:
        return self.deliver(
            sent.provider, sent.mailbox, bounce_of(sent, at=self.clock(), status=status)
        )

    def deliver(self, provider: str, mailbox: str, raw: bytes) -> str:
        with self.lock:
            if provider == "gmail":
                return self.google.deliver(mailbox, raw)
            return self.microsoft.deliver(mailbox, raw)

    # Over HTTP

    def show_journal(self, asked: Asked) -> Answer:
        lines = [json.dumps(each.line()) for each in self.journal]
        return Answer(200, "".join(f"{line}\n" for line in lines), kind="application/jsonl")

    def take_fault(self, asked: Asked) -> Answer:
        given: dict[str, Any] = asked.json
        try:
            self.fail(given.pop("name", ""), **given)
        except (KeyError, ValueError, TypeError) as problem:
            return Answer(400, {"error": str(problem)})
        return Answer(204)

    def take_healing(self, asked: Asked) -> Answer:
        self.heal()
        return Answer(204)

    def take_time(self, asked: Asked) -> Answer:
        self.pass_time(float(asked.json["seconds"]))
        return Answer(204)

    def take_grant(self, asked: Asked) -> Answer:
        given = asked.json
        return Answer(200, {"sign_in": self.sign_in(given["provider"], given["mailbox"])})

    def take_inbound(self, asked: Asked) -> Answer:
        given = asked.json
        raw = b64decode(given["raw"])
        return Answer(200, {"id": self.deliver(given["provider"], given["mailbox"], raw)})

    def take_notices(self, asked: Asked) -> Answer:
        given = asked.json
        self.google.push_url = given.pop("push_url", self.google.push_url)
        return Answer(200, {"answered": self.post.deliver(**given)})


@contextmanager
def running(*, port: int = 0, seed: int = 1) -> Iterator[FarSide]:
    """The far side on a port of this machine."""
    far_side = FarSide(seed=seed)
    with serving(far_side, port=port):
        yield far_side
