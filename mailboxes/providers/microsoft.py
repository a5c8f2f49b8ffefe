"""Send through Microsoft Graph: a draft whose id stays, sent once, or deleted to prove that it
never was. Graph says "accepted" and sends a little later."""

from datetime import timedelta
from typing import Any, Self
from urllib.parse import quote

import requests
import structlog
from django.conf import settings

from mailboxes.providers.base import (
    Disconnected,
    Mail,
    ProviderError,
    RateLimited,
    Receipt,
    TryAgain,
    Unknown,
    Verdict,
)
from mailboxes.providers.graph_message import MARK, check_kept, message_of
from mailboxes.providers.microsoft_answers import classify, read
from mailboxes.providers.microsoft_sign_in import token_for
from mailboxes.providers.web import (
    READ_SECONDS,
    SEND_SECONDS,
    lost,
    request_once,
    without_retries,
)
from outreach.times import now

# Before this, a draft may be one that Graph has accepted and not picked up yet.
GRAPH_IS_SURE = timedelta(minutes=5)
KNOWN_BY = "id,isDraft,internetMessageId,conversationId,parentFolderId,changeKey"
# Where a mail goes that was deleted from Deleted Items: nobody sends it from there.
DELETED_FOR_GOOD = "recoverableitemsdeletions"

log = structlog.get_logger(__name__)


class Refused(Exception):
    """Graph's answer was a refusal; which one, as it came."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer
        self.status = answer.status_code
        self.code = read(answer.content)[0]

    def translated(self, *, sending: bool = False) -> ProviderError:
        answer = self.answer
        return classify(
            answer.status_code, answer.headers, answer.content, sending=sending, at=now()
        )

    @property
    def says_gone(self) -> bool:
        """Tell whether there is no such message; a mailbox that is gone is another matter."""
        return self.status == 404 and self.code in ("ErrorItemNotFound", "")


class Microsoft:
    """A mailbox at Microsoft 365. Not for two threads at once."""

    keeps_message_id = True
    can_unsubscribe_header = True
    lease = timedelta(seconds=150)
    budget = timedelta(seconds=45)

    def __init__(self, mailbox: Any) -> None:
        self.mailbox = mailbox
        self.session: requests.Session | None = None

    @classmethod
    def for_mailbox(cls, mailbox: Any) -> Self:
        return cls(mailbox)

    def prepare(self, mail: Mail) -> "Draft":
        if mail.is_again:
            self.clear_away(mail.message_id)
        made = self.asked("POST", "/me/messages", json=message_of(mail))
        if not made.get("id"):
            raise TryAgain("Graph answered without naming the draft.")
        draft = Draft(self, mail, str(made["id"]), str(made.get("conversationId", "")))
        draft.message_id = str(made.get("internetMessageId") or mail.message_id)
        try:
            check_kept(mail, made)
        except ProviderError:
            draft.abandon()
            raise
        return draft

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
        found = self.get(draft_id) if draft_id else None
        if found is None:
            return self.search_everywhere(draft_id, message_id)
        if not found["isDraft"]:
            return receipt_of(found, message_id)
        if age < GRAPH_IS_SURE:
            return Verdict.UNKNOWN
        return self.fence(found, message_id)

    def check(self) -> None:
        address = self.address()
        if address.lower() != self.mailbox.email.lower():
            raise Disconnected(f"Microsoft is signed in as {address}, not as {self.mailbox.email}.")

    def close(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def address(self) -> str:
        """The address of the mailbox that Microsoft let us into."""
        me = self.asked("GET", "/me?$select=mail,userPrincipalName")
        return str(me.get("mail") or me.get("userPrincipalName") or "")

    # What became of a draft

    def fence(self, draft: dict[str, Any], message_id: str) -> Verdict | Receipt:
        """Delete a draft for good, unless it changes meanwhile: then it is being sent.

        Once to Deleted Items, from where it could still be sent, and once from there.
        """
        left: dict[str, Any] | None = draft
        for _ in range(2):
            if left is None:
                break
            if not left["isDraft"]:
                return receipt_of(left, message_id)
            if not self.delete(left):
                return Verdict.UNKNOWN
            left = self.get(draft["id"])
        if left and not left["isDraft"]:
            return receipt_of(left, message_id)
        sent = self.search_everywhere(draft["id"], message_id)
        return sent if isinstance(sent, Receipt) else Verdict.NOT_SENT

    def search_everywhere(self, draft_id: str, message_id: str) -> Verdict | Receipt:
        """What became of a mail that is not found by its id any more."""
        same_id = with_message_id(message_id)
        same_mark = (
            f"singleValueExtendedProperties/Any(ep: ep/id eq {quoted(MARK)} "
            f"and ep/value eq {quoted(message_id)})"
        )
        deleted = self.search(f"/me/mailFolders/{DELETED_FOR_GOOD}", same_id)
        kept = self.search("/me", same_id) + self.search("/me", same_mark)
        for found in [*kept, *deleted]:
            # Drafts of other attempts have the same Message-ID; only one was ever sent.
            if not found["isDraft"]:
                return receipt_of(found, message_id)
        out_of_reach = any(found["id"] == draft_id for found in deleted)
        return Verdict.NOT_SENT if out_of_reach else Verdict.UNKNOWN

    def clear_away(self, message_id: str) -> None:
        """Delete the drafts that lost workers left behind: a person could send them by hand."""
        try:
            for found in self.search("/me", with_message_id(message_id)):
                if found["isDraft"]:
                    self.delete(found)
        except ProviderError as problem:
            log.warning("earlier drafts could not be cleared away", words=problem.words)

    def get(self, message_id: str) -> dict[str, Any] | None:
        """One message of the mailbox; None when there is none with this id."""
        try:
            path = f"/me/messages/{quote(message_id, safe='')}?$select={KNOWN_BY}"
            return dict(self.ask("GET", path))
        except Refused as refusal:
            if refusal.says_gone:
                return None
            raise refusal.translated() from refusal

    def search(self, where: str, rule: str) -> list[dict[str, Any]]:
        path = f"{where}/messages?$select={KNOWN_BY}&$top=10&$filter={quote(rule, safe='')}"
        return list(self.asked("GET", path).get("value", []))

    def delete(self, found: dict[str, Any]) -> bool:
        """Delete a message if it is still as it was seen; False when it is not."""
        path = f"/me/messages/{quote(found['id'], safe='')}"
        seen = found.get("@odata.etag") or f'W/"{found.get("changeKey", "")}"'
        try:
            self.ask("DELETE", path, headers={"If-Match": seen})
        except Refused as refusal:
            if refusal.status == 412 or refusal.says_gone:
                return False
            raise refusal.translated() from refusal
        return True

    # How Graph is asked

    def asked(self, method: str, path: str, *, sending: bool = False, **options: Any) -> Any:
        """Ask once; raises the error that names the next action."""
        try:
            return self.ask(method, path, sending=sending, **options)
        except Refused as refusal:
            raise refusal.translated(sending=sending) from refusal

    def ask(self, method: str, path: str, *, sending: bool = False, **options: Any) -> Any:
        """Ask once and leave a refusal as it is; a token that just ended is renewed first."""
        answer = self.request(method, path, token_for(self.mailbox), sending, options)
        if answer.status_code == 401:
            token = token_for(self.mailbox, renew=True)
            answer = self.request(method, path, token, sending, options)
        if not 200 <= answer.status_code <= 299:
            raise Refused(answer)
        if not answer.content:
            return {}
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            words = f"{answer.status_code} The answer is not Graph's."
            raise Unknown(words) if sending else TryAgain(words)
        return found

    def request(
        self, method: str, path: str, token: str, sending: bool, options: dict[str, Any]
    ) -> requests.Response:
        if self.session is None:
            self.session = without_retries(requests.Session())
        headers = {
            "Authorization": f"Bearer {token}",
            # On every request: without it a draft has another id, which ends when it is moved.
            "Prefer": 'IdType="ImmutableId"',
        } | options.get("headers", {})
        try:
            return request_once(
                self.session,
                method,
                f"{settings.GRAPH_URL}{path}",
                SEND_SECONDS if sending else READ_SECONDS,
                **options | {"headers": headers},
            )
        except requests.RequestException as problem:
            raise lost(problem, sending=sending) from problem


class Draft:
    """A mail that stands among the drafts, with an id that it keeps when it is sent."""

    def __init__(self, microsoft: Microsoft, mail: Mail, draft_id: str, thread_id: str) -> None:
        self.microsoft = microsoft
        self.mail = mail
        self.draft_id = draft_id
        self.thread_id = thread_id
        self.message_id = mail.message_id
        self.ended = False

    def commit(self) -> Receipt:
        self.end()
        path = f"/me/messages/{quote(self.draft_id, safe='')}/send"
        try:
            self.microsoft.asked("POST", path, sending=True, headers={"Content-Length": "0"})
        except Unknown:
            raise
        except ProviderError as refusal:
            if self.tidy_up() and isinstance(refusal, RateLimited):
                raise Unknown(refusal.words) from refusal
            raise
        return Receipt(
            message_id=self.message_id,
            thread_id=self.thread_id,
            provider_id=self.draft_id,
            words="Microsoft has accepted it.",
        )

    def abandon(self) -> None:
        if not self.ended:
            self.end()
            self.tidy_up()

    def tidy_up(self) -> bool:
        """Leave no draft behind that a person could send by hand; True when it was sent after all.

        Only a draft is deleted: a mail that was sent keeps its copy.
        """
        try:
            found = self.microsoft.get(self.draft_id)
            if found is None:
                return False
            if found["isDraft"]:
                self.microsoft.delete(found)
            return not found["isDraft"]
        except ProviderError as problem:
            log.warning("a draft was left behind", draft=self.draft_id, words=problem.words)
            return False

    def end(self) -> None:
        if self.ended:
            raise RuntimeError("This draft was committed or abandoned before.")
        self.ended = True


def receipt_of(found: dict[str, Any], ours: str) -> Receipt:
    return Receipt(
        message_id=str(found.get("internetMessageId") or ours),
        thread_id=str(found.get("conversationId") or ""),
        provider_id=str(found["id"]),
        words="Microsoft has sent it.",
    )


def with_message_id(message_id: str) -> str:
    return f"internetMessageId eq {quoted(message_id)}"


def quoted(value: str) -> str:
    """A text in a filter.

    >>> quoted("o'hara")
    "'o''hara'"
    """
    return "'" + value.replace("'", "''") + "'"
