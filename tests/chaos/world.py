"""One experiment's world: a database, the product's processes, providers, and a shared time."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from random import Random

from django.db import connection, transaction

from outreach.models import User, Workspace
from sequences.models import Touch
from tests.chaos.clock import Clock
from tests.chaos.crew import Crew
from tests.chaos.experiment import Broken
from tests.chaos.provider import Journal, Provider
from tests.chaos.servers import Postgres, Redis
from tests.factories import copies_of, make_due_touch, make_mailbox, make_sequence, make_user
from tests.factories import make_workspace as workspace_of

# Against waiting for ever, also where others are at work on the machine.
SETTLED_WITHIN = 240
# So long nothing may have changed before time jumps to what waits next; longer while something
# is due or on its way, since its worker may only be slow.
QUIET, QUIET_AT_WORK, SHORT_JUMP = 0.5, 1.3, 3

STATES = """SELECT status || CASE WHEN decide THEN ' asked' ELSE '' END, count(*)
    FROM sequences_touch GROUP BY 1"""
LAST_TICK = "SELECT max(finished_at) FROM outreach_tick"
NEXT = """SELECT extract(epoch FROM min(at) - clock_timestamp()), EXISTS (
        SELECT 1 FROM sequences_touch WHERE status = 'sending'
        OR status = 'scheduled' AND due_at <= clock_timestamp()) FROM (
    SELECT due_at FROM sequences_touch WHERE status = 'scheduled' UNION ALL
    SELECT lease_until FROM sequences_touch WHERE status = 'sending' UNION ALL
    SELECT check_at FROM sequences_touch WHERE status = 'uncertain' AND NOT decide UNION ALL
    SELECT held_until FROM mailboxes_mailbox UNION ALL
    SELECT draining_until FROM mailboxes_mailbox UNION ALL
    SELECT next_free_at FROM sequences_sequence) AS waits(at) WHERE at > clock_timestamp()"""


class World:
    """Everything that an experiment plays with."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        postgres: Postgres,
        redis: Redis,
        env: dict[str, str],
        *,
        seed: str,
        scale: float,
    ) -> None:
        self.folder, self.clock, self.postgres, self.redis = folder, clock, postgres, redis
        self.env = env
        self.crew = Crew(folder, clock, env)
        self.journal = Journal(folder / "journal.jsonl", clock.now)
        self.luck = Random(seed)
        self.scale = scale
        self.servers_killed = 0
        # Mails of installations beside this one, and the judgement where it was made earlier.
        self.elsewhere = 0
        self.ended: Counter[str] | None = None
        # What besides "sent, or uncertain and listed" steps may end as, and how many of them.
        self.allowed: dict[str, int | None] = {}
        self.note = ""

    def size(self, usual: int, *, least: int = 1) -> int:
        """Return a number that grows and shrinks with the scale of the run."""
        return max(least, round(usual * self.scale))

    # Mail

    @cached_property
    def alice(self) -> User:
        return make_user("alice@brightline.test")

    @cached_property
    def workspace(self) -> Workspace:
        return workspace_of(self.alice, undo_seconds=0)

    def mails(
        self,
        count: int,
        through: Provider,
        *,
        sequences: int = 40,
        mailboxes: int = 4,
        per_mailbox: int = 10_000,
        **values: object,
    ) -> list[Touch]:
        """Have so many approved mails due now, each to somebody of their own."""
        # All at once: a mail that is on its way already must not be copied as it is then.
        with transaction.atomic():
            made = due_mails(
                self.workspace,
                self.alice,
                count,
                through,
                sequences=sequences,
                mailboxes=mailboxes,
                per_mailbox=per_mailbox,
                **values,
            )
        connection.close()
        return made

    # Time and waiting

    def states(self) -> Counter[str]:
        return Counter(dict(self.postgres.ask(STATES)))

    def wait_for(self, holds: Callable[[], object], what: str, *, seconds: float = 60) -> None:
        """Wait in real time until it holds."""
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                raise Broken(f"waited {seconds:g} s for {what}; now {dict(self.states())}")
            time.sleep(0.1)

    def settle(self, *, held: int = 0, seconds: float = SETTLED_WITHIN) -> None:
        """Let time pass until nothing is on its way and no more than `held` steps wait.

        Where nothing happens, time jumps to what waits next.
        """
        self.wait_for(self.is_awake(), "the first tick", seconds=seconds)
        until, watch = time.monotonic() + seconds, Watch(self)
        while not is_settled(watch.look(), held):
            if time.monotonic() > until:
                raise Broken(f"not settled after {seconds:g} s: {dict(watch.states)}")
            time.sleep(0.1)

    def is_awake(self) -> Callable[[], bool]:
        """Return what tells that the timetable is driven from now on."""
        ((before,),) = self.postgres.ask(LAST_TICK)

        def ticked() -> bool:
            return self.postgres.ask(LAST_TICK) != [(before,)]

        return ticked

    def jump(self, *, patient: bool) -> bool:
        """Let time pass until the next thing that waits for its time; False for not yet."""
        ((seconds, is_at_work),) = self.postgres.ask(NEXT)
        if patient and is_at_work and float(seconds or 0) > SHORT_JUMP:
            return False
        self.clock.let_pass(float(seconds or 0) + 0.2)
        return True

    # Processes

    @contextmanager
    def at_work(self, *, workers: int = 2, beats: int = 1, **more: str) -> Iterator[Crew]:
        """Run workers and beats for a while, as in production."""
        connection.close()
        for number in range(workers):
            self.crew.start("worker", f"worker{number}", **more)
        for number in range(beats):
            self.crew.start("beat", f"beat{number}", **more)
        yield self.crew

    def workers(self) -> list:
        return [hand for hand in self.crew.hands.values() if hand.kind in ("worker", "clock")]

    def end(self) -> None:
        self.crew.end()
        connection.close()

    def deliveries(self) -> int:
        """Count what all providers took."""
        caught = "SELECT count(*) FROM mailboxes_sandboxmail WHERE accepted_at IS NOT NULL"
        return len(self.journal) + self.elsewhere + self.postgres.ask(caught)[0][0]


class Watch:
    """Looks at the steps, and lets time jump to what waits next where nothing happens."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.states, self.since = world.states(), time.monotonic()

    def look(self) -> Counter[str]:
        states = self.world.states()
        if states != self.states:
            self.states, self.since = states, time.monotonic()
        quiet = time.monotonic() - self.since
        if quiet > QUIET and self.world.jump(patient=quiet < QUIET_AT_WORK):
            self.since = time.monotonic() - QUIET / 2
        return self.states


def due_mails(
    workspace: Workspace,
    by: User,
    count: int,
    through: Provider,
    *,
    sequences: int = 40,
    mailboxes: int = 4,
    per_mailbox: int = 10_000,
    **values: object,
) -> list[Touch]:
    """Make so many approved mails that are due now, spread over sequences and mailboxes."""
    sequences = min(sequences, count)
    senders = [
        make_mailbox(workspace, daily_limit=per_mailbox, **through.mailbox())
        for _ in range(min(mailboxes, sequences))
    ]
    made: list[Touch] = []
    for number in range(sequences):
        sender = senders[number % len(senders)]
        sequence = make_sequence(
            workspace, steps=1, mailbox=sender, name=f"Number {number}", **values
        )
        touch = make_due_touch(sequence=sequence, by=by)
        more = count // sequences + (number < count % sequences) - 1
        made += [touch, *copies_of(touch, more)]
    return made


def is_settled(states: Counter[str], held: int) -> bool:
    """Tell whether nothing is on its way, and at most so many wait for another day."""
    on_the_way = states["sending"] + states["uncertain"]
    return not on_the_way and states["scheduled"] <= held
