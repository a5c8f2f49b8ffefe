"""What is rare in sending: news that comes late, days that end, workers that hang."""

import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from mailboxes.models import MailboxDay, SandboxMail
from mailboxes.providers import provider_for
from mailboxes.providers.base import Receipt, TryAgain, Unknown
from outreach import times
from sequences.engine import claiming, draining, outcomes, reconciling, sending, settling
from sequences.models import Attempt, Enrollment, Sequence, SequenceDay, Touch
from tests.factories import (
    approve,
    make_contact,
    make_due_touch,
    make_enrollment,
    make_mailbox,
    make_sequence,
)
from tests.threads import together

pytestmark = pytest.mark.django_db


def stages_of(touch):
    return sending.sending(touch.pk, provider_for(touch.mailbox))


def run_until(stage, touch):
    """Drive a send until the named stage is done; the generator goes on when asked."""
    stages = stages_of(touch)
    for name in stages:
        if name == stage:
            return stages


def lose_lease(touch):
    Touch.objects.filter(pk=touch.pk).update(lease_until=times.now() - timedelta(seconds=1))
    sending.reap()


def free_pace():
    Sequence.everywhere.update(next_free_at=None)


def caught():
    return SandboxMail.everywhere.exclude(accepted_at=None).count()


# The database


class Full:
    """A database that cannot take what this worker has to write down, so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, execute, sql, params, many, context):
        if self.left and sql.startswith(("UPDATE", "WITH")):
            self.left -= 1
            raise OperationalError("database or disk is full")
        return execute(sql, params, many, context)


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [("accepted", "accepted", "sent"), ("refused", "rejected", "scheduled")],
)
def test_an_answer_that_the_database_cannot_take_yet_is_written_down_later(
    answer, outcome, status, workspace, monkeypatch
):
    monkeypatch.setattr(sending, "WRITES_AGAIN", 0)
    touch = make_due_touch(workspace=workspace)
    stages = run_until("on the wire", touch)
    if answer == "refused":
        SandboxMail.everywhere.all().delete()
    next(stages)

    with connection.execute_wrapper(full := Full(times=3)):
        assert list(stages) == [answer]

    touch.refresh_from_db()
    assert (full.left, touch.status) == (0, status)
    assert touch.attempts.get().outcome == outcome


def test_a_worker_that_can_write_nothing_down_gives_up_with_its_lease(workspace, monkeypatch):
    """Then the reaper settles it, and the provider is asked."""
    monkeypatch.setattr(sending, "WRITES_AGAIN", 0)
    touch = make_due_touch(workspace=workspace)
    provider = provider_for(touch.mailbox)
    monkeypatch.setattr(provider, "lease", timedelta(seconds=0.2), raising=False)
    stages = sending.sending(touch.pk, provider)
    while next(stages) != "answered":
        pass

    with connection.execute_wrapper(Full(times=10**9)), pytest.raises(OperationalError):
        next(stages)

    lose_lease(touch)
    touch.refresh_from_db()
    assert touch.status == Touch.Status.UNCERTAIN


# Days


def test_a_mail_claimed_on_the_sequences_day_before_does_not_leave_on_the_next(workspace):
    """The sequence's midnight is not the mailbox's."""
    mailbox = make_mailbox(workspace, zone="UTC")
    sequence = make_sequence(workspace, mailbox=mailbox, zone="Asia/Kathmandu", daily_limit=5)
    touch = make_due_touch(sequence=sequence)
    last_second = datetime(2027, 1, 5, 23, 59, 50, tzinfo=ZoneInfo("Asia/Kathmandu"))

    with times.clock(lambda: last_second):
        stages = run_until("prepared", touch)
    with times.clock(lambda: last_second + timedelta(seconds=15)):
        assert list(stages)[-1] == "held back"

    assert caught() == 0
    assert SequenceDay.objects.get().used == 0 and MailboxDay.objects.get().used == 0


# Stops and undos around a claim


def test_a_stop_undone_while_its_mail_was_on_the_way_loses_no_step(alice, workspace):
    touch = make_due_touch(workspace=workspace)
    stages = run_until("prepared", touch)
    run = Enrollment.everywhere.get()

    run.stop(by=alice)
    assert list(stages)[-1] == "held back"
    run.undo(by=alice)
    free_pace()

    assert draining.drain_all() == 1
    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT


def test_a_worker_lost_while_its_run_was_stopped_leaves_no_failed_step(alice, workspace):
    touch = make_due_touch(workspace=workspace)
    Touch.objects.filter(pk=touch.pk).update(crashes=2)
    run_until("claimed", touch)
    Enrollment.everywhere.get().stop(by=alice)

    lose_lease(touch)

    touch.refresh_from_db()
    assert touch.status == Touch.Status.CANCELLED
    assert MailboxDay.objects.get().used == 0


def test_a_mail_that_leaves_while_the_next_one_is_edited_makes_the_run_active(alice, workspace):
    touch = make_due_touch(workspace=workspace)
    stages = run_until("on the wire", touch)
    second = touch.enrollment.touches.get(position=2)
    second.edit(subject="", body="Another text", by=alice)

    assert list(stages)[-1] == "accepted"

    run = Enrollment.everywhere.get()
    assert run.status == Enrollment.Status.ACTIVE
    assert (run.blocked_by, run.blocked_position) == ("unapproved_touch", 2)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_whose_every_step_was_skipped_is_complete(alice, workspace, when):
    run = make_enrollment(workspace, steps=1)
    if when == "after":
        approve(run, by=alice)

    run.touches.get().skip(by=alice)
    if when == "before":
        approve(run, by=alice)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.COMPLETE


# News that comes late


def sent_again_by_a_person(touch):
    """A mail whose worker is slow rather than dead, and that a person has sent again."""
    slow = run_until("on the wire", touch)
    lose_lease(touch)
    settling.was_not_sent(touch.pk)
    Touch.objects.filter(pk=touch.pk).update(due_at=times.now())
    free_pace()
    return slow


def test_a_late_acceptance_gives_back_what_the_next_attempt_reserved(workspace):
    touch = make_due_touch(workspace=workspace)
    slow = sent_again_by_a_person(touch)
    second = run_until("prepared", touch)

    assert list(slow)[-1] == "accepted"
    assert list(second)[-1] == "held back"

    touch.refresh_from_db()
    day = MailboxDay.objects.get()
    assert touch.status == Touch.Status.SENT and caught() == 1
    assert (day.sent, day.reserved) == (1, 0)
    assert not touch.attempts.filter(outcome="").exists()


def test_a_mail_that_was_accepted_twice_is_counted_twice_and_said(workspace):
    """Nobody could tell, a person sent it again, and then the first answer came after all."""
    touch = make_due_touch(workspace=workspace)
    slow = sent_again_by_a_person(touch)
    second = run_until("on the wire", touch)

    assert list(second)[-1] == "accepted"
    assert list(slow)[-1] == "accepted"

    run = Enrollment.everywhere.get()
    day = MailboxDay.objects.get()
    assert (day.sent, day.reserved) == (2, 0)
    assert run.events.filter(kind="sent").count() == 1
    assert run.events.filter(kind="sent_twice").count() == 1
    assert run.steps_done == 1


@pytest.mark.parametrize(
    ("fate", "outcome", "used"),
    [(None, "unknown", 2), (Unknown("no answer"), "unknown", 2), (TryAgain("451"), "rejected", 1)],
)
def test_once_the_first_answer_has_come_nobody_waits_for_the_second(
    alice, workspace, fate, outcome, used
):
    """The mail that was sent again meanwhile leaves no attempt open, and what it reserved is
    given back where it provably did not leave."""
    touch = make_due_touch(workspace=workspace)
    slow = run_until("on the wire", touch)
    lose_lease(touch)
    settling.was_not_sent(touch.pk, by=alice)
    Touch.objects.filter(pk=touch.pk).update(due_at=times.now())
    free_pace()
    claim = claiming.claim_touch(touch.pk, provider_for(touch.mailbox))
    stages = sending.carry(claim, provider_for(touch.mailbox))
    while next(stages) != "on the wire":
        pass

    assert list(slow)[-1] == "accepted"
    if fate:  # otherwise its worker was killed
        outcomes.settle_refusal(claim, fate)

    first, second = touch.attempts.all()
    assert (first.outcome, first.decided_by) == ("accepted", alice)
    assert second.outcome == outcome
    assert MailboxDay.objects.get().used == used


def test_news_about_a_mail_that_was_settled_meanwhile_changes_nothing(alice, workspace):
    touch = make_due_touch(workspace=workspace)
    run_until("on the wire", touch)
    lose_lease(touch)
    assert settling.was_not_sent(touch.pk, by=alice)

    assert not settling.was_sent(touch.pk, Receipt(touch.message_id, ""), by=alice)
    assert not settling.was_not_sent(touch.pk, by=alice)

    touch.refresh_from_db()
    assert touch.status == Touch.Status.SCHEDULED


def test_a_person_who_says_nothing_sends_nothing_again(client, alice, workspace):
    touch = make_due_touch(workspace=workspace)
    run_until("on the wire", touch)
    lose_lease(touch)
    Touch.objects.update(decide=True)
    client.force_login(alice)

    for said in ({}, {"answer": "perhaps"}):
        assert client.post(f"/touches/{touch.pk}/decide/", said).status_code == 422

    touch.refresh_from_db()
    assert touch.status == Touch.Status.UNCERTAIN


# One that goes wrong does not hold up the others


def test_a_claim_that_cannot_be_settled_does_not_keep_the_others_from_it(workspace):
    bad, good = make_due_touch(workspace=workspace), make_due_touch(workspace=workspace)
    for touch in (bad, good):
        run_until("claimed", touch)
    Attempt.objects.filter(touch=bad).delete()
    past = times.now() - timedelta(minutes=1)
    Touch.objects.update(lease_until=past)
    Touch.objects.filter(pk=bad.pk).update(lease_until=past - timedelta(minutes=1))

    assert sending.reap() == 1

    good.refresh_from_db()
    assert good.status == Touch.Status.SCHEDULED


def test_a_mailbox_that_breaks_does_not_keep_the_others_from_sending(workspace, monkeypatch):
    bad, good = make_due_touch(workspace=workspace), make_due_touch(workspace=workspace)
    anything_leaves = draining.anything_leaves

    def break_on_the_first(mailbox):
        if mailbox.pk == bad.mailbox_id:
            raise ValueError("a password that cannot be read")
        return anything_leaves(mailbox)

    monkeypatch.setattr(draining, "anything_leaves", break_on_the_first)

    assert draining.drain_all() == 1

    good.refresh_from_db()
    assert good.status == Touch.Status.SENT


def test_a_look_up_that_breaks_does_not_keep_the_others_from_it(workspace, monkeypatch):
    bad, good = make_due_touch(workspace=workspace), make_due_touch(workspace=workspace)
    for touch in (bad, good):
        run_until("answered", touch)
        lose_lease(touch)
    Touch.objects.update(check_at=times.now() - timedelta(seconds=1))
    Touch.objects.filter(pk=bad.pk).update(check_at=times.now() - timedelta(minutes=1))
    look_up = reconciling._look_up

    def break_on_the_first(touch):
        if touch.pk == bad.pk:
            raise ValueError("nonsense from the provider")
        return look_up(touch)

    monkeypatch.setattr(reconciling, "_look_up", break_on_the_first)

    assert reconciling.tick() == 1

    good.refresh_from_db()
    assert good.status == Touch.Status.SENT


def test_a_mailbox_whose_server_hangs_takes_no_more_than_two_workers(workspace):
    mailbox = make_mailbox(workspace)
    touches = [make_due_touch(sequence=make_sequence(workspace, mailbox=mailbox)) for _ in range(4)]
    for touch in touches[:2]:
        run_until("on the wire", touch)

    assert draining.drain(mailbox.pk) == 0

    lose_lease(touches[0])
    assert draining.drain(mailbox.pk) == 2


def test_a_mailbox_that_only_waits_for_its_hours_writes_nothing(workspace):
    touch = make_due_touch(workspace=workspace)
    Sequence.everywhere.update(next_free_at=times.now() + timedelta(hours=1))

    with CaptureQueriesContext(connection) as queries:
        assert draining.drain(touch.mailbox_id) == 0

    written = [q["sql"] for q in queries if not q["sql"].startswith(("SELECT", "BEGIN", "COMMIT"))]
    assert written == []


@pytest.mark.django_db(transaction=True)
def test_refusals_in_two_mailboxes_at_once_wait_for_each_other_and_not_for_ever(workspace):
    """Each ends the prospect's other run, which the other one has locked."""
    for number in range(3):
        contact = make_contact(workspace, email=f"refuse+p{number}@globex.test")
        touches = [
            make_due_touch(sequence=make_sequence(workspace), contact=contact) for _ in range(2)
        ]
        met = threading.Barrier(2)
        claims = [run_until("claimed", touch) for touch in touches]

        def finish(stages, met=met):
            met.wait(5)
            return list(stages)[-1]

        said = together(*[lambda stages=stages: finish(stages) for stages in claims])

        assert said == ["refused", "refused"]
        for touch in touches:
            touch.refresh_from_db()
            assert touch.status in (Touch.Status.FAILED, Touch.Status.CANCELLED)
