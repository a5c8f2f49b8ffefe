"""Google as a sending account meets it: consent, tokens, and enough of the Gmail API.

Drafts are sent once; a mail that is sent gets a Message-ID of Gmail's own, unless
`keeps_message_id` is set; `search_lag` says how long a mail is not found by a search.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from email.utils import make_msgid
from itertools import count
from typing import Any

from tests.fakes.mail import Accepted, addresses, header, parsed, short_id, with_header
from tests.fakes.notices import Post
from tests.fakes.oauth import Grants, consent_page, redirected
from tests.fakes.signing import PUSHER, certificate, signed
from tests.fakes.web import Answer, Asked, Refusal, Website

COMPOSE = "https://www.googleapis.com/auth/gmail.compose"
READ = "https://www.googleapis.com/auth/gmail.readonly"
MODIFY = "https://www.googleapis.com/auth/gmail.modify"
ME = "/gmail/v1/users/me"
TOPIC = re.compile(r"projects/[a-z0-9-]+/topics/[A-Za-z][\w.~+%-]{2,254}")


def error(status: int, reason: str, message: str, **more: Any) -> dict[str, Any]:
    """An error as the Gmail API writes it."""
    entry = {"message": message, "domain": "global", "reason": reason}
    return {"error": {"code": status, "message": message, "errors": [entry]} | more}


def refused(status: int, reason: str, message: str) -> Refusal:
    return Refusal(Answer(status, error(status, reason, message)))


@dataclass
class Message:
    id: str
    thread_id: str
    raw: bytes
    labels: set[str]
    at: float
    history_id: int = 0

    def shown(self, form: str, wanted: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "id": self.id,
            "threadId": self.thread_id,
            "labelIds": sorted(self.labels),
            "historyId": str(self.history_id),
            "internalDate": str(int(self.at * 1000)),
        }
        if form == "raw":
            found["raw"] = urlsafe_b64encode(self.raw).decode()
        elif form != "minimal":
            names = {name.lower() for name in wanted}
            found["payload"] = {
                "headers": [
                    {"name": name, "value": re.sub(r"\r?\n(?=[ \t])", "", str(value))}
                    for name, value in parsed(self.raw).items()
                    if form == "full" or name.lower() in names
                ]
            }
        return found


@dataclass
class Mailbox:
    """One account at Google."""

    email: str
    messages: dict[str, Message] = field(default_factory=dict)
    drafts: dict[str, Message] = field(default_factory=dict)
    history: list[tuple[int, str, list[str]]] = field(default_factory=list)
    oldest_history: int = 0
    numbers: Any = field(default_factory=lambda: count(1000))
    watched_until: float = 0.0

    def add(self, message: Message) -> None:
        message.history_id = next(self.numbers)
        self.messages[message.id] = message
        self.history.append((message.history_id, message.id, sorted(message.labels)))

    def forget_history(self) -> None:
        """Let every cursor that was handed out expire."""
        self.oldest_history = next(self.numbers)
        self.history.clear()

    def thread(self, thread_id: str) -> list[Message]:
        everything = [*self.messages.values(), *self.drafts.values()]
        return [each for each in everything if each.thread_id == thread_id]


class Google:
    """Consent, tokens and Gmail on one website."""

    def __init__(self, website: Website, journal: list[Accepted], post: Post) -> None:
        self.website = website
        self.journal = journal
        self.post = post
        # Where Pub/Sub pushes to; set by whoever listens.
        self.push_url = ""
        # For whom its tokens are; empty: for that address.
        self.push_audience = ""
        self.grants = Grants(website.clock, prefix="google")
        self.mailboxes: dict[str, Mailbox] = {}
        self.keeps_message_id = False
        self.search_lag = 0.0
        self.numbers = count(1)
        self.routes()

    def mailbox(self, email: str) -> Mailbox:
        return self.mailboxes.setdefault(email.lower(), Mailbox(email.lower()))

    def deliver(
        self, email: str, raw: bytes, *, labels: tuple[str, ...] = ("INBOX", "UNREAD")
    ) -> str:
        """Put a mail into a mailbox, as the world does; its id."""
        mailbox = self.mailbox(email)
        message = Message(self.new_id(), "", raw, set(labels), self.website.clock())
        message.thread_id = self.thread_of(mailbox, raw) or message.id
        mailbox.add(message)
        if mailbox.watched_until > self.website.clock():
            headers = {"Authorization": f"Bearer {self.push_token()}"} if self.push_url else {}
            self.post.add(self.push_url, self.push(mailbox, message), headers)
        return message.id

    def push(self, mailbox: Mailbox, message: Message) -> dict[str, Any]:
        """What Pub/Sub posts: a hint that there is something, and nothing about what."""
        news = {"emailAddress": mailbox.email, "historyId": str(message.history_id)}
        data = urlsafe_b64encode(json.dumps(news).encode()).decode()
        return {
            "message": {"data": data, "messageId": short_id("push", message.id)},
            "subscription": "projects/fake/subscriptions/outreach",
        }

    def push_token(self, **other: Any) -> str:
        """What Pub/Sub proves itself with, or what somebody else would say in its place."""
        now = int(self.website.clock())
        return signed(
            {
                "iss": "https://accounts.google.com",
                "aud": self.push_audience or self.push_url,
                "sub": short_id(PUSHER),
                "email": PUSHER,
                "email_verified": True,
                "iat": now,
                "exp": now + 3600,
            }
            | other
        )

    def new_id(self) -> str:
        return short_id("gmail", next(self.numbers))

    def thread_of(self, mailbox: Mailbox, raw: bytes) -> str:
        message = parsed(raw)
        ids = f"{header(message, 'In-Reply-To')} {header(message, 'References')}"
        for each in mailbox.messages.values():
            if header(parsed(each.raw), "Message-ID") in ids.split():
                return each.thread_id
        return ""

    def who(self, asked: Asked, *scopes: str) -> Mailbox:
        """Whose mailbox this request may touch, given one of these scopes."""
        grant = self.grants.of(asked.bearer)
        if grant is None:
            raise refused(
                401,
                "authError",
                "Request had invalid authentication credentials. Expected OAuth 2 access token.",
            )
        if not {*scopes, MODIFY} & set(grant.scopes):
            raise refused(
                403,
                "insufficientPermissions",
                "Request had insufficient authentication scopes.",
            )
        return self.mailbox(grant.account)

    # Operations

    def routes(self) -> None:
        on = self.website.on
        on("GET", "/o/oauth2/v2/auth", "google.authorize")(self.authorize)
        on("GET", "/o/oauth2/v2/auth/answer", "google.consent")(self.consent)
        on("POST", "/token", "google.token")(self.token)
        on("POST", "/revoke", "google.revoke")(self.revoke)
        on("GET", "/v1/userinfo", "google.userinfo")(self.userinfo)
        on("GET", "/oauth2/v1/certs", "google.certs")(self.certs)
        on("GET", f"{ME}/profile", "gmail.profile")(self.profile)
        on("POST", f"{ME}/drafts", "gmail.drafts.create")(self.create)
        on("GET", f"{ME}/drafts", "gmail.drafts.list")(self.list_drafts)
        on("POST", f"{ME}/drafts/send", "gmail.drafts.send")(self.send)
        on("GET", f"{ME}/drafts/{{id}}", "gmail.drafts.get")(self.get_draft)
        on("DELETE", f"{ME}/drafts/{{id}}", "gmail.drafts.delete")(self.delete)
        on("GET", f"{ME}/messages", "gmail.messages.list")(self.list_messages)
        on("GET", f"{ME}/messages/{{id}}", "gmail.messages.get")(self.get_message)
        on("GET", f"{ME}/threads/{{id}}", "gmail.threads.get")(self.get_thread)
        on("GET", f"{ME}/history", "gmail.history.list")(self.list_history)
        on("POST", f"{ME}/watch", "gmail.watch")(self.watch)
        on("POST", f"{ME}/stop", "gmail.stop")(self.stop)

    def authorize(self, asked: Asked) -> Answer:
        return consent_page("Google", asked, sorted(self.mailboxes))

    def consent(self, asked: Asked) -> Answer:
        said = asked.query
        if said.get("answer") == "cancel":
            return redirected(said, error="access_denied")
        left_out = said.get("leave_out", "").split()
        scopes = [each for each in said["scope"].split() if each not in left_out]
        code = self.grants.new_code(
            said["account"],
            scopes,
            redirect_uri=said["redirect_uri"],
            challenge=said.get("code_challenge", ""),
        )
        return redirected(said, code=code, scope=" ".join(scopes))

    def token(self, asked: Asked) -> Answer:
        return self.grants.token(asked)

    def revoke(self, asked: Asked) -> Answer:
        known = self.grants.revoke(asked.form.get("token", ""))
        return Answer(200, {}) if known else Answer(400, {"error": "invalid_token"})

    def userinfo(self, asked: Asked) -> Answer:
        grant = self.grants.of(asked.bearer)
        if grant is None:
            return Answer(401, {"error": "invalid_request"})
        return Answer(200, {"sub": short_id(grant.account), "email": grant.account})

    def certs(self, asked: Asked) -> Answer:
        key_id, text = certificate()
        return Answer(200, {key_id: text}, {"Cache-Control": "public, max-age=19800"})

    def profile(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, READ, COMPOSE)
        return Answer(
            200,
            {
                "emailAddress": mailbox.email,
                "messagesTotal": len(mailbox.messages),
                "historyId": str(next(mailbox.numbers)),
            },
        )

    def create(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, COMPOSE)
        given = asked.json.get("message", {})
        try:
            raw = urlsafe_b64decode(given["raw"])
        except (KeyError, ValueError):
            raise refused(400, "invalidArgument", "Invalid value at 'message.raw'") from None
        thread_id = given.get("threadId", "")
        if thread_id and not mailbox.thread(thread_id):
            raise refused(404, "notFound", "Requested entity was not found.")
        message = Message(self.new_id(), thread_id, raw, {"DRAFT"}, self.website.clock())
        message.thread_id = thread_id or message.id
        draft_id = f"r-{next(self.numbers)}"
        mailbox.drafts[draft_id] = message
        return Answer(200, self.shown_draft(draft_id, message))

    def shown_draft(self, draft_id: str, message: Message) -> dict[str, Any]:
        return {"id": draft_id, "message": {"id": message.id, "threadId": message.thread_id}}

    def list_drafts(self, asked: Asked) -> Answer:
        drafts = self.who(asked, COMPOSE, READ).drafts
        query = asked.query.get("q", "")
        found = [
            self.shown_draft(draft_id, each)
            for draft_id, each in drafts.items()
            if self.matches(each, query)
        ]
        return Answer(200, {"drafts": found} if found else {})

    def draft_of(self, mailbox: Mailbox, draft_id: str) -> Message:
        if draft_id not in mailbox.drafts:
            raise refused(404, "notFound", "Requested entity was not found.")
        return mailbox.drafts[draft_id]

    def get_draft(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, COMPOSE, READ)
        draft_id = asked.parts["id"]
        return Answer(200, self.shown_draft(draft_id, self.draft_of(mailbox, draft_id)))

    def delete(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, COMPOSE)
        self.draft_of(mailbox, asked.parts["id"])
        del mailbox.drafts[asked.parts["id"]]
        return Answer(204)

    def send(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, COMPOSE)
        draft_id = str(asked.json.get("id", ""))
        draft = self.draft_of(mailbox, draft_id)
        to = addresses(parsed(draft.raw), "To")
        if not to:
            raise refused(400, "invalidArgument", "Recipient address required")
        del mailbox.drafts[draft_id]
        raw = draft.raw
        if not self.keeps_message_id:
            raw = with_header(raw, "Message-ID", make_msgid(domain="mail.gmail.com"))
        sent = Message(self.new_id(), draft.thread_id, raw, {"SENT"}, self.website.clock())
        mailbox.add(sent)
        read = parsed(raw)
        self.journal.append(
            Accepted(
                provider="gmail",
                mailbox=mailbox.email,
                message_id=header(read, "Message-ID"),
                recipient=to[0],
                subject=header(read, "Subject"),
                reference=header(read, "X-Outreach-Ref"),
                thread_id=sent.thread_id,
                provider_id=sent.id,
                raw=raw,
                at=sent.at,
            )
        )
        return Answer(200, {"id": sent.id, "threadId": sent.thread_id, "labelIds": ["SENT"]})

    def list_messages(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, READ)
        query = asked.query.get("q", "")
        newest = self.website.clock() - self.search_lag
        everywhere = asked.query.get("includeSpamTrash") == "true" or "in:anywhere" in query
        found = [
            {"id": each.id, "threadId": each.thread_id}
            for each in sorted(mailbox.messages.values(), key=lambda each: -each.at)
            if (not query or each.at <= newest)
            and (everywhere or not each.labels & {"SPAM", "TRASH"})
            and self.matches(each, query)
        ]
        most = int(asked.query.get("maxResults", "100"))
        start = int(asked.query.get("pageToken", "0"))
        answer: dict[str, Any] = {"resultSizeEstimate": len(found)}
        if page := found[start : start + most]:
            answer["messages"] = page
        if len(found) > start + most:
            answer["nextPageToken"] = str(start + most)
        return Answer(200, answer)

    def matches(self, message: Message, query: str) -> bool:
        read = parsed(message.raw)
        for word in query.split():
            name, _, value = word.partition(":")
            if name == "rfc822msgid" and header(read, "Message-ID").strip("<>") != value:
                return False
            if name == "in" and value == "sent" and "SENT" not in message.labels:
                return False
            if name == "to" and value.lower() not in header(read, "To").lower():
                return False
            if name == "from" and value.lower() not in header(read, "From").lower():
                return False
            if name == "after" and message.at < float(value):
                return False
            if name == "newer_than" and value.endswith("d"):
                if message.at < self.website.clock() - int(value[:-1]) * 86_400:
                    return False
            elif name == "-in" and value.upper() in message.labels:
                return False
        return True

    def get_message(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, READ)
        if asked.parts["id"] not in mailbox.messages:
            raise refused(404, "notFound", "Requested entity was not found.")
        message = mailbox.messages[asked.parts["id"]]
        form = asked.query.get("format", "full")
        return Answer(200, message.shown(form, asked.every.get("metadataHeaders", [])))

    def get_thread(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, READ)
        found = mailbox.thread(asked.parts["id"])
        if not found:
            raise refused(404, "notFound", "Requested entity was not found.")
        form, wanted = asked.query.get("format", "full"), asked.every.get("metadataHeaders", [])
        shown = [each.shown(form, wanted) for each in sorted(found, key=lambda each: each.at)]
        return Answer(200, {"id": asked.parts["id"], "messages": shown})

    def watch(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, READ)
        if not TOPIC.fullmatch(str(asked.json.get("topicName", ""))):
            raise refused(400, "invalidArgument", "Invalid topicName does not match projects/…")
        mailbox.watched_until = self.website.clock() + 7 * 86_400
        expiration = str(int(mailbox.watched_until * 1000))
        return Answer(200, {"historyId": str(next(mailbox.numbers)), "expiration": expiration})

    def stop(self, asked: Asked) -> Answer:
        self.who(asked, READ).watched_until = 0.0
        return Answer(204)

    def list_history(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, READ)
        start = int(asked.query.get("startHistoryId", "0"))
        if start < mailbox.oldest_history:
            raise refused(404, "notFound", "Requested entity was not found.")
        newer = [each for each in mailbox.history if each[0] > start]
        most = int(asked.query.get("maxResults", "100"))
        first = int(asked.query.get("pageToken", "0"))
        answer: dict[str, Any] = {"historyId": str(max([start, *(each[0] for each in newer)]))}
        if page := newer[first : first + most]:
            answer["history"] = [self.shown_history(mailbox, *each) for each in page]
        if len(newer) > first + most:
            answer["nextPageToken"] = str(first + most)
        return Answer(200, answer)

    def shown_history(
        self, mailbox: Mailbox, number: int, message_id: str, labels: list[str]
    ) -> dict[str, Any]:
        thread_id = mailbox.messages[message_id].thread_id if message_id in mailbox.messages else ""
        message = {"id": message_id, "threadId": thread_id, "labelIds": labels}
        return {"id": str(number), "messages": [message], "messagesAdded": [{"message": message}]}
