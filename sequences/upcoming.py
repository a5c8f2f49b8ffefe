"""What happens next to one prospect, as the head of the drawer says it.

When, from which mailbox, and which rule decides; or what went wrong and what helps.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach import localtime
from outreach.times import now
from sequences import cards
from sequences.engine import colleagues, preflight, restoring
from sequences.engine.explain import Answer, Fix, Kind, Reason
from sequences.models import Enrollment, Event, Reply, Touch

# Until then a time is said in seconds.
SOON = timedelta(minutes=1)
RETRY_WITHIN = "Next try within 30 s"


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The drawer's first lines: a heading, perhaps with a time, a text, and where to act."""

    title: str
    text: str = ""
    at: datetime | None = None
    # On whose clock that time is told: the reader's where it is empty.
    zone: str = ""
    level: str = "plain"
    icon: str = "clock-3"
    fix: Fix | None = None
    # The step whose card has the buttons for it.
    touch: Touch | None = None
    # Whether it changes by itself within moments, so that the drawer should look again.
    is_moving: bool = False


def of(run: Enrollment, touch: Touch | None, answer: Answer | None) -> Upcoming | None:
    """Say what happens next to this run, whose next step and answer these are."""
    if run.is_finished:
        return _ended(run)
    if touch is None or answer is None:
        return None
    if run.status == Enrollment.Status.PAUSED and answer.reason in (
        Reason.PAUSED,
        Reason.PAUSED_UNTIL,
    ):
        return _paused(run, touch)
    for say in (_went_wrong, _waits_for_a_person, _moves):
        if said := say(run, touch, answer):
            return said
    return _leaves(run, touch, answer)


def _went_wrong(run: Enrollment, touch: Touch, answer: Answer) -> Upcoming | None:
    if answer.kind == Kind.FAILED:
        cause = cards.cause_of(touch)
        said = f"{cause.title}. {cause.advice} " if cause else ""
        if restoring.may_have_left(run, failed=touch):
            said = f"It may have been retried and sent since. {restoring.ADVICE} "
        return Upcoming(
            f"Step {touch.position} could not be sent",
            f"{said}{_waiting_behind(run, touch)}".strip(),
            level="danger",
            icon="octagon-x",
            touch=touch,
        )
    if answer.reason == Reason.UNDECIDED:
        where = f" of {touch.mailbox}" if touch.mailbox else ""
        return Upcoming(
            f"Nobody knows whether step {touch.position} was sent",
            f"The provider cannot say. Look into the sent mail{where}, then say what you found. "
            f"Nothing goes out until then.",
            level="danger",
            icon="circle-help",
            touch=touch,
        )
    return None


def _waits_for_a_person(run: Enrollment, touch: Touch, answer: Answer) -> Upcoming | None:
    if answer.kind != Kind.BLOCKED:
        return None
    if answer.reason == Reason.UNAPPROVED and restoring.may_have_left(run):
        return Upcoming(
            f"Step {touch.position} may have been sent already",
            restoring.ADVICE,
            level="warn",
            icon="triangle-alert",
        )
    if answer.reason == Reason.UNAPPROVED:
        colleague = colleagues.warning(run)
        when = f"If approved now {when}" if (when := if_approved(run)) else ""
        return Upcoming(
            f"Step {touch.position} waits for approval",
            f"{colleague} {when}".strip(),
            level="warn" if colleague else "plain",
            icon="hourglass",
        )
    return Upcoming(
        f"Step {touch.position} is held",
        answer.sentence,
        level="warn",
        icon="hourglass",
        fix=answer.fix,
    )


def _moves(run: Enrollment, touch: Touch, answer: Answer) -> Upcoming | None:
    if answer.reason == Reason.UNCERTAIN:
        later = answer.at is not None and answer.at > now()
        again = f" It is asked again {localtime.when(answer.at)}." if answer.at and later else ""
        return Upcoming(
            f"Finding out whether step {touch.position} was sent",
            f"No answer came when it was handed over, so the provider is asked before anything "
            f"goes out again.{again}",
            icon="circle-help",
            is_moving=True,
        )
    if answer.kind == Kind.MOVING:
        return Upcoming(
            f"Step {touch.position} is on its way", _sender(run), icon="send", is_moving=True
        )
    if answer.kind == Kind.NOW and touch.round > 1:
        return Upcoming(
            f"Step {touch.position} is tried again",
            f"Queued. {RETRY_WITHIN}.{_sender(run)}",
            icon="refresh-cw",
            is_moving=True,
        )
    if answer.kind == Kind.NOW:
        return Upcoming(
            f"Step {touch.position} leaves now",
            f"It is queued.{_sender(run)}",
            icon="send",
            is_moving=True,
        )
    return None


def _leaves(run: Enrollment, touch: Touch, answer: Answer) -> Upcoming:
    soon = answer.at is not None and answer.at - now() <= SOON
    if answer.reason == Reason.RETRY:
        return Upcoming(
            f"Step {touch.position} is tried again",
            f"The provider said: “{touch.error}”.{_sender(run)}",
            at=answer.at,
            zone=run.clock.zone,
            level="warn",
            icon="refresh-cw",
            fix=answer.fix,
            touch=touch,
            is_moving=soon,
        )
    if answer.reason == Reason.INBOX:
        return Upcoming(f"Step {touch.position} leaves soon", answer.sentence, is_moving=True)
    if soon:
        undo = run.undo_until is not None and run.undo_until > now()
        can = " Until then the approval can be undone." if undo else ""
        return Upcoming(
            f"Step {touch.position} leaves within a minute",
            f"{_sender(run).strip()}{can}".strip(),
            is_moving=True,
        )
    return Upcoming(
        f"Step {touch.position} leaves" if answer.at else f"Step {touch.position} waits",
        f"{answer.sentence}{_sender(run)}",
        at=answer.at,
        zone=run.clock.zone,
        fix=answer.fix,
        is_moving=answer.reason == Reason.WRITING,
    )


def _paused(run: Enrollment, touch: Touch) -> Upcoming:
    """Say who paused it, why, and what ends the pause."""
    event = Event.objects.within(run.workspace).filter(enrollment=run, kind="paused").last()
    why = f"{run.pause_note}. " if run.pause_note else ""
    who = f"Paused by {event.by or 'the program'} {localtime.ago(event.at)}. " if event else ""
    goes_on = f"Then step {touch.position} takes its turn.{_sender(run)}"
    if run.paused_until:
        return Upcoming("Paused until", f"{why}{who}{goes_on}", run.paused_until, icon="pause")
    return Upcoming("Paused until somebody resumes it", f"{why}{who}{goes_on}", icon="pause")


def _ended(run: Enrollment) -> Upcoming:
    """Say how it ended, since when nothing leaves, and how that is taken back."""
    status = Enrollment.Status
    title = run.get_status_display()
    if run.end_reason:
        title = f"{title}: {run.get_end_reason_display().lower()}"
    since = f" since {localtime.past(run.ended_at)}" if run.ended_at else ""
    note = f"{run.end_note.rstrip('.')}. " if run.end_note else ""
    nothing = f"Nothing more is sent{since}."
    fix = None
    if run.status == status.REPLIED_POSITIVE:
        deal = getattr(run, "deal", None)
        opened = f" A deal was opened: {deal}." if deal else ""
        text = f"{nothing}{opened} {WRONG}"
        fix = Fix("Open the deal", "sequences:deal", (deal.pk,)) if deal else None
    elif run.status == status.REPLIED_OBJECTION:
        text = f"{nothing} It is yours to answer; no deal was opened. {WRONG}"
    elif run.status == status.COMPLETE:
        text = f"Every step is done and no reply came. {nothing}"
    else:
        text = f"{note}{nothing}"
        if run.end_reason in SUPPRESSING and run.contact:
            fix = Fix("Suppression list", "sequences:suppressions", (), run.contact.email)
        if run.end_reason == Enrollment.EndReason.UNSUBSCRIBED and _was_answered(run):
            text = f"{text} {WRONG}"
    good = run.status == status.REPLIED_POSITIVE
    return Upcoming(title, text, level="good" if good else "plain", icon=run.status, fix=fix)


WRONG = "Was it meant otherwise? Correct what the reply means, under Steps."
SUPPRESSING = (
    Enrollment.EndReason.UNSUBSCRIBED,
    Enrollment.EndReason.BOUNCED,
    Enrollment.EndReason.COMPLAINED,
)


def _was_answered(run: Enrollment) -> bool:
    return Reply.objects.within(run.workspace).filter(enrollment=run).exists()


def if_approved(run: Enrollment) -> str:
    """Say when the next step would leave, from which mailbox, and which rule decides.

    The sentence goes on after "If approved now".
    """
    answer = preflight.if_approved(run)
    if answer is None or answer.at is None:
        return ""
    if answer.at - now() <= SOON:
        seconds = max(round((answer.at - now()).total_seconds()), 1)
        return f"it leaves in about {seconds} s{_mailbox(run)}."
    time = localtime.when(answer.at, run.clock.zone)
    return f"it leaves {time}{_mailbox(run)}. {answer.sentence}"


def _waiting_behind(run: Enrollment, touch: Touch) -> str:
    behind = run.touches.open().filter(position__gt=touch.position)
    steps = [str(position) for position in behind.values_list("position", flat=True)]
    if not steps:
        return ""
    if len(steps) == 1:
        return f"Step {steps[0]} waits for it."
    return f"Steps {', '.join(steps[:-1])} and {steps[-1]} wait for it."


def _mailbox(run: Enrollment) -> str:
    if run.rotates:
        return " from whichever mailbox of the pool is next"
    mailbox = run.mailbox or run.sequence.mailbox
    return f" from {mailbox}" if mailbox else ""


def _sender(run: Enrollment) -> str:
    return f" It goes out{sender}." if (sender := _mailbox(run)) else ""


def version(run: Enrollment) -> str:
    """Name the state of a run and its steps, so that an open drawer can ask for news."""
    touched = run.touches.order_by("-updated_at").values_list("updated_at", flat=True).first()
    latest = max(run.updated_at, touched or run.updated_at)
    return f"{latest.timestamp():.6f}"
