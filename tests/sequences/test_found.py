"""What the simulation found in the send path, played plainly."""

from datetime import timedelta

import pytest

from mailboxes.models import SandboxMail
from mailboxes.providers import provider_for
from outreach import times
from sequences.engine import sending
from sequences.models import Enrollment, Touch
from tests.factories import make_contact, make_due_touch, make_user, make_workspace

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
