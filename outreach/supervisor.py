"""Keeps the processes of one machine running: restarts what dies, stops all of them together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

# Waited before a process that died is started again; a steady run sets it back to the first.
WAITS = (1, 2, 5, 10, 30)
STEADY_SECONDS = 60
# What a process gets for its goodbye before it is killed.
GRACE_SECONDS = 12
LOOK_SECONDS = 0.2
# How often the hearts are listened to, and how long a new process may take to get going.
LISTEN_SECONDS = 15
WARM_UP_SECONDS = 120

LINUX = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have the kernel end this process if the supervisor is killed and cannot do it itself."""
    if LINUX is not None:
        LINUX.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One process, and how often it died lately."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_at: float = 0.0
    deaths: int = field(default=0)

    def start(self) -> None:
        # A group of its own: Ctrl-C in the terminal reaches the supervisor alone, which then stops
        # the children in order, and grandchildren go down with their parent.
        self.process = subprocess.Popen(
            self.command, start_new_session=True, preexec_fn=end_with_parent
        )
        self.started = time.monotonic()

    def died(self) -> int | None:
        """Return the exit code of a process that ended since it was last looked at."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self.signal(signal.SIGKILL)
        self.process = None
        if time.monotonic() - self.started >= STEADY_SECONDS:
            self.deaths = 0
        self.deaths += 1
        return code

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return  # the whole group has gone already


class Supervisor:
    """Starts the children, restarts the ones that die, and stops them all on a signal."""

    def __init__(
        self, commands: dict[str, Sequence[str]], say: Callable[[str], object], grace: float = 0
    ) -> None:
        self.children = [Child(name, command) for name, command in commands.items()]
        self.say = say
        self.grace = grace or GRACE_SECONDS
        self.stopping = False

    def run(
        self,
        ready: Callable[[], bool] = lambda: True,
        silent: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """Supervise until a signal asks to stop.

        `ready` is asked until it says yes; `silent` names children that are
        alive and yet do nothing any more, which are started anew.
        """
        before = {
            number: signal.signal(number, self.ask_to_stop)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }
        try:
            is_ready = False
            listen_at = time.monotonic() + LISTEN_SECONDS
            while not self.stopping:
                self.look()
                if time.monotonic() >= listen_at:
                    self.wake_up(silent())
                    listen_at = time.monotonic() + LISTEN_SECONDS
                is_ready = is_ready or ready()
                time.sleep(LOOK_SECONDS)
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def ask_to_stop(self, *caught: object) -> None:
        self.stopping = True

    def look(self) -> None:
        """Start what is not running and whose wait is over."""
        for child in self.children:
            if (code := child.died()) is not None:
                wait = WAITS[min(child.deaths, len(WAITS)) - 1]
                child.start_at = time.monotonic() + wait
                self.say(f"{child.name} {ending(code)}; it starts again in {wait} s.")
            if child.process is None and time.monotonic() >= child.start_at:
                child.start()

    def wake_up(self, silent: Collection[str]) -> None:
        """Kill the silent children, unless they have only just begun; `look` starts them anew."""
        for child in self.children:
            if child.name in silent and time.monotonic() - child.started >= WARM_UP_SECONDS:
                self.say(f"{child.name} is running but does nothing; it is started anew.")
                child.signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ask every child to end, and kill those that outlive the grace."""
        running = [child for child in self.children if child.process is not None]
        for child in running:
            child.signal(signal.SIGTERM)
        until = time.monotonic() + self.grace
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{child.name} did not stop within {self.grace:g} s and is killed.")
            # Also what the child left behind in its group.
            child.signal(signal.SIGKILL)
            child.process.wait()
            child.process = None


def ending(code: int) -> str:
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"stopped (exit code {code})"
