"""What a provider itself wrote down, read from a file: one JSON object a line."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from mailboxes.models import Mailbox

MOST_LINES = 500_000
LONGEST_LINE = 10_000
FIELDS = ("message_id", "recipient", "mailbox", "accepted_at")
SHA256 = re.compile(r"[0-9a-f]{64}")


class JournalProblem(ValueError):
    """The file is not a journal; the text names the line and says what is allowed."""


@dataclass(frozen=True, slots=True)
class Journal:
    """Every mail that the providers of some mailboxes took, as they tell it."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    mailboxes: frozenset[int] = frozenset()

    def as_json(self) -> str:
        """Return the lines as the statements take them."""
        return json.dumps(self.lines)


def read(lines: Iterable[str], workspace: int | None = None) -> Journal:
    """Return the journal that these lines are; of one workspace, if it is named.

    Raises JournalProblem for a line that is none. Lines of another workspace's mailboxes are
    left out.
    """
    mailboxes = _Mailboxes(workspace)
    taken = []
    for number, text in enumerate(lines, 1):
        if number > MOST_LINES:
            raise JournalProblem(f"A journal has at most {MOST_LINES:,} lines; give part of it.")
        if not text.strip():
            continue
        line = _line(number, text)
        if mailboxes.take(number, line["mailbox"]):
            taken.append(line)
    return Journal(taken, frozenset(mailboxes.used))


def _line(number: int, text: str) -> dict[str, Any]:
    if len(text) > LONGEST_LINE:
        raise JournalProblem(f"Line {number} is longer than {LONGEST_LINE:,} characters.")
    try:
        found = json.loads(text)
    except ValueError:
        raise JournalProblem(f"Line {number} is not JSON.") from None
    if not isinstance(found, dict):
        raise JournalProblem(f"Line {number} is not a JSON object.")
    for name in FIELDS:
        if not isinstance(found.get(name), str) or not found[name].strip():
            raise JournalProblem(f"Line {number} needs “{name}” as a text.")
    sha256 = found.get("sha256") or ""
    if sha256 and not (isinstance(sha256, str) and SHA256.fullmatch(sha256.lower())):
        raise JournalProblem(f"Line {number}: “sha256” is 64 hexadecimal digits, or left out.")
    reference = found.get("reference") or ""
    if not isinstance(reference, str):
        raise JournalProblem(f"Line {number}: “reference” is a text, or left out.")
    return {
        "line": number,
        "message_id": found["message_id"].strip(),
        "recipient": found["recipient"].strip(),
        "mailbox": found["mailbox"].strip().lower(),
        "accepted_at": _instant(number, found["accepted_at"]),
        "sha256": sha256.lower(),
        "touch": touch_of(reference),
    }


def touch_of(reference: str) -> int | None:
    """Return the touch that our reference header names.

    >>> touch_of("t12"), touch_of("somebody else's")
    (12, None)
    """
    number = reference.strip().removeprefix("t")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None


def _instant(number: int, text: str) -> str:
    """Return the time as the database writes its own."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise JournalProblem(
            f"Line {number}: “accepted_at” is a time with its zone, like 2026-11-20T09:00:00Z."
        )
    return str(connection.ops.adapt_datetimefield_value(at.astimezone(UTC)))


class _Mailboxes:
    """Which of our mailboxes the lines are about."""

    def __init__(self, workspace: int | None) -> None:
        self.used: set[int] = set()
        self.known: dict[str, list[Mailbox]] = {}
        for mailbox in Mailbox.everywhere.only("email", "provider", "workspace").iterator(2000):
            self.known.setdefault(mailbox.email.lower(), []).append(mailbox)
        self.workspace = workspace

    def take(self, number: int, email: str) -> bool:
        """Note the mailbox of a line; False where it belongs to another workspace."""
        found = self.known.get(email)
        if not found:
            raise JournalProblem(f"Line {number}: no mailbox is called “{email[:254]}”.")
        mine = [each for each in found if self.workspace in (None, each.workspace_id)]
        if any(each.provider == Mailbox.Provider.SANDBOX for each in mine):
            raise JournalProblem(
                f"Line {number}: “{email}” is a Sandbox mailbox, whose journal is the database."
            )
        self.used |= {each.pk for each in mine}
        return bool(mine)
