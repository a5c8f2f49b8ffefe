from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.rules import calendars
from sequences.rules.schedule import (
    ALWAYS,
    Window,
    add_delay,
    check_zone,
    closes_at,
    day_off,
    describe,
    instant,
    is_open,
    local_day,
    make_window,
    next_midnight,
    next_open,
    openings,
    spacing,
    zones,
)

ZONES = [
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # moves by half an hour
    "Asia/Kathmandu",  # +05:45
    "Africa/Cairo",  # its clock changes at midnight
    "America/Santo_Domingo",  # no clock changes
    "Pacific/Apia",  # had no 30 December 2011
    "America/St_Johns",  # until 2011 its clock changed at one past midnight
]
instants = st.datetimes(
    min_value=datetime(2009, 1, 1), max_value=datetime(2032, 1, 1), timezones=st.just(UTC)
)
# Clock changes are rare; look closely at the days around them.
edges = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    st.sampled_from(
        [
            datetime(2026, 3, 8, tzinfo=UTC),
            datetime(2026, 11, 1, tzinfo=UTC),
            datetime(2026, 3, 29, tzinfo=UTC),
            datetime(2026, 10, 25, tzinfo=UTC),
            datetime(2026, 10, 3, tzinfo=UTC),
            datetime(2026, 4, 4, tzinfo=UTC),
            datetime(2026, 4, 23, tzinfo=UTC),
            datetime(2026, 10, 29, tzinfo=UTC),
            datetime(2011, 12, 30, tzinfo=UTC),
            datetime(2010, 11, 7, tzinfo=UTC),
        ]
    ),
    st.integers(-2000, 2000),
)
moments = instants | edges
minutes_of_day = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(minutes_of_day)
    end = draw(minutes_of_day.filter(lambda t: t != start) | st.just(time.max))
    weekdays = draw(st.frozensets(st.integers(1, 7), min_size=1))
    return Window(start, end, weekdays, draw(st.sampled_from(ZONES)))


@given(moments, windows())
def test_the_next_opening_is_not_before_the_instant_and_is_open(at, window):
    opening = next_open(at, window)

    assert opening >= at
    assert is_open(opening, window)
    assert opening.utcoffset() == timedelta(0)


@given(moments, windows())
def test_asking_for_the_next_opening_twice_changes_nothing(at, window):
    opening = next_open(at, window)

    assert next_open(opening, window) == opening


@given(moments, windows())
def test_an_open_instant_is_its_own_next_opening(at, window):
    assert is_open(at, window) == (next_open(at, window) == at)


@given(moments, moments, windows())
def test_a_later_instant_never_opens_earlier(one, other, window):
    earlier, later = sorted([one, other])

    assert next_open(earlier, window) <= next_open(later, window)


@given(moments, windows())
def test_the_minute_before_an_awaited_opening_is_closed(at, window):
    opening = next_open(at, window)

    if opening > at:
        assert not is_open(max(at, opening - timedelta(minutes=1)), window)


@given(moments, windows())
def test_the_end_is_after_the_opening_and_outside_of_it(at, window):
    opening, closing = next(openings(at, window))

    assert max(opening, at) < closing == closes_at(at, window)
    assert closing - opening <= timedelta(hours=26)


@given(moments, windows())
def test_what_is_open_reads_so_on_the_wall_clock(at, window):
    opening = next_open(at, window)
    local = opening.astimezone(ZoneInfo(window.zone))

    clock_time = local.time()
    if window.is_overnight:
        began = local.date() if clock_time >= window.start else local.date() - timedelta(days=1)
    else:
        began = local.date()
    # A day without a clock change: the wall clock alone must tell the same.
    day_before = opening - timedelta(days=2)
    day_after = opening + timedelta(days=2)
    offsets = {moment.astimezone(local.tzinfo).utcoffset() for moment in (day_before, day_after)}
    if len(offsets) == 1:
        assert began.isoweekday() in window.weekdays
        if window.is_overnight:
            assert clock_time >= window.start or clock_time < window.end
        else:
            assert window.start <= clock_time < window.end


@given(moments, st.sampled_from(ZONES))
def test_midnight_is_the_first_instant_of_a_later_day(at, zone):
    midnight = next_midnight(at, zone)

    assert midnight > at
    assert local_day(midnight, zone) > local_day(at, zone)
    assert local_day(midnight - timedelta(seconds=1), zone) <= local_day(at, zone)


@given(moments, st.integers(0, 60), st.integers(0, 23), st.sampled_from(ZONES))
def test_a_delay_is_never_negative_and_grows_with_its_hours(at, days, hours, zone):
    later = add_delay(at, days=days, hours=hours, zone=zone)

    assert later >= at + timedelta(days=days, hours=hours) - timedelta(hours=25)
    assert later - add_delay(at, days=days, hours=0, zone=zone) == timedelta(hours=hours)
    if days == 0:
        assert later == at + timedelta(hours=hours)


@given(moments, st.integers(1, 60), st.sampled_from(ZONES))
def test_days_keep_the_local_time_of_day_where_it_exists(at, days, zone):
    local = at.astimezone(ZoneInfo(zone))
    wanted = local.replace(tzinfo=None, fold=0) + timedelta(days=days)

    landed = add_delay(at, days=days, hours=0, zone=zone).astimezone(ZoneInfo(zone))

    exists = (
        wanted.replace(tzinfo=ZoneInfo(zone))
        .astimezone(UTC)
        .astimezone(ZoneInfo(zone))
        .replace(tzinfo=None)
        == wanted
    )
    if exists:
        assert landed.replace(tzinfo=None, fold=0) == wanted
    else:
        assert landed.replace(tzinfo=None) > wanted


def test_a_skipped_local_time_moves_to_the_first_valid_minute():
    new_york = ZoneInfo("America/New_York")

    moved = instant(datetime(2026, 3, 8, 2, 10), "America/New_York")

    assert moved.astimezone(new_york) == datetime(2026, 3, 8, 3, 0, tzinfo=new_york)


def test_half_an_hour_is_skipped_on_lord_howe():
    moved = instant(datetime(2026, 10, 4, 2, 10), "Australia/Lord_Howe")

    assert f"{moved.astimezone(ZoneInfo('Australia/Lord_Howe')):%H:%M}" == "02:30"


def test_of_a_local_time_that_happens_twice_the_first_is_meant():
    assert instant(datetime(2026, 11, 1, 1, 30), "America/New_York") == datetime(
        2026, 11, 1, 5, 30, tzinfo=UTC
    )


def test_a_day_that_never_was_has_no_opening():
    window = make_window("09:00", "17:00", [5], "Pacific/Apia")

    opening = next_open(datetime(2011, 12, 30, 0, tzinfo=UTC), window)

    assert opening.astimezone(ZoneInfo("Pacific/Apia")).date() == date(2012, 1, 6)


def test_a_window_inside_the_gap_opens_a_week_later():
    window = make_window("02:00", "02:30", [7], "Europe/Berlin")

    opening = next_open(datetime(2026, 3, 28, 12, tzinfo=UTC), window)

    assert opening == datetime(2026, 4, 5, 0, tzinfo=UTC)


def test_an_overnight_window_belongs_to_the_day_it_begins_on():
    friday_night = make_window("22:00", "02:00", [5], "UTC")

    assert is_open(datetime(2026, 11, 21, 1, 59, tzinfo=UTC), friday_night)  # Saturday
    assert not is_open(datetime(2026, 11, 20, 1, 0, tzinfo=UTC), friday_night)  # Friday morning
    assert not is_open(datetime(2026, 11, 21, 2, 0, tzinfo=UTC), friday_night)


def test_a_missing_midnight_in_cairo_is_one_in_the_morning():
    midnight = next_midnight(datetime(2026, 4, 23, 12, tzinfo=UTC), "Africa/Cairo")

    assert f"{midnight.astimezone(ZoneInfo('Africa/Cairo')):%d %H:%M}" == "24 01:00"


@given(moments)
def test_always_is_open_at_any_time(at):
    assert is_open(at, ALWAYS)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: make_window("09:00", "09:00", [1], "UTC"), "start and end at the same time"),
        (lambda: make_window("09:00", "18:00", [], "UTC"), "at least one weekday"),
        (lambda: make_window("09:00", "18:00", [0], "UTC"), "from 1"),
        (lambda: make_window("9:00", "18:00", [1], "UTC"), "HH:MM"),
        (lambda: make_window("09:00", "18:00", [1], "Eastern Standard Time"), "not a time zone"),
        (lambda: make_window("09:00", "18:00", [1], "../etc/passwd"), "not a time zone"),
        (lambda: make_window("09:00", "18:00", [1], ""), "not a time zone"),
        (lambda: add_delay(datetime(2026, 1, 1, tzinfo=UTC), days=-1, hours=0, zone="UTC"), "neg"),
        (lambda: spacing(0), "At least one"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_every_listed_zone_can_be_used():
    for name in zones():
        assert check_zone(name) == name
        assert next_midnight(datetime(2026, 6, 1, tzinfo=UTC), name)


def test_a_window_until_midnight_does_not_speak_of_the_next_day():
    assert describe(make_window("18:00", "00:00", [6, 7], "UTC")) == "Sat, Sun 18:00–00:00, UTC"


# Holidays, days off and business days


countries = st.sampled_from(["", "PT", "US", "DE", "SA", "JP"])
days_off = st.frozensets(st.dates(date(2025, 1, 1), date(2027, 12, 31)), max_size=40)
# Holidays are computed a year at a time: few years keep the tests quick.
recent = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC))


@given(recent, windows(), countries, days_off)
def test_with_holidays_too_the_next_opening_is_open_and_asking_twice_changes_nothing(
    at, window, country, days
):
    window = replace(window, country=country, days_off=days)

    opening = next_open(at, window)

    assert opening >= at
    assert is_open(opening, window) and next_open(opening, window) == opening


@given(recent, windows(), countries, days_off)
def test_nothing_opens_on_a_free_day(at, window, country, days):
    window = replace(window, country=country, days_off=days)

    opening, closing = next(openings(at, window))

    began = local_day(opening, window.zone)
    if not window.is_overnight:
        assert not calendars.is_off(began, country, days)
    assert opening < closing


@given(recent, windows(), countries, days_off)
def test_holidays_only_ever_put_off(at, window, country, days):
    free = replace(window, country=country, days_off=days)

    assert next_open(at, free) >= next_open(at, window)
    day = day_off(at, free)
    assert (day is None) == (next_open(at, free) == next_open(at, window))
    assert day is None or calendars.is_off(day, country, days)


@given(recent, st.integers(0, 30), st.sampled_from(ZONES), countries, days_off)
def test_business_days_end_on_one_and_are_never_fewer_than_calendar_days(
    at, days, zone, country, free
):
    def counts(day: date) -> bool:
        return calendars.is_working_day(day, country, free)

    later = add_delay(at, days=days, hours=0, zone=zone, counts=counts)

    assert later >= add_delay(at, days=days, hours=0, zone=zone)
    passed = (local_day(later, zone) - local_day(at, zone)).days
    between = [local_day(at, zone) + timedelta(days=n) for n in range(1, passed + 1)]
    assert sum(map(counts, between)) == days
    if days:
        assert counts(local_day(later, zone))


def test_a_week_of_holidays_and_own_days_is_passed_over():
    christmas = replace(
        make_window("09:00", "18:00", range(1, 6), "Europe/Lisbon"),
        country="PT",
        days_off=frozenset(date(2026, 12, day) for day in (24, 28, 29, 30, 31)),
    )

    opening = next_open(datetime(2026, 12, 23, 20, tzinfo=UTC), christmas)

    assert opening == datetime(2027, 1, 4, 9, tzinfo=UTC)


def test_an_overnight_window_does_not_begin_on_a_holiday_but_runs_into_one():
    nights = replace(make_window("22:00", "02:00", range(1, 8), "UTC"), country="PT")

    assert is_open(datetime(2026, 12, 25, 1, tzinfo=UTC), nights)  # began on the 24th
    assert not is_open(datetime(2026, 12, 25, 23, tzinfo=UTC), nights)
    assert day_off(datetime(2026, 12, 25, 23, tzinfo=UTC), nights) == date(2026, 12, 25)


def test_a_mondays_only_window_with_a_hundred_free_mondays_still_opens():
    monday = date(2027, 1, 4)
    window = replace(
        make_window("09:00", "18:00", [1], "UTC"),
        days_off=frozenset(monday + timedelta(weeks=n) for n in range(100)),
    )

    opening = next_open(datetime(2027, 1, 1, tzinfo=UTC), window)

    assert opening == datetime(2028, 12, 4, 9, tzinfo=UTC)


def test_business_days_keep_the_local_time_over_a_clock_change():
    friday = datetime(2026, 3, 27, 9, tzinfo=UTC)  # nine in Lisbon, on winter time

    later = add_delay(
        friday, days=1, hours=0, zone="Europe/Lisbon", counts=lambda day: day.isoweekday() < 6
    )

    assert later == datetime(2026, 3, 30, 8, tzinfo=UTC)
