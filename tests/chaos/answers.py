"""Mail servers that refuse, slow down, lose the line and answer late."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection

from mailboxes.models import Mailbox
from sequences.models import Attempt, Enrollment, Touch
from sequences.rules import retries
from tests.chaos import provider
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World
from tests.fakes.smtp import ACCEPT_AND_DROP, ACCEPT_AND_HANG, DROP, RESET, Answer, Late


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


@experiment("F22", "accepted long after the lease, while runs are stopped and limits bind")
def accepted_late(world: World) -> None:
    draw = by_chance(world, 0.2, Late(2, ACCEPT_AND_DROP), Late(2, "250 2.0.0 queued"))
    limit = world.size(15)
    with provider.failing_smtp(
        world.journal, lambda command, mail: draw() if mail else "", patience=20
    ) as (smtp, _):
        touches = world.mails(limit * 5, smtp, per_mailbox=limit)
        with world.at_work():
            world.wait_for(lambda: len(world.journal) > 3, "the first mails")
            # Two seconds are longer than any lease.
            with world.clock.flowing(400):
                for touch in world.luck.sample(touches, world.size(10)):
                    stop(touch, world)
                    time.sleep(0.2)
                time.sleep(4)
            world.allowed |= {"cancelled": None, "scheduled": None}
            world.settle(held=len(touches))
    late = Touch.objects.filter(unknown_since__isnull=False).count()
    connection.close()
    expect(late, "nothing was accepted late")
    world.note = f"{late} were given up for lost before they were answered"


def stop(touch: Touch, world: World) -> None:
    run = Enrollment.everywhere.get(pk=touch.enrollment_id)
    if not run.is_finished:
        run.stop(by=world.alice)
    connection.close()
