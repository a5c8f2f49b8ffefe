"""Senders that are killed at every point of one mail, the reaper and the reconciler as well."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import connection

from sequences.models import Touch
from tests.chaos import machine, provider
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World

STAGES = ("claimed", "built", "prepared", "on the wire", "answered", "accepted")
REFUSED_STAGES = ("claimed", "prepared", "answered", "refused")
THROUGH = ("SMTP", "Sandbox", "Gmail", "Graph")
# After a kill: long enough for the throttle's next turn, much shorter than any lease.
NEXT_TURN = 2
Ask = Callable[..., dict[str, Any]]


@contextmanager
def killer(world: World) -> Iterator[Ask]:
    """Give a function that has one thing done by a process that is killed on the way."""
    connection.close()
    with (world.folder / "killed.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.killed"],
            cwd=machine.ROOT,
            env={**world.env, **world.clock.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdin and process.stdout
    ends = process.stdin, process.stdout

    def ask(**what: Any) -> dict[str, Any]:
        ends[0].write(json.dumps(what) + "\n")
        ends[0].flush()
        answer = ends[1].readline()
        expect(answer, "the killed sender's parent has ended; see its log")
        found = json.loads(answer)
        world.crew.kills += found["killed"]
        world.clock.let_pass(NEXT_TURN)
        return found

    try:
        yield ask
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def killed_at_every_system_call(name: str, world: World) -> None:
    met: Counter[str] = Counter()
    with (
        provider.smtp(world.journal) as smtp,
        provider.abroad(world) as (_, gmail, microsoft),
        killer(world) as ask,
    ):
        through = dict(zip(THROUGH, (smtp, provider.Sandbox(), gmail, microsoft), strict=True))
        first, second = world.mails(2, through[name])
        expect(ask(do="warm up", given=[first.pk])["sent"], "nothing was sent")
        calls = ask(do="send", given=[second.pk], call=None)["calls"]
        points = at_most(calls + 5, world.size(1000) if world.scale >= 1 else 8)
        for call, touch in zip(points, world.mails(len(points), through[name]), strict=True):
            answer = ask(do="send", given=[touch.pk], call=call)
            # How often it waits for an answer is a matter of luck.
            never = not answer["killed"] and call < calls * 0.7
            expect(not never, f"call {call} of {calls} never came")
            met[where(touch, world)] += 1
        recover_while_killed(world, ask)
        with world.at_work(workers=1):
            world.settle()
    if len(points) > calls:
        for point in ("before the claim", "before the wire", "on the wire", "taken"):
            expect(met[point], f"no kill was {point}")
        expect(met["written down"], "no kill came after the result")
    world.note = ", ".join(f"{number} {point}" for point, number in met.items())


for _name in THROUGH:
    experiment(
        "F02",
        f"kill -9 at every system call of one send: {_name}",
        needs=(machine.tracing,),
        in_ci=_name in ("SMTP", "Gmail"),
        is_long=True,
    )(partial(killed_at_every_system_call, _name))


def at_most(count: int, most: int) -> list[int]:
    """Return the numbers from 1, or so many of them, evenly.

    >>> at_most(3, 10), at_most(9, 3)
    ([1, 2, 3], [1, 5, 9])
    """
    if count <= most:
        return list(range(1, count + 1))
    return [1 + round(number * (count - 1) / (most - 1)) for number in range(most)]


def where(touch: Touch, world: World) -> str:
    """Say how far a killed send had come, by its row and the provider's journal."""
    ((status, wire),) = world.postgres.ask(
        "SELECT t.status, (SELECT a.wire_at FROM sequences_attempt a WHERE a.touch_id = t.id) "
        "FROM sequences_touch t WHERE t.id = %s",
        touch.pk,
    )
    if status == Touch.Status.SCHEDULED:
        return "before the claim"
    if status == Touch.Status.SENT:
        return "written down"
    if wire is None:
        return "before the wire"
    caught = world.postgres.ask(
        "SELECT 1 FROM mailboxes_sandboxmail WHERE message_id = %s AND accepted_at IS NOT NULL",
        touch.message_id,
    )
    return "taken" if caught or world.journal.times[f"t{touch.pk}"] else "on the wire"


def recover_while_killed(world: World, ask: Ask) -> None:
    """Let the reaper and the reconciler be killed as well, before anybody recovers for real."""
    for do, wait in (("reap", 15 * 60), ("reconcile", 40)):
        world.clock.let_pass(wait)
        for call in range(20, 20 + 40 * world.size(12, least=4), 40):
            ask(do=do, call=call)


@experiment("F03", "kill -9 at every named step, of sends that succeed and that are refused")
def killed_at_every_step(world: World) -> None:
    def refuse(command: str, mail: bytes) -> str:
        return "451 4.3.0 try again later" if mail else ""

    with (
        provider.smtp(world.journal) as smtp,
        provider.failing_smtp(world.journal, refuse) as (refusing, _),
        provider.abroad(world) as (_, gmail, microsoft),
        killer(world) as ask,
    ):
        plans = ((smtp, STAGES), (gmail, STAGES), (microsoft, STAGES), (refusing, REFUSED_STAGES))
        for through, stages in plans:
            for stage in stages:
                for touch in world.mails(world.size(1), through, sequences=1):
                    expect(
                        ask(touch=touch.pk, stage=stage)["killed"], f"“{stage}” was never reached"
                    )
        with world.at_work(workers=1):
            world.allowed["failed"] = None
            world.settle()
