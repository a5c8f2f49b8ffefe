"""A sequence that rotates over a pool of mailboxes."""

from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import Message

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailboxes.models import Mailbox, MailboxDay, SandboxMail
from mailboxes.providers import provider_for
from outreach import times
from outreach.models import AuditEntry
from sequences.engine import defining, draining, explain, pacing, pooling, sending
from sequences.models import Enrollment, NotReady, PoolMember, Sequence, Touch
from tests.factories import (
    approve,
    copies_of,
    make_due_touch,
    make_enrollment,
    make_mailbox,
    make_pool,
    make_sequence,
    make_workspace,
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
    return make_sequence(workspace)


def due(sequence: Sequence, count: int) -> list[Touch]:
    """So many first steps that may leave now."""
    first = make_due_touch(sequence=sequence)
    return [first, *copies_of(first, count - 1)]


def send_all(hands: Hands, seconds: int) -> int:
    """Let the scheduler tick once a second."""
    sent = 0
    for _ in range(seconds):
        sent += draining.drain_all()
        hands.at += timedelta(seconds=1)
    return sent


def read(mail: SandboxMail) -> Message:
    return message_from_bytes(bytes(mail.raw), policy=policy.default)


def senders() -> Counter[str]:
    """How many mails each address has really sent, by what its From header says."""
    mails = SandboxMail.everywhere.caught()
    for mail in mails:
        assert f"<{mail.mailbox.email}>" in read(mail)["From"]
    return Counter(mail.mailbox.email for mail in mails)


def test_first_mails_go_round_the_pool(hands, sequence):
    pool = make_pool(sequence, 3)
    due(sequence, 7)

    assert send_all(hands, 10) == 7

    assert senders() == {pool[0].email: 3, pool[1].email: 2, pool[2].email: 2}


def test_follow_ups_leave_from_the_mailbox_that_sent_the_first_mail_in_its_thread(hands, sequence):
    make_pool(sequence, 3)
    due(sequence, 6)
    send_all(hands, 10)
    hands.at += timedelta(days=4)

    assert send_all(hands, 10) == 6

    for run in Enrollment.everywhere.filter(sequence=sequence):
        first, second = run.touches.order_by("position")
        assert first.mailbox == second.mailbox == run.mailbox
        mail = SandboxMail.everywhere.caught().get(message_id=second.message_id)
        assert mail.mailbox == run.mailbox
        assert read(mail)["In-Reply-To"] == first.wire_message_id


def test_a_member_whose_day_is_full_is_passed_over(hands, sequence):
    small, large = make_pool(sequence, 2)
    Mailbox.everywhere.filter(pk=small.pk).update(daily_limit=2)
    due(sequence, 8)

    send_all(hands, 10)

    assert senders() == {small.email: 2, large.email: 6}


def test_when_no_member_may_send_the_first_mail_waits_for_the_first_of_them(hands, sequence):
    pool = make_pool(sequence, 2, daily_limit=1)
    touches = due(sequence, 3)
    send_all(hands, 5)

    left = next(
        touch
        for touch in touches
        if not SandboxMail.everywhere.filter(message_id=touch.message_id).exists()
    )
    left.refresh_from_db()
    answer = explain.touch(left, left.enrollment)

    assert answer.code == "pool" and answer.kind == explain.Kind.DEFERRED
    assert answer.sentence.startswith("None of the pool's 2 mailboxes may send before")
    assert answer.at >= hands.at + timedelta(hours=23) - timedelta(minutes=1)
    assert left.mailbox is None
    hands.at = answer.at
    assert send_all(hands, 2) == 1
    assert sum(senders().values()) == 3
    assert set(senders()) == {mailbox.email for mailbox in pool}


@pytest.mark.parametrize("status", ["paused", "disconnected"])
def test_a_member_that_cannot_send_takes_no_turns_and_the_others_go_on(hands, sequence, status):
    out, rest = make_pool(sequence, 2)
    Mailbox.everywhere.filter(pk=out.pk).update(status=status)
    due(sequence, 3)

    send_all(hands, 5)

    assert senders() == {rest.email: 3}


def test_a_run_whose_mailbox_is_lost_waits_and_never_changes_its_sender(hands, sequence):
    make_pool(sequence, 2)
    (touch,) = due(sequence, 1)
    send_all(hands, 1)
    run = Enrollment.everywhere.get(pk=touch.enrollment_id)
    run.mailbox.disconnect("The token was revoked.")
    hands.at += timedelta(days=4)

    assert send_all(hands, 3) == 0

    second = run.touches.get(position=2)
    assert explain.touch(second, Enrollment.everywhere.get(pk=run.pk)).code == "disconnected"
    run.mailbox.reconnect()
    assert send_all(hands, 3) == 1
    assert senders() == {run.mailbox.email: 2}


def test_with_nobody_left_in_the_pool_the_sequence_sends_from_its_own_mailbox(hands, sequence):
    pool = make_pool(sequence, 2)
    Mailbox.everywhere.filter(pk=pool[0].pk).update(status="disconnected")
    Mailbox.everywhere.filter(pk=pool[1].pk).update(out_since=hands.at, out_note="Bounces.")
    due(sequence, 2)

    assert send_all(hands, 3) == 2

    assert senders() == {sequence.mailbox.email: 2}


def test_what_was_approved_for_the_pool_leaves_from_the_own_mailbox_once_it_is_emptied(
    hands, sequence
):
    make_pool(sequence, 2)
    due(sequence, 2)

    defining.configure(sequence, {}, by=None, pool=[])
    other = make_mailbox(sequence.workspace)
    defining.configure(sequence, {"mailbox": other}, by=None)

    assert send_all(hands, 3) == 2
    assert senders() == {other.email: 2}


def test_approval_in_a_pool_covers_any_of_its_mailboxes_with_one_name_and_one_signature(
    hands, workspace
):
    own = make_mailbox(workspace, sender_name="Ana Silva", signature="Ana, Brightline")
    sequence = make_sequence(workspace, mailbox=own)
    make_pool(sequence, 2, sender_name="Somebody", signature="Other words")
    (touch,) = due(sequence, 1)

    assert touch.sender == Touch.ANY_OF_POOL and touch.is_as_approved

    send_all(hands, 1)
    mail = SandboxMail.everywhere.caught().get()
    assert "Ana Silva" in read(mail)["From"]
    assert "Ana, Brightline" in touch.full_text and "Other words" not in touch.full_text


def test_a_text_approved_for_one_mailbox_leaves_from_that_one_in_a_pool_too(hands, sequence):
    (touch,) = due(sequence, 1)
    make_pool(sequence, 3)

    assert send_all(hands, 2) == 1

    assert senders() == {touch.sender: 1}
    assert touch.sender == sequence.mailbox.email


def test_drafts_that_nobody_approved_join_the_pool_and_ask_for_a_new_look(workspace, sequence):
    run = make_enrollment(sequence=sequence)
    shown = run.approval_token()

    make_pool(sequence, 2)

    run.refresh_from_db()
    assert run.mailbox is None
    assert run.approval_token() != shown


def test_who_is_enrolled_with_a_sequence_that_rotates_is_bound_by_the_first_send(hands, sequence):
    make_pool(sequence, 2)
    run = approve(make_enrollment(sequence=sequence))
    assert run.mailbox is None

    send_all(hands, 1)

    run.refresh_from_db()
    assert run.mailbox == run.touches.get(position=1).mailbox is not None


def test_follow_ups_leave_before_first_steps_in_a_pool_too(hands, sequence):
    (only,) = make_pool(sequence, 1)
    (begun,) = due(sequence, 1)
    send_all(hands, 1)
    hands.at += timedelta(days=4)
    copies = due(sequence, 3)
    Touch.objects.filter(pk__in=[each.pk for each in copies]).update(
        due_at=hands.at - timedelta(days=3)
    )

    draining.drain(only.pk)

    second = Touch.objects.get(enrollment=begun.enrollment_id, position=2)
    assert second.status == Touch.Status.SENT
    assert not Touch.objects.filter(pk__in=[each.pk for each in copies], status="sent").exists()


def test_a_mail_that_was_put_back_may_leave_from_another_mailbox(hands, sequence):
    first, second = make_pool(sequence, 2)
    (touch,) = due(sequence, 1)
    provider = provider_for(first)
    stages = sending.sending(touch.pk, provider, first)
    assert next(stages) == "claimed"
    touch.refresh_from_db()
    assert touch.mailbox == first
    Mailbox.everywhere.get(pk=first.pk).pause()

    assert list(stages)[-1] == "held back"

    touch.refresh_from_db()
    assert (touch.status, touch.mailbox) == (Touch.Status.SCHEDULED, None)
    hands.at += timedelta(seconds=1)
    assert send_all(hands, 1) == 1
    assert senders() == {second.email: 1}


def test_a_mailbox_claims_nothing_of_a_pool_while_it_is_the_turn_of_another(hands, sequence):
    first, second = make_pool(sequence, 2)
    due(sequence, 2)

    assert draining.drain(second.pk) == 0
    assert draining.drain(first.pk) == 1
    hands.at += timedelta(seconds=1)
    assert draining.drain(first.pk) == 0
    assert draining.drain(second.pk) == 1


def test_two_sequences_that_share_a_pool_share_its_limits(hands, workspace):
    one, other = make_sequence(workspace), make_sequence(workspace)
    pool = make_pool(one, 2, daily_limit=3)
    defining.configure(other, {}, by=None, pool=pool)
    for sequence in (one, other):
        due(sequence, 6)

    send_all(hands, 12)

    assert senders() == {pool[0].email: 3, pool[1].email: 3}
    assert {day.used for day in MailboxDay.objects.filter(mailbox__in=pool)} == {3}


def test_the_order_of_turns_outlives_a_change_of_the_pool(hands, sequence):
    pool = make_pool(sequence, 2)
    due(sequence, 4)
    send_all(hands, 1)

    new = make_mailbox(sequence.workspace)
    defining.configure(sequence, {}, by=None, pool=[*pool, new])
    send_all(hands, 3)

    assert senders() == {pool[0].email: 2, pool[1].email: 1, new.email: 1}


def test_a_pool_of_another_workspace_is_refused(sequence):
    stranger = make_mailbox(make_workspace(name="Elsewhere"))

    with pytest.raises(NotReady, match="own workspace"):
        defining.configure(sequence, {}, by=None, pool=[stranger])

    assert not PoolMember.objects.exists()


def test_a_pool_needs_a_mailbox_that_speaks_for_it(workspace):
    sequence = make_sequence(workspace, mailbox=None)

    with pytest.raises(NotReady, match="its name and signature"):
        make_pool(sequence, 2)

    assert not PoolMember.objects.exists()


def test_a_change_of_the_pool_is_in_the_audit_log(sequence, alice):
    pool = [make_mailbox(sequence.workspace) for _ in range(2)]

    defining.configure(sequence, {}, by=alice, pool=pool)
    defining.configure(sequence, {}, by=alice, pool=pool)

    entry = AuditEntry.everywhere.get(verb="change_pool")
    assert entry.by == alice
    assert entry.detail == {"mailboxes": [mailbox.email for mailbox in pool]}


def test_a_copy_of_a_sequence_rotates_over_the_same_pool(sequence, alice):
    pool = make_pool(sequence, 2)

    copy = defining.duplicate(sequence, by=alice)

    assert copy.rotates
    assert [member.mailbox for member in copy.pool.all()] == pool


def test_the_pick_of_the_pool_sees_what_the_same_moment_has_given(hands, workspace):
    """One look at the limits serves many touches: what it gave counts for the next of them."""
    sequence = make_sequence(workspace)
    pool = make_pool(sequence, 2, daily_limit=1)
    touches = due(sequence, 2)
    look = pacing.Look(hands.at)
    pools = pooling.Pools(look)
    chosen, _ = pools.next(sequence)
    touches[0].mailbox = chosen

    look.count(touches[0])

    assert [chosen, pools.next(sequence)[0]] == pool


def test_a_sequence_without_a_pool_asks_nothing_about_pools(hands, sequence):
    due(sequence, 2)

    with CaptureQueriesContext(connection) as asked:
        assert draining.drain(sequence.mailbox.pk) == 1

    assert not [query for query in asked if "poolmember" in query["sql"]]
