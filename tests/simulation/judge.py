"""What must hold, judged by what the providers took and what people had ordered before.

The judge keeps its own facts and asks the product for nothing: a send is judged at its wire
mark, a mail when a provider takes it. `tests.simulation.rows` judges the database.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulation.far_side import Accepted, Held
from tests.simulation.world import LIMIT, MAILBOXES, POOLS, SEQUENCES, Run, subject_of

MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that must never happen, and did."""

    check: str
    key: str
    words: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.check}: {self.key} at {self.at:%Y-%m-%d %H:%M:%S} UTC {self.words}".rstrip()


@dataclass(eq=False)
class Mark:
    """One wire mark: from here on the mail may be with the recipient."""

    run: Run
    position: int
    kind: str
    order: int
    at: datetime
    day: date
    sequence_day: date
    approved: tuple[str, str] | None
    ordered: bool  # a person said to send it again, after an earlier try
    # What the provider has of it before the worker commits, and from then on.
    draft: Held | None = None
    held: Held | None = None
    # The worker ended without calling the provider: certainly nothing has left.
    unwritten: bool = False

    @property
    def key(self) -> str:
        return self.run.key(self.position)

    @property
    def has_failed(self) -> bool:
        """Tell whether the provider said no, or nothing was ever handed to it."""
        return self.unwritten or bool(self.held and self.held.answer == "refused")

    @property
    def never_leaves(self) -> bool:
        """Tell whether it is certain, also because its draft is gone."""
        return self.has_failed or bool(self.draft and self.draft.state == "deleted")


class Judge:
    """Everything that was promised, and whether it was kept."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.broken: list[Broken] = []
        self.order = 0
        self.runs: dict[str, Run] = {}
        self.marks: dict[str, list[Mark]] = {}
        self.taken: dict[str, list[Accepted]] = {}
        self.suppressed: set[str] = set()
        self.halted: set[str] = set()  # "workspace", mailboxes and sequences by name
        self.orders: dict[str, int] = {}  # when a person last said "send it again"
        self.wrong_orders: Counter[tuple[str, date]] = Counter()
        self.wrong_credits: Counter[tuple[str, date]] = Counter()
        self.tries: Counter[str] = Counter()
        self.per_day: Counter[tuple[str, date]] = Counter()
        self.limits: dict[str, list[tuple[date, int]]] = {
            MAILBOXES[kind][0]: [(date.min, LIMIT)] for kind in MAILBOXES
        } | {row[0]: [(date.min, row[6])] for row in SEQUENCES if row[6]}
        self.zones = {email: zone for email, zone in MAILBOXES.values()}
        self.plans = {row[0]: row for row in SEQUENCES}

    def broke(self, check: str, key: str, words: str = "") -> None:
        self.broken.append(Broken(check, key, words, self.clock()))

    def next_order(self) -> int:
        self.order += 1
        return self.order

    # What people order

    def change_limit(self, owner: str, limit: int) -> None:
        zone = self.zones.get(owner) or self.plans[owner][2]
        self.limits[owner].append((local_day(self.clock(), zone), limit))

    def order_again(self, run: Run, position: int) -> None:
        """A person says that it was not sent; they may be wrong."""
        key = run.key(position)
        self.orders[key] = self.next_order()
        self.tries[key] = 0
        for entry in self.taken.get(key, []):
            self.wrong_orders[entry.mailbox, entry.mark.day] += 1
            self.wrong_orders[run.sequence, entry.mark.sequence_day] += 1

    def say_sent(self, run: Run, position: int) -> None:
        """A person says that it was sent, as it was; but perhaps not by the latest try."""
        latest = self.marks[run.key(position)][-1]
        if latest.held is None or latest.held.state != "taken":
            self.wrong_credits[MAILBOXES[latest.kind][0], latest.day] += 1
            self.wrong_credits[run.sequence, latest.sequence_day] += 1

    # What leaves

    def bound_to(self, run: Run) -> str:
        """Return the mailbox that a run may not change any more, since something may have left."""
        if run.sequence not in POOLS:
            return run.kind
        for position in range(1, run.steps + 1):
            for mark in self.marks.get(run.key(position), []):
                if not mark.never_leaves:
                    return mark.kind
        return ""

    def marked(self, run: Run, position: int, kind: str, draft: Held | None) -> Mark:
        """Judge a wire mark at the moment it is committed."""
        key, at = run.key(position), self.clock()
        if self.bound_to(run) not in ("", kind) or kind not in (
            run.kind,
            *POOLS.get(run.sequence, ()),
        ):
            self.broke("from the right mailbox", key, f"{kind}, after {run.kind}")
        run.kind = kind
        earlier = self.marks.setdefault(key, [])
        said = self.orders.get(key, 0)
        ordered = any(mark.order < said for mark in earlier)
        # What a person has sent again nobody waits for any more.
        awaited = [mark for mark in earlier if mark.kind != "smtp" or mark.order > said]
        for check, words in self.objections(run, position, at, awaited):
            self.broke(check, key, words)
        self.note_try(key)
        email = MAILBOXES[run.kind][0]
        mark = Mark(
            run,
            position,
            kind,
            self.next_order(),
            at,
            local_day(at, self.zones[email]),
            local_day(at, self.plans[run.sequence][2]),
            run.approved.get(position),
            ordered,
            draft,
        )
        earlier.append(mark)
        return mark

    def objections(
        self, run: Run, position: int, at: datetime, awaited: list[Mark]
    ) -> list[tuple[str, str]]:
        found = []
        if run.closed:
            found.append(("nothing after a stop", run.closed))
        if run.paused:
            found.append(("nothing while paused", "the run"))
        halted = self.halted & {"workspace", run.sequence, run.kind}
        if halted:
            found.append(("nothing while paused", ", ".join(sorted(halted))))
        if run.address in self.suppressed:
            found.append(("nothing to a suppressed address", run.address))
        if position not in run.approved or run.pending:
            found.append(("only what was approved", "no approval stands"))
        if not is_inside(at, self.plans[run.sequence]):
            found.append(("only in the sending hours", run.sequence))
        if missing := self.step_missing(run, position):
            found.append(("steps in order", f"step {missing} has not gone out"))
        if any(map(may_still_leave, awaited)):
            found.append(("no second try while the first may leave", ""))
        return found

    def step_missing(self, run: Run, position: int) -> int:
        for before in range(1, position):
            key = run.key(before)
            answered = any(m.held and m.held.answer == "accepted" for m in self.marks.get(key, []))
            if not (key in self.taken or before in run.passed or answered):
                return before
        return 0

    def note_try(self, key: str) -> None:
        """Count what burns one of the five attempts."""
        self.tries[key] += 1
        if self.tries[key] > MOST_TRIES:
            self.broke("at most five attempts", key, f"the {self.tries[key]}th")

    def never_written(self, mark: Mark, *, taken_back: bool) -> None:
        """Take in that nothing left after a mark; one that was taken back is no try either."""
        mark.unwritten = True
        self.tries[mark.key] -= taken_back

    # What was taken

    def accepted(self, entry: Accepted) -> None:
        """Judge a mail at the moment a provider takes it."""
        self.next_order()
        mark, before = entry.mark, self.taken.setdefault(entry.key, [])
        before.append(entry)
        if mark is None:
            self.broke("nothing without a wire mark", entry.key)
            return
        if len(before) > 1 and not (mark.ordered and all(e.mark.kind == "smtp" for e in before)):
            self.broke("nothing twice", entry.key, f"taken {len(before)} times")
        if mark.key != entry.key:
            self.broke("only what was approved", entry.key, f"sent as {mark.key}")
        if missing := self.step_missing(mark.run, mark.position):
            self.broke("steps in order", entry.key, f"step {missing} was not taken")
        self.judge_mail(entry, mark)
        for owner, day in ((entry.mailbox, mark.day), (mark.run.sequence, mark.sequence_day)):
            self.per_day[owner, day] += 1
            self.judge_day(entry, owner, day)

    def judge_day(self, entry: Accepted, owner: str, day: date) -> None:
        """What a person said had not left gave its place back, though it was taken."""
        limit, counted = self.limit_on(owner, day), self.per_day[owner, day]
        if limit is not None and counted - self.wrong_orders[owner, day] > limit:
            self.broke("within the limits", entry.key, f"{owner}: {limit} on {day}")

    def judge_mail(self, entry: Accepted, mark: Mark) -> None:
        message = message_from_bytes(entry.raw, policy=default)
        if addresses(message, "To") != [mark.run.address] or entry.recipient != mark.run.address:
            self.broke("to the right person", entry.key, str(message["To"]))
        email = MAILBOXES[mark.kind][0]
        if addresses(message, "From") != [email] or entry.mailbox != email:
            self.broke("from the right mailbox", entry.key, str(message["From"]))
        if mark.approved is None:
            return
        subject, body = mark.approved
        wanted = subject or f"Re: {subject_of(mark.run.number)}"
        said = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
        if str(message["Subject"]) != wanted or not said.startswith(f"{body}\n"):
            self.broke("only what was approved", entry.key, re.sub(r"\s+", " ", said)[:80])

    def limit_on(self, owner: str, day: date) -> int | None:
        """Return the highest limit that was in force at any time of that day."""
        changes = self.limits.get(owner)
        if changes is None:
            return None
        before = [limit for changed, limit in changes if changed < day]
        return max([before[-1], *(limit for changed, limit in changes if changed == day)])


def may_still_leave(mark: Mark) -> bool:
    if mark.kind == "smtp":
        return not mark.has_failed
    return bool(mark.held and mark.held.state in ("draft", "pending", "taken"))


def addresses(message: Message, name: str) -> list[str]:
    header: Any = message[name]
    return [each.addr_spec for each in header.addresses]


def local_day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def is_inside(at: datetime, plan: tuple) -> bool:
    """Tell, by the clock on the wall, whether a sequence may send; the product does it its way."""
    _, _, zone, start, end, weekdays, _ = plan
    local = at.astimezone(ZoneInfo(zone))
    clock: time = local.time()
    if start < end:
        return start <= clock < end and local.isoweekday() in weekdays
    day = local if clock >= start else local - timedelta(days=1)
    return (clock >= start or clock < end) and day.isoweekday() in weekdays
