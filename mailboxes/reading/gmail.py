"""Read a mailbox at Google by its history: what was added since the last reading, wherever it lies.

A history that Google no longer keeps is begun anew from a list of the mails.
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from googleapiclient.errors import HttpError

from mailboxes.providers.base import TryAgain
from mailboxes.providers.gmail import Gmail
from mailboxes.reading.base import Batch, Incoming, head_of, is_too_large

# Google numbers the changes of the whole mailbox, not of its folders.
EVERYWHERE = "everywhere"
# What we write ourselves is no answer.
OURS = {"SENT", "DRAFT", "CHAT"}
AT_ONCE = 25
# What is asked of a mail that is too large: by whom, in answer to what, and whether by a machine.
TELLING = [
    *["From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"],
    *["X-Outreach-Ref", "Content-Type", "Return-Path", "X-Failed-Recipients"],
    *["Auto-Submitted", "Precedence", "List-Id", "X-Autoreply", "X-Autorespond"],
]
LISTED = "list"


class GmailInbox:
    """The inbox of a mailbox at Google. Not for two threads at once."""

    def __init__(self, gmail: Gmail) -> None:
        self.gmail = gmail

    @classmethod
    def for_mailbox(cls, mailbox: Any) -> Self:
        return cls(Gmail.for_mailbox(mailbox))

    def close(self) -> None:
        self.gmail.close()

    def read(self, cursors: Mapping[str, str], since: datetime) -> Iterator[Batch]:
        cursor = cursors.get(EVERYWHERE, "")
        if cursor.startswith(LISTED):
            _, start, page = cursor.split(" ")
            yield from self.listed(start, since, page)
            return
        if cursor:
            try:
                yield from self.history(cursor)
                return
            except HistoryGone:
                pass  # Then everything is listed, as if it were the first time.
        # Asked before the list: what comes in meanwhile is in the history then.
        profile = self.gmail.asked(self.gmail.users.getProfile(userId="me"))
        yield from self.listed(str(profile["historyId"]), since, "")

    def history(self, start: str) -> Iterator[Batch]:
        """Yield what was added since; raises HistoryGone where Google has forgotten that long."""
        page, reached = "", start
        while True:
            found = self.history_page(start, page)
            for record in found.get("history", []):
                added = [each["message"] for each in record.get("messagesAdded", [])]
                reached = str(record["id"])
                yield Batch(EVERYWHERE, reached, tuple(self.mails(added)))
            page = found.get("nextPageToken", "")
            if not page:
                # Only now: a page that was never read must not be skipped.
                yield Batch(EVERYWHERE, str(found.get("historyId") or reached))
                return

    def history_page(self, start: str, page: str) -> dict[str, Any]:
        more = {"pageToken": page} if page else {}
        request = self.gmail.users.history().list(
            userId="me", startHistoryId=start, historyTypes=["messageAdded"], maxResults=100, **more
        )
        try:
            return dict(self.gmail.ask(request))
        except HttpError as refusal:
            if refusal.resp.status == 404:
                raise HistoryGone from refusal
            raise self.gmail.translated(refusal) from refusal

    def listed(self, start: str, since: datetime, page: str) -> Iterator[Batch]:
        """Yield every mail of that time, newest first; the history goes on from `start`."""
        query = f"after:{int(since.timestamp())} -in:sent -in:drafts"
        while True:
            more = {"pageToken": page} if page else {}
            messages = self.gmail.users.messages()
            request = messages.list(
                userId="me", q=query, includeSpamTrash=True, maxResults=AT_ONCE, **more
            )
            found = self.gmail.asked(request)
            mails = tuple(self.mails(found.get("messages", [])))
            page = found.get("nextPageToken", "")
            yield Batch(EVERYWHERE, f"{LISTED} {start} {page}" if page else start, mails)
            if not page:
                break
        yield from self.history(start)

    def mails(self, named: list[dict[str, Any]]) -> Iterator[Incoming]:
        for each in named:
            if OURS.isdisjoint(each.get("labelIds", [])) and (mail := self.mail(each["id"])):
                yield mail

    def mail(self, message_id: str) -> Incoming | None:
        """One mail, whole; of one that is too large its head; None if it is gone by now."""
        try:
            found = self.get(message_id, "raw")
        except TryAgain as problem:
            if not is_too_large(problem):
                raise
            found = self.get(message_id, "metadata")
        if not found or not OURS.isdisjoint(found.get("labelIds", [])):
            return None
        head = head_of(found.get("payload", {}).get("headers", []))
        return Incoming(
            raw=urlsafe_b64decode(found["raw"]) if "raw" in found else head,
            received_at=datetime.fromtimestamp(int(found["internalDate"]) / 1000, UTC),
            provider_id=str(found["id"]),
            thread_id=str(found.get("threadId", "")),
        )

    def get(self, message_id: str, form: str) -> dict[str, Any]:
        wanted = {"metadataHeaders": TELLING} if form == "metadata" else {}
        request = self.gmail.users.messages().get(userId="me", id=message_id, format=form, **wanted)
        try:
            return dict(self.gmail.ask(request))
        except HttpError as refusal:
            if refusal.resp.status == 404:
                return {}
            raise self.gmail.translated(refusal) from refusal


class HistoryGone(Exception):
    """Google no longer knows what has changed since then."""
