"""Several mails claimed at once: one of each sequence, each with a fate of its own."""

from datetime import timedelta

import pytest

from mailboxes.models import Mailbox, MailboxDay
from mailboxes.providers import provider_for
from outreach import times
from sequences.engine import claiming, draining, sending
from sequences.models import Attempt, Sequence, Touch
from tests.factories import make_contact, make_due_touch, make_mailbox, make_sequence

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailbox(workspace) -> Mailbox:
    return make_mailbox(workspace, daily_limit=100)


def due(mailbox: Mailbox, sequences: int, each: int = 1) -> list[Touch]:
    """Touches that are due from this mailbox, by sequence."""
    made = [make_sequence(mailbox.workspace, mailbox=mailbox) for _ in range(sequences)]
    return [make_due_touch(sequence=sequence) for sequence in made for _ in range(each)]


def claim(mailbox: Mailbox, limit: int = 100) -> list[claiming.Claim]:
    return claiming.claim_due(mailbox, provider_for(mailbox), limit).claims


def test_one_of_each_sequence_is_claimed_and_counted(mailbox):
    touches = due(mailbox, sequences=3, each=2)

    claims = claim(mailbox)

    assert [each.touch.pk for each in claims] == [touch.pk for touch in touches[::2]]
    assert MailboxDay.objects.get().reserved == 3
    assert Sequence.everywhere.filter(next_free_at__gt=times.now()).count() == 3
    assert claim(mailbox) == []


def test_no_more_is_claimed_than_is_asked_for_or_the_day_allows(mailbox):
    due(mailbox, sequences=5)
    mailbox.daily_limit = 3
    mailbox.save()

    assert len(claim(mailbox, limit=2)) == 2
    assert len(claim(mailbox)) == 1
    assert claim(mailbox) == []
    assert MailboxDay.objects.get().reserved == 3


def test_what_may_never_leave_is_refused_and_the_next_takes_its_place(mailbox):
    first, second = due(mailbox, sequences=1, each=2)
    Touch.objects.filter(pk=first.pk).update(full_text="Not what was approved.")

    found = claiming.claim_due(mailbox, provider_for(mailbox), 100)

    assert [each.touch.pk for each in found.claims] == [second.pk]
    assert found.refused == 1
    first.refresh_from_db()
    assert first.status == Touch.Status.DRAFT and not first.is_approved


def test_what_waits_for_a_person_is_left_alone(mailbox):
    due(mailbox, sequences=1, each=2)
    mailbox.workspace.stop_sending(by=None)

    assert not claiming.anything_leaves(mailbox)
    assert claim(mailbox) == []

    first_steps = Touch.objects.filter(position=1)
    assert set(first_steps.values_list("status", flat=True)) == {"scheduled"}
    assert not Attempt.objects.exists()


def test_a_claim_lasts_until_its_gate_closes_and_the_wire_as_long_as_the_provider_needs(mailbox):
    due(mailbox, sequences=1)
    provider = provider_for(mailbox)
    (mine,) = claim(mailbox)
    touch = mine.touch
    touch.refresh_from_db()
    assert touch.lease_until == mine.claimed_at + provider.budget + claiming.GRACE

    stages = sending.carry(mine, provider)
    while next(stages) != "on the wire":
        pass

    touch.refresh_from_db()
    assert touch.lease_until >= mine.claimed_at + provider.lease


def test_a_lost_worker_is_held_against_the_mail_it_was_at_work_on_and_not_the_others(mailbox):
    touches = due(mailbox, sequences=4)
    provider = provider_for(mailbox)
    claims = claim(mailbox)
    assert list(sending.carry(claims[0], provider))[-1] == "accepted"
    next(sending.carry(claims[1], provider))  # and here the worker is killed

    with times.clock(lambda: claims[0].claimed_at + timedelta(minutes=5)):
        assert sending.reap() == 3

    assert [Touch.objects.get(pk=touch.pk).crashes for touch in touches] == [0, 1, 0, 0]
    assert MailboxDay.objects.get().reserved == 0


@pytest.mark.parametrize("fault", ["busy", "quota"])
def test_once_the_mailbox_is_held_the_rest_of_a_batch_goes_back_unharmed(mailbox, fault):
    first = make_sequence(mailbox.workspace, mailbox=mailbox)
    contact = make_contact(mailbox.workspace, email=f"{fault}+ana@globex.test")
    make_due_touch(sequence=first, contact=contact)
    others = due(mailbox, sequences=3)
    claims = claim(mailbox)
    assert len(claims) == 4

    assert sending.carry_all(claims, provider_for(mailbox)) == 0

    for touch in others:
        touch.refresh_from_db()
        assert (touch.status, touch.attempts_made) == (Touch.Status.SCHEDULED, 0)
        assert touch.attempts.get().outcome == Attempt.Outcome.ABANDONED
    assert MailboxDay.objects.get().reserved == 0
    assert draining.drain(mailbox.pk) == 0


def test_five_passing_faults_in_a_row_spare_the_rest_of_a_batch(mailbox):
    for number in range(5):
        contact = make_contact(mailbox.workspace, email=f"flaky+{number}@globex.test")
        sequence = make_sequence(mailbox.workspace, mailbox=mailbox)
        make_due_touch(sequence=sequence, contact=contact)
    others = due(mailbox, sequences=3)

    assert sending.carry_all(claim(mailbox), provider_for(mailbox)) == 0

    assert [Touch.objects.get(pk=touch.pk).attempts_made for touch in others] == [0, 0, 0]


def test_a_mail_that_breaks_keeps_no_others_of_its_batch_waiting(mailbox, monkeypatch):
    broken, *others = due(mailbox, sequences=3)
    build = sending.build

    def build_or_break(mine, provider):
        if mine.touch.pk == broken.pk:
            raise ValueError("nobody thought of this")
        return build(mine, provider)

    monkeypatch.setattr(sending, "build", build_or_break)

    assert sending.carry_all(claim(mailbox), provider_for(mailbox)) == len(others)

    broken.refresh_from_db()
    assert broken.status == Touch.Status.SENDING
    with times.clock(lambda: broken.lease_until + timedelta(seconds=1)):
        assert sending.reap() == 1
    broken.refresh_from_db()
    assert (broken.status, broken.crashes) == (Touch.Status.SCHEDULED, 1)


def test_more_are_claimed_while_mails_leave_quickly_and_fewer_when_they_do_not():
    quick, slow = timedelta(seconds=0.1), timedelta(seconds=10)
    assert [draining._next_batch(size, quick) for size in (1, 2, 64, 100)] == [2, 4, 100, 100]
    assert [draining._next_batch(size, slow) for size in (100, 3, 1)] == [50, 1, 1]
