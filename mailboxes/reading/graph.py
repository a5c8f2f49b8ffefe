"""Read a mailbox at Microsoft 365 folder by folder: what Graph says has come since a delta link."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

from django.conf import settings

from mailboxes.providers.base import TryAgain
from mailboxes.providers.microsoft import Microsoft, Refused
from mailboxes.providers.microsoft_sign_in import token_for
from mailboxes.reading.base import Batch, Incoming, head_of, is_too_large

INBOX = "inbox"
# Named as Graph names them in every language.
OWN_MAIL = ("sentitems", "drafts", "outbox")
BESIDE_THE_INBOX = ("junkemail", "deleteditems")
MOST_FOLDERS = 100
AT_ONCE = 25
WANTED = "id,isDraft,conversationId,receivedDateTime"


class GraphInbox:
    """The inbox of a mailbox at Microsoft 365. Not for two threads at once."""

    def __init__(self, microsoft: Microsoft) -> None:
        self.microsoft = microsoft

    @classmethod
    def for_mailbox(cls, mailbox: Any) -> Self:
        return cls(Microsoft.for_mailbox(mailbox))

    def close(self) -> None:
        self.microsoft.close()

    def read(self, cursors: Mapping[str, str], since: datetime) -> Iterator[Batch]:
        for folder in self.folders():
            cursor = cursors.get(folder, "")
            try:
                yield from self.changes(folder, self.path_of(cursor) or self.first(folder, since))
            except Refused as refusal:
                if refusal.status == 404 and folder != INBOX:
                    continue  # Deleted since it was listed.
                if refusal.status != 410:
                    raise refusal.translated() from refusal
                # Graph no longer knows what has changed since then.
                yield from self.anew(folder, since)

    def anew(self, folder: str, since: datetime) -> Iterator[Batch]:
        try:
            yield from self.changes(folder, self.first(folder, since))
        except Refused as refusal:
            raise refusal.translated() from refusal

    def folders(self) -> list[str]:
        """Return where an answer may lie, the inbox first; a rule may have moved it anywhere."""
        known = {name: self.folder_id(name) for name in (INBOX, *BESIDE_THE_INBOX, *OWN_MAIL)}
        listed = self.listed("/me/mailFolders") + self.listed(
            f"/me/mailFolders/{INBOX}/childFolders"
        )
        others = [each for each in dict.fromkeys(listed) if each not in known.values()]
        beside = [name for name in BESIDE_THE_INBOX if known[name]]
        return [INBOX, *beside, *others][:MOST_FOLDERS]

    def folder_id(self, name: str) -> str:
        try:
            return str(self.microsoft.ask("GET", f"/me/mailFolders/{name}?$select=id")["id"])
        except Refused as refusal:
            if refusal.status == 404:
                return ""
            raise refusal.translated() from refusal

    def listed(self, path: str) -> list[str]:
        found = self.microsoft.asked("GET", f"{path}?$select=id&$top={MOST_FOLDERS}")
        return [str(each["id"]) for each in found.get("value", [])]

    def first(self, folder: str, since: datetime) -> str:
        rule = quote(f"receivedDateTime ge {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
        place = f"/me/mailFolders/{quote(folder, safe='')}/messages/delta"
        return f"{place}?changeType=created&$select={WANTED}&$filter={rule}"

    def path_of(self, link: str) -> str:
        """Return the path of a link that Graph gave us; a token goes nowhere else."""
        if not link:
            return ""
        if not link.startswith(f"{settings.GRAPH_URL}/"):
            raise TryAgain("Graph gave a link that leads elsewhere; the mailbox is not read.")
        return link.removeprefix(settings.GRAPH_URL)

    def changes(self, folder: str, path: str) -> Iterator[Batch]:
        """Yield page after page; each page's link is where the next reading may go on."""
        while True:
            found = self.microsoft.ask(
                "GET",
                path,
                headers={"Prefer": f'IdType="ImmutableId", odata.maxpagesize={AT_ONCE}'},
            )
            link = found.get("@odata.nextLink") or found.get("@odata.deltaLink") or ""
            path = self.path_of(str(link))
            yield Batch(folder, str(link), tuple(self.mails(found.get("value", []))))
            if "@odata.nextLink" not in found:
                return

    def mails(self, named: list[dict[str, Any]]) -> Iterator[Incoming]:
        for each in named:
            if "@removed" in each or each.get("isDraft"):
                continue
            if (raw := self.whole(str(each["id"]))) is not None:
                yield Incoming(
                    raw=raw,
                    received_at=datetime.fromisoformat(each["receivedDateTime"]),
                    provider_id=str(each["id"]),
                    thread_id=str(each.get("conversationId") or ""),
                )

    def whole(self, message_id: str) -> bytes | None:
        """One mail as it came in; of one that is too large its head; None if it is gone by now."""
        path = f"/me/messages/{quote(message_id, safe='')}"
        token = token_for(self.microsoft.mailbox)
        try:
            answer = self.microsoft.request("GET", f"{path}/$value", token, False, {})
        except TryAgain as problem:
            if not is_too_large(problem):
                raise
            found = self.microsoft.ask("GET", f"{path}?$select=internetMessageHeaders")
            return head_of(found.get("internetMessageHeaders", []))
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise Refused(answer)
        return answer.content
