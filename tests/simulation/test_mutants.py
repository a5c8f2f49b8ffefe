"""The simulation is not blind: without a guard it finds what the guard is there for."""

import pytest

from tests.simulation.mutants import hunt

pytestmark = [pytest.mark.simulation, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("answers: do not stop", "nothing after a stop"),
        ("unknown: taken for a passing fault", "no second try while the first may leave"),
        ("drafts: no fence", "no second try while the first may leave"),
    ],
)
def test_without_the_guard_a_check_fails(name, check):
    outcome = hunt(name, seeds=10)

    assert outcome.check == check
