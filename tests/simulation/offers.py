"""When a worker has to look for work again: the sweep is simulated only when it may find some."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Min

from mailboxes.models import Ledger, Mailbox, MailboxDay
from outreach.prepared import Prepared
from sequences.models import Enrollment, Sequence, SequenceDay, Touch
from sequences.rules import schedule
from tests.simulation.world import delay

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation

# How often a worker looks although nothing may leave.
LOOKS_ALL_THE_SAME = 0.1
SHORTEST, LONGEST = timedelta(seconds=20), timedelta(hours=4)


@dataclass(frozen=True)
class Offer:
    """The next sweep, and the mailboxes from which something may leave then."""

    at: datetime
    ready: frozenset[int]


class OnDay(Prepared):
    """A query that is given a local day as well."""

    FIELDS = Prepared.FIELDS | {date: models.DateField()}


def _used(ledger: type[Ledger]) -> OnDay:
    used = F("reserved") + F("sent")
    return OnDay(
        lambda owner, day: (
            ledger._default_manager.filter(**{f"{ledger.OWNER}_id": owner, "day": day})
            .order_by()
            .values_list(used)
        ),
        int,
        date,
    )


# What waits, in lines: of one sequence and one mailbox, or of one sequence and its pool.
LINES = Prepared(
    lambda: (
        Touch.objects.filter(
            status=Touch.Status.SCHEDULED,
            enrollment__status__in=Enrollment.SENDING,
            enrollment__sequence__status=Sequence.Status.ACTIVE,
            enrollment__workspace__stopped_at__isnull=True,
        )
        .order_by()
        .values_list("enrollment__sequence", "mailbox")
        .annotate(first=Min("due_at"))
    )
)
SEQUENCES = Prepared(
    lambda: Sequence.everywhere.order_by().values_list("pk", "zone", "daily_limit", "next_free_at")
)
MAILBOXES = Prepared(
    lambda: Mailbox.everywhere.order_by().values_list(
        "pk", "zone", "daily_limit", "held_until", "status"
    )
)
USED: dict[type[Ledger], OnDay] = {each: _used(each) for each in (MailboxDay, SequenceDay)}


def next_offer(sim: "Simulation") -> Offer | None:
    """Return the first moment at which something may leave, as far as the rows tell."""
    lines = LINES.rows()
    if not lines:
        return None
    look = Look(sim.at)
    moments: list[tuple[datetime, list[int]]] = []
    for sequence, mailbox, due_at in sorted(lines, key=lambda line: (line[0], line[1] or 0)):
        senders = [mailbox] if mailbox else sim.world.senders[sequence]
        window = sim.world.windows[sequence]
        moment = schedule.next_open(look.free(sequence, senders, due_at), window)
        # Now and then a worker looks all the same.
        if moment > sim.at or sim.luck.random() < LOOKS_ALL_THE_SAME:
            moments.append((moment, senders))
        elif senders := look.connected(senders):
            if tomorrow := look.full_until(sequence, senders):
                sim.hit("limit reached")
                moment = schedule.next_open(tomorrow, window)
            moments.append((moment, senders))
    if not moments:
        return None
    at = min(moment for moment, _ in moments)
    if at <= sim.at:
        # Something could leave and has not: its wake-up was lost, or somebody holds it.
        wait = min(SHORTEST * 4 ** min(sim.fruitless, 10), LONGEST)
        sim.fruitless += 1
        later = [moment for moment, _ in moments if moment > sim.at]
        at = min([sim.at + wait, *later]) + delay(sim.luck, 0, 5)
    ready = {sender for moment, senders in moments if moment <= at for sender in senders}
    return Offer(at, frozenset(ready))


class Look:
    """What the rows say at one moment about sequences and mailboxes."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.sequences = {row[0]: row[1:] for row in SEQUENCES.rows()}
        self.mailboxes = {row[0]: row[1:] for row in MAILBOXES.rows()}

    def free(self, sequence: int, senders: list[int], due_at: datetime) -> datetime:
        """Return when it is due, and nothing holds the sequence or the first of its mailboxes."""
        _, _, next_free_at = self.sequences[sequence]
        held = min(self.mailboxes[each][2] or self.at for each in senders)
        return max(self.at, due_at, held, next_free_at or self.at)

    def connected(self, senders: list[int]) -> list[int]:
        """Return the mailboxes that no person has to see to."""
        return [each for each in senders if self.mailboxes[each][3] == Mailbox.Status.CONNECTED]

    def full_until(self, sequence: int, senders: list[int]) -> datetime | None:
        """Return when the limits that are reached begin anew; None where none is."""
        # Of a pool the first that is free again decides.
        free = [self.end_of_day(MailboxDay, each, self.mailboxes[each]) for each in senders]
        ends = [self.end_of_day(SequenceDay, sequence, self.sequences[sequence])]
        if all(free):
            ends.append(min(filter(None, free)))
        return max(filter(None, ends), default=None)

    def end_of_day(
        self, ledger: type[Ledger], owner: int, row: tuple[str, int | None, *tuple[object, ...]]
    ) -> datetime | None:
        """Return when the day of somebody ends whose limit is reached; None where it is not."""
        zone, limit = row[:2]
        if limit is None or used_on(ledger, owner, schedule.local_day(self.at, zone)) < limit:
            return None
        return schedule.next_midnight(self.at, zone)


def used_on(ledger: type[Ledger], owner: int, day: date) -> int:
    rows: Iterable[tuple[int]] = USED[ledger].rows(owner, day)
    return sum(used for (used,) in rows)
