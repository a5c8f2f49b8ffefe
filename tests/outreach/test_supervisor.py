"""Real processes: the supervisor starts, restarts and stops them."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from outreach.supervisor import WARM_UP_SECONDS, Supervisor

PROGRAM = """
import sys
from pathlib import Path
from outreach.supervisor import Supervisor

here = Path(sys.argv[1])
child = [sys.executable, "-c", sys.argv[2], str(here)]
print("begin", flush=True)
Supervisor(
    {"web": [*child, "web"], "clock": [*child, "clock"]},
    say=lambda line: print(line, flush=True),
    grace=2,
).run()
print("end", flush=True)
"""
# Writes its process id down, has a child of its own, and waits.
OBEDIENT = """
import os, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
with open(f"{sys.argv[1]}/{sys.argv[2]}", "a") as file:
    file.write(f"{os.getpid()} {grandchild.pid}\\n")
time.sleep(120)
"""
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + OBEDIENT


class Run:
    """A supervisor in a process of its own."""

    def __init__(self, here: Path, child: str) -> None:
        self.here = here
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), str(here), child],
            cwd=settings.BASE_DIR,
            stdout=subprocess.PIPE,
            text=True,
        )

    def lives(self, name: str) -> list[list[int]]:
        """Return the ids of each life of a child: its own and its child's."""
        path = self.here / name
        lines = path.read_text().splitlines() if path.exists() else []
        return [[int(number) for number in line.split()] for line in lines]

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=20)
        return output


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], Run]]:
    started: list[Run] = []

    def start(child: str) -> Run:
        started.append(Run(tmp_path, child))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        for name in ("web", "clock"):
            for life in one.lives(name):
                for number in life:
                    if is_running(number):
                        os.kill(number, signal.SIGKILL)


def is_running(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(question: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def test_a_child_that_is_killed_is_started_again_and_the_other_is_left_alone(run):
    supervised = run(OBEDIENT)
    wait_for(lambda: supervised.lives("web") and supervised.lives("clock"))
    ((first, grandchild),) = supervised.lives("web")

    os.kill(first, signal.SIGKILL)
    wait_for(lambda: len(supervised.lives("web")) == 2)

    assert len(supervised.lives("clock")) == 1
    wait_for(lambda: not is_running(grandchild))
    assert "web was killed (SIGKILL); it starts again in 1 s." in supervised.stop()


def test_a_signal_stops_every_process_within_seconds(run):
    supervised = run(OBEDIENT)
    wait_for(lambda: supervised.lives("web") and supervised.lives("clock"))
    begin = time.monotonic()

    output = supervised.stop()

    assert time.monotonic() - begin < 5
    assert supervised.process.returncode == 0
    assert output.endswith("end\n")
    for number in supervised.lives("web")[0] + supervised.lives("clock")[0]:
        wait_for(lambda number=number: not is_running(number), seconds=5)


def test_a_child_that_does_not_stop_is_killed(run):
    supervised = run(STUBBORN)
    wait_for(lambda: supervised.lives("web") and supervised.lives("clock"))

    output = supervised.stop()

    assert "web did not stop within 2 s and is killed." in output
    for number in supervised.lives("web")[0] + supervised.lives("clock")[0]:
        wait_for(lambda number=number: not is_running(number), seconds=5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_supervisor_leaves_no_child_behind(run):
    supervised = run(OBEDIENT)
    wait_for(lambda: supervised.lives("web") and supervised.lives("clock"))

    supervised.process.kill()
    supervised.process.wait()

    for name in ("web", "clock"):
        ((child, _),) = supervised.lives(name)
        wait_for(lambda child=child: not is_running(child), seconds=5)


def test_a_child_that_lives_but_does_nothing_is_started_anew(tmp_path: Path):
    said: list[str] = []
    child = [sys.executable, "-c", OBEDIENT, str(tmp_path), "clock"]
    supervisor = Supervisor({"clock": child}, say=said.append, grace=2)
    (clock,) = supervisor.children

    try:
        supervisor.look()
        first = clock.process.pid
        supervisor.wake_up(["clock"])
        assert said == []

        clock.started -= WARM_UP_SECONDS
        supervisor.wake_up(["clock"])
        wait_for(lambda: supervisor.look() or (clock.process and clock.process.pid != first))
    finally:
        supervisor.stop()

    assert said == [
        "clock is running but does nothing; it is started anew.",
        "clock was killed (SIGKILL); it starts again in 1 s.",
    ]
