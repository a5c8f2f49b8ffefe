"""What a text is and how two differ: the hash an approval is bound to, subjects, differences."""

import hashlib
import json
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

# Beyond this many words the texts are compared as a whole: the comparison takes quadratic time.
MAX_WORDS = 3000

REPLY_PREFIX = re.compile(r"\s*(?:re|aw|sv|vs|odp|antw|rif|ref|tr|r)\s*(?:\[\d+\])?\s*:\s*", re.I)
WORD_OR_SPACE = re.compile(r"\s+|\S+")


@dataclass(frozen=True, slots=True)
class Change:
    kind: Literal["same", "insert", "delete"]
    text: str


def content_hash(*, recipient: str, sender_name: str, sender: str, subject: str, body: str) -> str:
    """Return the hash of exactly what a person approves; no two contents share an encoding.

    >>> mail = dict(recipient="a@b.test", sender_name="Ana", sender="mailbox:1", subject="Hi")
    >>> content_hash(**mail, body="Hello") == content_hash(**mail, body="Hello ")
    False
    """
    # A list of strings in JSON: where one part ends cannot be shifted into the next.
    parts = json.dumps(["v1", recipient, sender_name, sender, subject, body])
    return hashlib.sha256(parts.encode("ascii")).hexdigest()


def difference(old: str, new: str) -> list[Change]:
    """Return the changes, word by word, that lead from the old text to the new.

    >>> [(c.kind, c.text) for c in difference("See you Monday.", "See you Tuesday.")]
    [('same', 'See you '), ('delete', 'Monday.'), ('insert', 'Tuesday.')]
    """
    if old == new:
        return [Change("same", old)] if old else []
    before, after = WORD_OR_SPACE.findall(old), WORD_OR_SPACE.findall(new)
    if len(before) > MAX_WORDS or len(after) > MAX_WORDS:
        return _changes("", old, new)
    changes: list[Change] = []
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        removed, added = "".join(before[i:j]), "".join(after[k:m])
        changes += _changes(added, "", "") if kind == "equal" else _changes("", removed, added)
    return changes


def _changes(same: str, removed: str, added: str) -> list[Change]:
    """Return the changes that are not empty, what was removed before what was added."""
    changes = [Change("same", same), Change("delete", removed), Change("insert", added)]
    return [change for change in changes if change.text]


def reply_subject(subject: str) -> str:
    """Return the subject of an answer in the same thread; it says Re: once.

    >>> reply_subject("Hello"), reply_subject("RE: Re[2]: Hello"), reply_subject("")
    ('Re: Hello', 'Re: Hello', 'Re:')
    """
    rest = subject
    while prefix := REPLY_PREFIX.match(rest):
        rest = rest[prefix.end() :]
    return f"Re: {rest.strip()}".rstrip()


def word_count(text: str) -> int:
    """Return how many words a reader counts.

    >>> word_count("Hi Ana, it's 9 o'clock - really.")
    6
    """
    return sum(1 for word in text.split() if any(c.isalnum() for c in word))
