"""Workers that are killed, frozen and restarted while they send."""

import signal
import time

from tests.chaos import provider
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World

# Leases end after seconds instead of minutes, so that what is lost is found during the run.
FASTER = 20
THINKS, THINKS_LONG = 0.02, 0.2
FREEZES = 15


@experiment("F01", "kill -9 of random workers and their children", in_ci=True)
def workers_are_killed(world: World) -> None:
    with (
        provider.smtp(world.journal, thinks=THINKS) as smtp,
        provider.abroad(world) as (_, *others),
    ):
        world.mails(world.size(100), smtp)
        for other in (provider.Sandbox(), *others):
            world.mails(world.size(40), other, mailboxes=2)
        with world.at_work() as crew, world.clock.flowing(FASTER):
            world.wait_for(lambda: world.deliveries() > 5, "the first mails")
            kills = world.size(15, least=4)
            while crew.kills < kills:
                time.sleep(world.luck.uniform(0.2, 2.0))
                crew.kill(world.luck.choice(world.workers()), world.luck)
            crew.revive()
            world.settle()


@experiment("F04", "workers frozen for 1 to 20 leases, then woken")
def workers_are_frozen(world: World) -> None:
    with (
        provider.smtp(world.journal, thinks=THINKS_LONG) as smtp,
        provider.abroad(world) as (_, *others),
    ):
        world.mails(world.size(60), smtp, mailboxes=8)
        with world.at_work() as crew:
            world.wait_for(lambda: world.deliveries() > 5, "the first mails")
            freezes = 0
            while freezes < world.size(5) or (not taken_away(world) and freezes < FREEZES):
                freezes += 1
                world.mails(8, smtp, mailboxes=8)
                for other in others:
                    world.mails(4, other, mailboxes=2)
                # As soon as a mail is on its way.
                world.wait_for(lambda: world.states()["sending"], "a mail on its way")
                hand = world.luck.choice(world.workers())
                crew.signal(hand, signal.SIGSTOP)
                world.clock.let_pass(90 * world.luck.randint(1, 20))
                time.sleep(2)
                crew.signal(hand, signal.SIGCONT)
                time.sleep(world.luck.uniform(0.2, 1.0))
            world.settle()
    expect(taken_away(world), "no worker was frozen with a mail in hand")
    world.note = f"{freezes} times frozen, {taken_away(world)} mails taken away from the sleeper"


def taken_away(world: World) -> int:
    """Count the mails that were given up for lost while their worker slept."""
    before = "SELECT count(*) FROM sequences_attempt WHERE words = 'The worker was lost.'"
    after = "SELECT count(*) FROM sequences_touch WHERE unknown_since IS NOT NULL"
    return world.postgres.ask(before)[0][0] + world.postgres.ask(after)[0][0]


@experiment("F05", "deployments: one worker after the other is stopped and started")
def workers_are_deployed(world: World) -> None:
    with provider.smtp(world.journal, thinks=THINKS) as smtp:
        world.mails(world.size(150), smtp)
        with world.at_work() as crew:
            world.wait_for(lambda: world.deliveries() > 5, "the first mails")
            goodbyes = [
                crew.restart(world.workers()[number % 2]) for number in range(world.size(5))
            ]
            world.settle()
    ends = "SELECT outcome, count(*) FROM sequences_attempt GROUP BY 1"
    outcomes = dict(world.postgres.ask(ends))
    expect(set(outcomes) == {"accepted"}, f"a stopped worker left something behind: {outcomes}")
    world.note = f"the longest goodbye took {max(goodbyes):.1f} s"
