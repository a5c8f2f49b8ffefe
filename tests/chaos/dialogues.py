"""Everything an SMTP server may say or do in the middle of one mail, and what it must mean."""

from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event

from django.db import connection

from sequences.models import Touch
from tests.chaos import provider
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World
from tests.fakes.smtp import (
    ACCEPT_AND_DROP,
    ACCEPT_AND_HANG,
    DRIP,
    DROP,
    HANG,
    RESET,
    Answer,
    Late,
    Scripted,
    serving,
)


@dataclass(frozen=True)
class Case:
    """At this command the server answers so; then the step is this, because of that."""

    command: str
    answer: Answer
    status: str
    kind: str = ""


AGAIN, GREYLISTED = "451 4.3.0 try again later", "450 4.7.1 greylisted, come back later"
CASES = (
    Case("CONNECT", "220-hello\r\n220-and welcome\r\n220 fake ESMTP", "sent"),
    Case("CONNECT", "421 4.3.2 closing", "scheduled", "rate"),
    Case("CONNECT", "554 5.7.1 no mail from you", "scheduled", "settings"),
    Case("CONNECT", DROP, "scheduled", "passing"),
    Case("CONNECT", RESET, "scheduled", "passing"),
    Case("EHLO", DROP, "scheduled", "passing"),
    Case("MAIL", AGAIN, "scheduled", "passing"),
    Case("MAIL", "550 5.7.1 sender not allowed", "failed", "content"),
    Case("MAIL", RESET, "scheduled", "passing"),
    Case("RCPT", GREYLISTED, "scheduled", "passing"),
    Case("RCPT", "421 4.7.0 slow down", "scheduled", "rate"),
    Case("RCPT", "550 5.1.1 no such user", "failed", "recipient"),
    Case("RCPT", "552 5.2.2 mailbox full", "failed", "recipient"),
    Case("RCPT", "550 5.7.1 blocked as spam", "failed", "content"),
    Case("RCPT", "550 5.4.5 daily quota exceeded", "scheduled", "quota"),
    Case("RCPT", DROP, "scheduled", "passing"),
    Case("DATA", AGAIN, "scheduled", "passing"),
    Case("DATA", "554 5.6.0 no", "failed", "content"),
    Case("DATA", RESET, "scheduled", "passing"),
    Case("DATA", DROP, "scheduled", "passing"),
    Case("DOT", "250-2.0.0 ok\r\n250 2.0.0 queued", "sent"),
    Case("DOT", "250 2.0.0 queued\n", "sent"),
    Case("DOT", Late(2, "250 2.0.0 queued"), "sent"),
    Case("DOT", AGAIN, "scheduled", "passing"),
    Case("DOT", "421 4.3.2 shutting down", "scheduled", "rate"),
    Case("DOT", "550 5.1.1 no such user", "failed", "recipient"),
    Case("DOT", "554 5.7.1 refused as spam", "failed", "content"),
    Case("DOT", "hello?", "uncertain", "unknown"),
    Case("DOT", "354 go ahead", "uncertain", "unknown"),
    Case("DOT", DROP, "uncertain", "unknown"),
    Case("DOT", RESET, "uncertain", "unknown"),
    Case("DOT", DRIP, "uncertain", "unknown"),
    Case("DOT", HANG, "uncertain", "unknown"),
    Case("DOT", ACCEPT_AND_DROP, "uncertain", "unknown"),
    Case("DOT", ACCEPT_AND_HANG, "uncertain", "unknown"),
)
NEVER = (HANG, ACCEPT_AND_HANG, DRIP)
# Longer than the lease of a mail on the wire.
PAST_THE_LEASE = 13 * 60


@experiment("F23", f"{len(CASES)} ways in which an SMTP server answers or does not")
def every_dialogue(world: World) -> None:
    healed = Event()
    with ExitStack() as stack:
        touches = [world.mails(1, server(case, world, stack, healed))[0] for case in CASES]
        with world.at_work(WORKER_CONCURRENCY="4"):
            world.wait_for(lambda: only_hanging(world), "every answer", seconds=90)
            # What is to be tried again is looked at before its time comes.
            wrong = misunderstood(touches, hanging=False)
            world.clock.let_pass(PAST_THE_LEASE)
            world.wait_for(lambda: not hangs(touches), "the reaper")
            wrong += misunderstood(touches, hanging=True)
            healed.set()
            # What failed for good stays so; everything else leaves, or is on the list.
            world.allowed["failed"] = None
            world.settle()
    expect(not wrong, "; ".join(wrong))


def hangs(touches: list[Touch]) -> bool:
    """Tell whether a worker still waits for one of the answers that never come."""
    waiting = [each.pk for each, case in zip(touches, CASES, strict=True) if case.answer in NEVER]
    found = Touch.objects.filter(pk__in=waiting, status=Touch.Status.SENDING).exists()
    connection.close()
    return found


def misunderstood(touches: list[Touch], *, hanging: bool) -> list[str]:
    """Return the cases whose step is not what the answer means."""
    wrong = []
    for case, touch in zip(CASES, touches, strict=True):
        if (case.answer in NEVER) != hanging:
            continue
        touch.refresh_from_db()
        found = (touch.status, touch.error_kind)
        if found != (case.status, case.kind):
            wrong.append(f"{case.command} {case.answer!r}: {found}, not {case.status} {case.kind}")
    connection.close()
    return wrong


def server(case: Case, world: World, stack: ExitStack, healed: Event) -> provider.Smtp:
    """Start a server that does what the case says until it is healed."""

    def decide(command: str, mail: bytes) -> Answer:
        asked = "DOT" if mail else command
        return case.answer if asked == case.command and not healed.is_set() else ""

    scripted = Scripted({}, decide=decide, taken=world.journal.take, patience=25)
    return provider.Smtp(stack.enter_context(serving(scripted)).port)


def only_hanging(world: World) -> bool:
    """Tell whether every mail was answered but for those that never will be."""
    never = sum(case.answer in NEVER for case in CASES)
    rows = "SELECT count(*) FROM sequences_touch t WHERE NOT EXISTS (SELECT 1 FROM "
    rows += "sequences_attempt a WHERE a.touch_id = t.id AND a.outcome <> '')"
    ((unanswered,),) = world.postgres.ask(rows)
    return unanswered <= never and world.states()["sending"] == never
