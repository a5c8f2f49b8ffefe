from hypothesis import given
from hypothesis import strategies as st

from mailboxes.limits import WarmUp, day_limit, gap

counts = st.integers(1, 10_000)
warm_ups = st.builds(WarmUp, start=counts, increment=counts)
days = st.integers(0, 5_000)


def test_a_mailbox_may_send_its_daily_limit():
    assert day_limit(50).most == 50


def test_a_limit_is_never_below_nothing():
    assert day_limit(-5).most == 0


@given(counts, warm_ups, days)
def test_a_warm_up_never_allows_more_than_the_daily_limit_nor_less_than_its_start(
    daily_limit, warm_up, day
):
    limit = day_limit(daily_limit, warm_up, day)

    assert min(warm_up.start, daily_limit) <= limit.most <= daily_limit
    assert limit.is_warming_up == (limit.most < daily_limit)


@given(counts, warm_ups, days)
def test_a_warm_up_grows_every_day_until_the_daily_limit_is_reached(daily_limit, warm_up, day):
    today, tomorrow = (day_limit(daily_limit, warm_up, each) for each in (day, day + 1))

    assert tomorrow.most >= today.most
    if tomorrow.is_warming_up:
        assert tomorrow.most == today.most + warm_up.increment


@given(counts, counts, st.none() | warm_ups, days)
def test_a_higher_daily_limit_never_allows_less(one, other, warm_up, day):
    lower, higher = sorted([one, other])

    assert day_limit(lower, warm_up, day).most <= day_limit(higher, warm_up, day).most


@given(st.integers(1), st.tuples(counts, counts).map(sorted))
def test_a_pause_is_within_its_bounds_and_always_the_same(touch_id, bounds):
    least, most = bounds

    pause = gap(touch_id, least, most)

    assert least <= pause.total_seconds() <= most
    assert pause == gap(touch_id, least, most)


def test_pauses_are_spread_over_the_whole_range():
    pauses = [gap(touch_id, 60, 180).total_seconds() for touch_id in range(1, 1001)]

    for begin in range(60, 180, 12):
        assert 60 < sum(begin <= pause < begin + 12 for pause in pauses) < 140
