"""Any order of the product's verbs leaves records that make sense and all 24 invariants true."""

import os

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sequences.verbs import Verbs

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "VERBS_EXAMPLES" in os.environ
# One after the other in one thread: that PostgreSQL agrees is seen in fewer.
EXAMPLES = {"sqlite": 14, "postgresql": 6}


def test_any_order_of_verbs_leaves_everything_true():
    run_state_machine_as_test(
        Verbs,
        settings=settings(
            max_examples=int(os.environ.get("VERBS_EXAMPLES", EXAMPLES[connection.vendor])),
            stateful_step_count=50 if LONG else 25,
            derandomize=not LONG,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            # What is found in a long run is long as well, and soon enough understood.
            phases=[Phase.generate] if LONG else [Phase.generate, Phase.shrink],
        ),
    )
