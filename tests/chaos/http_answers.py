"""Google and Microsoft that fail, lose the line and answer late, over HTTP."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import connection

from mailboxes import outbox
from mailboxes.models import Mailbox
from sequences.models import Attempt, Touch
from sequences.rules import retries
from tests.chaos import provider
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World
from tests.fakes.far_side import FarSide
from tests.fakes.google import error as google_error
from tests.fakes.microsoft import error as graph_error
from tests.fakes.web import DROP, HANG, RESET, Asked, Fault

CREATES = ("gmail.drafts.create", "graph.messages.create")
SENDS = ("gmail.drafts.send", "graph.messages.send")
RETRY_AFTER = 120
LATEST = 3600


def fail(far_side: FarSide, names: Iterable[str], **fault: object) -> None:
    for name in names:
        far_side.fail(name, times=None, **fault)


@experiment("F18", "500, 502 and 503 of Gmail and Graph on 30 % of drafts and of sends")
def servers_fail(world: World) -> None:
    with provider.abroad(world) as (far_side, *both):
        for status in (500, 502, 503):
            fail(far_side, CREATES + SENDS, status=status, chance=0.1)
        for through in both:
            world.mails(world.size(25), through)
        with world.at_work():
            world.allowed["failed"] = None
            world.settle()
    tried = 0
    for touch in Touch.objects.all():
        attempts = list(touch.attempts.exclude(outcome="abandoned").order_by("number"))
        refused = [each for each in attempts if each.outcome == Attempt.Outcome.REJECTED]
        expect(touch.status != "failed" or len(refused) == 5, f"touch {touch.pk} failed too early")
        for number, (one, two) in enumerate(zip(attempts, attempts[1:], strict=False), 1):
            # What may have left was asked about first, which is its wait.
            wait = retries.CHECKS_AT[0] if one.wire_at else retries.wait_after(number)
            waited = two.started_at - one.started_at
            expect(wait and waited >= wait * 0.99, f"touch {touch.pk} waited {waited}, not {wait}")
            tried += 1
    connection.close()
    expect(tried, "nothing was tried again")
    world.note = f"{tried} were tried again, each after its wait"


@experiment("F19", "429 with Retry-After 120: no call before, no attempt used up")
def told_to_wait(world: World) -> None:
    calls: list[tuple[datetime, str, bool]] = []
    with provider.abroad(world) as (far_side, *both):
        answers = {
            CREATES[0]: google_error(429, "rateLimitExceeded", "Too many requests"),
            CREATES[1]: graph_error("TooManyRequests", "Please wait"),
        }
        headers = {"Retry-After": str(RETRY_AFTER)}
        for name, body in answers.items():
            far_side.fail(name, status=429, headers=headers, body=body, times=3)
        drawn = far_side.drawn

        def watched(name: str, asked: object) -> object:
            fault = drawn(name, asked)
            if name in CREATES:
                calls.append((world.clock.now(), name, fault is not None))
            return fault

        far_side.drawn = watched
        for through in both:
            world.mails(world.size(20), through, mailboxes=1)
        with world.at_work(workers=1):
            world.settle()
    refused = 0
    for name in CREATES:
        mine = [(at, was_refused) for at, which, was_refused in calls if which == name]
        for (at, was_refused), (later, _) in zip(mine, mine[1:], strict=False):
            refused += was_refused
            early = was_refused and later - at < timedelta(seconds=RETRY_AFTER - 1)
            expect(not early, f"{name} was called again {later - at} after a 429")
    burned = Touch.objects.filter(attempts_made__gt=1).count()
    connection.close()
    expect(refused == 6, f"{refused} calls were refused, not 6")
    expect(not burned, f"{burned} touches used up attempts")


@experiment("F20", "Gmail and Graph: the day's quota is used up: held until it is free again")
def quota_used_up_over_http(world: World) -> None:
    quota, at = world.size(15), world.clock.now()
    # Gmail names the moment; Graph does not, so it is the next midnight.
    free_again = {
        "gmail": (at + timedelta(hours=3)).replace(microsecond=0),
        "microsoft": outbox.next_midnight(at, "UTC"),
    }
    words = f"User-rate limit exceeded. Retry after {free_again['gmail']:%Y-%m-%dT%H:%M:%S}.000Z"
    answers = {
        "gmail": (429, google_error(429, "userRateLimitExceeded", words)),
        "microsoft": (403, graph_error("ErrorExceededMessageLimit", "The quota is used up.")),
    }
    with provider.abroad(world) as (far_side, *both):
        drawn = far_side.drawn

        def used_up(name: str, asked: Asked) -> Fault | None:
            for each, send in zip(answers, SENDS, strict=True):
                used = sum(sent.provider == each for sent in far_side.journal)
                if name == send and used >= quota and world.clock.now() < free_again[each]:
                    return Fault(*answers[each])
            return drawn(name, asked)

        far_side.drawn = used_up
        for through in both:
            world.mails(quota * 2, through, mailboxes=1)
        held = Mailbox.everywhere.filter(hold_reason="quota")
        with world.at_work(workers=1):
            world.wait_for(lambda: held.count() == len(answers), "the holds")
            until = dict(held.values_list("provider", "held_until"))
            world.settle()
    sent = [(sent.provider, datetime.fromtimestamp(sent.at, UTC)) for sent in far_side.journal]
    for each, free in free_again.items():
        expect(until[each] == free, f"{each} is held until {until[each]}, not {free}")
        early = sum(name == each and at < free for name, at in sent)
        expect(early == quota, f"{early} of {each} left before {free}, not {quota}")
    burned = Touch.objects.filter(attempts_made__gt=1).count()
    connection.close()
    expect(not burned, f"{burned} touches used up attempts")


@experiment("F21", "Gmail and Graph: 20 % of sends are taken and not answered, or fail")
def answers_are_lost_over_http(world: World) -> None:
    with provider.abroad(world) as (far_side, *both):
        for line in (DROP, RESET):
            fail(far_side, SENDS, line=line, accepts=True, chance=0.05)
        fail(far_side, SENDS, status=503, accepts=True, chance=0.05)
        fail(far_side, SENDS, line=RESET, chance=0.05)
        for through in both:
            world.mails(world.size(40, least=12), through)
        with world.at_work():
            world.wait_for(lambda: world.deliveries() > 5, "the first mails")
            for name in SENDS:
                far_side.fail(name, line=HANG, accepts=True)
            world.settle()
    asked = Touch.objects.filter(unknown_since__isnull=False).count()
    connection.close()
    expect(asked, "no answer was lost")
    world.note = f"{asked} outcomes found out without a person"


@experiment("F22", "Gmail and Graph take a mail 1 s to 60 min after they failed to answer")
def taken_late_over_http(world: World) -> None:
    limit = world.size(10)
    with provider.abroad(world) as (far_side, *both):
        for seconds in (1, 20, 90, 400, LATEST):
            fail(far_side, SENDS, status=504, accepts=True, after=seconds, chance=0.05)
        for through in both:
            world.mails(limit * 3, through, mailboxes=2, per_mailbox=limit)
        with world.at_work(), world.clock.flowing(20):
            world.wait_for(lambda: world.deliveries() > limit, "the first mails")
            world.allowed["scheduled"] = None
            world.wait_for(lambda: len(world.journal) >= limit * 4, "the limits", seconds=90)
            world.settle(held=limit * 6)
            world.clock.let_pass(LATEST)
            far_side.catch_up()
    late = Touch.objects.filter(unknown_since__isnull=False).count()
    connection.close()
    expect(late, "nothing was taken late")
    world.note = f"{late} outcomes found out without a person"
