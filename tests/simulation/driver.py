"""The simulation itself: one thread, one seeded source of luck, one clock that jumps.

Every worker is a generator of the product's own send path. It is driven one stage at a time, with
others in between; never driving it again is kill -9, driving it late is a stalled process.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from random import Random

from mailboxes.models import Mailbox
from outreach import times
from sequences.models import Enrollment, Touch
from tests.simulation import nemesis, offers, people, product, rows, ticks
from tests.simulation.far_side import Accepted, Network
from tests.simulation.judge import Broken, Judge, Mark
from tests.simulation.world import MAILBOXES, STARTS, Rates, Run, build, delay, enroll

# How long after the faults have ended everything that was due may still be on its way.
HEALED_WITHIN = timedelta(minutes=45)
AFTERWARDS = timedelta(days=45)
LAST_ACCEPTANCE = timedelta(hours=1)
LAST_LINES = 25


@dataclass(eq=False)
class Worker:
    """One process in the middle of sending one touch."""

    stages: Iterator[str]
    run: Run
    position: int
    stage: str = ""
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
    history: list[str]

    @property
    def digest(self) -> str:
        """Return what tells two histories apart; it holds no ids and no order of sets."""
        return sha256("\n".join(self.history).encode()).hexdigest()

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
        self.history: list[str] = []
        self.morgue: list[Iterator[str]] = []  # killed workers: never closed, so nothing cleans up
        self.runs: list[Run] = []
        self.by_touch: dict[int, tuple[Run, int]] = {}
        self.answers: list[tuple[Run, str]] = []  # delivered, and not yet read
        self.settled_answers: list[tuple[Run, str]] = []
        self.judge = Judge(lambda: self.at)
        self.ear = product.Ear()
        self.network = Network(seed, self.rates, lambda: self.at)
        self.network.later = self.on
        self.network.took = self.took
        self.network.count = self.hit
        self.asleep: dict[str, list[Worker]] = {}  # stalled workers, by what they are sending
        self.offer_number = 0
        self.fruitless = 0

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
        return Result(self.seed, self.days, self.judge.broken, self.counts, self.history)

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
        flying = Touch.objects.filter(status__in=Touch.IN_FLIGHT)
        return not Enrollment.everywhere.unfinished().exists() and not flying.exists()

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
        self.history.append(f"{self.at:%Y-%m-%d %H:%M:%S.%f} {words}")

    # Load

    def enroll(self) -> Run:
        run = enroll(self.world, self.luck, len(self.runs) + 1, self.runs)
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
        """Plan the next sweep for the first moment at which something may leave."""
        self.fruitless = 0 if changed else self.fruitless
        self.offer_number += 1
        mine = self.offer_number
        if (at := offers.next_offer(self)) is not None:
            self.on(at, lambda: self.sweep() if mine == self.offer_number else None)

    def sweep(self) -> None:
        """Wake every mailbox with due mail; some wake-ups are lost, some come twice."""
        if self.chance(self.rates.late_tick):
            self.hit("beat missed")
            return self.look_again(changed=False)
        for mailbox_id in product.mailboxes_with_work(self.at):
            if self.chance(self.rates.lost_wake_up):
                self.hit("wake-up lost")
                continue
            self.wake(mailbox_id)
            if self.chance(self.rates.double_wake_up):
                self.hit("beat doubled")
                self.soon(0, 3, lambda pk=mailbox_id: self.wake(pk))
        self.look_again(changed=False)

    def wake(self, mailbox_id: int) -> None:
        sends = product.begin(mailbox_id)
        for touch_id, stages in sends:
            run, position = self.by_touch[touch_id]
            self.go_on(Worker(stages, run, position), 0, 1)
            if self.chance(self.rates.double_wake_up):
                self.hit("wake-up doubled")
                again = Worker(product.again(touch_id, mailbox_id), run, position)
                self.go_on(again, 0, 3)

    # Workers

    def go_on(self, worker: Worker, least: float, most: float) -> None:
        self.soon(least, most, lambda: self.drive(worker))

    def drive(self, worker: Worker) -> None:
        """Let a worker do one stage, and the nemesis choose what happens to it then."""
        if worker in self.asleep.get(worker.key, []):
            self.asleep[worker.key].remove(worker)
        self.network.mark = worker.mark
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
        self.note(f"{worker.run} {worker.key} {stage}")
        if stage == product.ON_THE_WIRE:
            worker.mark = self.judge.marked(worker.run, worker.position)
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
        return Mailbox.everywhere.get(email=MAILBOXES[kind][0])
