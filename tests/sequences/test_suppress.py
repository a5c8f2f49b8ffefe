import pytest

from sequences.engine.suppressing import suppress
from sequences.models import Contact, Enrollment, NotReady, Suppression, Touch
from tests.factories import (
    approve,
    make_contact,
    make_due_touch,
    make_enrollment,
    make_sequence,
    make_workspace,
)
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_suppressed_address_ends_every_unfinished_run_of_the_person(workspace):
    contact = make_contact(workspace, email="jordan@globex.test")
    first = approve(make_enrollment(workspace, contact=contact))
    second = make_enrollment(workspace, contact=contact)
    other = make_enrollment(workspace)

    suppress(workspace, "Jordan@Globex.test ", reason="unsubscribed", source="A test")

    for run in (first, second):
        run.refresh_from_db()
        assert (run.status, run.end_reason) == ("archived", "unsubscribed")
        assert {touch.status for touch in run.touches.all()} == {Touch.Status.CANCELLED}
    other.refresh_from_db()
    assert other.status == Enrollment.Status.PENDING_APPROVAL
    assert Suppression.everywhere.get().value == "jordan@globex.test"


def test_an_opt_out_is_noted_on_the_contact_and_a_bounce_is_not(workspace):
    left, bounced = make_contact(workspace), make_contact(workspace)

    suppress(workspace, left.email, reason="unsubscribed", source="A test")
    suppress(workspace, bounced.email, reason="bounced", source="A test")

    assert Contact.everywhere.get(pk=left.pk).opted_out
    assert not Contact.everywhere.get(pk=bounced.pk).opted_out


def test_a_suppressed_domain_ends_the_runs_of_everyone_there(alice, workspace):
    runs = [
        make_enrollment(workspace, contact=make_contact(workspace, email=email))
        for email in ("a@globex.test", "b@globex.test", "c@sub.globex.test", "d@notglobex.test")
    ]

    suppress(workspace, "@Globex.test", reason="by_hand", source="A test", by=alice)

    ended = [Enrollment.everywhere.get(pk=run.pk).end_reason for run in runs]
    assert ended == ["by_hand", "by_hand", "", ""]
    assert Suppression.everywhere.get().created_by == alice


def test_suppressing_twice_keeps_the_first_entry_and_still_ends_new_runs(workspace):
    contact = make_contact(workspace)
    suppress(workspace, contact.email, reason="bounced", source="First")
    run = make_enrollment(workspace, contact=contact)

    suppress(workspace, contact.email, reason="unsubscribed", source="Second")

    run.refresh_from_db()
    assert run.end_reason == "unsubscribed"
    assert Suppression.everywhere.get().source == "First"


def test_another_workspace_is_not_touched(workspace):
    elsewhere = make_workspace(name="Elsewhere")
    theirs = make_enrollment(elsewhere, contact=make_contact(elsewhere, email="jo@globex.test"))

    suppress(workspace, "jo@globex.test", reason="unsubscribed", source="A test")

    theirs.refresh_from_db()
    assert theirs.status == Enrollment.Status.PENDING_APPROVAL


def test_the_end_by_suppression_cannot_be_undone(alice, workspace):
    run = make_enrollment(workspace)

    suppress(workspace, run.contact.email, reason="by_hand", source="A test", by=alice)

    run.refresh_from_db()
    assert run.undo_status == ""


def test_what_is_on_the_wire_stays_and_the_rest_is_cancelled(workspace):
    touch = make_due_touch(workspace=workspace)
    Touch.objects.filter(pk=touch.pk).update(status=Touch.Status.SENDING)

    suppress(workspace, touch.enrollment.contact.email, reason="unsubscribed", source="A test")

    first, second = touch.enrollment.touches.all()
    assert (first.status, second.status) == (Touch.Status.SENDING, Touch.Status.CANCELLED)


def test_an_address_and_its_domain_suppressed_at_once_end_each_run_once(workspace):
    sequence = make_sequence(workspace)
    runs = [
        make_enrollment(
            sequence=sequence, contact=make_contact(workspace, email=f"p{n}@hooli.test")
        )
        for n in range(6)
    ]

    def by_domain() -> None:
        suppress(workspace, "hooli.test", reason="by_hand", source="Domain")

    def by_address() -> None:
        for run in reversed(runs):
            suppress(workspace, run.contact.email, reason="unsubscribed", source="Address")

    together(by_domain, by_address)

    for run in runs:
        assert [event.kind for event in run.events.all()] == ["stopped"]


def test_a_stop_is_not_undone_once_the_address_is_suppressed(alice):
    run = approve(make_enrollment())
    run.stop(by=alice)

    suppress(run.workspace, run.contact.email, reason="by_hand", source="Asked on the phone")

    with pytest.raises(NotReady, match="Too late to undo"):
        run.undo(by=alice)
    run.refresh_from_db()
    assert run.status == Enrollment.Status.ARCHIVED
