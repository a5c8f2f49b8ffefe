from datetime import timedelta

import pytest

from outreach import localtime, times
from outreach.transitions import IllegalTransition
from sequences.models import Enrollment, NotReady, TextChanged, Touch
from tests.factories import approve, make_enrollment

pytestmark = pytest.mark.django_db(transaction=True)


def test_approving_a_run_approves_every_draft_and_schedules_the_first(alice, workspace):
    enrollment = make_enrollment(workspace, steps=3)

    enrollment.approve(by=alice, shown=enrollment.approval_token())

    first, *rest = enrollment.touches.all()
    assert enrollment.status == Enrollment.Status.APPROVED
    assert first.status == Touch.Status.SCHEDULED and first.due_at == enrollment.undo_until
    assert all(touch.is_approved and touch.is_as_approved for touch in (first, *rest))
    assert {touch.status for touch in rest} == {Touch.Status.DRAFT}
    assert [event.kind for event in enrollment.events.all()] == ["approved"]


def test_saving_the_same_text_takes_no_approval_back(alice, workspace):
    run = approve(make_enrollment(workspace), by=alice)
    touch = run.touches.get(position=2)

    touch.edit(subject=f" {touch.subject} ", body=f"{touch.body}\r\n", by=alice)

    assert touch.is_approved and touch.edited_at is None
    assert not run.events.filter(kind="edited").exists()


def test_a_text_that_changed_since_it_was_read_is_not_approved(alice, workspace):
    enrollment = make_enrollment(workspace)
    shown = enrollment.approval_token()
    enrollment.touches.get(position=2).edit(subject="", body="Something else", by=alice)

    with pytest.raises(TextChanged):
        enrollment.approve(by=alice, shown=shown)

    enrollment.refresh_from_db()
    assert enrollment.status == Enrollment.Status.PENDING_APPROVAL
    assert not any(touch.is_approved for touch in enrollment.touches.all())


def test_a_changed_signature_is_a_changed_text(alice, workspace):
    enrollment = make_enrollment(workspace)
    shown = enrollment.approval_token()
    enrollment.mailbox.signature = "Somebody else"
    enrollment.mailbox.save()

    with pytest.raises(TextChanged):
        Enrollment.everywhere.get(pk=enrollment.pk).approve(by=alice, shown=shown)


def test_a_draft_with_a_missing_value_is_not_approved(alice, workspace):
    enrollment = make_enrollment(workspace)
    enrollment.touches.filter(position=2).update(missing=["industry"])

    with pytest.raises(NotReady, match=r"Step 2 still needs \{\{ industry \}\}"):
        enrollment.approve(by=alice, shown=enrollment.approval_token())

    enrollment.refresh_from_db()
    assert enrollment.status == Enrollment.Status.PENDING_APPROVAL


def test_approving_twice_tells_that_it_is_too_late(alice, workspace):
    enrollment = make_enrollment(workspace)
    enrollment.approve(by=alice, shown=enrollment.approval_token())

    with pytest.raises(IllegalTransition, match="this one is approved"):
        enrollment.approve(by=alice, shown=enrollment.approval_token())


def test_an_edit_takes_an_approved_run_back_to_pending(alice, workspace):
    enrollment = approve(make_enrollment(workspace), by=alice)

    enrollment.touches.get(position=2).edit(subject="", body="A new text", by=alice)

    enrollment.refresh_from_db()
    first, second = enrollment.touches.all()
    assert enrollment.status == Enrollment.Status.PENDING_APPROVAL
    assert first.status == Touch.Status.DRAFT and first.is_approved
    assert not second.is_approved


def test_approving_the_last_open_draft_lets_the_run_go_out(alice, workspace):
    enrollment = make_enrollment(workspace)
    first, second = enrollment.touches.all()

    enrollment.approve_touch(first, by=alice, shown=first.approval_token(enrollment))
    assert enrollment.status == Enrollment.Status.PENDING_APPROVAL
    enrollment.approve_touch(second, by=alice, shown=second.approval_token(enrollment))

    assert enrollment.status == Enrollment.Status.APPROVED


def test_undo_takes_the_approval_back_within_its_window(alice, workspace):
    enrollment = make_enrollment(workspace)
    enrollment.approve(by=alice, shown=enrollment.approval_token())

    assert enrollment.undo(by=alice) == "approval"

    assert enrollment.status == Enrollment.Status.PENDING_APPROVAL
    assert not any(touch.is_approved for touch in enrollment.touches.all())


def test_undo_after_the_window_says_what_happened(alice, workspace):
    enrollment = approve(make_enrollment(workspace), by=alice)

    with pytest.raises(NotReady, match="Too late to undo") as raised:
        enrollment.undo(by=alice)

    at = localtime.past(enrollment.events.get(kind="approved").at)
    assert f"Approved by Alice Reyes, {at}. The run is approved now." in str(raised.value)


def test_a_stop_cancels_what_waits_and_can_be_undone(alice, workspace):
    enrollment = make_enrollment(workspace)
    enrollment.approve(by=alice, shown=enrollment.approval_token())
    enrollment.stop(by=alice)
    assert {touch.status for touch in enrollment.touches.all()} == {Touch.Status.CANCELLED}

    assert enrollment.undo(by=alice) == "stop"

    assert enrollment.status == Enrollment.Status.APPROVED
    assert enrollment.touches.get(position=1).status == Touch.Status.SCHEDULED


def test_a_failed_step_is_still_said_after_another_was_edited_and_approved(alice, workspace):
    run = approve(make_enrollment(workspace), by=alice)
    run.touches.filter(position=1).update(status=Touch.Status.FAILED)
    run.touches.get(position=2).edit(subject="", body="Another text", by=alice)
    run.refresh_from_db()

    run.approve(by=alice, shown=run.approval_token())

    assert (run.blocked_by, run.blocked_position) == ("failed_touch", 1)


def test_an_undone_approval_takes_its_badge_along(alice, workspace):
    run = approve(make_enrollment(workspace), by=alice)
    later = times.now() + timedelta(minutes=1)
    Enrollment.everywhere.filter(pk=run.pk).update(blocked_by="mailbox", undo_until=later)

    run.undo(by=alice)

    run.refresh_from_db()
    assert (run.status, run.blocked_by) == (Enrollment.Status.PENDING_APPROVAL, "")
