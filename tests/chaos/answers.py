"""Mail servers that refuse, slow down, lose the line and answer late."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from email import message_from_bytes

from django.db import connection

from mailboxes.models import Mailbox
from mailboxes.providers.smtp import SMTP
from outreach.transitions import IllegalTransition
from sequences.models import Attempt, Touch
from sequences.rules import retries
from tests.chaos import provider
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World
from tests.fakes.smtp import ACCEPT_AND_DROP, ACCEPT_AND_HANG, DROP, RESET, Answer


def by_chance(world: World, share: float, *faults: Answer) -> Callable[[], Answer]:
    """Return what draws one of the faults in so many of all cases, and else nothing."""
    lock = threading.Lock()

    def draw() -> Answer:
        with lock:
            return world.luck.choice(faults) if world.luck.random() < share else ""

    return draw


@experiment("F18", "passing faults: 30 % of mails get a 451 or lose the line before they are sent")
def passing_faults(world: World) -> None:
    before, after = by_chance(world, 0.15, DROP), by_chance(world, 0.15, "451 4.3.0 not now")

    def decide(command: str, mail: bytes) -> Answer:
        return before() if command == "MAIL" else after() if mail else ""

    with provider.failing_smtp(world.journal, decide) as (smtp, _):
        world.mails(world.size(60), smtp, mailboxes=8)
        with world.at_work(workers=1):
            world.allowed["failed"] = None
            world.settle()
    tried = 0
    for touch in Touch.objects.all():
        refused = touch.attempts.filter(outcome=Attempt.Outcome.REJECTED).order_by("number")
        expect(touch.status != "failed" or len(refused) == 5, f"touch {touch.pk} failed too early")
        attempts = list(touch.attempts.exclude(outcome="abandoned").order_by("number"))
        for number, (one, two) in enumerate(zip(attempts, attempts[1:], strict=False), 1):
            wait = retries.wait_after(number, smtp=one.words.startswith("4"))
            waited = two.started_at - (one.finished_at or one.started_at)
            expect(wait and waited >= wait * 0.99, f"touch {touch.pk} waited {waited}, not {wait}")
            tried += 1
    connection.close()
    expect(tried, "nothing was tried again")
    world.note = f"{tried} were tried again, each after its wait"


@experiment("F19", "“too fast” (421): nobody knocks for a minute, no attempt is used up")
def too_fast(world: World) -> None:
    draw = by_chance(world, 0.4, "421 4.7.0 Too many connections, slow down")
    knocks: list[tuple[datetime, bool]] = []

    def decide(command: str, mail: bytes) -> Answer:
        if command != "CONNECT":
            return ""
        refused = draw() if knocks else "421 4.7.0 Too many connections, slow down"
        knocks.append((world.clock.now(), bool(refused)))
        return refused

    with provider.failing_smtp(world.journal, decide) as (smtp, _):
        world.mails(world.size(60), smtp, mailboxes=1)
        with world.at_work(workers=1):
            world.settle()
    refusals = 0
    for (at, refused), (later, _) in zip(knocks, knocks[1:], strict=False):
        refusals += refused
        early = refused and later - at < timedelta(seconds=59)
        expect(not early, f"knocked again {later - at} after a 421")
    expect(refusals, "nobody was told to slow down")
    used = Touch.objects.filter(attempts_made__gt=1).count()
    connection.close()
    expect(not used, f"{used} touches used up attempts")
    world.note = f"told to slow down {refusals} times"


@experiment("F20", "the day's quota is used up: held until midnight, then sent")
def quota_used_up(world: World) -> None:
    first_day = world.clock.now().date()
    quota = world.size(20)
    held: list[tuple[str, datetime]] = []

    def decide(command: str, mail: bytes) -> Answer:
        full = world.clock.now().date() == first_day and len(world.journal) >= quota
        return "550 5.4.5 Daily user sending quota exceeded" if full and command == "RCPT" else ""

    with provider.failing_smtp(world.journal, decide) as (smtp, _):
        world.mails(quota * 2, smtp, mailboxes=1)
        with world.at_work(workers=1):
            world.wait_for(
                lambda: Mailbox.everywhere.filter(hold_reason="quota").exists(), "the hold"
            )
            held += Mailbox.everywhere.values_list("hold_reason", "held_until")
            world.settle()
    days = [line["accepted_at"][:10] for line in world.journal.lines()]
    expect(held[0][1].hour == 0 and held[0][1].minute == 0, f"held until {held[0][1]}")
    expect(days.count(str(first_day)) == quota, f"{days.count(str(first_day))} left that day")
    burned = Touch.objects.filter(attempts_made__gt=1).count()
    connection.close()
    expect(not burned, f"{burned} touches used up attempts")


@experiment("F21", "20 % accept then close, accept then hang, reset or close", in_ci=True)
def answers_are_lost(world: World) -> None:
    draw = by_chance(world, 0.2, ACCEPT_AND_DROP, ACCEPT_AND_HANG, RESET, DROP)
    with provider.failing_smtp(
        world.journal, lambda command, mail: draw() if mail else "", patience=2
    ) as (smtp, _):
        world.mails(world.size(90, least=30), smtp)
        with world.at_work():
            world.settle()
    asked = world.states()["uncertain asked"]
    expect(asked, "no answer was lost")
    world.note = "each on the list for a person"


class Late:
    """Decides about the text of every so many mails only when it is told to, a few at a time."""

    EVERY, AT_ONCE, PATIENCE = 4, 2, 120
    # Answered to a worker that has long been given up for lost, or never.
    ANSWERS = ("250 2.0.0 queued", ACCEPT_AND_DROP)

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.passed = 0
        # Whose mails it holds and what each waits for, and whose it ever held.
        self.held: dict[int, threading.Event] = {}
        self.ever: list[int] = []

    def decide(self, command: str, mail: bytes) -> Answer:
        if not mail:
            return ""
        with self.lock:
            self.passed += 1
            if self.passed < self.EVERY or len(self.held) == self.AT_ONCE:
                return ""
            answer = self.ANSWERS[len(self.ever) % len(self.ANSWERS)]
            touch, told = touch_of(mail), threading.Event()
            self.passed = 0
            self.held[touch] = told
            self.ever.append(touch)
        told.wait(self.PATIENCE)
        return answer

    def let_go(self, touches: Iterable[int]) -> None:
        with self.lock:
            for told in [self.held.pop(touch) for touch in touches]:
                told.set()


def touch_of(mail: bytes) -> int:
    """Return whose mail this is, by our reference header."""
    return int(message_from_bytes(mail)["X-Outreach-Ref"].removeprefix("t"))


@experiment("F22", "accepted long after the lease, while runs are stopped and limits bind")
def accepted_late(world: World) -> None:
    late, limit, mailboxes = Late(), world.size(15, least=5), 4
    stopped: list[int] = []
    with provider.failing_smtp(world.journal, late.decide) as (smtp, _):
        world.mails(limit * mailboxes * 2, smtp, mailboxes=mailboxes, per_mailbox=limit)
        # The timetable goes round ten times as fast.
        with world.at_work(), world.clock.flowing(10):
            try:
                while len(world.journal) < limit * mailboxes:
                    world.wait_for(
                        lambda: late.held or len(world.journal) >= limit * mailboxes, "a mail"
                    )
                    held = [*late.held]
                    stopped += give_up(held, world)
                    late.let_go(held)
            finally:
                late.let_go([*late.held])
            world.allowed |= {"cancelled": None, "scheduled": None}
            world.settle(held=limit * mailboxes * 2)
    ended = Counter(Touch.objects.filter(pk__in=late.ever).values_list("status", flat=True))
    raced = Touch.objects.filter(pk__in=stopped, status="sent").count()
    connection.close()
    taken = Counter(line["mailbox"] for line in world.journal.lines())
    expect(set(taken.values()) == {limit}, f"the mailboxes sent {[*taken.values()]}, not {limit}")
    expect(set(ended) == {"sent", "uncertain"}, f"those that were taken late are {dict(ended)}")
    expect(raced, "no run was stopped while its mail was on its way")
    world.note = f"{len(late.ever)} taken after they were given up, {raced} of stopped runs"


def give_up(held: list[int], world: World) -> list[int]:
    """Let the leases of these mails end, then stop the run of one and a run that waits.

    Returns whose run was stopped while its mail was on its way.
    """
    world.clock.let_pass(SMTP.lease.total_seconds())
    lost = Touch.objects.filter(pk__in=held, unknown_since__isnull=False)
    world.wait_for(lambda: lost.count() == len(held), "the reaper")
    waiting = Touch.objects.filter(status="scheduled").values_list("pk", flat=True).order_by("pk")
    on_the_way = held[:1]
    for pk in [*on_the_way, world.luck.choice([*waiting])]:
        with suppress(IllegalTransition):  # it has just left
            Touch.objects.get(pk=pk).enrollment.stop(by=world.alice)
    connection.close()
    return on_the_way
