"""An installation on SQLite, from outside: its files are in a place that may fail.

`python -m tests.chaos.sqlite make COUNT PORT` fills it, `judge JOURNAL` judges it; both run in a
process of their own, whose DATABASE_URL names the file.
"""

import subprocess
import sys
from pathlib import Path

from tests.chaos import machine
from tests.chaos.experiment import Broken
from tests.chaos.provider import Journal, Smtp


def make(count: int, port: int) -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    from tests.chaos.world import due_mails
    from tests.factories import make_user, make_workspace

    alice = make_user("alice@brightline.test")
    due_mails(make_workspace(alice, undo_seconds=0), alice, count, Smtp(port))


def judged(journal: Path) -> None:
    from outreach import times
    from tests.chaos import judge

    told = Journal(journal, times.now)
    judge.verify(told)
    ended = judge.nothing_doubled_nothing_lost(told, {})
    sys.stdout.write(", ".join(f"{number} {how}" for how, number in ended.items()))


def run(env: dict[str, str], *words: str) -> str:
    """Run a command of this module on the installation that `env` names; returns what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.sqlite", *words],
        cwd=machine.ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=180,
    )
    if done.returncode:
        raise Broken(done.stderr.strip().splitlines()[-1])
    return done.stdout


def main(words: list[str]) -> None:
    import django

    django.setup()
    if words[0] == "make":
        make(int(words[1]), int(words[2]))
    else:
        judged(Path(words[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
