"""How long a mail takes from the click on "Approve & send" to the server, undo window aside.

`python -m tests.benchmarks.clicks make 20 PORT` makes the runs, `click` instead of `make` clicks
and prints the seconds of each as JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median
from typing import Any

import django

from tests.benchmarks import sink
from tests.benchmarks.report import Targets, judge, say

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.settings")
CLICKS = 20
PATIENCE = 60
# Not in step with the scheduler's seconds.
BETWEEN = 0.37
TARGETS: Targets = {"click_to_wire_default": ("<=", 1.5), "click_to_wire_redis": ("<=", 1.0)}


def measure(
    figure: str,
    environment: dict[str, str],
    port: int,
    started: Callable[[], AbstractContextManager],
) -> int:
    """Click while what sends is running; the exit code is 1 when the target is missed."""
    words = [sys.executable, "-m", "tests.benchmarks.clicks"]
    subprocess.run([*words, "make", str(CLICKS), str(port)], env=environment, check=True)
    with started():
        done = subprocess.run(
            [*words, "click", str(CLICKS), str(port)],
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
        )
    seconds = json.loads(done.stdout)
    noise = f"{min(seconds):.2f}-{max(seconds):.2f} s"
    say(f"  {figure}: {len(seconds)} clicks, {noise}")
    return judge({figure: round(median(seconds), 2)}, TARGETS, **{figure: noise})


def make(count: int, port: int) -> None:
    """Make one run of each of so many sequences, ready to be approved."""
    from django.core.management import call_command

    from tests import factories

    call_command("migrate", verbosity=0)
    alice = factories.make_user("alice@bench.test")
    workspace = factories.make_workspace(alice, name="Benchmark", undo_seconds=0)
    mailbox = factories.make_mailbox(
        workspace,
        provider="smtp",
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_security="plain",
        daily_limit=10_000,
    )
    for number in range(count):
        sequence = factories.make_sequence(workspace, name=f"Sequence {number}", mailbox=mailbox)
        factories.make_enrollment(sequence=sequence)


def click(count: int, port: int) -> list[float]:
    """Approve one after the other as a person does; returns how long each took to arrive."""
    from django.test import Client

    from outreach.models import User
    from sequences.models import Enrollment

    server = sink.Sink(port)
    client: Any = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(email="alice@bench.test"))
    taken = []
    for run in Enrollment.everywhere.order_by("pk")[:count]:
        before = server.count()[0]
        time.sleep(BETWEEN)
        begin = time.monotonic()
        answer = client.post(f"/enrollments/{run.pk}/approve/", {"shown": run.approval_token()})
        if answer.status_code >= 400:
            raise RuntimeError(f"Approving was answered with {answer.status_code}.")
        while server.count()[0] == before:
            if time.monotonic() - begin > PATIENCE:
                raise RuntimeError("An approved mail did not leave.")
            time.sleep(0.005)
        taken.append(time.monotonic() - begin)
    return taken


def main() -> None:
    verb, count, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    django.setup()
    if verb == "make":
        make(count, port)
    else:
        sys.stdout.write(json.dumps(click(count, port)))


if __name__ == "__main__":
    main()
