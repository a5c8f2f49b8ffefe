from datetime import timedelta

import pytest

from sequences.rules.retries import MAX_ATTEMPTS, next_check, wait_after


def test_a_touch_is_tried_five_times_in_all():
    waits = [wait_after(n) for n in range(1, MAX_ATTEMPTS + 1)]

    assert MAX_ATTEMPTS == 5
    assert waits == [*(timedelta(seconds=s) for s in (30, 60, 120, 240)), None]


def test_a_greylisting_server_is_given_hours():
    waits = [wait_after(n, smtp=True) for n in range(1, MAX_ATTEMPTS + 1)]

    assert waits == [*(timedelta(minutes=m) for m in (5, 15, 60, 240)), None]


def test_an_uncertain_touch_is_looked_up_six_times_within_a_quarter_of_an_hour():
    marks = [next_check(n) for n in range(7)]

    assert marks == [*(timedelta(minutes=m) for m in (0.5, 1, 2, 4, 8, 15)), None]


def test_counting_from_nothing_is_a_mistake():
    with pytest.raises(ValueError, match="first attempt"):
        wait_after(0)
    with pytest.raises(ValueError, match="negative"):
        next_check(-1)
