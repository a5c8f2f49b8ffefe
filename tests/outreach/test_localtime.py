"""Times read as people say them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from outreach.localtime import absolute, ago, past, when

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=-3), "just now"),
        (timedelta(seconds=50), "1 min ago"),
        (timedelta(minutes=38), "38 min ago"),
        (timedelta(minutes=59, seconds=40), "1 h ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(hours=25), "yesterday"),
        (timedelta(days=2), "2 d ago"),
        (timedelta(days=60), "22 Sep"),
        (timedelta(days=400), "17 Oct 2025"),
    ],
)
def test_the_past_is_short(before, words):
    assert ago(NOW - before, NOW, ZoneInfo("UTC")) == words


def test_the_future_names_day_hour_and_place():
    monday = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Lisbon"))

    assert when(monday, "Europe/Lisbon", NOW) == "Mon 09:00 Lisbon"
    assert when(monday + timedelta(days=7), "Europe/Lisbon", NOW) == "Mon 30 Nov, 09:00 Lisbon"
    assert when(NOW + timedelta(hours=1), "Asia/Tokyo", NOW) == "today 22:00 Tokyo"
    assert when(NOW + timedelta(hours=4), "Asia/Tokyo", NOW) == "tomorrow 01:00 Tokyo"


def test_an_unknown_zone_falls_back_to_the_readers():
    assert when(NOW + timedelta(hours=1), "Mars/Olympus", NOW) == "today 13:00 UTC"


def test_the_whole_time_names_its_zone():
    assert absolute(NOW, ZoneInfo("Europe/Paris")) == "Sat 21 Nov 2026, 13:00 CET"


def test_the_past_in_full_names_the_year_only_where_it_is_another_one():
    zone = ZoneInfo("Europe/Paris")

    assert past(NOW, NOW, zone) == "Sat 21 Nov, 13:00 CET"
    assert past(NOW - timedelta(days=400), NOW, zone) == "Fri 17 Oct 2025, 14:00 CEST"
