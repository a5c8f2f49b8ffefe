"""The steps of one run as its drawer shows them: text, state, what comes next, what to do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from outreach import localtime
from outreach.models import Membership
from outreach.times import now
from sequences.engine import explain
from sequences.models import Enrollment, Revision, Sequence, Step, Touch
from sequences.rules import footer, schedule, texts

HISTORY_AT_MOST = 200
UNSUBSCRIBE = footer.OPT_OUT.format(url="…")

# Why the provider said no, and what helps: the causes of the info box, by the kind of error.
CAUSES = {
    "token": ("Token expired", "Reconnect the mailbox.", "mailboxes:list", "Reconnect"),
    "quota": ("Quota hit", "Wait until the daily counter resets.", "mailboxes:list", "Mailboxes"),
    "rate": ("Too many at once", "The mailbox waits as long as the provider asks.", "", ""),
    "recipient": (
        "Recipient refused",
        "An address that does not exist is put on the suppression list automatically.",
        "sequences:suppressions",
        "Suppression list",
    ),
    "content": ("Text or sender refused", "Change the text, or ask the provider why.", "", ""),
    "settings": (
        "Mailbox settings",
        "Check the mailbox's settings.",
        "mailboxes:list",
        "Mailboxes",
    ),
    "passing": ("Passing fault of the provider", "It is tried five times by itself.", "", ""),
    "unknown": ("No answer came", "The provider is asked before anything goes out again.", "", ""),
    "restored": (
        "Restored from a backup",
        "The provider is asked before anything goes out again.",
        "",
        "",
    ),
    "crash": ("The program failed on it", "Change the text, then retry.", "", ""),
}


# What helps once nothing more is tried by itself.
GIVEN_UP = {
    "passing": "It was tried five times. Wait a while, then retry.",
    "rate": "Wait a while, then retry.",
    "quota": "Wait until the daily counter resets, then retry.",
    "token": "Reconnect the mailbox, then retry.",
    "settings": "Check the mailbox's settings, then retry.",
    "content": "Change the text, or ask the provider why, then retry.",
    "restored": "Look into the sent mail of the mailbox, then say what you found.",
    "unknown": "Look into the sent mail of the mailbox, then say what you found.",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """What a person makes of a provider's error."""

    title: str
    advice: str
    route: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """One step as a card of the drawer."""

    touch: Touch
    subject: str
    signature: str
    answer: explain.Answer
    # The step that has to leave before this one gets its own time; 0 when it is this one's turn.
    behind: int
    wait: str
    cause: Cause | None
    token: str
    may_edit: bool
    may_approve: bool
    may_resolve: bool
    words: int

    @property
    def is_bad(self) -> bool:
        return self.touch.status == Touch.Status.FAILED or self.touch.bounced_at is not None


@dataclass(frozen=True, slots=True)
class Diff:
    """How one step's text changed since a reviewer saw it."""

    position: int
    changes: list[texts.Change] = field(default_factory=list)


def of_run(run: Enrollment, membership: Membership) -> list[Card]:
    """Return the run's steps in order, each with what this member may do."""
    touches = list(
        run.touches.select_related("step", "approved_by", "mailbox").order_by("position")
    )
    found, before = [], 0
    for touch in touches:
        found.append(_card(run, touch, membership, before))
        before = touch.position if touch.status in Touch.OPEN else before
    return found


def cause_of(touch: Touch) -> Cause | None:
    """Say what a person makes of the step's error, and what helps now."""
    if touch.error_kind not in CAUSES:
        return None
    title, advice, route, text = CAUSES[touch.error_kind]
    if touch.status == Touch.Status.FAILED or touch.decide:
        advice = GIVEN_UP.get(touch.error_kind, advice)
    return Cause(title, advice, route, text)


def _card(run: Enrollment, touch: Touch, membership: Membership, before: int) -> Card:
    waits = touch.status in (Touch.Status.DRAFT, Touch.Status.SCHEDULED)
    changeable = touch.status in Touch.EDITABLE and not run.is_finished
    return Card(
        touch=touch,
        subject=touch.effective_subject(),
        signature=_beneath(run, touch),
        answer=explain.touch(touch, run),
        behind=before if waits and touch.is_approved and not run.is_finished else 0,
        wait=_wait(run, touch),
        cause=cause_of(touch),
        token=touch.approval_token(run),
        may_edit=changeable and membership.may("member"),
        may_approve=(
            touch.status == Touch.Status.DRAFT
            and not touch.is_approved
            and touch.is_ready
            and not run.is_finished
            and membership.may("approver")
        ),
        may_resolve=membership.may("approver") and (changeable or touch.decide or not waits),
        words=texts.word_count(touch.body),
    )


def _beneath(run: Enrollment, touch: Touch) -> str:
    """Return what stands under the text: as approved, or as it would be approved now."""
    if touch.full_text:
        whole = touch.full_text
    else:
        *_, signature, address = run.envelope()
        whole = footer.full_text(touch.body, signature, address)
    return f"{whole.removeprefix(touch.body.strip()).strip()}\n{UNSUBSCRIBE}".strip()


def _wait(run: Enrollment, touch: Touch) -> str:
    """Say the delay that is written on the line above the card."""
    if touch.is_rescheduled:
        if explain.is_for_absence(touch):
            return "When the prospect is back"
        return "At a time that a person chose"
    step = touch.step
    if step is None:
        return ""
    delay = delay_in_words(step, run.sequence)
    if touch.position == 1:
        return f"{delay} after enrollment" if delay else ""
    hours = schedule.describe(run.window).replace("Every day", "every day")
    return f"{delay} later, {hours}" if delay else "Right after"


def delay_in_words(step: Step, sequence: Sequence) -> str:
    """Say a step's delay: "3 days 4 hours", or nothing where there is none."""
    day = "business day" if sequence.business_days else "day"
    counts = ((step.delay_days, day), (step.delay_hours, "hour"))
    return " ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts if n)


def local_time(run: Enrollment) -> str:
    """Say what time it is where the prospect is, when that is known."""
    zone = localtime.zone_named(run.contact.zone) if run.contact and run.contact.zone else None
    if zone is None:
        return ""
    return f"{now().astimezone(zone):%H:%M} in {localtime.place(run.contact.zone)}"


def differences(run: Enrollment, shown: str, touch: Touch | None = None) -> list[Diff]:
    """Say how the texts differ from those a page showed with this token.

    Empty when it was not a text that changed but the sender, the footer or the recipient.
    """
    column = "touch_token" if touch else "run_token"
    mine = Revision.objects.filter(touch__enrollment=run)
    first = mine.filter(**{column: shown}).order_by("at", "pk").first()
    if first is None:
        return []
    return list(_changed(run, mine.filter(pk__gte=first.pk).order_by("-pk")))


def _changed(run: Enrollment, revisions: Iterable[Revision]) -> Iterator[Diff]:
    # The oldest since then wins: it is what the reviewer saw.
    seen = {revision.touch_id: revision for revision in revisions}
    for touch in run.touches.filter(pk__in=seen).order_by("position"):
        before = seen[touch.pk]
        old, new = f"{before.subject}\n{before.body}", f"{touch.subject}\n{touch.body}"
        if old != new:
            yield Diff(touch.position, texts.difference(old.strip(), new.strip()))
