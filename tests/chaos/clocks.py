"""Machines whose clocks are wrong."""

import time
from datetime import timedelta

from tests.chaos import provider
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World

HOUR, DAY, YEAR, FIVE_MINUTES = 3600, 86_400, 365 * 86_400, 300
JUMPS = (HOUR, -HOUR, DAY, YEAR)
# The sequence's hours end so soon that some of its mails are late for them.
OPEN_FOR = timedelta(minutes=4)


@experiment("F26", "workers and beat whose clocks are wrong by minutes, an hour, a day, a year")
def clocks_are_wrong(world: World) -> None:
    opens = world.clock.now() - timedelta(hours=1)
    hours = {
        "window_start": opens.time().replace(microsecond=0),
        "window_end": (opens + timedelta(hours=1) + OPEN_FOR).time().replace(microsecond=0),
    }
    crew, clock = world.crew, world.clock
    with provider.smtp(world.journal) as smtp:
        in_time = world.mails(world.size(120), smtp, **hours)
        for who in ("worker0", "worker1", "beat0"):
            crew.start(who.rstrip("01"), who, **clock.environment(who))
        world.wait_for(lambda: len(world.journal) > 5, "the first mails")
        for seconds in JUMPS:
            for who in ("worker0", "beat0"):
                clock.skew(who, seconds)
                time.sleep(2)
                clock.skew(who, 0)
        for who in ("worker0", "worker1", "beat0"):
            clock.skew(who, world.luck.choice((-1, 1)) * FIVE_MINUTES)
        time.sleep(3)
        # However slow the machine is: only those that come now are late for their hours.
        world.wait_for(lambda: len(world.journal) >= len(in_time), "all mails of the first hours")
        clock.let_pass(OPEN_FOR.total_seconds() + 60)
        late = world.mails(world.size(10), smtp, sequences=2, **hours)
        time.sleep(3)
        for who in ("worker0", "worker1", "beat0"):
            clock.skew(who, 0)
        before = len(world.journal)
        world.mails(world.size(20), smtp)
        world.wait_for(lambda: len(world.journal) > before, "the beat to recover")
        world.settle(held=len(late))
        sent = {line["recipient"] for line in world.journal.lines()}
        too_late = [touch for touch in late if touch.recipient in sent]
        expect(not too_late, f"{len(too_late)} left outside the hours of their sequence")
        clock.let_pass(DAY - HOUR)
        world.settle()
    world.note = f"{len(late)} waited for the next day's hours"
