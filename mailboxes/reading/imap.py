"""Read the folders of any IMAP server by the numbers of their mails, changing nothing there."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from ssl import SSLContext
from typing import Any, Self

import structlog
from django.conf import settings
from imap_tools.folder import FolderInfo
from imap_tools.query import AND

from mailboxes.providers.base import ProviderError, TryAgain
from mailboxes.providers.smtp import FailedStep, Step, greeting_name
from mailboxes.providers.smtp_line import Connection
from mailboxes.reading.base import Batch, Incoming
from mailboxes.reading.imap_line import Box, Call, Refused, translated

logger = structlog.get_logger(__name__)

INBOX = "INBOX"
# An answer may be moved anywhere by a rule, so every folder is read but those of our own mail,
# and those that only show again what lies elsewhere.
NOT_READ = {"\\noselect", "\\nonexistent", "\\sent", "\\drafts", "\\flagged", "\\important"}
NAMED_AS_OWN = {"sent", "sent items", "sent mail", "sent messages", "drafts"}
# Where one folder shows everything, only these lie beside it.
BESIDE_ALL = {"\\all", "\\junk", "\\trash"}
MOST_FOLDERS = 100
# Of a larger mail this much is read: the text stands before what is attached.
MOST_OF_A_MAIL = 1_000_000
AT_ONCE = 50
BYTES_AT_ONCE = 2_000_000

UID = re.compile(rb"\bUID (\d+)")
SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
INTERNAL_DATE = re.compile(rb'\bINTERNALDATE "([^"]{1,40})"')


class IMAP:
    """The inbox of a mailbox at an IMAP server. Not for two threads at once."""

    def __init__(
        self,
        connection: Connection,
        *,
        connect_timeout: float = 10,
        # For one whole reading, from the first packet to the last.
        timeout: float = 60,
        context: SSLContext | None = None,
    ) -> None:
        self.connection = connection
        self.connect_timeout = connect_timeout
        self.timeout = timeout
        self.context = context
        self.call: Call | None = None

    @classmethod
    def for_mailbox(cls, mailbox: Any) -> Self:
        return cls(
            Connection(
                host=mailbox.imap_host,
                port=mailbox.imap_port,
                security=mailbox.imap_security,
                username=mailbox.imap_username or mailbox.smtp_username,
                password=mailbox.imap_password or mailbox.smtp_password,
                greet_as=greeting_name(mailbox.email),
                allow_private=settings.ALLOW_PRIVATE_HOSTS,
            )
        )

    def check_step_by_step(self) -> Iterator[Step]:
        """Connect, sign in and list the folders, telling after each; ends at the first failure."""
        try:
            for name, words in self.steps():
                yield Step(name, True, words)
        except FailedStep as failed:
            yield Step(failed.name, False, str(failed.problem))
        finally:
            self.close()

    def close(self) -> None:
        call, self.call = self.call, None
        if call:
            call.hang_up()

    def steps(self) -> Iterator[tuple[str, str]]:
        call = self.call = Call(self.connection, self.timeout, self.context)
        for name, step in (
            ("dns", call.resolve),
            ("tcp", lambda: call.dial(self.connect_timeout)),
            ("tls", call.greet),
            ("auth", call.sign_in),
            ("folders", lambda: self.say_folders(call.open_box)),
        ):
            try:
                words = step()
            except ProviderError as problem:
                raise FailedStep(name, problem) from problem
            yield name, words

    def say_folders(self, box: Box) -> str:
        names = [folder.name for folder in self.folders(box)]
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        return f"Answers are looked for in {shown}"

    def read(self, cursors: Mapping[str, str], since: datetime) -> Iterator[Batch]:
        call = self.call = Call(self.connection, self.timeout, self.context)
        call.resolve()
        call.dial(self.connect_timeout)
        call.greet()
        call.sign_in()
        box = call.open_box
        with translated(self.connection.host):
            for folder in self.folders(box):
                try:
                    yield from self.read_folder(box, folder.name, cursors, since)
                except Refused as refused:
                    if folder.name == INBOX:
                        raise
                    # Somebody else's folder, say: it is listed, and not ours to read.
                    logger.info("A folder is not read", folder=folder.name, said=refused.words)

    def folders(self, box: Box) -> list[FolderInfo]:
        """Return the folders in which an answer may lie, the inbox first."""
        with translated(self.connection.host):
            listed = box.folder.list()
        flags = {folder.name: {flag.lower() for flag in folder.flags} for folder in listed}
        has_all = any("\\all" in each for each in flags.values())

        def may_hold_answers(folder: FolderInfo) -> bool:
            mine = flags[folder.name]
            if is_inbox(folder):
                return True
            if has_all and mine.isdisjoint(BESIDE_ALL):
                return False
            last_part = folder.name.rpartition(folder.delim)[2] if folder.delim else folder.name
            return mine.isdisjoint(NOT_READ) and last_part.lower() not in NAMED_AS_OWN

        def order(folder: FolderInfo) -> tuple[bool, bool, str]:
            # A mail that is moved meanwhile goes from the inbox to a folder that comes later.
            return not is_inbox(folder), flags[folder.name].isdisjoint(BESIDE_ALL), folder.name

        found = sorted(filter(may_hold_answers, listed), key=order)
        if not found or not is_inbox(found[0]):
            raise TryAgain(f"{self.connection.host} shows no inbox.")
        found[0].name = INBOX
        if len(found) > MOST_FOLDERS:
            logger.warning("Not every folder is read", folders=len(found), read=MOST_FOLDERS)
        return found[:MOST_FOLDERS]

    def read_folder(
        self, box: Box, name: str, cursors: Mapping[str, str], since: datetime
    ) -> Iterator[Batch]:
        """Yield what is new in one folder."""
        with translated(self.connection.host):
            state = box.folder.status(name, ["UIDVALIDITY", "UIDNEXT"])
        validity, next_uid = state.get("UIDVALIDITY"), state.get("UIDNEXT")
        if not validity or not next_uid:
            raise Refused(f"{self.connection.host} does not number the mails of {name}.")
        before, last = parse_cursor(cursors.get(name, ""))
        if before == validity and last == next_uid - 1:
            return
        with translated(self.connection.host):
            box.folder.set(name, readonly=True)
            if before == validity:
                # "7:*" always names the last mail, also where its number is lower.
                found = [uid for uid in self.search(box, f"UID {last + 1}:*") if uid > last]
            else:
                found = self.search(box, AND(date_gte=since.date()))
        reached = last if before == validity else None
        for uids, mails in self.fetch(box, found):
            reached = uids[-1]
            yield Batch(name, f"{validity}:{reached}", mails)
        # What came after STATUS and was not found has a higher number still.
        end = max([next_uid - 1, *found[-1:]])
        if reached != end:
            yield Batch(name, f"{validity}:{end}")

    def search(self, box: Box, criteria: Any) -> list[int]:
        return sorted(int(uid) for uid in box.uids(criteria))

    def fetch(self, box: Box, uids: list[int]) -> Iterator[tuple[list[int], tuple[Incoming, ...]]]:
        """Yield mails by some at once, so that no more than a few megabytes are in memory."""
        rest = iter(uids)
        while some := list(islice(rest, AT_ONCE)):
            for group in grouped(some, self.sizes(box, some)):
                yield group, tuple(self.mails(box, group))

    def sizes(self, box: Box, uids: list[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for part in self.ask(box, uids, "(UID RFC822.SIZE)"):
            head = part if isinstance(part, bytes) else b" ".join(part)
            uid, size = UID.search(head), SIZE.search(head)
            if uid and size:
                found[int(uid[1])] = int(size[1])
        return found

    def mails(self, box: Box, uids: list[int]) -> Iterator[Incoming]:
        what = f"(UID INTERNALDATE BODY.PEEK[]<0.{MOST_OF_A_MAIL}>)"
        for part in self.ask(box, uids, what):
            # An answer that carries a mail is a pair; others tell of flags that changed.
            if isinstance(part, tuple):
                yield Incoming(raw=part[1], received_at=date_of(part[0]))

    def ask(self, box: Box, uids: list[int], what: str) -> list[Any]:
        with translated(self.connection.host):
            kind, found = box.client.uid("FETCH", ",".join(map(str, uids)), what)
            if kind != "OK":
                raise Refused(b" ".join(filter(None, found)).decode(errors="replace"))
        return [part for part in found if part]


def is_inbox(folder: FolderInfo) -> bool:
    return folder.name.upper() == INBOX


def parse_cursor(cursor: str) -> tuple[int, int]:
    """Return the folder's validity and the number of the last mail that was read.

    >>> parse_cursor("1763755200:41"), parse_cursor("")
    ((1763755200, 41), (0, 0))
    """
    validity, _, last = cursor.partition(":")
    return int(validity or 0), int(last or 0)


def grouped(uids: list[int], sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """Divide mails so that each group has about as many bytes as may be in memory.

    >>> list(grouped([1, 2, 3], {1: 900_000, 2: 40_000_000, 3: 200_000}))
    [[1, 2], [3]]
    """
    group: list[int] = []
    total = 0
    for uid in uids:
        size = min(sizes.get(uid, 0), MOST_OF_A_MAIL)
        if group and total + size > BYTES_AT_ONCE:
            yield group
            group, total = [], 0
        group.append(uid)
        total += size
    if group:
        yield group


def date_of(head: bytes) -> datetime | None:
    """Return when the server took the mail in, where it says so.

    >>> date_of(b'1 (UID 5 INTERNALDATE "17-Jul-2026 02:44:25 -0700" BODY[]<0> {9}').isoformat()
    '2026-07-17T02:44:25-07:00'
    """
    found = INTERNAL_DATE.search(head)
    if not found:
        return None
    try:
        return datetime.strptime(found[1].decode().strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return None
