"""A few days of the simulation; `make simulate` plays months of it."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

from tests.simulation import database
from tests.simulation.driver import Result, Simulation

pytestmark = [pytest.mark.simulation, pytest.mark.django_db(transaction=True)]

DAYS = 4


def play(seed: int, days: int = DAYS) -> Result:
    database.empty()
    return Simulation(seed, days).run()


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_every_promise_holds_under_faults(seed):
    result = play(seed)

    assert [str(broken) for broken in result.broken] == []
    assert result.counts["deliveries"] > 0


def test_the_same_seed_gives_the_same_history():
    first, second, other = play(3, days=2), play(3, days=2), play(5, days=2)

    assert first.history == second.history
    assert first.digest != other.digest


@pytest.mark.skipif(connection.vendor == "sqlite", reason="needs DATABASE_URL: two databases")
def test_postgresql_gives_the_same_history_as_sqlite():
    here = play(2)

    words = [sys.executable, "-m", "tests.simulation", "--seed", "2", "--days", str(DAYS)]
    alone = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    there = subprocess.run(
        [*words, "--history"],
        cwd=settings.BASE_DIR,
        env=alone,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert there.returncode == 0, there.stdout + there.stderr
    assert there.stdout.splitlines()[: len(here.history)] == here.history
