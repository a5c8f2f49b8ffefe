"""Holidays, days off, vacations and business days, with the product's own sending."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.test import Client

from outreach import times
from sequences.engine import sending
from sequences.engine.explain import Reason
from sequences.models import Sequence, Touch
from tests.factories import approve, make_enrollment, make_mailbox, make_sequence, make_workspace
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
        assert sending.drain_all() == 0
    with times.clock(lambda: found.at):
        assert sending.drain_all() == 1


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
        assert sending.drain_all() == 0
    with times.clock(lambda: found.at):
        assert sending.drain_all() == 1


def test_a_vacation_that_begins_between_claim_and_gate_holds_the_mail_back():
    mailbox = make_mailbox(make_workspace(), zone="UTC")
    run = approve(make_enrollment(sequence=make_sequence(mailbox.workspace, mailbox=mailbox)))
    touch = run.touches.get(position=1)
    with times.clock(lambda: CHRISTMAS_EVE):
        stages = sending.sending(touch.pk, sending.outbox.provider_for(mailbox))
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
        assert sending.drain_all() == 1

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
