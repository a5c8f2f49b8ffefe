"""Redis dies, forgets everything, or was never there."""

import time

from tests.chaos import provider
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World

# How long the workers may take to notice that Redis is back.
BACK_TO_WORK = 90


@experiment("F07", "Redis is killed and started again, keeping nothing")
def redis_dies(world: World) -> None:
    waits: list[float] = []
    with provider.smtp(world.journal) as smtp:
        world.mails(world.size(60), smtp)
        with world.at_work():
            world.wait_for(lambda: len(world.journal) > 5, "the first mails")
            for _ in range(world.size(3)):
                world.redis.kill()
                world.servers_killed += 1
                time.sleep(world.luck.uniform(1, 5))
                world.mails(world.size(20), smtp, sequences=5)
                world.redis.start()
                before, began = len(world.journal), time.monotonic()
                world.wait_for(
                    lambda before=before: len(world.journal) > before,
                    "a mail after Redis was back",
                    seconds=BACK_TO_WORK,
                )
                waits.append(time.monotonic() - began)
            world.settle()
    world.note = f"back at work after {max(waits):.0f} s at most"


@experiment("F08", "Redis forgets everything at random moments", in_ci=True)
def redis_forgets(world: World) -> None:
    with provider.smtp(world.journal) as smtp:
        world.mails(world.size(120, least=40), smtp)
        with world.at_work():
            world.wait_for(lambda: len(world.journal) > 2, "the first mails")
            for _ in range(world.size(15, least=5)):
                world.redis.flush()
                time.sleep(world.luck.uniform(0.05, 0.8))
            world.settle()
    outcomes = {row[0] for row in world.postgres.ask("SELECT outcome FROM sequences_attempt")}
    expect(outcomes == {"accepted"}, f"a mail was tried more than once: {outcomes}")


@experiment("F10", "the same mails without Redis: the clock in place of workers and beat")
def no_redis(world: World) -> None:
    with provider.smtp(world.journal) as smtp:
        count = world.size(80)
        world.mails(count, smtp)
        world.crew.start("clock", REDIS_URL="")
        world.crew.start("clock", "clock2", REDIS_URL="")
        world.settle()
        world.crew.end()
        alone = len(world.journal)
        world.mails(count, smtp)
        with world.at_work():
            world.settle()
    with_redis = len(world.journal) - alone
    expect(alone == with_redis == count, f"{alone} without Redis, {with_redis} with it")
    world.note = "as many without Redis as with it"
