"""The forecast comes true: a week without faults, predicted to the microsecond."""

import os
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outreach import times
from tests.factories import make_company, make_mailbox, make_sequence, make_workspace
from tests.sequences.foretold import Hands, approved, comes_true

# Which database it is played on makes no difference; the simulation compares them.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

# The week before Europe changes its clocks, with a Monday that is a holiday in Germany not far.
WEDNESDAY = datetime(2026, 3, 25, 7, 30, tzinfo=UTC)


def test_a_week_of_sequences_that_share_everything_comes_true():
    hands = Hands(WEDNESDAY)
    with times.clock(hands.read):
        workspace = make_workspace(zone="America/New_York", daily_limit=28)
        shared = make_mailbox(
            workspace, zone="Europe/Berlin", daily_limit=15, gap_least=60, gap_most=240
        )
        slow = make_mailbox(
            workspace,
            zone="Asia/Kathmandu",
            daily_limit=12,
            warm_up_start=3,
            warm_up_increment=2,
            away_from=date(2026, 3, 30),
            away_until=date(2026, 3, 30),
        )
        office = {"window_start": time(9), "window_end": time(17), "weekdays": [1, 2, 3, 4, 5]}
        berlin = make_sequence(
            workspace,
            steps=3,
            name="Berlin",
            mailbox=shared,
            zone="Europe/Berlin",
            per_minute=2,
            holiday_country="DE",
            days_off=["2026-03-27"],
            business_days=True,
            **office,
        )
        nights = make_sequence(
            workspace,
            name="Nights",
            mailbox=shared,
            zone="Europe/Berlin",
            window_start=time(22),
            window_end=time(3, 30),
            weekdays=[5, 6, 7],
            per_minute=7,
            daily_limit=6,
        )
        theirs = make_sequence(
            workspace, name="Theirs", mailbox=slow, uses_prospect_zone=True, per_minute=1, **office
        )
        warming = make_sequence(
            workspace,
            name="Warming",
            mailbox=slow,
            daily_limit=5,
            warm_up_start=1,
            warm_up_increment=1,
        )
        for sequence in (berlin, nights, theirs, warming):
            sequence.steps.filter(position=2).update(delay_days=1, delay_hours=5)
            sequence.steps.filter(position=3).update(delay_days=0, delay_hours=7)
        approved(berlin, 30)
        approved(nights, 12)
        approved(warming, 9)
        company = make_company(workspace, country="Germany")
        for zone in ("Asia/Tokyo", "America/New_York", "Australia/Lord_Howe", ""):
            approved(theirs, 4, zone=zone, company=company)
        paused = approved(berlin, 2)[0]
        paused.pause(by=None, until=WEDNESDAY + timedelta(days=1, hours=2, minutes=13))

        assert comes_true(workspace, hands) > 100

        # And again from the middle of it, with mails behind that the limits still know of.
        approved(warming, 4)
        assert comes_true(workspace, hands, days=3) > 10


# Whatever the settings are


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
zones = st.sampled_from(ZONES)
# Around the changes of the clocks, a weekend, and holidays of Germany.
begins = st.sampled_from(
    [
        datetime(2026, 3, 27, 13, 11, tzinfo=UTC),
        datetime(2026, 4, 2, 20, 5, tzinfo=UTC),
        datetime(2026, 10, 30, 6, tzinfo=UTC),
        datetime(2026, 12, 23, 23, 59, 30, tzinfo=UTC),
    ]
)
limits = st.none() | st.integers(1, 6)


@st.composite
def settings_of_mailbox(draw: st.DrawFn) -> dict[str, object]:
    values: dict[str, object] = {"zone": draw(zones), "daily_limit": draw(st.integers(2, 8))}
    if draw(st.booleans()):
        least = draw(st.integers(1, 900))
        values |= {"gap_least": least, "gap_most": least + draw(st.integers(0, 900))}
    if draw(st.booleans()):
        values |= {"warm_up_start": draw(st.integers(1, 3)), "warm_up_increment": 1}
    return values


@st.composite
def settings_of_sequence(draw: st.DrawFn) -> dict[str, object]:
    values: dict[str, object] = {
        "zone": draw(zones),
        "per_minute": draw(st.integers(1, 60)),
        "daily_limit": draw(limits),
        "business_days": draw(st.booleans()),
        "holiday_country": draw(st.sampled_from(["", "DE"])),
        "uses_prospect_zone": draw(st.booleans()),
    }
    if draw(st.booleans()):
        start, hours = draw(st.integers(0, 23)), draw(st.integers(1, 23))
        values |= {"window_start": time(start), "window_end": time((start + hours) % 24)}
        values |= {"weekdays": sorted(draw(st.sets(st.integers(1, 7), min_size=3)))}
    return values


@settings(
    max_examples=int(os.environ.get("FORECAST_EXAMPLES", "3")),
    derandomize="FORECAST_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_whatever_the_settings_are_it_comes_true(data):
    hands = Hands(data.draw(begins))
    with times.clock(hands.read):
        workspace = make_workspace(zone=data.draw(zones), daily_limit=data.draw(limits))
        mailboxes = [
            make_mailbox(workspace, **data.draw(settings_of_mailbox()))
            for _ in range(data.draw(st.integers(1, 2)))
        ]
        for _ in range(data.draw(st.integers(1, 3))):
            mailbox = data.draw(st.sampled_from(mailboxes))
            values = data.draw(settings_of_sequence())
            sequence = make_sequence(workspace, mailbox=mailbox, **values)
            days, hours = data.draw(st.integers(0, 1)), data.draw(st.integers(0, 5))
            sequence.steps.filter(position=2).update(delay_days=days, delay_hours=hours)
            for zone in data.draw(st.sets(zones, min_size=1, max_size=2)):
                approved(sequence, data.draw(st.integers(1, 5)), zone=zone)

        comes_true(workspace, hands, days=3)

        # The next example starts from nothing.
        workspace.erase()
