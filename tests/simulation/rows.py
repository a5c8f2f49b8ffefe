"""What must hold in the database, compared with what the providers took."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from mailboxes.models import MailboxDay
from outreach.prepared import Prepared
from sequences.models import Attempt, Enrollment, SequenceDay, Suppression, Touch
from tests.simulation.world import Run

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation

Status = Touch.Status
# What its recipient refused for good stays as it failed, also in the run that this ended.
REFUSED = Q(status=Status.FAILED, bounced_at__isnull=False)


def _found(build: Callable[[], QuerySet[Touch]]) -> Prepared:
    return Prepared(lambda: build().order_by("pk").values_list("pk", "status"))


FINISHED = ~Q(enrollment__status__in=Enrollment.UNFINISHED)
WAITING = (Q(status=Status.FAILED) & ~FINISHED) | Q(status=Status.UNCERTAIN, decide=True)
HAS_OPEN = Exists(Attempt.objects.filter(touch=OuterRef("pk"), outcome=""))
HAS_MORE = Exists(
    Attempt.objects.filter(touch=OuterRef("pk"), outcome="")
    .order_by()
    .values("touch")
    .annotate(open=Count("pk"))
    .filter(open__gt=1)
)
ON_LIST = Exists(Suppression.everywhere.filter(value=OuterRef("enrollment__contact__email")))

# Each finds the touches that break what must hold at any moment between two commits.
FAULTS = {
    "a run that has ended holds nothing": _found(
        lambda: Touch.objects.filter(FINISHED, status__in=Touch.WAITING).exclude(REFUSED)
    ),
    "a person is told": _found(lambda: Touch.objects.filter(WAITING, enrollment__blocked_by="")),
    "open attempts only in flight": _found(
        lambda: Touch.objects.filter(HAS_OPEN).exclude(status=Status.SENDING)
    ),
    "one open attempt in flight": _found(
        lambda: Touch.objects.filter(~HAS_OPEN | HAS_MORE, status=Status.SENDING)
    ),
    "a suppressed address has no live run": _found(
        lambda: Touch.objects.filter(
            ON_LIST, position=1, enrollment__status__in=Enrollment.UNFINISHED
        )
    ),
}


def look(sim: "Simulation") -> None:
    """Judge what must hold at any moment between two commits."""
    for check, faults in FAULTS.items():
        for pk, status in faults.rows():
            run, position = sim.by_touch[pk]
            sim.judge.broke(check, run.key(position), status)
    look_at_ledgers(sim)


def _in_flight() -> QuerySet[Attempt, Any]:
    flying = Q(outcome="", touch__status=Status.SENDING) | Q(
        outcome=Attempt.Outcome.UNKNOWN, touch__status=Status.UNCERTAIN
    )
    sequence = "touch__enrollment__sequence__name"
    rows = Attempt.objects.filter(flying).order_by("number")
    return rows.values_list("touch", "mailbox__email", "day", sequence, "sequence_day")


IN_FLIGHT = Prepared(_in_flight)
LEDGERS = [
    Prepared(
        lambda ledger=ledger, name=name: ledger._default_manager.order_by("day", name).values_list(
            name, "day", "quota", "reserved", "sent"
        )
    )
    for ledger, name in ((MailboxDay, "mailbox__email"), (SequenceDay, "sequence__name"))
]


def look_at_ledgers(sim: "Simulation") -> None:
    """What is reserved belongs to a mail in flight, and nothing is over its quota."""
    expected: Counter[tuple[str, date]] = Counter()
    latest = {touch: days for touch, *days in IN_FLIGHT.rows()}
    for mailbox, day, sequence, sequence_day in latest.values():
        expected[mailbox, day] += 1
        if sequence_day:
            expected[sequence, sequence_day] += 1
    for name, day, quota, reserved, sent in ledgers():
        if reserved + sent > quota:
            sim.judge.broke("within the limits", name, f"{day}: over its quota")
        if reserved != expected[name, day]:
            words = f"{day}: {reserved} reserved, {expected[name, day]} in flight"
            sim.judge.broke("what is reserved is in flight", name, words)


def ledgers() -> list[tuple[str, date, int, int, int]]:
    """Return whose, which day, its quota, and what is reserved and sent."""
    return [row for ledger in LEDGERS for row in ledger.rows()]


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
    for run in sim.runs:
        look_at_run(sim, run)
    look_at_days(sim)


def look_at_run(sim: "Simulation", run: Run) -> None:
    """Every step of it has an end, and it is the one that the providers know of."""
    taken = sim.judge.taken
    for position in run.touches:
        touch, key = run.touch(position), run.key(position)
        refused = touch.status == Status.FAILED and touch.bounced_at
        if not refused and touch.status not in (Status.SENT, Status.SKIPPED, Status.CANCELLED):
            sim.judge.broke("nothing is lost", key, f"it is {touch.status} at the end")
        elif touch.status == Status.SENT and key not in taken:
            sim.judge.broke("sent means taken", key)
        elif touch.status != Status.SENT and key in taken and key not in sim.judge.orders:
            sim.judge.broke("taken means sent", key, f"it is {touch.status}")


def look_at_days(sim: "Simulation", before: datetime | None = None) -> None:
    """The ledgers count what the providers took, but for what people said wrongly."""
    for name, day, _, _, sent in ledgers():
        if before and day >= before.date():
            continue
        journal = sim.judge.per_day[name, day]
        excused = sim.judge.wrong_orders[name, day]
        credited = sim.judge.wrong_credits[name, day]
        if not journal - excused <= sent <= journal + credited:
            words = f"{day}: {sent} counted, {journal} taken"
            sim.judge.broke("the ledgers are the journal", name, words)
