"""Too many bounces: a mailbox leaves its pools, a sequence pauses itself."""

from datetime import timedelta
from decimal import Decimal

import pytest

from mailboxes import answers, inbox
from mailboxes.models import Mailbox, SandboxMail
from mailboxes.standing import Bounces
from outreach import times
from outreach.models import AuditEntry
from outreach.transitions import IllegalTransition
from sequences.engine import defining, draining, explain, replies, thresholds
from sequences.models import Sequence, Touch
from tests.factories import (
    copies_of,
    make_contact,
    make_due_touch,
    make_pool,
    make_sequence,
)
from tests.sequences.sent_world import Hands

pytestmark = pytest.mark.django_db


@pytest.fixture
def hands():
    hands = Hands(times.now())
    with hands.hold():
        yield hands


@pytest.fixture
def sequence(workspace) -> Sequence:
    return make_sequence(workspace, steps=1)


def send(hands: Hands, sequence: Sequence, count: int) -> list[Touch]:
    """So many mails of this sequence that have just left."""
    first = make_due_touch(sequence=sequence)
    touches = [first, *copies_of(first, count - 1)]
    for _ in range(count):
        assert draining.drain_all() == 1
        hands.at += timedelta(seconds=1)
    return list(Touch.objects.filter(pk__in=[each.pk for each in touches]))


def bounce(touch: Touch, code: str = "5.1.1") -> None:
    """Let the report of a dead address come back."""
    mail = SandboxMail.everywhere.caught().get(message_id=touch.message_id)
    raw = answers.bounce(mail, code)
    report, _ = inbox.deliver(mail.mailbox, raw, f"bounce {touch.pk}")
    assert replies.settle(report)


def test_a_sequence_over_its_rate_pauses_itself_and_says_the_numbers(hands, sequence):
    touches = send(hands, sequence, 20)

    bounce(touches[0])
    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.ACTIVE
    bounce(touches[1])

    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.PAUSED
    assert sequence.pause_note == "2 of 20 mails bounced (10.0 %), more than 5.0 %."
    entry = AuditEntry.everywhere.get(verb="pause_itself")
    assert (entry.by, entry.record_id) == (None, sequence.pk)
    assert entry.detail == {"why": sequence.pause_note}


def test_nineteen_mails_say_nothing(hands, sequence):
    touches = send(hands, sequence, 19)

    for touch in touches[:10]:
        bounce(touch)

    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.ACTIVE


def test_exactly_the_rate_is_not_too_much(hands, sequence):
    Sequence.everywhere.filter(pk=sequence.pk).update(auto_pause_bounce_rate=Decimal("10.0"))
    touches = send(hands, sequence, 20)

    bounce(touches[0])
    bounce(touches[1])

    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.ACTIVE


def test_resuming_counts_anew(hands, sequence, alice):
    old = send(hands, sequence, 20)
    bounce(old[0])
    bounce(old[1])
    sequence.refresh_from_db()
    sequence.resume(by=alice)
    assert sequence.pause_note == ""

    bounce(old[2])  # sent before: it has been counted by whoever resumed
    new = send(hands, sequence, 20)
    bounce(new[0])

    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.ACTIVE
    assert thresholds.of_sequence(sequence) == Bounces(20, 1)
    bounce(new[1])
    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.PAUSED


def test_an_address_that_is_refused_at_once_counts_as_a_bounce(hands, sequence):
    send(hands, sequence, 18)

    for number in range(2):
        contact = make_contact(sequence.workspace, email=f"refuse+{number}@globex.test")
        make_due_touch(sequence=sequence, contact=contact)
        assert draining.drain_all() == 0
        hands.at += timedelta(seconds=1)

    sequence.refresh_from_db()
    assert sequence.pause_note == "2 of 20 mails bounced (10.0 %), more than 5.0 %."


def test_a_soft_bounce_counts_for_nothing(hands, sequence):
    touches = send(hands, sequence, 20)

    for touch in touches:
        bounce(touch, "4.2.2")

    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.ACTIVE
    assert thresholds.of_sequence(sequence) == Bounces(20, 0)


def test_what_waits_says_that_the_sequence_paused_itself(hands, sequence):
    touches = send(hands, sequence, 20)
    waiting = make_due_touch(sequence=sequence)
    bounce(touches[0])
    bounce(touches[1])

    waiting.refresh_from_db()
    answer = explain.touch(waiting, waiting.enrollment)

    assert (answer.code, answer.kind) == ("bounces", explain.Kind.BLOCKED)
    assert "2 of 20 mails bounced (10.0 %)" in answer.sentence
    assert not draining.drain_all()


def test_a_mailbox_over_its_rate_leaves_its_pools_and_the_sequence_goes_on(hands, sequence):
    bad, good = make_pool(sequence, 2)
    touches = send(hands, sequence, 40)

    from_bad = [touch for touch in touches if touch.mailbox == bad]
    bounce(from_bad[0])
    bounce(from_bad[1])

    bad.refresh_from_db()
    sequence.refresh_from_db()
    assert bad.out_note == "2 of 20 mails bounced (10.0 %) within 7 days, more than 5.0 %."
    assert AuditEntry.everywhere.get(verb="leave_pools").detail == {"why": bad.out_note}
    assert sequence.status == Sequence.Status.ACTIVE
    assert thresholds.of_sequence(sequence) == Bounces(20, 0)
    assert {touch.mailbox for touch in send(hands, sequence, 3)} == {good}


def test_a_mailbox_in_no_pool_has_nothing_to_leave(hands, sequence):
    Sequence.everywhere.filter(pk=sequence.pk).update(auto_pause_bounce_rate=Decimal(100))
    touches = send(hands, sequence, 20)

    for touch in touches[:5]:
        bounce(touch)

    sequence.mailbox.refresh_from_db()
    assert sequence.mailbox.out_since is None


def test_a_mailbox_leaves_all_pools_and_follow_ups_stay_with_it(hands, workspace):
    one = make_sequence(workspace, steps=2)
    bad, good = make_pool(one, 2)
    other = make_sequence(workspace, steps=1)
    defining.configure(other, {}, by=None, pool=[bad, good])
    touches = send(hands, one, 40)
    for touch in [touch for touch in touches if touch.mailbox == bad][:2]:
        bounce(touch)

    assert {touch.mailbox for touch in send(hands, other, 3)} == {good}
    hands.at += timedelta(days=4)
    Sequence.everywhere.update(next_free_at=None)
    mine = Touch.objects.filter(position=2, mailbox=bad, status=Touch.Status.SCHEDULED).count()
    assert mine == 18
    for _ in range(40):
        draining.drain_all()
        hands.at += timedelta(seconds=1)
    assert Touch.objects.filter(position=2, mailbox=bad, status=Touch.Status.SENT).count() == mine


def test_a_mailbox_that_is_put_back_takes_turns_again_and_is_counted_anew(hands, sequence):
    bad, good = make_pool(sequence, 2)
    touches = send(hands, sequence, 40)
    from_bad = [touch for touch in touches if touch.mailbox == bad]
    for touch in from_bad[:3]:
        bounce(touch)
    bad.refresh_from_db()

    assert bad.return_to_pools()
    assert not Mailbox.everywhere.get(pk=bad.pk).return_to_pools()

    bounce(from_bad[3])
    bad.refresh_from_db()
    sequence.refresh_from_db()
    assert bad.out_since is None
    assert thresholds.of_mailbox(bad, hands.at) == Bounces(0, 0)
    assert thresholds.of_sequence(sequence) == Bounces(20, 0)
    assert sequence.status == Sequence.Status.ACTIVE
    assert {touch.mailbox for touch in send(hands, sequence, 2)} == {bad, good}


def test_what_a_mailbox_sent_more_than_a_week_ago_says_nothing(hands, sequence):
    (mailbox,) = make_pool(sequence, 1)
    touches = send(hands, sequence, 20)
    hands.at += timedelta(days=8)

    bounce(touches[0])
    bounce(touches[1])

    mailbox.refresh_from_db()
    assert mailbox.out_since is None
    assert thresholds.of_mailbox(mailbox, hands.at) == Bounces(0, 0)


def test_with_the_last_mailbox_out_of_the_pool_the_own_one_goes_on(hands, sequence):
    (only,) = make_pool(sequence, 1)
    touches = send(hands, sequence, 20)
    bounce(touches[0])
    bounce(touches[1])

    sequence.refresh_from_db()
    only.refresh_from_db()
    assert only.out_since and sequence.status == Sequence.Status.ACTIVE
    assert {touch.mailbox for touch in send(hands, sequence, 2)} == {sequence.mailbox}


def test_a_sequence_that_a_person_paused_is_not_paused_again(hands, sequence, alice):
    touches = send(hands, sequence, 20)
    sequence.pause(by=alice)

    bounce(touches[0])
    bounce(touches[1])

    sequence.refresh_from_db()
    assert sequence.pause_note == ""
    assert not AuditEntry.everywhere.filter(verb="pause_itself").exists()
    with pytest.raises(IllegalTransition):
        sequence.pause_itself("Too late.")
