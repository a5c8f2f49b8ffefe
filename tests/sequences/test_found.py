"""What the simulation and the verbs in any order have found, played plainly."""

from datetime import datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps

from mailboxes.models import SandboxMail
from mailboxes.providers import provider_for
from mailboxes.providers.base import ContentRefused
from outreach import times
from outreach.models import User
from sequences.engine import lifecycle, outcomes, sending, settling
from sequences.engine.claiming import claim_touch
from sequences.models import Enrollment, Touch
from tests.factories import (
    make_contact,
    make_due_touch,
    make_enrollment,
    make_pool,
    make_sequence,
    make_user,
    make_workspace,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_worker_that_wakes_up_long_after_the_gate_sends_nothing():
    touch = make_due_touch()
    at = times.now()
    provider = provider_for(touch.mailbox)
    with times.clock(lambda: at):
        worker = sending.sending(touch.pk, provider)
        assert [next(worker) for _ in range(4)][-1] == "on the wire"

    with times.clock(lambda: at + timedelta(hours=1)):
        list(worker)

    assert not SandboxMail.everywhere.caught().exists()


def test_a_stop_that_is_undone_gives_no_sixth_attempt():
    workspace, by = make_workspace(), make_user()
    contact = make_contact(workspace, email="flaky+ana@globex.test")
    touch = make_due_touch(workspace=workspace, contact=contact)
    Touch.objects.filter(pk=touch.pk).update(attempts_made=4)
    worker = sending.sending(touch.pk, provider_for(touch.mailbox))
    assert [next(worker), next(worker)] == ["claimed", "built"]

    touch.enrollment.stop(by=by)
    assert list(worker) == ["refused"]
    touch.enrollment.undo(by=by)

    touch.refresh_from_db()
    assert touch.status == Touch.Status.FAILED


def test_a_step_that_fails_while_another_is_edited_is_seen_before_the_approval():
    workspace, by = make_workspace(), make_user()
    contact = make_contact(workspace, email="content+ana@globex.test")
    touch = make_due_touch(workspace=workspace, contact=contact)
    worker = sending.sending(touch.pk, provider_for(touch.mailbox))
    assert next(worker) == "claimed"
    second = touch.enrollment.touches.get(position=2)
    second.edit(subject="", body="Another text", by=by)

    assert list(worker)[-1] == "refused"

    run = Enrollment.everywhere.get()
    assert run.status == Enrollment.Status.PENDING_APPROVAL
    assert (run.blocked_by, run.blocked_position) == (Enrollment.Block.FAILED_TOUCH, 1)


@pytest.mark.parametrize("meanwhile", ["paused", "edited"])
def test_an_approval_that_is_undone_is_revoked_whatever_was_done_meanwhile(meanwhile):
    by, run = make_user(), make_enrollment()
    run.approve(by=by, shown=run.approval_token())
    if meanwhile == "paused":
        run.pause(by=by, until=times.now() + timedelta(days=1))
    else:
        run.touches.get(position=2).edit(subject="", body="Another text", by=by)

    assert run.undo(by=by) == "approval"

    assert (run.status, run.paused_until) == (Enrollment.Status.PENDING_APPROVAL, None)
    assert run.open_drafts().count() == 2
    assert not run.events.filter(kind="stop_undone").exists()


def test_a_paused_run_too_says_when_its_mailbox_works_again():
    by = make_user()
    run = make_due_touch().enrollment
    run.mailbox.disconnect("Signed out.")
    lifecycle.tick()
    run.refresh_from_db()
    assert run.blocked_by == Enrollment.Block.MAILBOX

    run.pause(by=by)
    run.mailbox.reconnect()
    lifecycle.tick()

    run.refresh_from_db()
    assert run.blocked_by == ""


def test_a_run_that_is_complete_needs_nobody_for_its_mailbox():
    by, run = make_user(), make_due_touch(steps=1).enrollment
    run.mailbox.disconnect("Signed out.")
    lifecycle.tick()

    run.touches.get().skip(by=by)

    run.refresh_from_db()
    assert (run.status, run.blocked_by) == (Enrollment.Status.COMPLETE, "")


def sent_again(at: datetime, by: User) -> Touch:
    """Return a mail of a pool, lost on the wire, that a person had sent again an hour later."""
    workspace = make_workspace()
    sequence = make_sequence(workspace)
    pool = make_pool(sequence)
    touch = make_due_touch(workspace=workspace, sequence=sequence)
    workers = [sending.sending(touch.pk, provider_for(mailbox), mailbox) for mailbox in pool]
    worker = next(each for each in workers if next(each, None))
    assert [next(worker) for _ in range(3)][-1] == "on the wire"
    with times.clock(lambda: at + timedelta(hours=1)):
        sending.reap()
        assert settling.was_not_sent(touch.pk, by=by)
    touch.refresh_from_db()
    return touch


def test_a_lost_worker_frees_no_mail_of_a_pool_that_a_person_had_sent_again():
    at = times.now()
    touch = sent_again(at, make_user())
    mailbox = touch.mailbox

    with times.clock(lambda: at + timedelta(hours=2)):
        assert next(sending.sending(touch.pk, provider_for(mailbox), mailbox)) == "claimed"
    with times.clock(lambda: at + timedelta(hours=4)):
        sending.reap()

    touch.refresh_from_db()
    assert (touch.status, touch.mailbox) == (Touch.Status.SCHEDULED, mailbox)


def test_what_a_person_had_sent_again_changes_no_mailbox_once_it_fails_and_is_retried():
    by, at = make_user(), times.now()
    touch = sent_again(at, by)
    mailbox, date = touch.mailbox, touch.dated_at

    with times.clock(lambda: at + timedelta(hours=2)):
        claim = claim_touch(touch.pk, provider_for(mailbox), mailbox)
        assert claim is not None
        outcomes.settle_refusal(claim, ContentRefused("550 5.7.1 no"))
        touch.refresh_from_db()
        assert touch.status == Touch.Status.FAILED
        touch.retry(by=by)

    touch.refresh_from_db()
    assert (touch.status, touch.mailbox, touch.dated_at) == ("scheduled", mailbox, date)


def test_what_follows_a_mail_that_may_have_left_leaves_from_its_mailbox_though_it_is_skipped():
    by, at = make_user(), times.now()
    touch = sent_again(at, by)
    mailbox = touch.mailbox
    with times.clock(lambda: at + timedelta(hours=2)):
        claim = claim_touch(touch.pk, provider_for(mailbox), mailbox)
        assert claim is not None
        outcomes.settle_refusal(claim, ContentRefused("550 5.7.1 no"))
        touch.refresh_from_db()
        touch.skip(by=by)

    second = Touch.steps.get(enrollment=touch.enrollment_id, position=2)
    assert (second.status, second.mailbox) == (Touch.Status.SCHEDULED, mailbox)
    assert second.enrollment.mailbox == mailbox


def test_runs_from_before_are_bound_to_where_what_was_sent_again_may_have_left():
    touch = sent_again(times.now(), make_user())
    other = make_due_touch(sequence=touch.enrollment.sequence)
    Enrollment.everywhere.update(mailbox=None)

    import_module("sequences.migrations.0011_bound_runs").bind_runs(apps, None)

    bound = dict(Enrollment.everywhere.values_list("pk", "mailbox"))
    assert bound == {touch.enrollment_id: touch.mailbox_id, other.enrollment_id: None}
