"""When a touch will leave, or why it does not: one answer for the scheduler and for people.

`leaving` is pure. The worker claims a touch when its answer is NOW, the drawer prints the same
answer, so what the product says and what it does cannot drift apart.
"""

from dataclasses import replace
from datetime import datetime

from mailboxes.models import Mailbox
from outreach import guards
from outreach.prepared import Prepared
from outreach.times import now
from sequences.engine import pacing
from sequences.engine.answers import Answer, Facts, Fix
from sequences.engine.clocks import clock
from sequences.models import Enrollment, Sequence, Suppression, Touch
from sequences.rules.reasons import Kind, Reason

__all__ = [
    "STANDING",
    "Answer",
    "Facts",
    "Fix",
    "Kind",
    "Reason",
    "clock",
    "leaving",
    "next_step",
    "read_facts",
    "read_standing",
    "touch",
]


SUPPRESSED = Prepared(
    lambda workspace, email, domain: Suppression.everywhere.filter(
        workspace_id=workspace, value__in=[email, domain]
    ),
    int,
    str,
    str,
)


def read_standing(touch: Touch, run: Enrollment) -> Facts:
    """Read what STANDING asks about one touch; `run` comes with sequence, mailbox, contact."""
    covering = ""
    if run.contact:
        email = run.contact.email.strip().lower()
        entry = SUPPRESSED.first(run.workspace_id, email, email.rpartition("@")[2])
        covering = entry.value if entry else ""
    return Facts(
        touch=touch,
        run=run,
        sequence=run.sequence,
        mailbox=pacing.sender_of(run),
        suppressed_by=covering,
        hold=guards.hold(),
    )


def read_facts(touch: Touch, run: Enrollment, at: datetime) -> Facts:
    """Read what `leaving` asks about one touch: what stands, and which limits are used up."""
    facts = read_standing(touch, run)
    if facts.mailbox is None:
        return facts
    return replace(facts, full=pacing.Look(at).full(run, facts.mailbox))


def touch(touch: Touch, run: Enrollment, at: datetime | None = None) -> Answer:
    """Say when this touch will leave, or why it does not."""
    at = at or now()
    return leaving(read_facts(touch, run, at), at)


def next_step(run: Enrollment, at: datetime | None = None) -> tuple[Touch | None, Answer | None]:
    """Return the run's next open touch and its answer, for "What happens next"."""
    first = run.touches.select_related("step").open().first()
    return (first, touch(first, run, at)) if first else (None, None)


def leaving(facts: Facts, at: datetime) -> Answer:
    """Say when the touch of these facts leaves, judged at the instant `at`."""
    for rule in (_settled, *STANDING):
        if answer := rule(facts, at):
            return answer
    return clock(facts, at)


def _settled(facts: Facts, at: datetime) -> Answer | None:
    """It has left, is leaving, failed, or never will."""
    touch, status = facts.touch, Touch.Status
    if touch.status == status.SENT:
        return Answer(Reason.SENT, "Sent.", touch.sent_at)
    if touch.status == status.SENDING:
        return Answer(Reason.SENDING, "It is on its way right now.")
    if touch.status == status.UNCERTAIN:
        if touch.decide:
            sentence = "The provider cannot say whether it was accepted. Tell what you know."
            return Answer(Reason.UNDECIDED, sentence, None, _open(facts, "Decide"))
        sentence = "The provider may have taken it; it is being asked, so that nothing goes twice."
        return Answer(Reason.UNCERTAIN, sentence, touch.check_at)
    if touch.status == status.FAILED:
        return Answer(Reason.FAILED, touch.error, None, _open(facts, "Retry"))
    if touch.status in (status.SKIPPED, status.CANCELLED):
        return Answer(Reason[touch.status.upper()], f"{touch.get_status_display()}.")
    return None


def _run(facts: Facts, at: datetime) -> Answer | None:
    """The installation, the workspace, the sequence or the run does not let it."""
    run, sequence = facts.run, facts.sequence
    if run.is_finished:
        return Answer(Reason.ENDED, f"The run has ended: {run.get_status_display()}.")
    if facts.hold:
        return Answer(Reason.HELD, f"Sending is held. {facts.hold}")
    if run.workspace.is_stopped:
        sentence = "Sending is stopped for the whole workspace."
        fix = Fix("Resume sending", "outreach:settings")
        return Answer(Reason.STOPPED, sentence, None, fix)
    if sequence.status != Sequence.Status.ACTIVE:
        sentence = f"The sequence “{sequence}” is {sequence.get_status_display().lower()}."
        fix = Fix("Open the sequence", "sequences:overview", (sequence.pk,))
        return Answer(Reason.SEQUENCE, sentence, None, fix)
    if run.status == Enrollment.Status.PAUSED:
        if run.paused_until:
            return Answer(Reason.PAUSED_UNTIL, "The run is paused.", run.paused_until)
        note = f" {run.pause_note}." if run.pause_note else ""
        return Answer(Reason.PAUSED, f"The run is paused.{note}")
    return None


def _text(facts: Facts, at: datetime) -> Answer | None:
    """Nobody has approved it, or not in these words."""
    touch, run = facts.touch, facts.run
    if touch.status == Touch.Status.WRITING or run.is_drafting:
        return Answer(Reason.WRITING, "The draft is being written.")
    if touch.missing and not touch.is_approved:
        names = ", ".join(touch.missing)
        return Answer(Reason.MISSING, f"The draft still needs a value for {names}.")
    if run.status == Enrollment.Status.PENDING_APPROVAL or not touch.is_approved:
        return Answer(Reason.UNAPPROVED, "It waits for approval.")
    if not touch.is_as_approved:
        return Answer(Reason.CHANGED, "The text is not the one that was approved.")
    return None


def _person(facts: Facts, at: datetime) -> Answer | None:
    """The prospect must not be written to."""
    contact = facts.run.contact
    if contact is None:
        return Answer(Reason.DELETED, "The contact was deleted.")
    if facts.suppressed_by:
        fix = Fix("Suppression list", "sequences:suppressions", (), facts.suppressed_by)
        sentence = f"{facts.suppressed_by} is on the suppression list."
        return Answer(Reason.SUPPRESSED, sentence, None, fix)
    if contact.opted_out:
        return Answer(Reason.OPTED_OUT, f"{contact} opted out.")
    if contact.email != facts.touch.recipient:
        sentence = f"It was approved for {facts.touch.recipient}; the address has changed since."
        return Answer(Reason.RECIPIENT, sentence)
    return None


def _sender(facts: Facts, at: datetime) -> Answer | None:
    """The mailbox cannot send."""
    mailbox = facts.mailbox
    if mailbox is None:
        fix = Fix("Mailboxes", "mailboxes:list")
        return Answer(Reason.MAILBOX, "The sequence has no mailbox.", None, fix)
    if mailbox.status == Mailbox.Status.DISCONNECTED:
        sentence = f"{mailbox} is disconnected: {mailbox.last_error}"
        return Answer(Reason.DISCONNECTED, sentence, None, Fix("Reconnect", "mailboxes:list"))
    if mailbox.status == Mailbox.Status.PAUSED:
        sentence = f"{mailbox} is paused."
        return Answer(Reason.MAILBOX_PAUSED, sentence, None, Fix("Resume it", "mailboxes:list"))
    if mailbox.email != facts.touch.sender:
        sentence = f"It was approved to leave from {facts.touch.sender}, not from {mailbox}."
        return Answer(Reason.SENDER, sentence)
    return None


# What must hold whatever the time is; the gate asks these again.
STANDING = (_run, _text, _person, _sender)


def _open(facts: Facts, text: str) -> Fix:
    return Fix(text, "sequences:enrollment", (facts.run.pk,))
