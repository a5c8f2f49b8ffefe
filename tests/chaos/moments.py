"""Workers that are struck by the provider they talk to, at a named moment of a mail.

The far side knows what it is asked and when it has done it; the kernel knows which process is at
the other end of the line. So a real worker is hit exactly before Gmail makes the draft, or after
Graph took the mail and before it could say so.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from urllib.parse import urlsplit

from tests.chaos import machine
from tests.chaos.crew import Hand
from tests.chaos.experiment import Broken
from tests.chaos.provider import Abroad, Provider
from tests.chaos.world import Watch, World
from tests.fakes.web import Answer, Asked, Refusal

# Nothing was done yet and nothing will be; done, but nobody was told; the answer has just left,
# so that the worker is somewhere on its way to the next stage.
BEFORE, DONE, ANSWERED = "before it is done", "done and not answered", "just answered"
Moment = tuple[str, str]
A_BREATH = 0.02
LOST_TWICE = """SELECT 1 FROM sequences_touch
    WHERE crashes >= 2 AND status IN ('scheduled', 'sending')"""
ENDS_WITHIN, ALL_WITHIN = 5, 300


def kill(world: World, hand: Hand) -> None:
    """Kill it with SIGKILL, and come back when it can do nothing any more."""
    os.kill(hand.process.pid, signal.SIGKILL)
    world.crew.kills += 1
    until = time.monotonic() + ENDS_WITHIN
    while not machine.is_over(hand.process.pid) and time.monotonic() < until:
        time.sleep(0.001)


def freeze(world: World, hand: Hand) -> None:
    os.kill(hand.process.pid, signal.SIGSTOP)


class Ambush:
    """Strikes one worker after the other, once at each moment that is planned."""

    def __init__(
        self, world: World, far_side: Abroad, strike: Callable[[World, Hand], None]
    ) -> None:
        self.world, self.far_side, self.strike = world, far_side, strike
        self.left: Counter[Moment] = Counter()
        self.victim: Hand | None = None
        self.is_striking = False
        self.lock = Lock()

    @contextmanager
    def laid(self, moments: list[Moment], times: int) -> Iterator[None]:
        for moment in moments:
            self.left[moment] += times
        self.far_side.witness = self.witness
        try:
            yield
        finally:
            self.far_side.witness = None

    def witness(self, operation: str, is_done: bool, asked: Asked) -> None:
        """Strike whoever asks, if this is one of the moments."""
        for when in (DONE, ANSWERED) if is_done else (BEFORE,):
            with self.lock:
                hand = self.left[operation, when] and self.may_strike() and self.hand(asked.peer)
                if hand:
                    self.is_striking = True
                    self.left[operation, when] -= 1
            if hand:
                self.hit(hand, when)

    def may_strike(self) -> bool:
        """Tell whether nobody is struck, and no mail would lose its third worker by it.

        Such a mail is kept back, as it should be; it may also be that of the worker's other thread.
        """
        return not self.is_striking and not self.world.postgres.ask(LOST_TWICE)

    def hit(self, hand: Hand, when: str) -> None:
        if when == ANSWERED:
            Timer(self.world.luck.uniform(0, A_BREATH), self.hit, [hand, ""]).start()
            return
        self.strike(self.world, hand)
        self.victim = hand
        if when == BEFORE:
            raise Refusal(Answer(500))

    def hand(self, peer: int) -> Hand | None:
        """Return the worker at the other end of the line."""
        workers = {each.process.pid: each for each in self.world.workers()}
        server = urlsplit(self.far_side.url).port or 0
        pid = machine.at_the_other_end(peer, server, workers)
        return workers.get(pid or 0)

    def play(self, through: Provider, recover: Callable[[Hand], object]) -> None:
        """Have mails sent until every moment has come, and help each victim up again."""
        until, watch = time.monotonic() + ALL_WITHIN, Watch(self.world)
        while self.left.total() or self.is_striking:
            if time.monotonic() > until:
                raise Broken(f"never came: {[*+self.left]}; now {dict(watch.states)}")
            if self.victim:
                recover(self.victim)
                self.victim, self.is_striking = None, False
            elif set(watch.look()) <= {"sent"}:
                self.world.mails(3, through, mailboxes=3)
            time.sleep(0.05)
