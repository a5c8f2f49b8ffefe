"""The product's processes as the Procfile starts them, and what can be done to them."""

import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from outreach.supervisor import end_with_parent
from tests.chaos import machine
from tests.chaos.clock import Clock

STOP_SECONDS = 90


def procfile() -> dict[str, list[str]]:
    """Return the commands of the Procfile, and the clock that takes their place without Redis."""
    lines = (machine.ROOT / "Procfile").read_text().splitlines()
    named = dict(line.split(": ", 1) for line in lines if line.strip())
    return {name: shlex.split(words) for name, words in named.items()} | {
        "clock": ["python", "manage.py", "clock"]
    }


@dataclass
class Hand:
    """One process, with those that it has started."""

    name: str
    kind: str
    process: subprocess.Popen[bytes]
    more: dict[str, str] = field(default_factory=dict)


class Crew:
    """All processes of the product in one world."""

    def __init__(self, folder: Path, clock: Clock, env: dict[str, str]) -> None:
        self.folder, self.clock, self.env = folder, clock, env
        self.hands: dict[str, Hand] = {}
        self.groups: list[int] = []
        self.kills = self.restarts = 0

    def start(self, kind: str, name: str = "", **more: str) -> Hand:
        """Start a process of this kind; several are told apart by their names."""
        name = name or kind
        words = [sys.executable if word == "python" else word for word in procfile()[kind]]
        if kind == "worker":
            words += ["--hostname", f"{name}@%h"]
        with self.log_of(name).open("ab") as log:
            process = subprocess.Popen(
                words,
                cwd=machine.ROOT,
                env={**self.env, **self.clock.environment(), **more},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self.groups.append(process.pid)
        self.hands[name] = Hand(name, kind, process, more)
        return self.hands[name]

    def log_of(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def kill(self, hand: Hand, luck: Random) -> None:
        """Kill a process or one of its children with SIGKILL; the dead are started again."""
        pids = machine.children(hand.process.pid)
        victim = luck.choice([hand.process.pid, *pids, *pids])
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return  # it has just ended by itself
        self.kills += 1
        if victim == hand.process.pid:
            hand.process.wait()
            self.again(hand)

    def again(self, hand: Hand) -> Hand:
        """Start an ended process again."""
        self.restarts += 1
        return self.start(hand.kind, hand.name, **hand.more)

    def signal(self, hand: Hand, number: signal.Signals) -> None:
        """Signal a process and all that it has started."""
        for pid in machine.group(hand.process.pid, str(self.folder)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def restart(self, hand: Hand) -> float:
        """Stop it as a deployment does and start it again; returns how long the goodbye took."""
        began = time.monotonic()
        hand.process.send_signal(signal.SIGTERM)
        hand.process.wait(STOP_SECONDS)
        self.again(hand)
        return time.monotonic() - began

    def revive(self) -> list[str]:
        """Start what has ended by itself; returns the names."""
        ended = [hand for hand in self.hands.values() if hand.process.poll() is not None]
        for hand in ended:
            self.again(hand)
        return [hand.name for hand in ended]

    def end(self) -> None:
        """Kill all of it, also what was left behind by a parent that was killed."""
        for number in self.groups:
            for pid in machine.group(number, str(self.folder)):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        for hand in self.hands.values():
            hand.process.wait()
        self.hands, self.groups = {}, []
