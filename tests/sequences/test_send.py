from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailboxes.models import MailboxDay, SandboxMail
from mailboxes.providers import provider_for
from outreach import times
from sequences.engine import draining, reconciling, sending, settling
from sequences.models import Attempt, Enrollment, Sequence, Touch
from tests.factories import approve, make_due_touch, make_enrollment, make_sequence

pytestmark = pytest.mark.django_db(transaction=True)


def caught() -> list[str]:
    """Recipients of what the sandbox has accepted, in order."""
    mails = SandboxMail.everywhere.exclude(accepted_at=None).order_by("accepted_at", "pk")
    return list(mails.values_list("recipient", flat=True))


def run_until(stage: str, touch: Touch) -> None:
    """Drive a send until the named stage is done, and drop it there, as a killed worker does."""
    for name in sending.sending(touch.pk, provider_for(touch.mailbox)):
        if name == stage:
            return


def lose_lease(touch: Touch) -> None:
    Touch.objects.filter(pk=touch.pk).update(lease_until=times.now() - timedelta(seconds=1))


def test_an_approved_due_touch_is_sent_once_however_often_it_is_offered():
    touch = make_due_touch()

    assert draining.drain_all() == 1
    assert draining.drain_all() == 0

    touch.refresh_from_db()
    assert caught() == [touch.recipient]
    assert touch.status == Touch.Status.SENT and touch.wire_message_id == touch.message_id
    assert touch.attempts.get().outcome == Attempt.Outcome.ACCEPTED


def test_the_first_send_starts_the_run_and_schedules_the_follow_up_from_the_real_send():
    touch = make_due_touch()

    draining.drain_all()

    run = Enrollment.everywhere.get(pk=touch.enrollment_id)
    first, second = run.touches.all()
    assert run.status == Enrollment.Status.ACTIVE and run.steps_done == 1
    assert run.last_sent_at == first.sent_at
    assert second.status == Touch.Status.SCHEDULED
    assert second.due_at == first.sent_at + timedelta(days=3)


def test_the_follow_up_goes_into_the_same_thread_and_ends_the_run():
    first = make_due_touch()
    draining.drain_all()
    second = first.enrollment.touches.get(position=2)
    Touch.objects.filter(pk=second.pk).update(due_at=times.now())
    Sequence.everywhere.update(next_free_at=None)

    draining.drain_all()

    first.refresh_from_db()
    mails = SandboxMail.everywhere.order_by("pk")
    assert bytes(mails[1].raw).count(b"In-Reply-To: " + first.wire_message_id.encode()) == 1
    assert mails[0].thread_id == mails[1].thread_id
    assert mails[1].subject == f"Re: {mails[0].subject}"
    assert Enrollment.everywhere.get().status == Enrollment.Status.COMPLETE


def test_nothing_unapproved_leaves():
    make_enrollment()

    assert draining.drain_all() == 0
    assert caught() == []


def test_nothing_leaves_in_the_undo_window(alice, workspace):
    enrollment = make_enrollment(workspace)
    enrollment.approve(by=alice, shown=enrollment.approval_token())

    assert draining.drain_all() == 0


def test_a_text_changed_behind_the_approval_does_not_leave():
    touch = make_due_touch()
    Touch.objects.filter(pk=touch.pk).update(full_text="Something nobody approved")

    assert draining.drain_all() == 0

    run = Enrollment.everywhere.get()
    assert run.status == Enrollment.Status.PENDING_APPROVAL
    assert caught() == []


@pytest.mark.parametrize("verb", ["pause", "stop"])
def test_a_pause_or_stop_between_claim_and_gate_holds_the_mail_back(verb, alice):
    touch = make_due_touch()
    stages = sending.sending(touch.pk, provider_for(touch.mailbox))
    assert next(stages) == "claimed"

    getattr(Enrollment.everywhere.get(), verb)(by=alice)
    assert list(stages)[-1] == "held back"

    touch.refresh_from_db()
    expected = {"pause": Touch.Status.SCHEDULED, "stop": Touch.Status.CANCELLED}
    assert touch.status == expected[verb] and touch.attempts_made == 0
    assert caught() == [] and MailboxDay.objects.get().used == 0


def test_a_stop_after_the_gate_is_recorded_and_ends_the_run(alice):
    touch = make_due_touch()
    stages = sending.sending(touch.pk, provider_for(touch.mailbox))
    while next(stages) != "on the wire":
        pass

    Enrollment.everywhere.get().stop(by=alice)
    assert list(stages)[-1] == "accepted"

    run = Enrollment.everywhere.get()
    assert run.status == Enrollment.Status.ARCHIVED
    assert run.touches.get(position=2).status == Touch.Status.CANCELLED
    assert run.events.get(kind="sent").detail["raced"] is True


def test_outside_the_window_nothing_leaves_and_inside_it_does():
    sequence = make_sequence(
        workspace := make_enrollment().workspace,
        zone="Europe/Lisbon",
        window_start=time(9),
        window_end=time(18),
        weekdays=[1, 2, 3, 4, 5],
    )
    touch = make_due_touch(workspace=workspace, sequence=sequence)
    lisbon = ZoneInfo("Europe/Lisbon")
    Touch.objects.update(due_at=datetime(2026, 11, 20, 12, tzinfo=lisbon))
    Enrollment.everywhere.update(undo_until=None)

    with times.clock(lambda: datetime(2026, 11, 20, 18, 0, tzinfo=lisbon)):
        assert draining.drain_all() == 0
    with times.clock(lambda: datetime(2026, 11, 21, 12, 0, tzinfo=lisbon)):
        assert draining.drain_all() == 0
    with times.clock(lambda: datetime(2026, 11, 23, 9, 0, tzinfo=lisbon)):
        assert draining.drain_all() == 1
    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT


def test_the_throttle_lets_one_out_per_interval():
    sequence = make_sequence(make_enrollment().workspace, per_minute=2)
    for _ in range(3):
        approve(make_enrollment(sequence=sequence))
    start = times.now() + timedelta(minutes=1)

    sent = []
    for second in range(0, 90, 15):
        with times.clock(lambda at=start + timedelta(seconds=second): at):
            sent.append(draining.drain_all())

    assert sent == [1, 0, 1, 0, 1, 0]


def test_the_daily_limit_of_the_mailbox_holds_the_rest_for_24_hours():
    sequence = make_sequence(make_enrollment().workspace)
    sequence.mailbox.daily_limit = 2
    sequence.mailbox.save()
    for _ in range(3):
        approve(make_enrollment(sequence=sequence))
    noon = datetime(2027, 1, 5, 12, tzinfo=ZoneInfo("UTC"))

    for second in range(10):
        with times.clock(lambda at=noon + timedelta(seconds=second * 2): at):
            draining.drain_all()
    assert len(caught()) == 2

    with times.clock(lambda: noon + timedelta(hours=13)):
        assert draining.drain_all() == 0
    with times.clock(lambda: noon + timedelta(hours=24)):
        assert draining.drain_all() == 1


def test_the_daily_limit_of_the_sequence_holds_too():
    sequence = make_sequence(make_enrollment().workspace, daily_limit=1)
    for _ in range(2):
        approve(make_enrollment(sequence=sequence))
    noon = datetime(2027, 1, 5, 12, tzinfo=ZoneInfo("UTC"))

    for second in range(4):
        with times.clock(lambda at=noon + timedelta(seconds=second * 2): at):
            draining.drain_all()

    assert len(caught()) == 1


@pytest.mark.parametrize("stage", ["claimed", "built", "prepared"])
def test_a_worker_killed_before_the_gate_loses_nothing_and_doubles_nothing(stage):
    touch = make_due_touch()
    run_until(stage, touch)

    assert sending.reap() == 0, "its lease is not over"
    lose_lease(touch)
    assert sending.reap() == 1
    Sequence.everywhere.update(next_free_at=None)
    assert draining.drain_all() == 1

    assert caught() == [touch.recipient]
    assert MailboxDay.objects.get().sent == 1 and MailboxDay.objects.get().reserved == 0


@pytest.mark.parametrize("stage, accepted", [("on the wire", False), ("answered", True)])
def test_a_worker_killed_after_the_gate_leaves_an_uncertain_touch_and_the_provider_is_asked(
    stage, accepted
):
    touch = make_due_touch()
    run_until(stage, touch)
    assert len(caught()) == accepted

    lose_lease(touch)
    sending.reap()
    touch.refresh_from_db()
    assert touch.status == Touch.Status.UNCERTAIN
    assert draining.drain_all() == 0, "it is never sent again blindly"
    assert reconciling.tick() == 0, "the first mark is 30 seconds later"

    later = times.now() + timedelta(seconds=31)
    with times.clock(lambda: later):
        assert reconciling.tick() == 1
        draining.drain_all()
    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT
    assert caught() == [touch.recipient]


def test_a_touch_that_crashes_its_worker_three_times_is_quarantined():
    touch = make_due_touch()
    for _ in range(3):
        Sequence.everywhere.update(next_free_at=None)
        run_until("claimed", touch)
        lose_lease(touch)
        sending.reap()

    touch.refresh_from_db()
    assert touch.status == Touch.Status.FAILED
    assert touch.error == "It crashed the worker 3 times."
    assert Enrollment.everywhere.get().blocked_by == Enrollment.Block.FAILED_TOUCH


def test_a_stale_worker_passes_no_gate():
    touch = make_due_touch()
    stale = sending.sending(touch.pk, provider_for(touch.mailbox))
    assert next(stale) == "claimed"
    lose_lease(touch)
    sending.reap()
    Sequence.everywhere.update(next_free_at=None)

    assert draining.drain_all() == 1
    assert list(stale)[-1] == "held back"

    assert caught() == [touch.recipient]


def test_what_nobody_can_tell_is_decided_by_a_person(alice):
    touch = make_due_touch()
    run_until("answered", touch)
    lose_lease(touch)
    sending.reap()
    at = times.now()
    for seconds in (30, 60, 120, 240, 480, 900):
        with times.clock(lambda at=at + timedelta(seconds=seconds + 1): at):
            settling.still_unknown(touch.pk, at)

    touch.refresh_from_db()
    assert touch.decide
    assert Enrollment.everywhere.get().blocked_by == Enrollment.Block.UNCERTAIN_TOUCH


def test_a_suppression_that_slipped_in_ends_the_run_at_the_claim():
    touch = make_due_touch()
    touch.enrollment.workspace.suppressions(manager="everywhere").create(
        workspace=touch.enrollment.workspace, value="globex.test", reason="by_hand"
    )

    assert draining.drain_all() == 0

    run = Enrollment.everywhere.get()
    assert run.status == Enrollment.Status.ARCHIVED
    assert caught() == []
