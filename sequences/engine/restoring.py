"""After a backup was restored: whatever may have left since is found out before anything goes on.

The database has forgotten what was sent after the backup was made. A step that was due in that
span becomes uncertain, so that its provider is asked, or a person; a run of which more than one
step may have left is paused besides. Nothing is guessed, and nothing is sent meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from django.db.models.functions import Greatest

from mailboxes.models import Mailbox
from outreach.times import database_now, now
from sequences.engine import pacing
from sequences.models import Attempt, Enrollment, Event, Touch
from sequences.rules import schedule

AT_ONCE = 200
KIND = "restored"
MAY_HAVE_LEFT = "may_have_left"
ADVICE = (
    "A backup was restored, which does not know what was approved and sent after it. "
    "Look into the sent mail first."
)


@dataclass(frozen=True, slots=True)
class Span:
    """The history that the database lacks: from the backup until the end of the sending."""

    begin: datetime
    end: datetime


@dataclass(slots=True)
class Found:
    """What may have happened in the span, in numbers."""

    by_provider: dict[str, int]
    paused: int = 0
    pending: int = 0
    failed: int = 0

    @property
    def doubtful(self) -> int:
        return sum(self.by_provider.values())


def survey(span: Span) -> Found:
    """Count what may have left in the span, changing nothing."""
    labels = dict(Mailbox.Provider.choices)
    found = Found({})
    for touch in _walk(_with_run(doubtful(span)).select_related("mailbox")):
        label = labels[touch.mailbox.provider] if touch.mailbox else "no mailbox"
        found.by_provider[label] = found.by_provider.get(label, 0) + 1
        found.paused += bool(later_steps(touch, span))
    for touch in _walk(_with_run(_uncertain(span))):
        found.paused += bool(later_steps(touch, span))
    found.pending, found.failed = _pending(span).count(), _failed(span).count()
    return found


def settle(span: Span) -> Found:
    """Have everything that may have left in the span found out; may be killed and run again."""
    found = survey(span)
    for touch in _walk(doubtful(span)):
        question(touch.pk, span)
    for touch in _walk(_uncertain(span)):
        hold_back(touch.pk, span)
    for run in _walk(_pending(span)):
        _note(run, span)
    for touch in _walk(_failed(span).select_related("enrollment")):
        _note(touch.enrollment, span, touch)
    return found


def doubtful(span: Span) -> QuerySet[Touch]:
    """Steps that were on their way or waited for their time when the backup was made, and whose
    time came before the sending ended."""
    live = Q(enrollment__status__in=Enrollment.UNFINISHED) | Q(in_reply_to__isnull=False)
    waiting = live & Q(status=Touch.Status.SCHEDULED, due_at__lt=span.end)
    return Touch.objects.filter(waiting | Q(status=Touch.Status.SENDING, due_at__lt=span.end))


def later_steps(touch: Touch, span: Span) -> list[int]:
    """Return the positions of later steps that may have left in the span as well.

    Each is taken to have left as early as its delay allowed.
    """
    run = touch.enrollment
    if run.is_finished or touch.is_by_hand:
        return []
    left_at = max(touch.due_at or span.begin, span.begin)
    later = run.touches.select_related("step").filter(position__gt=touch.position)
    found = []
    for step in later.filter(status=Touch.Status.DRAFT, approved_at__isnull=False):
        left_at = _earliest(step, left_at, run.sequence.zone)
        if left_at >= span.end:
            break
        found.append(step.position)
    return found


def may_have_left(run: Enrollment, failed: Touch | None = None) -> bool:
    """Tell whether a person should look into the sent mail before approving or retrying it."""
    said = Event.everywhere.filter(enrollment=run, kind=MAY_HAVE_LEFT)
    if failed:
        # Of a failure after that, everything is known again.
        said = said.filter(touch=failed, at__gte=failed.updated_at)
    return said.exists()


def question(touch_id: int, span: Span) -> bool:
    """Make one doubtful step uncertain; False when it has changed meanwhile."""
    with transaction.atomic():
        run = Touch.objects.get(pk=touch_id).enrollment.lock()
        touch = run.touch(touch_id)
        if not doubtful(span).filter(pk=touch.pk).exists():
            return False
        mailbox = touch.mailbox or pacing.sender_of(run)
        if mailbox is None:
            return False  # nothing ever left without one
        words = (
            f"The database was restored from a backup of {span.begin:%d %b %Y, %H:%M} UTC. "
            "This mail may have left after that."
        )
        _open_attempt(run, touch, mailbox, span, words)
        at = database_now()
        touch.move(
            "uncertain",
            allowed=[Touch.Status.SCHEDULED, Touch.Status.SENDING],
            to=Touch.Status.UNCERTAIN,
            mailbox=mailbox,
            # Whoever still holds a claim on it passes no gate any more.
            lease_token=F("lease_token") + 1,
            lease_until=None,
            # As after a claim: found unsent, it is tried again, and again not for ever.
            attempts_made=max(touch.attempts_made, 1),
            error=words,
            error_kind=KIND,
            unknown_since=at,
            checks=0,
            check_at=at,
            decide=False,
        )
        Event.log(run, "uncertain", touch=touch, words=words)
        run.refresh_block()
    return True


def hold_back(touch_id: int, span: Span) -> bool:
    """Pause the run of an uncertain step whose later steps may have left as well."""
    with transaction.atomic():
        run = Touch.objects.get(pk=touch_id).enrollment.lock()
        touch = run.touch(touch_id)
        later = later_steps(touch, span)
        if not later or touch.status != Touch.Status.UNCERTAIN:
            return False
        steps = ", ".join(str(position) for position in (touch.position, *later))
        note = (
            f"Restored from a backup: steps {steps} may have left. Look into the sent mail, "
            "decide on the first, skip the others that left, then resume"
        )[:200]
        if run.status == Enrollment.Status.PAUSED:
            Enrollment.everywhere.filter(pk=run.pk).update(paused_until=None, pause_note=note)
        else:
            run.pause(by=None, note=note)
    return True


def _earliest(step: Touch, before: datetime, zone: str) -> datetime:
    if step.is_rescheduled and step.due_at:
        return max(step.due_at, before + timedelta(minutes=1))
    days = step.step.delay_days if step.step else 0
    hours = step.step.delay_hours if step.step else 0
    return schedule.add_delay(before, days=days, hours=hours, zone=zone)


def _open_attempt(run: Enrollment, touch: Touch, mailbox: Mailbox, span: Span, words: str) -> None:
    """Keep the doubt in the journal, with a mail of the day reserved as long as it lasts."""
    at = now()
    unsettled = {"outcome": Attempt.Outcome.UNKNOWN, "words": words, "finished_at": at}
    if touch.attempts.filter(outcome="").update(**unsettled):
        return  # it was on its way, and has its reservation
    left_at = min(max(touch.due_at or span.begin, span.begin), span.end)
    places = pacing.places_of(run, mailbox, left_at, by_hand=touch.is_by_hand)
    for place in places:
        _reserve(place)
    days = pacing.days_of(mailbox, places)
    number = (touch.attempts.aggregate(last=Max("number"))["last"] or 0) + 1
    Attempt.objects.create(
        touch=touch,
        mailbox=mailbox,
        number=number,
        round=touch.round,
        token=touch.lease_token + 1,
        epoch=run.epoch,
        day=days.day,
        sequence_day=days.sequence_day,
        workspace_day=days.workspace_day,
        started_at=left_at,
        **unsettled,
    )


def _reserve(place: pacing.Place) -> None:
    """Reserve a mail of that day; what may be a fact already is not refused by its limit."""
    rows = place.ledger._default_manager
    values = {f"{place.ledger.OWNER}_id": place.owner.pk, "day": place.day}
    row, _ = rows.get_or_create(**values, defaults={"quota": 0})
    more = F("reserved") + 1
    rows.filter(pk=row.pk).update(reserved=more, quota=Greatest(F("quota"), more + F("sent")))


def _uncertain(span: Span) -> QuerySet[Touch]:
    return Touch.objects.filter(
        status=Touch.Status.UNCERTAIN,
        due_at__lt=span.end,
        enrollment__status__in=Enrollment.UNFINISHED,
    )


def _pending(span: Span) -> QuerySet[Enrollment]:
    """Runs that somebody may have approved in the span, so that their first step left."""
    return Enrollment.everywhere.filter(
        status=Enrollment.Status.PENDING_APPROVAL,
        created_at__lt=span.end,
        dropped_at__isnull=True,
    )


def _failed(span: Span) -> QuerySet[Touch]:
    """Failed steps that somebody may have retried in the span."""
    return Touch.objects.filter(
        status=Touch.Status.FAILED,
        updated_at__lt=span.end,
        enrollment__status__in=Enrollment.UNFINISHED,
    )


def _note(run: Enrollment, span: Span, touch: Touch | None = None) -> None:
    once = f"restored:{span.begin.timestamp():.0f}:{touch.pk if touch else f'run {run.pk}'}"
    if not Event.everywhere.filter(dedup_key=once).exists():
        Event.log(run, MAY_HAVE_LEFT, touch=touch, once=once)


def _with_run(touches: QuerySet[Touch]) -> QuerySet[Touch]:
    return touches.select_related("enrollment__sequence")


def _walk(rows: QuerySet) -> Iterator:
    """Yield the rows in order, a few at a time, whatever changes on the way."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        yield from batch
        last = batch[-1].pk
