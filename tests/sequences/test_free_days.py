"""Holidays, days off, vacations and business days, with the product's own sending."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from mailboxes.providers import provider_for
from outreach import times
from sequences.engine import claiming, draining, sending
from sequences.engine.explain import Reason
from sequences.models import Enrollment, Sequence, Touch
from tests.factories import (
    approve,
    make_company,
    make_contact,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)
from tests.sequences.test_pacing import answer

pytestmark = pytest.mark.django_db(transaction=True)

CHRISTMAS_EVE = datetime(2026, 12, 24, 12, tzinfo=UTC)
A_DAY = timedelta(days=1)


def office(**values: object) -> Sequence:
    """A sequence that sends in office hours."""
    hours = {"window_start": time(9), "window_end": time(18), "weekdays": [1, 2, 3, 4, 5]}
    return make_sequence(make_workspace(), steps=1, zone="Europe/Lisbon", **hours | values)


def test_nothing_leaves_on_a_public_holiday_and_it_is_named():
    run = approve(make_enrollment(sequence=office(holiday_country="PT")))
    holiday = datetime(2026, 12, 25, 12, tzinfo=UTC)

    found = answer(run, holiday)

    assert (found.reason, found.at) == (Reason.HOLIDAY, datetime(2026, 12, 28, 9, tzinfo=UTC))
    assert found.sentence == "Nothing leaves on 25 December: it is Christmas Day in Portugal."
    with times.clock(lambda: holiday):
        assert draining.drain_all() == 0
    with times.clock(lambda: found.at):
        assert draining.drain_all() == 1


def test_nothing_leaves_on_a_day_off_of_the_sequence():
    run = approve(make_enrollment(sequence=office(days_off=["2026-12-24"])))

    found = answer(run, CHRISTMAS_EVE)

    assert (found.reason, found.at) == (Reason.HOLIDAY, datetime(2026, 12, 25, 9, tzinfo=UTC))
    assert found.sentence == "Nothing leaves on 24 December: it is a day off of this sequence."


def test_a_closed_window_is_still_called_so():
    run = approve(make_enrollment(sequence=office(holiday_country="PT")))

    assert answer(run, datetime(2026, 12, 23, 20, tzinfo=UTC)).reason == Reason.WINDOW


def test_nothing_leaves_while_the_sender_is_away():
    mailbox = make_mailbox(
        make_workspace(),
        zone="Europe/Lisbon",
        away_from=date(2026, 12, 24),
        away_until=date(2027, 1, 3),
    )
    run = approve(make_enrollment(sequence=office(mailbox=mailbox)))

    found = answer(run, CHRISTMAS_EVE)

    assert (found.reason, found.at) == (Reason.VACATION, datetime(2027, 1, 4, 9, tzinfo=UTC))
    assert found.sentence == f"The sender of {mailbox} is away until 3 January."
    with times.clock(lambda: CHRISTMAS_EVE):
        assert draining.drain_all() == 0
    with times.clock(lambda: found.at):
        assert draining.drain_all() == 1


def test_a_vacation_that_begins_between_claim_and_gate_holds_the_mail_back():
    mailbox = make_mailbox(make_workspace(), zone="UTC")
    run = approve(make_enrollment(sequence=make_sequence(mailbox.workspace, mailbox=mailbox)))
    touch = run.touches.get(position=1)
    with times.clock(lambda: CHRISTMAS_EVE):
        stages = sending.sending(touch.pk, provider_for(mailbox))
        assert next(stages) == "claimed"
        mailbox.away_from = mailbox.away_until = CHRISTMAS_EVE.date()
        mailbox.save()

        assert list(stages)[-1] == "held back"


def test_business_days_pass_over_weekends_and_holidays():
    sequence = make_sequence(
        make_workspace(), zone="Europe/Lisbon", business_days=True, holiday_country="PT"
    )
    run = approve(make_enrollment(sequence=sequence))
    with times.clock(lambda: CHRISTMAS_EVE):
        assert draining.drain_all() == 1

    # Three days after Thursday the 24th: not the 25th (Christmas), not the weekend.
    second = Touch.objects.get(position=2)
    assert second.due_at == datetime(2026, 12, 30, 12, tzinfo=UTC)
    found = answer(run, CHRISTMAS_EVE + A_DAY)
    assert found.sentence == "3 business days after the step before."


@pytest.fixture
def admin(alice, workspace) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def settings_of(**changes: object) -> dict[str, object]:
    return {
        "name": "Q4 outbound",
        "window_start": "09:00",
        "window_end": "18:00",
        "weekdays": [1, 2, 3],
        "zone": "Europe/Lisbon",
        "per_minute": 2,
        "approval_mode": "manual",
    } | changes


def test_the_settings_take_a_country_days_off_and_business_days(admin, workspace):
    sequence = make_sequence(workspace, status=Sequence.Status.DRAFT)
    url = f"/sequences/{sequence.pk}/settings/"
    free = {"holiday_country": "PT", "days_off": "2026-12-31\n2026-12-24", "business_days": "on"}

    admin.post(url, settings_of(**free))

    sequence.refresh_from_db()
    assert (sequence.holiday_country, sequence.business_days) == ("PT", True)
    assert sequence.days_off == ["2026-12-24", "2026-12-31"]
    page = admin.get(url).content.decode()
    assert '<option value="PT" selected>Portugal</option>' in page
    assert "2026-12-24\n2026-12-31</textarea>" in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"days_off": "24.12.2026"}, "“24.12.2026” is not a date. Write it as 2026-12-24."),
        ({"holiday_country": "XX"}, "Select a valid choice"),
        ({"warm_up_start": "10"}, "Enter the mails a day that the warm-up leads up to."),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(admin, workspace, changes, sentence):
    sequence = make_sequence(workspace, status=Sequence.Status.DRAFT)

    answer = admin.post(f"/sequences/{sequence.pk}/settings/", settings_of(**changes))

    assert answer.status_code == 422 and sentence in answer.content.decode()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"holiday_country": "XX"}, "use a code like PT"),
        ({"days_off": ["24.12."]}, "Write a list of dates"),
        ({"days_off": [1]}, "Write a list of dates"),
        ({"days_off": ["2026-12-31", "2026-12-24"]}, "in order"),
    ],
)
def test_operators_cannot_store_free_days_that_cannot_be_read(values, sentence):
    sequence = make_sequence(make_workspace(), **values)

    with pytest.raises(ValidationError, match=sentence):
        sequence.full_clean()


def test_holidays_can_be_changed_later_and_what_a_delay_counts_cannot(admin, workspace):
    sequence = make_sequence(workspace)
    free = {"days_off": "2026-12-24", "business_days": "on"}

    admin.post(f"/sequences/{sequence.pk}/settings/", settings_of(**free))

    sequence.refresh_from_db()
    assert (sequence.days_off, sequence.business_days) == (["2026-12-24"], False)


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        ("2026-12-24", "2026-12-23", "The last day cannot be before the first."),
        ("2026-12-24", "", "Enter both days."),
        ("", "2026-12-24", "Enter both days."),
    ],
)
def test_a_vacation_has_a_first_and_a_last_day(admin, workspace, first, last, sentence):
    mailbox = make_mailbox(workspace)
    values = {"sender_name": "Alex", "daily_limit": 40, "zone": "UTC", "signature": ""}
    url = f"/mailboxes/{mailbox.pk}/edit/"

    wrong = admin.post(url, values | {"away_from": first, "away_until": last})
    assert wrong.status_code == 422 and sentence in wrong.content.decode()

    admin.post(url, values | {"away_from": "2026-12-24", "away_until": "2026-12-24"})
    mailbox.refresh_from_db()
    assert mailbox.is_away(date(2026, 12, 24)) and not mailbox.is_away(date(2026, 12, 25))


# The prospect's own clock


def in_office_hours(**contact: object) -> Enrollment:
    sequence = office(uses_prospect_zone=True)
    company = make_company(sequence.workspace, country=str(contact.pop("company_country", "")))
    person = make_contact(sequence.workspace, company=company, **contact)
    return approve(make_enrollment(sequence=sequence, contact=person))


NIGHT = datetime(2027, 1, 6, 1, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("contact", "opens", "said"),
    [
        ({"zone": "Asia/Tokyo", "company_country": "Germany"}, 1, ""),
        ({"zone": "America/New_York"}, 14, "New York (the prospect's own time, by the contact's"),
        ({"country": "DE", "company_country": "Japan"}, 8, "by the contact's country)"),
        ({"company_country": "Germany"}, 8, "Berlin (the prospect's own time, by the company's"),
        ({"company_country": "United States"}, 9, "Lisbon (the prospect's own time is not known)"),
        ({"country": "USA", "company_country": "Germany"}, 9, "is not known)"),
        ({"zone": "Mars/Olympus"}, 9, "is not known)"),
        ({}, 9, "is not known)"),
    ],
)
def test_the_hours_are_meant_on_the_prospects_clock_and_it_is_said_whose(contact, opens, said):
    run = in_office_hours(**contact)

    found = answer(run, NIGHT)

    assert found.at == NIGHT.replace(hour=opens)
    assert said in found.sentence
    with times.clock(lambda: NIGHT):
        assert draining.drain_all() == (opens == NIGHT.hour)
    if not found.may_leave:
        assert answer(run, NIGHT) == found
        with times.clock(lambda: found.at):
            assert draining.drain_all() == 1


def test_prospects_whose_night_it_is_keep_no_others_waiting():
    sequence = office(uses_prospect_zone=True)
    for _ in range(claiming.CANDIDATES - 1):
        person = make_contact(sequence.workspace, zone="America/New_York")
        approve(make_enrollment(sequence=sequence, contact=person))
    awake = make_contact(sequence.workspace, zone="Asia/Tokyo")
    run = approve(make_enrollment(sequence=sequence, contact=awake))

    with times.clock(lambda: NIGHT):
        assert draining.drain_all() == 1

    assert run.touches.get(position=1).status == Touch.Status.SENT
    asleep = Touch.objects.filter(status="scheduled", position=1)
    assert set(asleep.values_list("due_at", flat=True)) == {NIGHT.replace(hour=14)}


def test_off_by_default_the_sequences_own_zone_decides():
    sequence = office()
    person = make_contact(sequence.workspace, zone="Asia/Tokyo")
    run = approve(make_enrollment(sequence=sequence, contact=person))

    found = answer(run, NIGHT)

    assert found.at == NIGHT.replace(hour=9)
    assert found.sentence == "It waits for the sending hours: Mon–Fri 09:00–18:00, Lisbon."


def test_a_chosen_time_is_moved_into_the_prospects_hours(alice):
    run = in_office_hours(zone="America/New_York")
    with times.clock(lambda: NIGHT):
        due = run.touches.get(position=1).reschedule(NIGHT + timedelta(hours=8), by=alice)

    assert due == NIGHT.replace(hour=14)
