"""Microsoft 365 as a sending account meets it: sign-in, tokens, and enough of Graph.

A send is answered with 202 and happens `transport_delay` seconds later; until then the mail is
still a draft. What is deleted goes to Deleted Items, from where it can still be sent, and from
there out of reach. Ids stay only for who asks for immutable ones.
"""

import json
import re
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import make_msgid
from itertools import count
from typing import Any

from tests.fakes.graph_items import Item, Unreadable, from_json, from_mime
from tests.fakes.mail import Accepted, header, parsed, short_id
from tests.fakes.notices import Post
from tests.fakes.oauth import Grants, consent_page, redirected
from tests.fakes.web import Answer, Asked, Refusal, Website

ME = "/v1.0/me"
RESOURCE = "https://graph.microsoft.com/"
INBOX, DRAFTS, SENT, DELETED, GONE, JUNK = (
    "inbox",
    "drafts",
    "sentitems",
    "deleteditems",
    "recoverableitemsdeletions",
    "junkemail",
)
PURGED = "purged"
SAME_ID = re.compile(r"(internetMessageId|conversationId) eq '((?:[^']|'')*)'")
SINCE = re.compile(r"receivedDateTime (ge|gt) (\S+)")
SAME_MARK = re.compile(
    r"singleValueExtendedProperties/Any\(ep: ep/id eq '((?:[^']|'')*)' "
    r"and ep/value eq '((?:[^']|'')*)'\)"
)


def error(code: str, message: str = "") -> dict[str, Any]:
    """An error as Graph writes it."""
    inner = {"request-id": short_id(code), "date": "2026-11-21T12:00:00"}
    return {"error": {"code": code, "message": message or code, "innerError": inner}}


def refused(status: int, code: str, message: str = "") -> Refusal:
    return Refusal(Answer(status, error(code, message)))


@dataclass
class Mailbox:
    """One account at Microsoft 365."""

    email: str
    items: dict[str, Item] = field(default_factory=dict)
    changes: Any = field(default_factory=lambda: count(1))
    removed: list[tuple[int, str, str]] = field(default_factory=list)
    oldest_delta: int = 0

    def change(self, item: Item) -> None:
        item.change = next(self.changes)

    def move(self, item: Item, folder: str) -> None:
        self.change(item)
        self.removed.append((item.change, item.folder, item.id))
        item.folder = folder

    def forget_deltas(self) -> None:
        """Let every delta link that was handed out expire."""
        self.oldest_delta = next(self.changes)


class Microsoft:
    """Sign-in and Graph on one website."""

    def __init__(self, website: Website, journal: list[Accepted], post: Post) -> None:
        self.website = website
        self.journal = journal
        self.post = post
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.grants = Grants(website.clock, prefix="microsoft")
        self.grants.rotates = True
        self.mailboxes: dict[str, Mailbox] = {}
        self.transport_delay = 0.0
        self.numbers = count(1)
        self.routes()

    def mailbox(self, email: str) -> Mailbox:
        return self.mailboxes.setdefault(email.lower(), Mailbox(email.lower()))

    def deliver(self, email: str, raw: bytes, *, folder: str = INBOX) -> str:
        """Put a mail into a mailbox, as the world does; its id."""
        mailbox = self.mailbox(email)
        item = from_mime(raw)
        item.id, item.at, item.folder = self.new_id(), self.website.clock(), folder
        item.is_draft = False
        item.conversation_id = self.conversation_of(mailbox, item) or short_id("c", item.id)
        mailbox.change(item)
        mailbox.items[item.id] = item
        for each in self.subscriptions.values():
            if (
                each["mailbox"] == mailbox.email
                and each["until"] > self.website.clock()
                and f"'{folder}'" in each["resource"]
            ):
                self.post.add(each["notificationUrl"], self.notice(each, item))
        return item.id

    def notice(self, subscription: dict[str, Any], item: Item) -> dict[str, Any]:
        """What Graph posts: which message changed, and the word that only the two of us know."""
        return {
            "value": [
                {
                    "subscriptionId": subscription["id"],
                    "clientState": subscription.get("clientState", ""),
                    "changeType": "created",
                    "resource": f"Users/fake/Messages/{item.id}",
                    "resourceData": {"id": item.id},
                    "tenantId": "fake-tenant",
                }
            ]
        }

    def say(self, event: str, subscription_id: str) -> None:
        """Tell about the life of a subscription; one that is removed is gone."""
        found = self.subscriptions[subscription_id]
        if event == "subscriptionRemoved":
            del self.subscriptions[subscription_id]
        notice = {
            "subscriptionId": found["id"],
            "subscriptionExpirationDateTime": moment(found["until"]),
            "clientState": found.get("clientState", ""),
            "lifecycleEvent": event,
            "tenantId": "fake-tenant",
        }
        self.post.add(found.get("lifecycleNotificationUrl", ""), {"value": [notice]})

    def new_id(self) -> str:
        return f"AAkALg{short_id('graph', next(self.numbers))}="

    def conversation_of(self, mailbox: Mailbox, item: Item) -> str:
        for each in mailbox.items.values():
            if each.internet_message_id in item.answered:
                return each.conversation_id
        return ""

    def who(self, asked: Asked, *scopes: str) -> Mailbox:
        """Whose mailbox this request may touch, given one of these scopes."""
        grant = self.grants.of(asked.bearer)
        if grant is None:
            raise refused(
                401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is over."
            )
        if not {RESOURCE + each for each in scopes} & set(grant.scopes):
            raise refused(403, "ErrorAccessDenied", "Access is denied. Check credentials.")
        return self.mailbox(grant.account)

    # Operations

    def routes(self) -> None:
        on = self.website.on
        login = "/{tenant}/oauth2/v2.0"
        on("GET", "/{tenant}/v2.0/.well-known/openid-configuration", "microsoft.configuration")(
            self.configuration
        )
        on("GET", f"{login}/authorize", "microsoft.authorize")(self.authorize)
        on("GET", f"{login}/authorize/answer", "microsoft.consent")(self.consent)
        on("POST", f"{login}/token", "microsoft.token")(self.token)
        on("GET", ME, "graph.me")(self.me)
        on("POST", f"{ME}/messages", "graph.messages.create")(self.create)
        on("GET", f"{ME}/messages", "graph.messages.list")(self.list_messages)
        on("GET", f"{ME}/messages/{{id}}", "graph.messages.get")(self.get)
        on("PATCH", f"{ME}/messages/{{id}}", "graph.messages.update")(self.update)
        on("DELETE", f"{ME}/messages/{{id}}", "graph.messages.delete")(self.delete)
        on("POST", f"{ME}/messages/{{id}}/send", "graph.messages.send")(self.send)
        on("GET", f"{ME}/messages/{{id}}/\\$value", "graph.messages.value")(self.value)
        folder = f"{ME}/mailFolders/{{folder}}"
        on("GET", f"{ME}/mailFolders", "graph.folders.list")(self.list_folders)
        on("GET", f"{folder}/childFolders", "graph.folders.children")(self.list_children)
        on("GET", folder, "graph.folders.get")(self.get_folder)
        on("GET", f"{folder}/messages", "graph.folders.messages")(self.list_messages)
        on("GET", f"{folder}/messages/delta", "graph.folders.delta")(self.delta)
        subscription = "/v1.0/subscriptions"
        on("POST", subscription, "graph.subscriptions.create")(self.subscribe)
        on("PATCH", f"{subscription}/{{id}}", "graph.subscriptions.update")(self.renew)
        on("DELETE", f"{subscription}/{{id}}", "graph.subscriptions.delete")(self.unsubscribe)

    def configuration(self, asked: Asked) -> Answer:
        # msal believes only https addresses; the product asks this website in their place.
        login = f"https://login.microsoftonline.com/{asked.parts['tenant']}"
        return Answer(
            200,
            {
                "issuer": f"{login}/v2.0",
                "authorization_endpoint": f"{login}/oauth2/v2.0/authorize",
                "token_endpoint": f"{login}/oauth2/v2.0/token",
            },
        )

    def authorize(self, asked: Asked) -> Answer:
        return consent_page("Microsoft", asked, sorted(self.mailboxes))

    def consent(self, asked: Asked) -> Answer:
        said = asked.query
        if said.get("answer") == "cancel":
            return redirected(
                said,
                error="access_denied",
                error_description="AADSTS65004: User declined to consent to access the app.",
            )
        left_out = said.get("leave_out", "").split()
        scopes = [each for each in said["scope"].split() if each not in left_out]
        code = self.grants.new_code(
            said["account"],
            scopes,
            redirect_uri=said["redirect_uri"],
            challenge=said.get("code_challenge", ""),
            nonce=said.get("nonce", ""),
        )
        return redirected(said, code=code)

    def token(self, asked: Asked) -> Answer:
        answer = self.grants.token(asked)
        if answer.status != 200:
            known = {
                "invalid_grant": "AADSTS700082: The refresh token has expired due to inactivity.",
                "invalid_client": "AADSTS7000222: The provided client secret keys are expired.",
            }
            code = answer.body["error"]
            answer.body["error_description"] = known.get(code, answer.body["error_description"])
            return answer
        grant = self.grants.of(answer.body["access_token"])
        nonce = answer.headers.pop("X-Nonce", "")
        answer.body |= signed_in_as(grant.account, self.grants.client_id, self.website, nonce)
        return answer

    def me(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, "User.Read")
        return Answer(
            200,
            {
                "id": short_id(mailbox.email),
                "mail": mailbox.email,
                "userPrincipalName": mailbox.email,
            },
        )

    def create(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, "Mail.ReadWrite")
        try:
            if asked.headers.get("content-type", "").startswith("text/plain"):
                item = from_mime(b64decode(asked.body, validate=True))
            else:
                item = from_json(asked.json)
        except Unreadable as problem:
            raise refused(400, str(problem), "The request is not valid.") from None
        except ValueError:
            raise refused(400, "ErrorMimeContentInvalidBase64String") from None
        item.id, item.at = self.new_id(), self.website.clock()
        item.is_immutable = 'IdType="ImmutableId"' in asked.headers.get("prefer", "")
        item.sender = item.sender or mailbox.email
        item.internet_message_id = item.internet_message_id or make_msgid(domain="fake.test")
        item.conversation_id = self.conversation_of(mailbox, item) or short_id("c", item.id)
        mailbox.change(item)
        mailbox.items[item.id] = item
        return Answer(201, item.shown())

    def item_of(self, mailbox: Mailbox, asked: Asked) -> Item:
        item = mailbox.items.get(asked.parts["id"])
        if item is None or item.folder in (GONE, PURGED):
            raise refused(
                404, "ErrorItemNotFound", "The specified object was not found in the store."
            )
        return item

    def get(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, "Mail.ReadWrite")
        return Answer(200, self.item_of(mailbox, asked).shown(asked.query.get("$select", "")))

    def value(self, asked: Asked) -> Answer:
        item = self.item_of(self.who(asked, "Mail.ReadWrite"), asked)
        return Answer(200, item.mime(), kind="text/plain")

    def update(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, "Mail.ReadWrite")
        item = self.item_of(mailbox, asked)
        given = asked.json
        item.is_read = bool(given.get("isRead", item.is_read))
        if item.is_draft:
            item.take(given)
        mailbox.change(item)
        return Answer(200, item.shown())

    def delete(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, "Mail.ReadWrite")
        item = self.item_of(mailbox, asked)
        seen = asked.headers.get("if-match", "")
        if seen and seen != item.etag:
            raise refused(412, "ErrorIrresolvableConflict", "The change key is not current.")
        mailbox.move(item, GONE if item.folder == DELETED else DELETED)
        return Answer(204)

    def send(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, "Mail.Send")
        item = self.item_of(mailbox, asked)
        if not item.is_draft:
            raise refused(400, "ErrorInvalidRequest", "The item is not a draft.")
        if not item.to:
            raise refused(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
        if self.transport_delay:
            self.website.do_later(self.transport_delay, lambda: self.pick_up(mailbox, item))
        else:
            self.pick_up(mailbox, item)
        return Answer(202)

    def pick_up(self, mailbox: Mailbox, item: Item) -> None:
        """What really sends a mail, some time after the 202; a draft that is gone is not sent."""
        if not item.is_draft or item.folder in (GONE, PURGED):
            return
        item.is_draft, item.at = False, self.website.clock()
        if item.folder == DELETED:
            mailbox.change(item)
        else:
            mailbox.move(item, SENT)
        if not item.is_immutable:
            del mailbox.items[item.id]
            item.id = self.new_id()
            mailbox.items[item.id] = item
        raw = item.mime()
        self.journal.append(
            Accepted(
                provider="microsoft",
                mailbox=mailbox.email,
                message_id=item.internet_message_id,
                recipient=item.to[0],
                subject=item.subject,
                reference=header(parsed(raw), "X-Outreach-Ref"),
                thread_id=item.conversation_id,
                provider_id=item.id,
                raw=raw,
                at=item.at,
            )
        )

    def subscribe(self, asked: Asked) -> Answer:
        """Take a subscription, once its address has repeated our word."""
        mailbox = self.who(asked, "Mail.ReadWrite")
        given = asked.json
        until = self.end_of(given)
        for name in ("notificationUrl", "lifecycleNotificationUrl"):
            if name in given and not self.post.repeats(given[name]):
                raise refused(400, "ValidationError", "The validation request failed.")
        made = given | {
            "id": short_id("subscription", next(self.numbers)),
            "mailbox": mailbox.email,
            "until": until,
        }
        self.subscriptions[made["id"]] = made
        return Answer(201, self.shown_subscription(made))

    def shown_subscription(self, made: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": made["id"],
            "resource": made["resource"],
            "expirationDateTime": moment(made["until"]),
        }

    def end_of(self, given: dict[str, Any]) -> float:
        """Until when a subscription lasts; Graph takes less than seven days."""
        until = datetime.fromisoformat(given["expirationDateTime"]).timestamp()
        if not 0 < until - self.website.clock() <= 10_080 * 60:
            raise refused(400, "ExtensionError", "Subscription expiration can only be 10080 min.")
        return until

    def subscription_of(self, asked: Asked) -> dict[str, Any]:
        mailbox = self.who(asked, "Mail.ReadWrite")
        found = self.subscriptions.get(asked.parts["id"])
        if found is None or found["mailbox"] != mailbox.email:
            raise refused(404, "ResourceNotFound", "The object was not found.")
        return found

    def renew(self, asked: Asked) -> Answer:
        found = self.subscription_of(asked)
        if found["until"] <= self.website.clock():
            raise refused(404, "ResourceNotFound", "The object was not found.")
        found["until"] = self.end_of(asked.json)
        return Answer(200, self.shown_subscription(found))

    def unsubscribe(self, asked: Asked) -> Answer:
        del self.subscriptions[self.subscription_of(asked)["id"]]
        return Answer(204)

    def list_folders(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, "Mail.ReadWrite")
        names = {INBOX, DRAFTS, SENT, DELETED, JUNK} | {
            each.folder for each in mailbox.items.values() if each.folder not in (GONE, PURGED)
        }
        return Answer(200, {"value": [{"id": f"folder-{name}"} for name in sorted(names)]})

    def list_children(self, asked: Asked) -> Answer:
        self.who(asked, "Mail.ReadWrite")
        return Answer(200, {"value": []})

    def get_folder(self, asked: Asked) -> Answer:
        self.who(asked, "Mail.ReadWrite")
        name = asked.parts["folder"]
        return Answer(200, {"id": f"folder-{name}", "displayName": name})

    def list_messages(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, "Mail.ReadWrite")
        folder = asked.parts.get("folder", "")
        rule = asked.query.get("$filter", "")
        found = [
            each
            for each in sorted(mailbox.items.values(), key=lambda each: -each.at)
            if (each.folder == folder if folder else each.folder not in (GONE, PURGED))
            and matches(each, rule)
        ]
        most, skip = int(asked.query.get("$top", "10")), int(asked.query.get("$skip", "0"))
        answer: dict[str, Any] = {
            "value": [
                each.shown(asked.query.get("$select", "")) for each in found[skip : skip + most]
            ]
        }
        if len(found) > skip + most:
            answer["@odata.nextLink"] = f"{self.website.url}{asked.path}?$skip={skip + most}"
        return Answer(200, answer)

    def delta(self, asked: Asked) -> Answer:
        mailbox = self.who(asked, "Mail.ReadWrite")
        folder = asked.parts["folder"].removeprefix("folder-")
        since = int(asked.query.get("$deltatoken", asked.query.get("$skiptoken", "0")))
        if 0 < since < mailbox.oldest_delta:
            raise refused(410, "syncStateNotFound", "The sync state generation is not found.")
        rule = asked.query.get("$filter", "")
        here = [
            each
            for each in mailbox.items.values()
            if each.folder == folder and each.change > since and matches(each, rule)
        ]
        here.sort(key=lambda each: each.change)
        most = page_size(asked)
        page, left = here[:most], here[most:]
        value = [each.shown(asked.query.get("$select", "")) for each in page]
        if since:
            value += [
                {"id": item_id, "@removed": {"reason": "deleted"}}
                for number, name, item_id in mailbox.removed
                if name == folder and number > since and not left
            ]
        base = f"{self.website.url}{asked.path}"
        if left:
            return Answer(
                200,
                {"value": value, "@odata.nextLink": f"{base}?$skiptoken={page[-1].change}"},
            )
        return Answer(
            200,
            {"value": value, "@odata.deltaLink": f"{base}?$deltatoken={next(mailbox.changes)}"},
        )


def moment(at: float) -> str:
    """A time as Graph writes those of subscriptions, to a seventh place."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def page_size(asked: Asked) -> int:
    found = re.search(r"odata\.maxpagesize=(\d+)", asked.headers.get("prefer", ""))
    return int(found[1]) if found else 10


def matches(item: Item, rule: str) -> bool:
    """Whether an item is what these filters ask for; others than ours are refused."""
    if not rule:
        return True
    if found := SAME_MARK.fullmatch(rule):
        name, value = (each.replace("''", "'") for each in found.groups())
        return item.properties.get(name) == value
    if found := SAME_ID.fullmatch(rule):
        value = found[2].replace("''", "'")
        own = {
            "internetMessageId": item.internet_message_id,
            "conversationId": item.conversation_id,
        }
        return own[found[1]] == value
    if found := SINCE.fullmatch(rule):
        return item.moment >= found[2]
    raise refused(400, "InefficientFilter", "The restriction or sort order is too complex.")


def signed_in_as(account: str, client_id: str, website: Website, nonce: str = "") -> dict[str, str]:
    """Who signed in, in the words of Microsoft's tokens; nobody checks the signature."""
    now = int(website.clock())
    claims = {
        "aud": client_id,
        "iss": "https://login.microsoftonline.com/common/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "oid": short_id(account),
        "tid": "fake-tenant",
        "sub": short_id("sub", account),
        "preferred_username": account,
    }
    if nonce:
        claims["nonce"] = nonce
    info = {"uid": short_id(account), "utid": "fake-tenant"}
    return {
        "id_token": ".".join([packed({"alg": "none", "typ": "JWT"}), packed(claims), "fake"]),
        "client_info": packed(info),
    }


def packed(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
