"""One message as Graph keeps it: made of its JSON or of a whole mail, and shown as either."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any

from tests.fakes.mail import addresses, header, moment, parsed, text_of

IN_REPLY_TO, REFERENCES, LIST_UNSUBSCRIBE = "String 0x1042", "String 0x1039", "String 0x1045"
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Unreadable(Exception):
    """Graph does not take this message; the text is the code of its answer."""


@dataclass
class Item:
    """A message in one of the folders."""

    id: str = ""
    is_draft: bool = True
    is_immutable: bool = True
    is_read: bool = False
    folder: str = "drafts"
    subject: str = ""
    html: str = ""
    text: str = ""
    sender: str = ""
    sender_name: str = ""
    to: list[str] = field(default_factory=list)
    to_name: str = ""
    internet_message_id: str = ""
    conversation_id: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    at: float = 0.0
    change: int = 0

    @property
    def etag(self) -> str:
        return f'W/"{self.change_key}"'

    @property
    def change_key(self) -> str:
        return f"CQAAABYAAAA{self.change}"

    @property
    def moment(self) -> str:
        return moment(self.at)

    @property
    def answered(self) -> list[str]:
        """The Message-IDs that this mail says it answers."""
        named = f"{self.properties.get(IN_REPLY_TO, '')} {self.properties.get(REFERENCES, '')}"
        if self.raw:
            read = parsed(self.raw)
            named += f" {header(read, 'In-Reply-To')} {header(read, 'References')}"
        return named.split()

    def take(self, given: dict[str, Any]) -> None:
        """Set what a request names."""
        if "subject" in given:
            self.subject = str(given["subject"])
        if "body" in given:
            if given["body"].get("contentType", "").lower() == "html":
                self.html = given["body"]["content"]
            else:
                self.text = given["body"]["content"]
        if "toRecipients" in given:
            people = [each["emailAddress"] for each in given["toRecipients"]]
            self.to = [each["address"] for each in people]
            self.to_name = people[0].get("name", "") if people else ""
            if not all(ADDRESS.fullmatch(each) for each in self.to):
                raise Unreadable("ErrorInvalidRecipients")
        if "from" in given:
            person = given["from"]["emailAddress"]
            self.sender, self.sender_name = person["address"], person.get("name", "")
        if "internetMessageId" in given:
            self.internet_message_id = str(given["internetMessageId"])
        if "internetMessageHeaders" in given:
            headers = [(each["name"], each["value"]) for each in given["internetMessageHeaders"]]
            if not headers or len(headers) > 5:
                raise Unreadable("InvalidInternetMessageHeaderCollection")
            if not all(name.lower().startswith("x-") for name, _ in headers):
                raise Unreadable("InvalidInternetMessageHeader")
            self.headers = headers
        for each in given.get("singleValueExtendedProperties", []):
            self.properties[each["id"]] = each["value"]

    def shown(self, select: str = "") -> dict[str, Any]:
        """As Graph shows it: what was selected, or the usual."""
        whole: dict[str, Any] = {
            "id": self.id,
            "isDraft": self.is_draft,
            "isRead": self.is_read,
            "parentFolderId": f"folder-{self.folder}",
            "changeKey": self.change_key,
            "subject": self.subject,
            "internetMessageId": self.internet_message_id,
            "conversationId": self.conversation_id,
            "from": person(self.sender, self.sender_name),
            "toRecipients": [person(each, self.to_name) for each in self.to],
            "ccRecipients": [],
            "bccRecipients": [],
            "receivedDateTime": self.moment,
            "sentDateTime": self.moment,
            "body": self.body(),
            "bodyPreview": self.text[:255],
        }
        if "internetMessageHeaders" in select:
            whole["internetMessageHeaders"] = [
                {"name": name, "value": value} for name, value in self.all_headers()
            ]
        if "uniqueBody" in select:
            whole["uniqueBody"] = self.body()
        wanted = [each for each in select.split(",") if each]
        found = {name: whole[name] for name in wanted if name in whole} if wanted else whole
        return {"@odata.etag": self.etag} | found | {"id": self.id}

    def body(self) -> dict[str, str]:
        kind, content = ("html", self.html) if self.html else ("text", self.text)
        return {"contentType": kind, "content": content}

    def all_headers(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in parsed(self.mime()).items()]

    def mime(self) -> bytes:
        """The whole mail, as its recipient gets it."""
        if self.raw:
            return self.raw
        message = EmailMessage(policy=SMTP.clone(max_line_length=900))
        message["From"] = f"{self.sender_name} <{self.sender}>" if self.sender_name else self.sender
        message["To"] = ", ".join(self.to)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(datetime.fromtimestamp(self.at, UTC))
        message["Message-ID"] = self.internet_message_id
        named = {
            "In-Reply-To": IN_REPLY_TO,
            "References": REFERENCES,
            "List-Unsubscribe": LIST_UNSUBSCRIBE,
        }
        for name, tag in named.items():
            if tag in self.properties:
                message[name] = self.properties[tag]
        for name, value in self.headers:
            message[name] = value
        message.set_content(self.text or re.sub(r"<[^>]*>", "", self.html))
        if self.html:
            message.add_alternative(self.html, subtype="html")
        return message.as_bytes()


def person(address: str, name: str = "") -> dict[str, Any]:
    return {"emailAddress": {"address": address, "name": name or address}}


def from_json(given: dict[str, Any]) -> Item:
    item = Item()
    item.take(given)
    return item


def from_mime(raw: bytes) -> Item:
    read = parsed(raw)
    name, address = parseaddr(header(read, "From"))
    return Item(
        subject=header(read, "Subject"),
        html=text_of(raw, "text/html"),
        text=text_of(raw),
        sender=address,
        sender_name=name,
        to=addresses(read, "To"),
        internet_message_id=header(read, "Message-ID"),
        raw=raw,
    )
