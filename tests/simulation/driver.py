"""The simulation itself: one thread, one seeded source of luck, one clock that jumps.

Every worker is a generator of the product's own send path. It is driven one stage at a time, with
others in between; never driving it again is kill -9, driving it late is a stalled process.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random

from mailboxes.models import Mailbox
from outreach import times
from outreach.prepared import Prepared
from sequences.models import Enrollment, Touch
from tests.simulation import inboxes, nemesis, offers, people, product, rows, ticks
from tests.simulation.far_side import Accepted, Held, Network
from tests.simulation.history import History
from tests.simulation.judge import Broken, Judge, Mark
from tests.simulation.world import STARTS, Rates, Run, build, delay, enroll

# How long after the faults have ended everything that was due may still be on its way.
HEALED_WITHIN = timedelta(minutes=45)
AFTERWARDS = timedelta(days=45)
LAST_ACCEPTANCE = timedelta(hours=1)
LAST_LINES = 25
NOTICED_WITHIN = timedelta(seconds=2)
# How often a drain asks first whether anything leaves, as it always does; asking changes nothing.
ASKS_FIRST = 0.25

UNFINISHED = Prepared(lambda: Enrollment.everywhere.unfinished().order_by().values_list("pk")[:1])
FLYING = Prepared(
    lambda: Touch.objects.filter(status__in=Touch.IN_FLIGHT).order_by().values_list("pk")[:1]
)


@dataclass(eq=False)
class Worker:
    """One process in the middle of sending one touch."""

    stages: Iterator[str]
    run: Run
    position: int
    kind: str
    stage: str = ""
    draft: Held | None = None
    mark: Mark | None = None
    stalled: bool = False

    @property
    def key(self) -> str:
        return self.run.key(self.position)


@dataclass(frozen=True)
class Result:
    """What one seed came to."""

    seed: int
    days: int
    broken: list[Broken]
    counts: Counter[str]
    events: int
    digest: str
    # The last of what happened, which is all of it where only months were played.
    history: list[str]

    def last_events(self, key: str) -> list[str]:
        run = key.partition("/")[0]
        return [line for line in self.history if run in line.split()][-LAST_LINES:]


class Simulation:
    """A few months of one workspace under one seed."""

    def __init__(self, seed: int, days: int) -> None:
        self.seed, self.days = seed, days
        self.luck = Random(seed)
        self.rates = Rates.draw(self.luck)
        self.at = self.luck.choice(STARTS)
        self.end = self.at + timedelta(days=days)
        self.faulty = True
        self.heap: list[tuple[datetime, int, Callable[[], None]]] = []
        self.numbers = count(1)
        self.counts: Counter[str] = Counter()
        self.history = History()
        self.enrolled = 0
        self.morgue: list[Worker] = []  # killed: never closed, so nothing cleans up
        self.runs: list[Run] = []
        self.by_touch: dict[int, tuple[Run, int]] = {}
        self.lying: list[inboxes.Letter] = []  # in an inbox, and not yet read
        self.answers: list[tuple[Run, str, str]] = []  # come in, and not yet settled
        self.letters = count(1)
        self.judge = Judge(lambda: self.at)
        self.ear = product.Ear()
        self.network = Network(seed, self.rates, lambda: self.at)
        self.network.later = self.on
        self.network.took = self.took
        self.network.count = self.hit
        self.asleep: dict[str, list[Worker]] = {}  # stalled workers, by what they are sending
        self.offer_number = 0
        self.fruitless = 0
        self.looks = False

    def run(self, stop_at_first: bool = False) -> Result:
        """Play the days, heal, and judge what is left."""
        Network.current = self.network
        with times.clock(lambda: self.at), product.connected(self.ear):
            self.world = build()
            people.plan(self)
            self.on(self.end, self.heal)
            self.look_again()
            self.play(stop_at_first)
            if not (stop_at_first and self.judge.broken):
                rows.look(self)
                rows.look_at_the_end(self)
        return Result(
            self.seed,
            self.days,
            self.judge.broken,
            self.counts,
            self.history.count,
            self.history.digest,
            list(self.history.lines),
        )

    def play(self, stop_at_first: bool) -> None:
        over = self.end + AFTERWARDS
        while self.heap and self.heap[0][0] <= over:
            self.at, _, act = heapq.heappop(self.heap)
            act()
            for words in self.ear.heard:
                self.judge.broke("no tick fails", "", words)
            self.ear.heard.clear()
            if stop_at_first and self.judge.broken:
                return
            if not self.faulty and self.at > self.end + HEALED_WITHIN and self.is_over():
                # What a provider promised to send is still to be taken.
                over = min(over, self.at + LAST_ACCEPTANCE)

    def is_over(self) -> bool:
        return not UNFINISHED.rows() and not FLYING.rows()

    # Plumbing

    def on(self, at: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self.heap, (max(at, self.at), next(self.numbers), act))

    def soon(self, least: float, most: float, act: Callable[[], None]) -> None:
        self.on(self.at + delay(self.luck, least, most), act)

    def chance(self, rate: float) -> bool:
        """Draw for a fault; there are none once the world has healed."""
        return self.faulty and self.luck.random() < rate

    def hit(self, what: str) -> None:
        self.counts[what] += 1

    def note(self, words: str) -> None:
        self.history.add(f"{self.at:%Y-%m-%d %H:%M:%S.%f} {words}")

    # Load

    def enroll(self) -> Run:
        self.enrolled += 1
        run = enroll(self.world, self.luck, self.enrolled, self.runs)
        self.runs.append(run)
        self.judge.runs[str(run)] = run
        for position, pk in run.touches.items():
            self.by_touch[pk] = run, position
        if self.luck.random() < 0.08:
            self.network.stubborn |= {run.key(position) for position in run.touches}
        self.note(f"{run} enrolled in {run.sequence}")
        return run

    # Wake-ups

    def look_again(self, *, changed: bool = True) -> None:
        """Have the next sweep planned anew, as a beat notices a change: within some seconds."""
        self.fruitless = 0 if changed else self.fruitless
        if not self.looks:
            self.looks = True
            self.on(self.at + NOTICED_WITHIN, self.plan_sweep)

    def plan_sweep(self) -> None:
        """Plan the next sweep for the first moment at which something may leave."""
        self.looks = False
        self.offer_number += 1
        mine = self.offer_number
        if (offer := offers.next_offer(self)) is not None:
            self.on(offer.at, lambda: self.sweep(offer) if mine == self.offer_number else None)

    def sweep(self, offer: offers.Offer) -> None:
        """Wake every mailbox with due mail; some wake-ups are lost, some come twice.

        Where nothing may leave yet, for its hours or its limits, only now and then.
        """
        if self.chance(self.rates.late_tick):
            self.hit("beat missed")
            return self.look_again(changed=False)
        if self.luck.random() < 0.5:
            # Sending and reading keep no step; where this comes later, follow-ups wait for it.
            inboxes.tick(self)
        for mailbox_id in product.mailboxes_with_work(self.at):
            if mailbox_id not in offer.ready and self.luck.random() >= offers.LOOKS_ALL_THE_SAME:
                continue
            if self.chance(self.rates.lost_wake_up):
                self.hit("wake-up lost")
                continue
            self.wake(mailbox_id)
            if self.chance(self.rates.double_wake_up):
                self.hit("beat doubled")
                self.soon(0, 3, lambda pk=mailbox_id: self.wake(pk))
        self.look_again(changed=False)

    def wake(self, mailbox_id: int) -> None:
        leaves = self.luck.random() >= ASKS_FIRST or product.anything_leaves(mailbox_id)
        sends = product.begin(mailbox_id)
        kind = self.world.kinds[mailbox_id]
        if sends and not leaves:
            self.judge.broke("a drain begins where something leaves", kind)
        for touch_id, stages in sends:
            run, position = self.by_touch[touch_id]
            self.go_on(Worker(stages, run, position, kind), 0, 1)
            if self.chance(self.rates.double_wake_up):
                self.hit("wake-up doubled")
                again = Worker(product.again(touch_id, mailbox_id), run, position, kind)
                self.go_on(again, 0, 3)

    # Workers

    def go_on(self, worker: Worker, least: float, most: float) -> None:
        self.soon(least, most, lambda: self.drive(worker))

    def drive(self, worker: Worker) -> None:
        """Let a worker do one stage, and the nemesis choose what happens to it then."""
        if worker in self.asleep.get(worker.key, []):
            self.asleep[worker.key].remove(worker)
        self.network.mark, self.network.prepared = worker.mark, None
        refusals = self.counts["passing fault"]
        try:
            stage = next(worker.stages, None)
        except Exception as problem:
            self.judge.broke("no worker raises", worker.key, repr(problem))
            return self.look_again()
        finally:
            self.network.mark = None
        if stage is None:
            if not worker.stage:
                self.hit("claim came too late")
            return self.look_again()
        before, worker.stage = worker.stage, stage
        worker.draft = self.network.prepared or worker.draft
        self.note(f"{worker.run} {worker.key} {stage}")
        if stage == product.BEFORE_WIRE[0] and not self.judge.bound_to(worker.run):
            worker.run.kind = worker.kind
        if stage == product.ON_THE_WIRE:
            worker.mark = self.judge.marked(worker.run, worker.position, worker.kind, worker.draft)
            if worker.run.letters:
                inboxes.judge_mark(self, worker.run, worker.position)
        elif stage == "refused" and before == "built" and not worker.stalled:
            self.refused_before_wire(worker, refusals)
        elif stage == "held back":
            nemesis.note_held_back(self, worker)
        if stage in product.LAST:
            if worker.mark is not None and worker.mark.held is None:
                self.judge.never_written(worker.mark, taken_back=stage == "held back")
            self.settled(worker, stage)
            self.go_on(worker, 0, 0)
        else:
            nemesis.after_stage(self, worker)

    def refused_before_wire(self, worker: Worker, refusals: int) -> None:
        if self.counts["passing fault"] > refusals:
            self.judge.note_try(worker.key)

    def settled(self, worker: Worker, stage: str) -> None:
        touch = worker.run.touch(worker.position)
        if touch.status == Touch.Status.UNCERTAIN:
            self.hit("uncertain")
            ticks.plan_questions(self)
        if stage == "accepted" and worker.stalled and worker.mark is not None:
            self.hit("late fact taken")
        people.after_result(self, worker.run, touch)

    def took(self, entry: Accepted) -> None:
        self.judge.accepted(entry)
        run = entry.key.partition("/")[0]
        self.note(f"{run} {entry.key} taken from {entry.mailbox}")
        self.hit("deliveries")
        if entry.key.partition("/")[0] in self.judge.runs:
            people.after_delivery(self, self.judge.runs[run], entry)

    # The end

    def heal(self) -> None:
        """End all faults; people put right what waits for them, and everything must settle."""
        self.note("healed")
        self.faulty = self.network.faulty = False
        for run in self.runs:
            run.poison = False
        people.put_right(self)
        self.on(self.at + HEALED_WITHIN, lambda: rows.look_at_flight(self))
        self.reap_later()
        self.look_again()

    def reap_later(self) -> None:
        """Workers that were killed unseen are found by the reaper's own pace."""
        for minutes in (1, 5, 13):
            self.on(self.at + timedelta(minutes=minutes), lambda: ticks.reap(self))
        ticks.plan_questions(self)

    def mailbox(self, kind: str) -> Mailbox:
        """Return the mailbox as its row is now."""
        mailbox: Mailbox = product.MAILBOX.get(self.world.mailboxes[kind].pk)
        return mailbox
