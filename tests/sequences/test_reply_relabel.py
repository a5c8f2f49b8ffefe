import pytest

from mailboxes.models import SandboxMail
from sequences.engine import draining, replies, sandbox
from sequences.models import Deal, Enrollment, Reply, Sequence, Suppression, Touch
from tests.factories import make_due_touch, make_enrollment
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(workspace) -> Enrollment:
    touch = make_due_touch(workspace=workspace, steps=3)
    draining.drain_all()
    return Enrollment.everywhere.get(pk=touch.enrollment_id)


def answered(run: Enrollment, kind: str) -> Reply:
    caught = SandboxMail.everywhere.caught().filter(recipient=run.contact.email).latest("pk")
    return sandbox.answer(caught, kind).reply


def test_an_objection_that_is_interest_opens_the_deal(alice, run):
    reply = answered(run, "objection")

    said = replies.relabel(reply, "interested", by=alice)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE
    assert Deal.everywhere.get(enrollment=run)
    assert said.startswith("Marked as interested. The deal “Globex – Q4 outbound” is open.")
    assert (reply.corrected_by, reply.reason) == (alice, "")


def test_interest_that_was_none_removes_the_deal_nobody_worked_on(alice, run):
    reply = answered(run, "interested")

    said = replies.relabel(reply, "not_interested", by=alice)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_OBJECTION
    assert not Deal.everywhere.exists()
    assert said == "Marked as not interested. The deal was removed."


def test_a_deal_that_somebody_worked_on_stays(alice, run):
    reply = answered(run, "interested")
    Deal.everywhere.update(stage=Deal.Stage.MEETING)

    replies.relabel(reply, "objection", by=alice)

    assert Deal.everywhere.count() == 1


def test_a_reply_that_asks_to_stop_suppresses_when_it_is_marked_so(alice, run):
    reply = answered(run, "interested")

    replies.relabel(reply, "unsubscribe", by=alice)

    run.refresh_from_db()
    assert (run.status, run.end_reason) == ("archived", "unsubscribed")
    assert Suppression.everywhere.get().created_by == alice
    assert not Deal.everywhere.exists()


def test_an_opt_out_that_was_none_counts_as_a_reply_but_stays_suppressed(alice, run):
    reply = answered(run, "unsubscribe")

    said = replies.relabel(reply, "interested", by=alice)

    run.refresh_from_db()
    assert (run.status, run.end_reason) == ("replied_positive", "")
    assert Suppression.everywhere.exists()
    assert "stays on the suppression list" in said


def test_an_absence_taken_for_an_answer_lets_the_run_go_on(alice, run):
    reply = answered(run, "objection")
    due = run.touches.get(position=2).due_at

    said = replies.relabel(reply, "out_of_office", by=alice)

    run.refresh_from_db()
    second, third = run.touches.filter(position__gt=1)
    assert run.status == Enrollment.Status.ACTIVE and run.ended_at is None
    assert (second.status, third.status) == (Touch.Status.SCHEDULED, Touch.Status.DRAFT)
    assert second.due_at > due
    assert said.endswith("The run goes on.")


def test_a_paused_run_goes_back_to_its_pause(alice, run):
    run.pause(by=alice)
    reply = answered(run, "objection")

    replies.relabel(reply, "bounce_or_auto", by=alice)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.PAUSED


@pytest.mark.parametrize("status", [Sequence.Status.COMPLETED, Sequence.Status.ARCHIVED])
def test_a_run_of_a_sequence_that_is_over_is_not_taken_up_again(alice, run, status):
    reply = answered(run, "objection")
    Sequence.everywhere.filter(pk=run.sequence_id).update(status=status)

    said = replies.relabel(reply, "out_of_office", by=alice)

    run.refresh_from_db()
    reply.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_OBJECTION
    assert reply.label == "out_of_office"
    assert f"The sequence is {status}" in said


def test_a_prospect_who_was_enrolled_again_is_not_run_twice(alice, workspace, run):
    reply = answered(run, "objection")
    make_enrollment(workspace, sequence=run.sequence, contact=run.contact)

    said = replies.relabel(reply, "out_of_office", by=alice)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_OBJECTION
    assert "enrolled in this sequence again" in said


def test_an_automatic_answer_that_a_person_wrote_ends_the_run(alice, run):
    reply = answered(run, "out_of_office")

    replies.relabel(reply, "interested", by=alice)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE
    assert Deal.everywhere.filter(enrollment=run).exists()

    replies.relabel(reply, "out_of_office", by=alice)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.ACTIVE
    assert not Deal.everywhere.exists()


def test_another_answer_keeps_the_run_ended(alice, run):
    first = answered(run, "interested")
    answered(run, "objection")

    said = replies.relabel(first, "bounce_or_auto", by=alice)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_OBJECTION
    assert "Another answer decides" in said
    assert not Deal.everywhere.exists()


def test_the_last_step_had_gone_out_so_the_run_is_complete_again(alice, workspace):
    touch = make_due_touch(workspace=workspace, steps=1)
    draining.drain_all()
    run = Enrollment.everywhere.get(pk=touch.enrollment_id)
    reply = answered(run, "interested")

    said = replies.relabel(reply, "out_of_office", by=alice)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.COMPLETE
    assert "Every step had gone out" in said


def test_a_run_stopped_by_hand_stays_stopped(alice, run):
    run.stop(by=alice)
    reply = answered(run, "objection")

    said = replies.relabel(reply, "interested", by=alice)

    run.refresh_from_db()
    assert (run.status, run.end_reason) == ("archived", "by_hand")
    assert "stays so" in said
    assert not Deal.everywhere.exists()


def test_two_corrections_at_once_leave_one_state(alice, run):
    reply = answered(run, "objection")

    together(
        lambda: replies.relabel(Reply.everywhere.get(pk=reply.pk), "interested", by=alice),
        lambda: replies.relabel(Reply.everywhere.get(pk=reply.pk), "not_now", by=alice),
    )

    run.refresh_from_db()
    reply.refresh_from_db()
    positive = run.status == Enrollment.Status.REPLIED_POSITIVE
    assert positive == (reply.label == "interested")
    assert Deal.everywhere.exists() == positive


def test_the_same_label_again_changes_nothing(alice, run):
    reply = answered(run, "objection")
    events = run.events.count()

    assert replies.relabel(reply, "objection", by=alice) == "It is marked as objection already."

    assert run.events.count() == events
