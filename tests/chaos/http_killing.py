"""Workers that are killed and frozen at named moments of a mail, by the provider they talk to."""

import os
import signal
import time
from functools import partial

from tests.chaos import provider
from tests.chaos.crew import Hand
from tests.chaos.experiment import expect, experiment
from tests.chaos.killing import taken_away
from tests.chaos.moments import ANSWERED, BEFORE, DONE, Ambush, Moment, freeze, kill
from tests.chaos.world import World

# What a mail asks of its provider: the draft, the send, and what is asked to find out what became
# of it, the last of which makes sure that it never leaves.
CREATE = {"gmail": "gmail.drafts.create", "microsoft": "graph.messages.create"}
SEND = {"gmail": "gmail.drafts.send", "microsoft": "graph.messages.send"}
LOOK = {"gmail": "gmail.threads.get", "microsoft": "graph.messages.get"}
DELETE = {"gmail": "gmail.drafts.delete", "microsoft": "graph.messages.delete"}
PROVIDERS = {"gmail": "Gmail", "microsoft": "Graph"}
LEASE = 90


def moments(name: str) -> list[Moment]:
    """Return every moment of a mail that this provider can tell."""
    sending = [(each[name], when) for each in (CREATE, SEND) for when in (BEFORE, DONE, ANSWERED)]
    # Who is told that the draft is gone has nothing left to do but to write it down.
    return [*sending, (LOOK[name], BEFORE), (DELETE[name], BEFORE), (DELETE[name], DONE)]


def killed_at_each_moment(name: str, world: World) -> None:
    chosen = moments(name) if world.scale >= 1 else [(SEND[name], DONE), (SEND[name], BEFORE)]
    with provider.abroad(world) as (far_side, *both):
        through = next(each for each in both if each.name == name)
        ambush = Ambush(world, far_side, kill)

        def start_again(hand: Hand) -> None:
            hand.process.wait()
            world.crew.again(hand)

        with world.at_work():
            with ambush.laid(chosen, world.size(1)):
                ambush.play(through, start_again)
            world.settle()
    world.note = f"{len(chosen)} moments"


def frozen_at_each_moment(name: str, world: World) -> None:
    chosen = [(each[name], when) for each in (CREATE, SEND) for when in (DONE, ANSWERED)]
    with provider.abroad(world) as (far_side, *both):
        through = next(each for each in both if each.name == name)
        ambush = Ambush(world, far_side, freeze)

        def wake(hand: Hand) -> None:
            world.clock.let_pass(LEASE * world.luck.randint(2, 20))
            # Meanwhile the other worker finds what was lost, and asks what became of it.
            time.sleep(2)
            os.kill(hand.process.pid, signal.SIGCONT)

        with world.at_work():
            with ambush.laid(chosen, world.size(1)):
                ambush.play(through, wake)
            world.settle()
    expect(taken_away(world), "no worker was frozen with a mail in hand")
    world.note = f"{len(chosen)} moments, {taken_away(world)} mails taken away from the sleeper"


for _name, _title in PROVIDERS.items():
    experiment("F01", f"{_title}: kill -9 at each moment of a mail", in_ci=_name == "gmail")(
        partial(killed_at_each_moment, _name)
    )
    experiment("F04", f"{_title}: workers frozen at the same moments for 2 to 20 leases")(
        partial(frozen_at_each_moment, _name)
    )
