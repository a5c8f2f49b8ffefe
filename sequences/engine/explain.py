"""When a touch will leave, or why it does not: one answer for the scheduler and for people.

`leaving` is pure. The worker claims a touch when its answer is NOW, the drawer prints the same
answer, so what the product says and what it does cannot drift apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode

from django.urls import reverse

from mailboxes.models import Mailbox, MailboxDay
from outreach import guards
from outreach.times import now
from sequences.models import Enrollment, Sequence, SequenceDay, Suppression, Touch
from sequences.rules import schedule


class Kind(StrEnum):
    """What a person can conclude from an answer."""

    NOW = "now"  # it leaves as soon as a worker takes it
    DEFERRED = "deferred"  # it leaves by itself, at `at`
    BLOCKED = "blocked"  # it waits for a person
    FAILED = "failed"  # it was tried and will not be tried again by itself
    MOVING = "moving"  # it is on its way, or its outcome is being asked for
    ENDED = "ended"  # it never will


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
    """When, or why not: a reason code, a sentence, and where to change it."""

    kind: Kind
    code: str
    sentence: str
    at: datetime | None = None
    fix: "Fix | None" = None

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
    hold: guards.Hold | None
    mailbox_used: int
    sequence_used: int


def read_facts(touch: Touch, run: Enrollment, at: datetime) -> Facts:
    """Read what `leaving` asks about one touch; `run` comes with sequence, mailbox, contact."""
    sequence = run.sequence
    mailbox = run.mailbox or sequence.mailbox
    covering = ""
    if run.contact:
        entries = Suppression.everywhere.filter(workspace_id=run.workspace_id)
        entry = entries.covering(run.contact.email).first()
        covering = entry.value if entry else ""
    return Facts(
        touch=touch,
        run=run,
        sequence=sequence,
        mailbox=mailbox,
        suppressed_by=covering,
        hold=guards.hold(),
        mailbox_used=(
            MailboxDay.used_on(mailbox.pk, schedule.local_day(at, mailbox.zone)) if mailbox else 0
        ),
        sequence_used=(
            SequenceDay.used_on(sequence.pk, schedule.local_day(at, sequence.zone))
            if sequence.daily_limit
            else 0
        ),
    )


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
        return Answer(Kind.ENDED, "sent", "Sent.", touch.sent_at)
    if touch.status == status.SENDING:
        return Answer(Kind.MOVING, "sending", "It is on its way right now.")
    if touch.status == status.UNCERTAIN:
        if touch.decide:
            sentence = "The provider cannot say whether it was accepted. Tell what you know."
            return Answer(Kind.BLOCKED, "uncertain", sentence, None, _open(facts, "Decide"))
        sentence = "The provider may have taken it; it is being asked, so that nothing goes twice."
        return Answer(Kind.MOVING, "uncertain", sentence, touch.check_at)
    if touch.status == status.FAILED:
        return Answer(Kind.FAILED, "failed", touch.error, None, _open(facts, "Retry"))
    if touch.status in (status.SKIPPED, status.CANCELLED):
        return Answer(Kind.ENDED, touch.status, f"{touch.get_status_display()}.")
    return None


def _run(facts: Facts, at: datetime) -> Answer | None:
    """The installation, the workspace, the sequence or the run does not let it."""
    run, sequence = facts.run, facts.sequence
    if run.is_finished:
        return Answer(Kind.ENDED, "ended", f"The run has ended: {run.get_status_display()}.")
    if facts.hold:
        return Answer(Kind.BLOCKED, "held", f"Sending is held. {facts.hold}")
    if run.workspace.is_stopped:
        sentence = "Sending is stopped for the whole workspace."
        fix = Fix("Resume sending", "outreach:settings")
        return Answer(Kind.BLOCKED, "stopped", sentence, None, fix)
    if sequence.status != Sequence.Status.ACTIVE:
        sentence = f"The sequence “{sequence}” is {sequence.get_status_display().lower()}."
        fix = Fix("Open the sequence", "sequences:overview", (sequence.pk,))
        return Answer(Kind.BLOCKED, "sequence", sentence, None, fix)
    if run.status == Enrollment.Status.PAUSED:
        if run.paused_until:
            return Answer(Kind.DEFERRED, "paused", "The run is paused.", run.paused_until)
        note = f" {run.pause_note}." if run.pause_note else ""
        return Answer(Kind.BLOCKED, "paused", f"The run is paused.{note}")
    return None


def _text(facts: Facts, at: datetime) -> Answer | None:
    """Nobody has approved it, or not in these words."""
    touch, run = facts.touch, facts.run
    if touch.status == Touch.Status.WRITING or run.is_drafting:
        return Answer(Kind.DEFERRED, "writing", "The draft is being written.")
    if touch.missing and not touch.is_approved:
        names = ", ".join(touch.missing)
        return Answer(Kind.BLOCKED, "missing", f"The draft still needs a value for {names}.")
    if run.status == Enrollment.Status.PENDING_APPROVAL or not touch.is_approved:
        return Answer(Kind.BLOCKED, "unapproved", "It waits for approval.")
    if not touch.is_as_approved:
        return Answer(Kind.BLOCKED, "changed", "The text is not the one that was approved.")
    return None


def _person(facts: Facts, at: datetime) -> Answer | None:
    """The prospect must not be written to."""
    contact = facts.run.contact
    if contact is None:
        return Answer(Kind.BLOCKED, "deleted", "The contact was deleted.")
    if facts.suppressed_by:
        fix = Fix("Suppression list", "sequences:suppressions", (), facts.suppressed_by)
        sentence = f"{facts.suppressed_by} is on the suppression list."
        return Answer(Kind.BLOCKED, "suppressed", sentence, None, fix)
    if contact.opted_out:
        return Answer(Kind.BLOCKED, "opted_out", f"{contact} opted out.")
    if contact.email != facts.touch.recipient:
        sentence = f"It was approved for {facts.touch.recipient}; the address has changed since."
        return Answer(Kind.BLOCKED, "recipient", sentence)
    return None


def _sender(facts: Facts, at: datetime) -> Answer | None:
    """The mailbox cannot send."""
    mailbox = facts.mailbox
    if mailbox is None:
        fix = Fix("Mailboxes", "mailboxes:list")
        return Answer(Kind.BLOCKED, "mailbox", "The sequence has no mailbox.", None, fix)
    if mailbox.status == Mailbox.Status.DISCONNECTED:
        sentence = f"{mailbox} is disconnected: {mailbox.last_error}"
        return Answer(Kind.BLOCKED, "mailbox", sentence, None, Fix("Reconnect", "mailboxes:list"))
    if mailbox.status == Mailbox.Status.PAUSED:
        sentence = f"{mailbox} is paused."
        return Answer(
            Kind.BLOCKED, "mailbox_paused", sentence, None, Fix("Resume it", "mailboxes:list")
        )
    if mailbox.email != facts.touch.sender:
        sentence = f"It was approved to leave from {facts.touch.sender}, not from {mailbox}."
        return Answer(Kind.BLOCKED, "sender", sentence)
    return None


# What must hold whatever the time is; the gate asks these again.
STANDING = (_run, _text, _person, _sender)


def clock(facts: Facts, at: datetime) -> Answer:
    """It leaves by itself: the latest of all the clocks that hold it decides."""
    touch, run, sequence, mailbox = facts.touch, facts.run, facts.sequence, facts.mailbox
    change = Fix("Change", "sequences:settings", (sequence.pk,))
    leaves, answer = at, Answer(Kind.NOW, "now", "It leaves as soon as a worker takes it.", at)

    def later(code: str, until: datetime | None, sentence: str, fix: Fix | None = None) -> None:
        nonlocal leaves, answer
        if until is not None and until > leaves:
            leaves = until
            answer = Answer(Kind.DEFERRED, code, sentence, until, fix)

    if touch.status == Touch.Status.DRAFT:
        before = _step_before(touch)
        if before:
            sentence = f"Waits for step {before.position}."
            return Answer(Kind.DEFERRED, "step_before", sentence)
    if touch.attempts_made and touch.error:
        later("retry", touch.due_at, f"It is tried again. The provider said: {touch.error}")
    elif touch.is_rescheduled:
        later("rescheduled", touch.due_at, "A person chose this time.")
    else:
        later("delay", touch.due_at, _delay_sentence(touch))
    if not run.last_sent_at:
        later("undo", run.undo_until, "The approval can still be undone.")
    later("hold", mailbox.held_until, f"{mailbox} is held. The provider said: {mailbox.last_error}")
    if not touch.is_hurried:
        sentence = f"It waits for the sending hours: {schedule.describe(sequence.window)}."
        later("window", schedule.next_open(leaves, sequence.window), sentence, change)
    pace = f"Mails of this sequence leave at most {sequence.per_minute} a minute."
    later("throttle", sequence.next_free_at, pace, change)
    _apply_limits(facts, at, later, lambda: leaves)
    return answer


def _apply_limits(
    facts: Facts, at: datetime, later: Callable[..., None], leaves: Callable[[], datetime]
) -> None:
    """Move on to the next local day, and into its window, where today's limits are used up."""
    mailbox, sequence = facts.mailbox, facts.sequence
    limits = [
        (
            "mailbox_limit",
            mailbox.zone,
            facts.mailbox_used >= mailbox.daily_limit,
            f"{mailbox} has sent its {mailbox.daily_limit} mails of the day.",
            Fix("Mailboxes", "mailboxes:list"),
        ),
        (
            "sequence_limit",
            sequence.zone,
            sequence.daily_limit is not None and facts.sequence_used >= sequence.daily_limit,
            f"The sequence has sent its {sequence.daily_limit} mails of the day.",
            Fix("Change", "sequences:settings", (sequence.pk,)),
        ),
    ]
    for code, zone, reached, sentence, fix in limits:
        if reached and schedule.local_day(leaves(), zone) == schedule.local_day(at, zone):
            tomorrow = schedule.next_midnight(at, zone)
            if not facts.touch.is_hurried:
                tomorrow = schedule.next_open(tomorrow, sequence.window)
            later(code, tomorrow, sentence, fix)


def _open(facts: Facts, text: str) -> Fix:
    return Fix(text, "sequences:enrollment", (facts.run.pk,))


def _step_before(touch: Touch) -> Touch | None:
    before = Touch.objects.filter(enrollment_id=touch.enrollment_id, position__lt=touch.position)
    return before.open().last()


def _delay_sentence(touch: Touch) -> str:
    step = touch.step
    if step is None:
        return "Its time has not come yet."
    parts = []
    if step.delay_days:
        parts.append(f"{step.delay_days} day{'s' if step.delay_days > 1 else ''}")
    if step.delay_hours:
        parts.append(f"{step.delay_hours} hour{'s' if step.delay_hours > 1 else ''}")
    delay = " and ".join(parts)
    before = "enrollment" if touch.position == 1 else "the step before"
    return f"{delay} after {before}." if delay else "Its time has not come yet."
