"""The built-in provider: catches mail in the database; the whole loop runs without an account.

The local part of a recipient can ask for trouble, as in `bounce+ana@globex.test`; FAULTS says how.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from typing import Any, Self

from django.db import transaction

from mailboxes.compose import ANY_MESSAGE_ID, decoded
from mailboxes.models import SandboxMail
from mailboxes.providers.base import (
    ContentRefused,
    Mail,
    QuotaReached,
    RateLimited,
    Receipt,
    RecipientRefused,
    TryAgain,
    Unknown,
    Verdict,
)
from outreach.desk import done_at_desk
from outreach.times import now

# What the start of an address, up to a plus sign, does to a mail; the viewer shows this list.
FAULTS = {
    "bounce": "Accepted, then comes back: no such address.",
    "full": "Accepted, then comes back for now: the prospect's mailbox is full.",
    "policy": "Accepted, then comes back: blocked by a policy.",
    "refuse": "Refused at once: no such address.",
    "content": "Refused at once: the text is taken for spam.",
    "quota": "Not accepted: the mailbox's quota is used up for five minutes.",
    "busy": "Not accepted: too many mails at once, try again in a minute.",
    "flaky": "Fails twice with a passing fault, then is accepted.",
    "timeout": "Accepted, but the answer is lost: the outcome has to be looked up.",
    "lost": "The first try is lost with its answer; looked up and sent again.",
}
# The code of the report that comes back after the acceptance.
BOUNCES = {"bounce": "5.1.1", "full": "4.2.2", "policy": "5.7.1"}
FLAKY_TRIES = 2


def fault_of(recipient: str) -> str:
    """Return the trouble that this address asks for, or nothing.

    >>> fault_of("bounce+ana@globex.test"), fault_of("ana+bounce@globex.test")
    ('bounce', '')
    """
    asked, plus, _ = recipient.partition("@")[0].partition("+")
    return asked if plus and asked in FAULTS else ""


@dataclass(slots=True)
class Draft:
    """A mail that the sandbox stands ready to take."""

    draft_id: str
    thread_id: str
    mail: Mail
    earlier: int = 0  # how many tries of this mail came to nothing
    _ended: bool = field(default=False, repr=False)

    @done_at_desk
    def commit(self) -> Receipt:
        self._end()
        fault = fault_of(self.mail.recipient)
        if fault == "lost" and not self.earlier:
            raise Unknown("The sandbox lost the connection before it answered.")
        # The draft is consumed once: whoever withdrew it before has won, for good.
        with transaction.atomic(durable=True):
            draft = SandboxMail.everywhere.drafts().filter(draft_id=self.draft_id)
            accepted = draft.update(accepted_at=now(), bounce=BOUNCES.get(fault, ""))
        if not accepted:
            raise TryAgain("The draft was withdrawn before it could be sent.")
        if fault == "timeout":
            raise Unknown("The sandbox took the mail, but its answer did not arrive.")
        return Receipt(
            message_id=self.mail.message_id,
            thread_id=self.thread_id,
            provider_id=self.draft_id,
            words="250 2.0.0 Caught by the sandbox",
        )

    def abandon(self) -> None:
        if not self._ended:
            self._end()
            withdraw(draft_id=self.draft_id)

    def _end(self) -> None:
        if self._ended:
            raise RuntimeError("This draft was committed or abandoned already.")
        self._ended = True


class Sandbox:
    """A sending account whose mail never leaves the database: all of it is work for a desk."""

    keeps_message_id = True
    can_unsubscribe_header = True
    lease = timedelta(seconds=60)
    budget = timedelta(seconds=30)

    def __init__(self, mailbox: Any) -> None:
        self.mailbox = mailbox

    @classmethod
    def for_mailbox(cls, mailbox: Any) -> Self:
        return cls(mailbox)

    @done_at_desk
    def prepare(self, mail: Mail) -> Draft:
        refuse(fault_of(mail.recipient), mail)
        message = message_from_bytes(mail.raw, policy=compat32)
        with transaction.atomic(durable=True):
            mine = SandboxMail.everywhere.filter(mailbox=self.mailbox, message_id=mail.message_id)
            earlier = mine.filter(withdrawn_at__isnull=False).count()
            row = SandboxMail(
                workspace_id=self.mailbox.workspace_id,
                mailbox=self.mailbox,
                message_id=mail.message_id,
                recipient=mail.recipient,
                subject=decoded(message.get("Subject", "")),
                raw=mail.raw,
            )
            row.thread_id = mail.thread_id or self._thread_of(message) or row.draft_id
            failing = fault_of(mail.recipient) == "flaky" and earlier < FLAKY_TRIES
            if failing:
                row.withdrawn_at = now()
            row.save()
        if failing:
            raise TryAgain("451 4.3.0 The sandbox has a passing fault; try again later.")
        return Draft(row.draft_id, row.thread_id, mail, earlier)

    @done_at_desk
    def look_up(self, *, message_id: str, recipient: str, **others: Any) -> Verdict:
        # First the fence, then the question: what is not accepted by now never will be.
        withdraw(mailbox=self.mailbox, message_id=message_id)
        caught = SandboxMail.everywhere.caught()
        sent = caught.filter(mailbox=self.mailbox, message_id=message_id).exists()
        return Verdict.SENT if sent else Verdict.NOT_SENT

    def check(self) -> None:
        """The database that was asked for this mailbox is all there is to reach."""

    def close(self) -> None:
        """There is no connection."""

    def _thread_of(self, message: Message) -> str:
        """The thread of the caught mail that this one answers, if there is one."""
        ids = ANY_MESSAGE_ID.findall(
            f"{message.get('In-Reply-To', '')} {message.get('References', '')}"
        )
        answered = SandboxMail.everywhere.caught().filter(
            mailbox=self.mailbox, message_id__in=ids[:50]
        )
        return answered.order_by("-id").values_list("thread_id", flat=True).first() or ""


@done_at_desk
def withdraw(**which: Any) -> int:
    """Take back drafts so that they can never be sent; how many were still there."""
    with transaction.atomic(durable=True):
        drafts = SandboxMail.everywhere.drafts().filter(**which)
        return drafts.update(withdrawn_at=now(), raw=b"")


def refuse(fault: str, mail: Mail) -> None:
    """Raise the refusal that the address asks for before anything is taken."""
    if fault == "refuse":
        raise RecipientRefused(
            f"550 5.1.1 <{mail.recipient}>: no such address here", hard=True, code="5.1.1"
        )
    if fault == "content":
        raise ContentRefused("554 5.7.1 Message refused: it looks like spam")
    if fault == "quota":
        raise QuotaReached(
            "452 4.5.3 Daily sending quota exceeded", resets_at=now() + timedelta(minutes=5)
        )
    if fault == "busy":
        raise RateLimited("421 4.7.0 Too many messages at once", retry_after=timedelta(minutes=1))
