"""What must hold in the database, compared with what the providers took."""

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from mailboxes.models import Ledger, Mailbox, MailboxDay
from sequences.models import Attempt, Enrollment, Sequence, SequenceDay, Suppression, Touch
from sequences.rules import schedule

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation

Status = Touch.Status


def look(sim: "Simulation") -> None:
    """Judge what must hold at any moment between two commits."""

    def broke(check: str, touch: Touch, words: str = "") -> None:
        run, position = sim.by_touch[touch.pk]
        sim.judge.broke(check, run.key(position), words)

    finished = ~Q(enrollment__status__in=Enrollment.UNFINISHED)
    for touch in Touch.objects.filter(finished, status__in=Touch.WAITING).order_by("pk"):
        broke("a run that has ended holds nothing", touch, touch.status)
    waiting = (Q(status=Status.FAILED) & ~finished) | Q(status=Status.UNCERTAIN, decide=True)
    unseen = Touch.objects.filter(waiting, enrollment__blocked_by="")
    for touch in unseen.order_by("pk"):
        broke("a person is told", touch, touch.status)
    open_attempts = Attempt.objects.filter(outcome="").exclude(touch__status=Status.SENDING)
    for attempt in open_attempts.select_related("touch").order_by("pk"):
        broke("open attempts only in flight", attempt.touch)
    bare = Touch.objects.filter(status=Status.SENDING).annotate(
        open=Count("attempts", filter=Q(attempts__outcome=""))
    )
    for touch in bare.exclude(open=1).order_by("pk"):
        broke("open attempts only in flight", touch, "it has none")
    for entry in Suppression.everywhere.order_by("pk"):
        for run in Enrollment.everywhere.filter(contact__email=entry.value).unfinished():
            touch = run.touches.order_by("position").first()
            broke("a suppressed address has no live run", touch, run.status)
    look_at_ledgers(sim)


def look_at_ledgers(sim: "Simulation") -> None:
    """What is reserved belongs to a mail in flight, and nothing is over its quota."""
    reserved: Counter[tuple[str, object]] = Counter()
    flying = Q(outcome="", touch__status=Status.SENDING) | Q(
        outcome=Attempt.Outcome.UNKNOWN, touch__status=Status.UNCERTAIN
    )
    rows = Attempt.objects.filter(flying).select_related("mailbox", "touch__enrollment__sequence")
    latest: dict[int, Attempt] = {}
    for attempt in rows.order_by("number"):
        latest[attempt.touch_id] = attempt
    for attempt in latest.values():
        reserved[attempt.mailbox.email, attempt.day] += 1
        if attempt.sequence_day:
            reserved[attempt.touch.enrollment.sequence.name, attempt.sequence_day] += 1
    for name, day in ledgers():
        if day.reserved + day.sent > day.quota:
            sim.judge.broke("within the limits", name, f"{day.day}: over its quota")
        if day.reserved != reserved[name, day.day]:
            words = f"{day.day}: {day.reserved} reserved, {reserved[name, day.day]} in flight"
            sim.judge.broke("what is reserved is in flight", name, words)


def ledgers() -> list[tuple[str, MailboxDay | SequenceDay]]:
    mailboxes = MailboxDay.objects.select_related("mailbox").order_by("day", "mailbox__email")
    sequences = SequenceDay.objects.select_related("sequence").order_by("day", "sequence__name")
    return [(row.mailbox.email, row) for row in mailboxes] + [
        (row.sequence.name, row) for row in sequences
    ]


def full_until(sequence: Sequence, at: datetime) -> datetime | None:
    """Return when the limits that are reached begin anew; None where none is."""
    mailbox = sequence.mailbox
    limits: list[tuple[type[Ledger], Sequence | Mailbox, int | None]] = [
        (MailboxDay, mailbox, mailbox.daily_limit),
        (SequenceDay, sequence, sequence.daily_limit),
    ]
    ends = [
        schedule.next_midnight(at, owner.zone)
        for ledger, owner, limit in limits
        if limit is not None
        and ledger.used_on(owner.pk, schedule.local_day(at, owner.zone)) >= limit
    ]
    return max(ends, default=None)


def look_at_flight(sim: "Simulation") -> None:
    """Some time after the faults nothing is in the air but what has just left."""
    long_ago = sim.at - timedelta(minutes=30)
    flying = Touch.objects.filter(status__in=Touch.IN_FLIGHT, decide=False)
    for touch in flying.order_by("pk"):
        begun = touch.attempts.latest("number").started_at
        if begun < long_ago:
            run, position = sim.by_touch[touch.pk]
            sim.judge.broke("settled in the promised time", run.key(position), touch.status)


def look_at_the_end(sim: "Simulation") -> None:
    """Everything approved has an end, and the rows say what the providers' journals say."""
    taken = sim.judge.taken
    for run, position in sim.by_touch.values():
        touch, key = run.touch(position), run.key(position)
        if touch.status not in (Status.SENT, Status.SKIPPED, Status.CANCELLED):
            sim.judge.broke("nothing is lost", key, f"it is {touch.status} at the end")
        elif touch.status == Status.SENT and key not in taken:
            sim.judge.broke("sent means taken", key)
        elif touch.status != Status.SENT and key in taken and key not in sim.judge.orders:
            sim.judge.broke("taken means sent", key, f"it is {touch.status}")
    for name, day in ledgers():
        journal = sim.judge.per_day[name, day.day]
        excused = sim.judge.wrong_orders[name, day.day]
        credited = sim.judge.wrong_credits[name, day.day]
        if not journal - excused <= day.sent <= journal + credited:
            words = f"{day.day}: {day.sent} counted, {journal} taken"
            sim.judge.broke("the ledgers are the journal", name, words)
