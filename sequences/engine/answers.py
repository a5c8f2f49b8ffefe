"""What the answer to "when, or why not" is made of: the facts it is judged by, and its parts."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from mailboxes.models import Mailbox
from mailboxes.rotation import Turn
from outreach import guards
from sequences.engine.pacing import Full
from sequences.models import Enrollment, Sequence, Touch
from sequences.rules.reasons import Kind, Reason


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a person changes what holds a touch; the address is looked up when it is shown."""

    text: str
    route: str
    args: tuple[int, ...] = ()
    query: str = ""

    @property
    def url(self) -> str:
        address = reverse(self.route, args=self.args)
        return f"{address}?{urlencode({'q': self.query})}" if self.query else address


@dataclass(frozen=True, slots=True)
class Answer:
    """When, or why not: a reason, a sentence, and where to change it."""

    reason: Reason
    sentence: str
    at: datetime | None = None
    fix: Fix | None = None
    # The prospect's own clock decides: others of the sequence need not wait for it.
    is_their_own: bool = False

    @property
    def kind(self) -> Kind:
        return self.reason.kind

    @property
    def code(self) -> str:
        return self.reason.value

    @property
    def may_leave(self) -> bool:
        return self.kind == Kind.NOW


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the answer depends on, read at one moment."""

    touch: Touch
    run: Enrollment
    sequence: Sequence
    mailbox: Mailbox | None
    suppressed_by: str
    # Why nothing may leave from this installation.
    hold: guards.Hold | None = None
    # The limits that are used up at that moment.
    full: tuple[Full, ...] = ()
    # The pool's word, where the first mail of a run leaves from whichever mailbox is next.
    turn: Turn | None = None
