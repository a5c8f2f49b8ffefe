"""Send through the Gmail API: a draft that can be sent once, and deleted to prove that it was not.

Requests are built by Google's client and carried by a session that makes each of them once:
httplib2, which that client would use, sends a POST again when the connection breaks.
"""

from base64 import urlsafe_b64encode
from datetime import timedelta
from functools import cache
from typing import Any, Self

import httplib2
import requests
import structlog
from django.conf import settings
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import AuthorizedSession
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from mailboxes.providers import google_sign_in
from mailboxes.providers.base import (
    Disconnected,
    Mail,
    ProviderError,
    Receipt,
    TryAgain,
    Unknown,
    Verdict,
)
from mailboxes.providers.google_answers import classify, classify_sign_in
from mailboxes.providers.web import (
    READ_SECONDS,
    SEND_SECONDS,
    clean,
    lost,
    request_once,
    without_retries,
)
from outreach.times import now

# What is compared of a mail that was sent: Gmail gives it a Message-ID of its own.
IDENTIFYING = ["Message-ID", "X-Outreach-Ref", "X-Google-Original-Message-ID", "To"]
# How long after it a mail that is neither a draft nor among the sent ones was never sent: by then
# the search has been asked twice, more than a minute apart.
SEARCH_IS_SURE = timedelta(minutes=2)
MOST_CANDIDATES = 20

log = structlog.get_logger(__name__)


class Carrier:
    """What Google's client takes for httplib2, on a session that makes every request once."""

    redirect_codes: frozenset[int] = frozenset()
    credentials = None

    def __init__(self, session: requests.Session, seconds: float) -> None:
        self.session = session
        self.seconds = seconds

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> tuple[httplib2.Response, bytes]:
        answer = request_once(self.session, method, uri, self.seconds, data=body, headers=headers)
        found = httplib2.Response(
            {name.lower(): value for name, value in answer.headers.items()}
            | {"status": str(answer.status_code)}
        )
        found.reason = answer.reason
        return found, answer.content


@cache
def api(url: str) -> Any:
    """Everything that can be asked of Gmail, from the description that comes with the client."""
    return build(
        "gmail",
        "v1",
        http=Carrier(requests.Session(), READ_SECONDS),
        cache_discovery=False,
        static_discovery=True,
        client_options={"api_endpoint": url},
    )


class Gmail:
    """A mailbox at Google. Not for two threads at once."""

    keeps_message_id = False
    can_unsubscribe_header = True
    lease = timedelta(seconds=150)
    budget = timedelta(seconds=45)

    def __init__(self, mailbox: Any) -> None:
        self.mailbox = mailbox
        self.users = api(settings.GMAIL_URL).users()
        self.credentials: Any = None
        self.session: Any = None

    @classmethod
    def for_mailbox(cls, mailbox: Any) -> Self:
        return cls(mailbox)

    def prepare(self, mail: Mail) -> "Draft":
        if mail.is_again:
            self.clear_away(mail.message_id)
        message = {"raw": urlsafe_b64encode(mail.raw).decode("ascii")}
        create = self.users.drafts().create
        if mail.thread_id:
            in_thread = {"message": message | {"threadId": mail.thread_id}}
            try:
                made = self.ask(create(userId="me", body=in_thread))
            except HttpError as refusal:
                if not about_the_thread(refusal):
                    raise self.translated(refusal) from refusal
                # Somebody deleted the conversation; the reader's program still joins the mails.
                made = self.asked(create(userId="me", body={"message": message}))
        else:
            made = self.asked(create(userId="me", body={"message": message}))
        try:
            return Draft(self, mail, made["id"], made["message"]["threadId"])
        except (KeyError, TypeError):
            raise TryAgain("Gmail answered without naming the draft.") from None

    def look_up(
        self,
        *,
        message_id: str,
        recipient: str,
        draft_id: str = "",
        thread_id: str = "",
        reference: str = "",
        age: timedelta = timedelta(),
    ) -> Verdict | Receipt:
        if draft_id and self.delete(draft_id):
            return Verdict.NOT_SENT
        # There is no draft any more: it was sent, or somebody deleted it.
        sought = Sought(message_id, recipient, reference)
        for message in self.candidates(sought, thread_id):
            if sought.is_in(message):
                return receipt_of(message, message_id)
        return Verdict.NOT_SENT if age >= SEARCH_IS_SURE else Verdict.UNKNOWN

    def check(self) -> None:
        address = self.address()
        if address.lower() != self.mailbox.email.lower():
            raise Disconnected(f"Google is signed in as {address}, not as {self.mailbox.email}.")

    def close(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def address(self) -> str:
        """The address of the mailbox that Google let us into."""
        return str(self.asked(self.users.getProfile(userId="me"))["emailAddress"])

    # What is asked of Gmail

    def delete(self, draft_id: str) -> bool:
        """Delete a draft so that it can never be sent; False when there is none."""
        try:
            self.ask(self.users.drafts().delete(userId="me", id=draft_id))
        except HttpError as refusal:
            if refusal.resp.status == 404:
                return False
            raise self.translated(refusal) from refusal
        return True

    def clear_away(self, message_id: str) -> None:
        """Delete the drafts that lost workers left behind: a person could send them by hand."""
        query = f"rfc822msgid:{message_id.strip('<>')}"
        listed = self.users.drafts().list(userId="me", q=query, maxResults=MOST_CANDIDATES)
        try:
            for each in self.asked(listed).get("drafts", []):
                self.delete(each["id"])
        except ProviderError as problem:
            log.warning("earlier drafts could not be cleared away", words=problem.words)

    def candidates(self, sought: "Sought", thread_id: str) -> Any:
        """Yield what could be the mail: its conversation first, which no search index delays."""
        if thread_id:
            yield from self.thread(thread_id)
        messages = self.users.messages()
        for query in (
            f"rfc822msgid:{sought.message_id.strip('<>')}",
            f"in:sent to:{sought.recipient} newer_than:2d",
        ):
            found = self.asked(
                messages.list(
                    userId="me", q=query, maxResults=MOST_CANDIDATES, includeSpamTrash=True
                )
            )
            for each in found.get("messages", []):
                if message := self.headers_of(each["id"]):
                    yield message

    def thread(self, thread_id: str) -> list[dict[str, Any]]:
        threads = self.users.threads()
        request = threads.get(
            userId="me", id=thread_id, format="metadata", metadataHeaders=IDENTIFYING
        )
        try:
            return list(self.ask(request).get("messages", []))
        except HttpError as refusal:
            if refusal.resp.status == 404:
                return []
            raise self.translated(refusal) from refusal

    def headers_of(self, message_id: str) -> dict[str, Any]:
        """The labels and headers of one message; nothing when it has gone meanwhile."""
        request = self.users.messages().get(
            userId="me", id=message_id, format="metadata", metadataHeaders=IDENTIFYING
        )
        try:
            return dict(self.ask(request))
        except HttpError as refusal:
            if refusal.resp.status == 404:
                return {}
            raise self.translated(refusal) from refusal

    # How it is asked

    def asked(self, request: Any, *, sending: bool = False) -> Any:
        """Ask once; raises the error that names the next action."""
        try:
            return self.ask(request, sending=sending)
        except HttpError as refusal:
            raise self.translated(refusal, sending=sending) from refusal

    def ask(self, request: Any, *, sending: bool = False) -> Any:
        """Ask once and leave a refusal as it is; nothing else than a refusal is an HttpError."""
        carrier = Carrier(self.signed_in(), SEND_SECONDS if sending else READ_SECONDS)
        try:
            return request.execute(http=carrier, num_retries=0)
        except RefreshError as problem:
            payload = problem.args[1] if len(problem.args) > 1 else None
            raise classify_sign_in(
                payload, str(problem.args[0]), is_passing=problem.retryable
            ) from problem
        except GoogleAuthError as problem:
            # Google was not reached for a new token, so nothing else was asked of it.
            raise TryAgain(clean(str(problem))) from problem
        except requests.RequestException as problem:
            raise lost(problem, sending=sending) from problem
        except ValueError as problem:
            words = f"The answer is not Gmail's: {clean(str(problem))}"
            raise (Unknown(words) if sending else TryAgain(words)) from problem
        finally:
            self.keep_tokens()

    def signed_in(self) -> requests.Session:
        if self.session is None:
            self.credentials = google_sign_in.credentials_of(self.mailbox)
            self.session = without_retries(AuthorizedSession(self.credentials, refresh_timeout=10))
        return self.session

    def keep_tokens(self) -> None:
        """Store what was renewed, unless another worker was quicker: then both are good."""
        tokens = google_sign_in.as_text(self.credentials)
        if self.mailbox.pk and tokens != self.mailbox.sign_in:
            self.mailbox.keep_sign_in(tokens)

    def translated(self, refusal: HttpError, *, sending: bool = False) -> ProviderError:
        return classify(
            refusal.resp.status, refusal.resp, refusal.content, sending=sending, at=now()
        )


class Draft:
    """A mail that stands among the drafts; whoever sends or deletes it first has won, for good."""

    def __init__(self, gmail: Gmail, mail: Mail, draft_id: str, thread_id: str) -> None:
        self.gmail = gmail
        self.mail = mail
        self.draft_id = draft_id
        self.thread_id = thread_id
        self.ended = False

    def commit(self) -> Receipt:
        self.end()
        request = self.gmail.users.drafts().send(userId="me", body={"id": self.draft_id})
        try:
            sent = self.gmail.asked(request, sending=True)
        except Unknown:
            raise
        except ProviderError:
            self.tidy_up()
            raise
        if not (isinstance(sent, dict) and sent.get("id")):
            raise Unknown("Gmail answered without naming the mail.")
        return self.read_back(sent)

    def read_back(self, sent: dict[str, Any]) -> Receipt:
        """What is really on the wire; the mail has left, so nothing here is a failure."""
        thread_id = sent.get("threadId", self.thread_id)
        found: dict[str, Any] = {}
        try:
            found = self.gmail.headers_of(sent["id"])
        except ProviderError as problem:
            log.warning("the Message-ID could not be read back", words=problem.words)
        return receipt_of({"id": sent["id"], "threadId": thread_id} | found, self.mail.message_id)

    def abandon(self) -> None:
        if not self.ended:
            self.end()
            self.tidy_up()

    def tidy_up(self) -> None:
        """Leave no draft behind that a person could send by hand."""
        try:
            self.gmail.delete(self.draft_id)
        except ProviderError as problem:
            log.warning("a draft was left behind", draft=self.draft_id, words=problem.words)

    def end(self) -> None:
        if self.ended:
            raise RuntimeError("This draft was committed or abandoned before.")
        self.ended = True


class Sought:
    """What a mail is known by: our Message-ID, or our reference on a mail to that recipient."""

    def __init__(self, message_id: str, recipient: str, reference: str) -> None:
        self.message_id = message_id
        self.recipient = recipient
        self.reference = reference

    def is_in(self, message: dict[str, Any]) -> bool:
        if "SENT" not in message.get("labelIds", []):
            return False
        headers = headers_in(message)
        if self.message_id in (
            headers.get("message-id"),
            headers.get("x-google-original-message-id"),
        ):
            return True
        to_them = self.recipient.lower() in headers.get("to", "").lower()
        return bool(self.reference) and to_them and headers.get("x-outreach-ref") == self.reference


def receipt_of(message: dict[str, Any], ours: str) -> Receipt:
    return Receipt(
        message_id=headers_in(message).get("message-id") or ours,
        thread_id=message.get("threadId", ""),
        provider_id=message["id"],
        words="Gmail has sent it.",
    )


def headers_in(message: dict[str, Any]) -> dict[str, str]:
    """The headers of a message by their names in lower case."""
    headers = message.get("payload", {}).get("headers", [])
    return {str(each["name"]).lower(): str(each["value"]).strip() for each in headers}


def about_the_thread(refusal: HttpError) -> bool:
    """Tell whether a draft was refused because its conversation is gone."""
    status = refusal.resp.status
    return status == 404 or (status == 400 and b"thread" in refusal.content.lower())
