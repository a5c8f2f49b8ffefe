"""What pacing records is judged rightly: caps, limits set at noon, free days, prospects' hours."""

from datetime import timedelta

import pytest

from mailboxes.models import WorkspaceDay
from sequences.models import Sequence
from tests.factories import make_sequence, make_workspace
from tests.sequences.judging import broken
from tests.sequences.test_free_days import NIGHT, in_office_hours
from tests.sequences.test_pacing import NOON, many_due, offer

pytestmark = pytest.mark.django_db(transaction=True)


def of_hours_and_counts() -> set[str]:
    return broken().keys() & {"I09", "I10", "I12"}


@pytest.mark.parametrize("whose", ["workspace", "sequence"])
def test_a_limit_that_was_set_at_noon_is_counted_rightly(whose):
    sequence = make_sequence(make_workspace(), steps=1)
    many_due(sequence, 5)
    offer(NOON - timedelta(hours=3), times_over=2)
    owner = sequence.workspace if whose == "workspace" else sequence
    owner.daily_limit = 3
    owner.save()
    assert offer(NOON, times_over=4) == 1

    assert of_hours_and_counts() == set()


@pytest.mark.parametrize(("column", "invariant"), [("sent", "I09"), ("reserved", "I10")])
def test_a_miscounted_day_of_the_workspace_is_found(column, invariant):
    many_due(make_sequence(make_workspace(daily_limit=9), steps=1), 1)
    assert offer(NOON) == 1
    WorkspaceDay.everywhere.update(**{column: 2})

    assert of_hours_and_counts() == {invariant}


def test_a_mail_in_the_prospects_hours_is_no_fault():
    in_office_hours(zone="Asia/Tokyo")
    assert offer(NIGHT) == 1

    assert of_hours_and_counts() == set()


def test_a_day_that_was_declared_free_afterwards_is_no_fault():
    many_due(make_sequence(make_workspace(), steps=1), 1)
    assert offer(NOON) == 1
    Sequence.everywhere.update(days_off=[NOON.date().isoformat()])

    assert of_hours_and_counts() == set()
