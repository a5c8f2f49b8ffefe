"""When a touch will leave, or why it does not: one answer for the scheduler and for people.

`leaving` is pure. The worker claims a touch when its answer is NOW, the drawer prints the same
answer, so what the product says and what it does cannot drift apart.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from mailboxes.models import Mailbox
from outreach import guards
from outreach.prepared import Prepared
from outreach.times import now
from sequences.engine import listening, pacing, pooling
from sequences.engine.answers import Answer, Facts, Fix
from sequences.engine.clocks import clock
from sequences.models import Enrollment, Event, Sequence, Suppression, Touch
from sequences.rules.reasons import Kind, Reason

__all__ = [
    "AROUND_THE_TEXT",
    "BY_HAND",
    "STANDING",
    "Answer",
    "Facts",
    "Fix",
    "Kind",
    "Reason",
    "clock",
    "is_for_absence",
    "leaving",
    "next_step",
    "read_facts",
    "read_standing",
    "said",
    "standing",
    "touch",
    "unwelcome",
]


Rule = Callable[[Facts, datetime], Answer | None]


def suppressible(email: str) -> tuple[str, str]:
    """Return what an entry of the suppression list may say about an address: it, or its domain."""
    email = email.strip().lower()
    return email, email.rpartition("@")[2]


SUPPRESSED = Prepared(
    lambda workspace, email, domain: Suppression.everywhere.filter(
        workspace_id=workspace, value__in=[email, domain]
    ),
    int,
    str,
    str,
)


def read_standing(touch: Touch, run: Enrollment, covering: str | None = None) -> Facts:
    """Read what STANDING asks about one touch; `run` comes with sequence, mailbox, contact.

    `covering` is what suppresses `addresses_of` it, or "", where somebody has just read it.
    """
    if covering is None:
        found = (
            SUPPRESSED.first(run.workspace_id, *suppressible(email))
            for email in addresses_of(touch, run)
        )
        covering = next((entry.value for entry in found if entry), "")
    return Facts(
        touch=touch,
        run=run,
        sequence=run.sequence,
        mailbox=pacing.sender_of(run, touch),
        suppressed_by=covering,
        hold=guards.hold(),
    )


def addresses_of(touch: Touch, run: Enrollment) -> list[str]:
    """Return whose suppression holds it: the prospect's, and of an answer by hand its reader's."""
    emails = [run.contact.email] if run.contact else []
    emails += [touch.recipient] if touch.is_by_hand else []
    return list(dict.fromkeys(email.strip().lower() for email in emails))


def read_facts(touch: Touch, run: Enrollment, at: datetime) -> Facts:
    """Read what `leaving` asks about one touch: what stands, and which limits are used up."""
    facts = read_standing(touch, run)
    if pooling.draws(touch, run):
        return pooling.Pools(pacing.Look(at)).facts(facts)
    if facts.mailbox is None:
        return facts
    return replace(facts, full=pacing.Look(at).full(run, facts.mailbox, by_hand=touch.is_by_hand))


def touch(touch: Touch, run: Enrollment, at: datetime | None = None) -> Answer:
    """Say when this touch will leave, or why it does not."""
    at = at or now()
    # What has left, or never will, needs no look at lists and limits.
    settled = _settled(Facts(touch, run, run.sequence, mailbox=None, suppressed_by=""), at)
    return said(settled or leaving(read_facts(touch, run, at), at), touch)


def said(answer: Answer, touch: Touch) -> Answer:
    """Name the absence where it was no person who moved the touch."""
    if answer.reason == Reason.RESCHEDULED and is_for_absence(touch):
        return replace(answer, sentence="The prospect is away until then.")
    return answer


def is_for_absence(touch: Touch) -> bool:
    """Whether the touch was moved by an answer that told of an absence, and by nobody since."""
    if not touch.is_rescheduled:
        return False
    moves = Event.everywhere.filter(enrollment=touch.enrollment_id, touch=touch)
    last = moves.filter(kind__in=["postponed", "rescheduled"]).order_by("-at", "-pk").first()
    return last is not None and last.kind == "postponed"


def unwelcome(touch: Touch, run: Enrollment, at: datetime) -> Answer | None:
    """Say why its reader must not be written to, whatever else holds it."""
    return _person(read_standing(touch, run), at)


def next_step(run: Enrollment, at: datetime | None = None) -> tuple[Touch | None, Answer | None]:
    """Return the run's next open touch and its answer, for "What happens next"."""
    first = run.touches.select_related("step").open().first()
    return (first, touch(first, run, at)) if first else (None, None)


def leaving(facts: Facts, at: datetime) -> Answer:
    """Say when the touch of these facts leaves, judged at the instant `at`."""
    for rule in (_settled, *standing(facts.touch)):
        if answer := rule(facts, at):
            return answer
    answer = clock(facts, at)
    return (answer.may_leave and listening.wait(facts, at)) or answer


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
        over = facts.run.is_finished and not touch.is_by_hand
        fix = None if over else _open(facts, "Retry")
        return Answer(Reason.FAILED, touch.error, None, fix)
    if touch.status == status.CANCELLED and touch.is_by_hand and touch.error:
        return Answer(Reason.CANCELLED, f"It was not sent. {touch.error}")
    if touch.status in (status.SKIPPED, status.CANCELLED):
        return Answer(Reason[touch.status.upper()], f"{touch.get_status_display()}.")
    return None


def _run(facts: Facts, at: datetime) -> Answer | None:
    """The installation, the workspace, the sequence or the run does not let it."""
    run, sequence = facts.run, facts.sequence
    if run.is_finished:
        return Answer(Reason.ENDED, f"The run has ended: {run.get_status_display()}.")
    if answer := _everything(facts, at):
        return answer
    if sequence.status != Sequence.Status.ACTIVE:
        sentence = f"The sequence “{sequence}” is {sequence.get_status_display().lower()}."
        fix = Fix("Open the sequence", "sequences:overview", (sequence.pk,))
        if sequence.pause_note:
            sentence = f"The sequence “{sequence}” paused itself: {sequence.pause_note}"
            return Answer(Reason.BOUNCES, sentence, None, fix)
        return Answer(Reason.SEQUENCE, sentence, None, fix)
    if run.status == Enrollment.Status.PAUSED:
        if run.paused_until:
            return Answer(Reason.PAUSED_UNTIL, "The run is paused.", run.paused_until)
        note = f" {run.pause_note}." if run.pause_note else ""
        return Answer(Reason.PAUSED, f"The run is paused.{note}")
    return None


def _everything(facts: Facts, at: datetime) -> Answer | None:
    """Nothing leaves from this installation, or from this workspace."""
    if facts.hold:
        return Answer(Reason.HELD, f"Sending is held. {facts.hold}")
    if facts.run.workspace.is_stopped:
        sentence = "Sending is stopped for the whole workspace."
        fix = Fix("Resume sending", "outreach:settings")
        return Answer(Reason.STOPPED, sentence, None, fix)
    return None


def _removed(facts: Facts, at: datetime) -> Answer | None:
    """Somebody removed the prospect from the sequence, and its thread with it."""
    if facts.run.dropped_at is None:
        return None
    return Answer(Reason.ENDED, "The prospect was removed.")


def _words(facts: Facts, at: datetime) -> Answer | None:
    """What a person wrote is not what stands there now."""
    if facts.touch.is_as_approved:
        return None
    return Answer(Reason.CHANGED, "The text is not the one that was written.")


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
    if contact.email != facts.touch.recipient and not facts.touch.is_by_hand:
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
    if mailbox.cold_stopped_at is not None and not facts.touch.is_by_hand:
        sentence = f"{mailbox} sends no campaign mail: {mailbox.failing_note} for over 72 hours."
        fix = Fix("Check its domain", "mailboxes:domain", (mailbox.pk,))
        return Answer(Reason.AUTHENTICATION, sentence, None, fix)
    if mailbox.email != facts.touch.sender and not facts.touch.is_pooled:
        sentence = f"It was approved to leave from {facts.touch.sender}, not from {mailbox}."
        return Answer(Reason.SENDER, sentence)
    return None


# What must hold whatever the time is; the gate asks these again.
STANDING = (_run, _text, _person, _sender, listening.unwatched)
# An answer by hand is no campaign mail: neither run nor sequence holds it, nor who else answered.
BY_HAND = (_removed, _everything, _words, _person, _sender)
# The same without the text: what a forecast of many mails asks, which reads none of them.
AROUND_THE_TEXT = (_run, _person, _sender, listening.unwatched)


def standing(touch: Touch) -> tuple[Rule, ...]:
    """Return what must hold for this touch whatever the time is."""
    return BY_HAND if touch.is_by_hand else STANDING


def _open(facts: Facts, text: str) -> Fix:
    if facts.touch.in_reply_to_id:
        return Fix(text, "sequences:inbox_reply", (facts.touch.in_reply_to_id,))
    return Fix(text, "sequences:enrollment", (facts.run.pk,))
