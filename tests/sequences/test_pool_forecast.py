"""What is foretold of sequences that rotate comes true as well."""

from datetime import UTC, datetime, time, timedelta

import pytest

from mailboxes.models import Mailbox
from outreach import times
from sequences.engine import defining, forecast, plans
from sequences.engine.forecast import Reason
from sequences.models import Sequence, Touch
from tests.factories import make_mailbox, make_pool, make_sequence, make_workspace
from tests.sequences.foretold import Hands, approved, comes_true

# Which database it is played on makes no difference; the simulation compares them.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def hands():
    hands = Hands(MONDAY)
    with times.clock(hands.read):
        yield hands


def of_a_pool(**values: object) -> Sequence:
    office = {"window_start": time(9), "window_end": time(12), "per_minute": 1}
    sequence = make_sequence(make_workspace(), **office | values)
    small, slow = make_pool(sequence, 2, daily_limit=4)
    Mailbox.everywhere.filter(pk=small.pk).update(daily_limit=2, zone="Asia/Tokyo")
    Mailbox.everywhere.filter(pk=slow.pk).update(gap_least=120, gap_most=600)
    return sequence


def test_first_mails_and_follow_ups_of_a_pool_leave_when_it_was_foretold(hands):
    sequence = of_a_pool()
    approved(sequence, 9)

    assert comes_true(sequence.workspace, hands, days=5) == 18

    senders = set(Touch.objects.values_list("position", "mailbox"))
    assert len({mailbox for position, mailbox in senders if position == 1}) == 2


def test_two_sequences_over_one_pool_come_true(hands):
    one = of_a_pool()
    other = make_sequence(one.workspace, per_minute=1)
    pool = [member.mailbox for member in one.pool.select_related("mailbox")]
    defining.configure(other, {}, by=None, pool=pool)
    for sequence in (one, other):
        approved(sequence, 4)

    assert comes_true(one.workspace, hands, days=6) == 16


def test_a_forecast_names_the_pool_that_holds_most(hands):
    sequence = of_a_pool()
    approved(sequence, 40)

    assert forecast.of(sequence).limited_by == "what the mailboxes of its pool may send"
    assert forecast.LIMITS[Reason.POOL] == "what the mailboxes of its pool may send"


def test_prospects_who_are_not_enrolled_yet_are_foreseen_over_the_pool(hands):
    sequence = of_a_pool(status="draft")
    alone = make_sequence(
        sequence.workspace,
        status="draft",
        window_start=time(9),
        window_end=time(12),
        per_minute=1,
        mailbox=make_mailbox(sequence.workspace, daily_limit=2),
    )

    with_pool = forecast.of(sequence, prospects=12).departures
    without = forecast.of(alone, prospects=12).departures

    first = [
        len({each.at.date() for each in mails if each.position == 1})
        for mails in (with_pool, without)
    ]
    assert first[0] < first[1]
    assert len({each.mailbox_id for each in with_pool}) == 2


def test_with_its_own_mailbox_disconnected_a_pool_is_still_foreseen(hands):
    sequence = of_a_pool()
    approved(sequence, 3)
    Mailbox.everywhere.filter(pk=sequence.mailbox_id).update(status="disconnected")

    foreseen = forecast.of(Sequence.everywhere.get(pk=sequence.pk))

    assert foreseen.held == 0 and len(foreseen.departures) == 6


def test_what_shares_a_mailbox_of_the_pool_takes_part_and_nothing_else(hands):
    workspace = make_workspace()
    first, second, apart = [make_mailbox(workspace) for _ in range(3)]
    alone = make_sequence(workspace, steps=1, mailbox=second)
    pooled = make_sequence(workspace, steps=1)
    defining.configure(pooled, {}, by=None, pool=[first, second])
    elsewhere = make_sequence(workspace, steps=1, mailbox=apart)
    for sequence in (alone, pooled, elsewhere):
        approved(Sequence.everywhere.get(pk=sequence.pk), 1)

    for about in (alone, pooled):
        plan = plans.read(workspace, hands.at, until=hands.at + timedelta(days=1), about=about)
        taking_part = {touch.enrollment.sequence_id for touch in plan.scheduled}
        assert taking_part == {alone.pk, pooled.pk}
