import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from outreach import times
from outreach.models import Membership
from sequences.engine import drafting
from sequences.models import Enrollment, NotReady, Sequence, TextChanged, Touch
from tests.factories import (
    make_company,
    make_contact,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_user,
)

pytestmark = pytest.mark.django_db(transaction=True)


def make_run(workspace: Any, *, subject: str = "Hello", body: str = "Hi", **values: Any) -> Any:
    """A run in a sequence of one step whose drafts are still to be written."""
    sequence = values.pop("sequence", None) or make_sequence(workspace, steps=1)
    sequence.steps.update(subject=subject, body=body)
    return Enrollment.everywhere.create(
        workspace=workspace,
        sequence=sequence,
        contact=values.pop("contact", None) or make_contact(workspace),
        mailbox=sequence.mailbox,
        **values,
    )


def test_the_draft_tick_writes_one_draft_a_step(workspace):
    run = make_run(workspace, sequence=make_sequence(workspace, steps=3), body="Hi {{first_name}}")

    assert drafting.tick() == 1

    run.refresh_from_db()
    assert not run.is_drafting and run.steps_total == 3
    assert [touch.body for touch in run.touches.all()] == ["Hi Jordan"] * 3
    assert {touch.status for touch in run.touches.all()} == {Touch.Status.DRAFT}
    assert drafting.tick() == 0


def test_what_was_drafted_can_be_approved_as_it_was_read(alice, workspace):
    run = make_run(workspace)
    drafting.draft(run)

    run.approve(by=alice, shown=run.approval_token())

    assert run.status == Enrollment.Status.APPROVED


def test_a_value_comes_from_the_run_then_metadata_then_contact_then_sequence(workspace):
    company = make_company(workspace, name="From the company")
    sequence = make_sequence(workspace, steps=1, variables={"company": "0", "offer": "sequence"})
    contact = make_contact(
        workspace, company=company, first_name="contact", fields={"offer": "contact"}
    )
    run = make_run(
        workspace,
        sequence=sequence,
        contact=contact,
        body="{{first_name}} {{company}} {{offer}} {{sender_name}} {{a}} {{b}}",
        metadata={"first_name": "metadata", "a": 12, "b": ["no", "scalar"]},
        variables={"first_name": "run", "company": None},
    )

    drafting.draft(run)

    (touch,) = run.touches.all()
    assert touch.body == "run From the company contact Alex Morgan 12 {{ b }}"
    assert touch.missing == ["b"]


def test_a_subject_stays_one_line_of_at_most_300_characters(workspace):
    company = make_company(workspace, name="Acme\r\nBcc: x@evil.test " + "long " * 35)
    run = make_run(
        workspace,
        subject="For {{company}} and {{company}}",
        contact=make_contact(workspace, company=company),
    )

    drafting.draft(run)

    (touch,) = run.touches.all()
    assert "\n" not in touch.subject and len(touch.subject) <= 300


def test_a_missing_value_blocks_the_approval_until_it_is_filled(alice, workspace):
    run = make_run(
        workspace, subject="About {{terminal}}", body="Hi {{first_name}}, {{terminal}}, {{seats}}"
    )
    drafting.draft(run)
    (touch,) = run.touches.all()
    assert touch.missing == ["terminal", "seats"]
    with pytest.raises(NotReady, match="still needs"):
        run.approve(by=alice, shown=run.approval_token())

    drafting.fill(run, {"terminal": "Antwerp"}, by=alice)
    touch.refresh_from_db()
    assert (touch.subject, touch.missing) == ("About Antwerp", ["seats"])
    with pytest.raises(NotReady, match="seats"):
        run.approve(by=alice, shown=run.approval_token())

    drafting.fill(run, {"seats": "12"}, by=alice)
    run.approve(by=alice, shown=run.approval_token())

    touch.refresh_from_db()
    assert touch.body == "Hi Jordan, Antwerp, 12" and touch.is_approved


def test_filling_keeps_what_a_person_wrote(alice, workspace):
    run = make_run(workspace, body="Hi {{first_name}}, {{terminal}}")
    drafting.draft(run)
    (touch,) = run.touches.all()
    drafting.edit(touch, subject="Mine", body="My own words on {{ terminal }}", by=alice)

    drafting.fill(run, {"terminal": "Antwerp", "first_name": "Somebody"}, by=alice)

    touch.refresh_from_db()
    assert (touch.subject, touch.body) == ("Mine", "My own words on Antwerp")
    assert touch.edited_by == alice
    assert touch.revisions.count() == 2


def test_filling_nothing_is_refused(alice, workspace):
    run = make_run(workspace)
    drafting.draft(run)

    with pytest.raises(NotReady, match="Type a value"):
        drafting.fill(run, {"terminal": "  "}, by=alice)


def test_tokens_that_a_person_types_are_filled_in(alice, workspace):
    run = make_run(workspace)
    drafting.draft(run)
    (touch,) = run.touches.all()

    drafting.edit(
        touch,
        subject="For {{ company }}",
        body='Dear {{ first_name }},\r\n{{ nickname | default: "friend" }} {{ terminal }}',
        by=alice,
        shown=touch.approval_token(run),
    )

    assert touch.subject == "For Globex"
    assert touch.body == "Dear Jordan,\nfriend {{ terminal }}"
    assert touch.missing == ["terminal"]


@pytest.mark.parametrize(
    ("subject", "body", "sentence"),
    [
        ("", "  ", "Write a text"),
        ("", "Hi {{ first_name", "is not closed"),
        ("", "{{ ai_write: a joke }}", "cannot be used yet"),
        ("x" * 301, "Hi", "longer than 300"),
    ],
)
def test_a_text_that_cannot_be_a_mail_is_refused(alice, workspace, subject, body, sentence):
    run = make_run(workspace, body="As it was")
    drafting.draft(run)
    (touch,) = run.touches.all()

    with pytest.raises(NotReady, match=sentence):
        drafting.edit(touch, subject=subject, body=body, by=alice)

    touch.refresh_from_db()
    assert touch.body == "As it was"


def test_a_text_that_changed_meanwhile_is_not_overwritten(alice, workspace):
    run = make_run(workspace)
    drafting.draft(run)
    (touch,) = run.touches.all()
    shown = touch.approval_token(run)
    drafting.edit(touch, subject="First", body="First", by=alice, shown=shown)

    with pytest.raises(TextChanged):
        drafting.edit(touch, subject="Second", body="Second", by=alice, shown=shown)


def test_two_workers_at_once_write_every_run_once(workspace):
    sequence = make_sequence(workspace, steps=2)
    for _ in range(60):
        make_run(workspace, sequence=sequence)
    done: list[int] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            while written := drafting.tick():
                done.append(written)
        except BaseException as problem:
            failed.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert not failed and sum(done) == 60
    assert Touch.objects.count() == 120
    assert not Enrollment.everywhere.filter(drafted_at__isnull=True).exists()


def test_redrafting_takes_the_new_text_and_revokes_the_approval(alice, workspace):
    run = make_run(workspace, body="Old words for {{first_name}}")
    drafting.draft(run)
    run.approve(by=alice, shown=run.approval_token())
    run.sequence.steps.update(body="New words for {{first_name}}")

    assert drafting.redraft(run, by=alice) == 1

    run.refresh_from_db()
    (touch,) = run.touches.all()
    assert touch.body == "New words for Jordan" and not touch.is_approved
    assert run.status == Enrollment.Status.PENDING_APPROVAL
    assert drafting.redraft(run, by=alice) == 0


def test_redrafting_keeps_what_somebody_edited_and_what_was_sent(alice, workspace):
    run = make_run(workspace, sequence=make_sequence(workspace, steps=3), body="Old")
    drafting.draft(run)
    first, second, third = run.touches.all()
    Touch.objects.filter(pk=first.pk).update(status=Touch.Status.SENT)
    drafting.edit(second, subject="", body="By hand", by=alice)
    run.sequence.steps.update(body="New")

    assert drafting.redraft(run, by=alice) == 1

    assert [touch.body for touch in run.touches.all()] == ["Old", "By hand", "New"]


# Automatic mode


def make_automatic(workspace: Any, alice: Any, **values: Any) -> Sequence:
    return make_sequence(
        workspace,
        steps=1,
        approval_mode=Sequence.ApprovalMode.AUTOMATIC,
        approver=alice,
        **values,
    )


def test_automatic_mode_approves_in_the_name_of_who_switched_it_on(alice, workspace):
    run = make_run(workspace, sequence=make_automatic(workspace, alice))

    drafting.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.APPROVED
    assert run.touches.get().approved_by == alice


def test_automatic_mode_waits_until_the_first_step_is_due(alice, workspace):
    sequence = make_automatic(workspace, alice)
    run = make_run(workspace, sequence=sequence)
    sequence.steps.update(delay_days=2)
    drafting.tick()
    run.refresh_from_db()
    assert run.status == Enrollment.Status.PENDING_APPROVAL

    with times.clock(lambda: run.created_at + timedelta(days=2, minutes=1)):
        drafting.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.APPROVED


def test_automatic_mode_leaves_what_lacks_a_value_to_a_person(alice, workspace):
    run = make_run(workspace, sequence=make_automatic(workspace, alice), body="{{ terminal }}")

    drafting.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.PENDING_APPROVAL
    assert run.touches.get().missing == ["terminal"]


def test_automatic_mode_does_not_approve_again_what_a_person_undid(alice, workspace):
    run = make_run(workspace, sequence=make_automatic(workspace, alice))
    drafting.tick()
    run.refresh_from_db()
    run.undo(by=alice)

    drafting.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.PENDING_APPROVAL


def test_automatic_mode_ends_with_the_rights_of_who_switched_it_on(workspace):
    dave = make_user()
    member = Membership.objects.create(user=dave, workspace=workspace, role="approver")
    run = make_run(workspace, sequence=make_automatic(workspace, dave))
    member.role = Membership.Role.MEMBER
    member.save()

    drafting.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.PENDING_APPROVAL


def test_a_paused_automatic_sequence_approves_nothing(alice, workspace):
    sequence = make_automatic(workspace, alice, status=Sequence.Status.PAUSED)
    run = make_run(workspace, sequence=sequence)

    drafting.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.PENDING_APPROVAL


def test_a_finished_run_takes_no_values(alice, workspace):
    run = make_enrollment(
        workspace, sequence=make_sequence(workspace, mailbox=make_mailbox(workspace))
    )
    run.stop(by=alice)

    with pytest.raises(Exception, match="this one is archived"):
        drafting.fill(run, {"a": "b"}, by=alice)
