"""What the drawer shows of one prospect, and what can be done in it."""

import pytest
from django.test import Client
from django.urls import reverse

from mailboxes.providers import provider_for
from outreach import times
from sequences.engine import draining, sending
from sequences.models import Enrollment, Touch
from tests.factories import approve, make_due_touch, make_enrollment

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true", "HX-Target": "drawer"}


@pytest.fixture
def page(client: Client, alice) -> Client:
    client.force_login(alice)
    return client


def url(name: str, record) -> str:
    return reverse(f"sequences:{name}", args=[record.pk])


def test_it_shows_every_step_with_subject_text_angle_and_delay(page, workspace):
    run = make_enrollment(workspace, steps=4)

    shown = page.get(url("enrollment", run), headers=HTMX).content.decode()

    for touch in run.touches.all():
        assert touch.body in shown
    assert shown.count("Angle: timely trigger") == 4
    assert shown.count("3 days later") == 3
    assert "Re: Quick question about Globex" in shown
    assert "<html" not in shown


def test_it_is_a_page_of_its_own_without_htmx(page, workspace):
    run = make_enrollment(workspace)

    shown = page.get(url("enrollment", run)).content.decode()

    assert shown.count("<h1") == 1 and "Approve &amp; send" in shown


def test_a_stranger_and_a_dropped_run_are_not_found(page, carol, workspace, alice):
    run = make_enrollment(workspace)
    stranger = Client()
    stranger.force_login(carol)

    assert stranger.get(url("enrollment", run)).status_code == 404
    for name in ("touch_edit", "touch_approve", "touch_retry", "touch_skip", "touch_decide"):
        assert stranger.post(url(name, run.touches.first())).status_code == 404
    run.drop(by=alice)
    assert page.get(url("enrollment", run)).status_code == 404


def test_a_viewer_reads_and_changes_nothing(bob, workspace):
    run = make_enrollment(workspace)
    viewer = Client()
    viewer.force_login(bob)

    shown = viewer.get(url("enrollment", run)).content.decode()

    assert "Approve &amp; send" not in shown and "Edit step" not in shown
    for name in ("touch_edit", "touch_approve", "touch_retry", "touch_skip", "touch_decide"):
        assert viewer.post(url(name, run.touches.first())).status_code == 403
        assert viewer.get(url(name, run.touches.first())).status_code in (403, 405)


def test_editing_saves_the_text_and_takes_its_approval_back(page, workspace, alice):
    run = approve(make_enrollment(workspace), by=alice)
    touch = run.touches.get(position=2)
    answer = page.post(
        url("touch_edit", touch),
        {"subject": "", "body": "Hello {{ first_name }}", "shown": touch.approval_token(run)},
        headers=HTMX,
    )

    touch.refresh_from_db()
    run.refresh_from_db()
    assert answer.status_code == 200
    assert touch.body == "Hello Jordan" and not touch.is_approved
    assert run.status == Enrollment.Status.PENDING_APPROVAL
    assert touch.revisions.get().body == "Hi Jordan, this is step 2."


def test_what_was_typed_survives_when_somebody_else_was_faster(page, workspace, alice):
    run = make_enrollment(workspace)
    touch = run.touches.get(position=1)
    shown = touch.approval_token(run)
    touch.edit(subject="Hello", body="Their text", by=alice)

    answer = page.post(
        url("touch_edit", touch),
        {"subject": "Hi", "body": "My own text", "shown": shown},
        headers=HTMX,
    )

    touch.refresh_from_db()
    assert answer.status_code == 409
    assert "My own text" in answer.content.decode()
    assert "<ins>" in answer.content.decode() and touch.body == "Their text"


def test_an_empty_text_is_refused_and_nothing_is_lost(page, workspace):
    touch = make_enrollment(workspace).touches.get(position=1)

    answer = page.post(
        url("touch_edit", touch), {"subject": "A new subject", "body": "  "}, headers=HTMX
    )

    assert answer.status_code == 422 and "A new subject" in answer.content.decode()


def test_approving_a_text_that_changed_shows_the_difference(page, workspace, alice):
    run = make_enrollment(workspace)
    shown = run.approval_token()
    run.touches.get(position=2).edit(subject="", body="Hi Jordan, quite another step.", by=alice)

    answer = page.post(url("approve", run), {"shown": shown}, headers=HTMX)

    run.refresh_from_db()
    assert answer.status_code == 409
    assert "<del>" in answer.content.decode() and "<ins>" in answer.content.decode()
    assert run.status == Enrollment.Status.PENDING_APPROVAL


def test_missing_values_are_asked_for_and_filled_in(page, workspace):
    run = make_enrollment(workspace)
    Touch.objects.filter(enrollment=run, position=1).update(
        body="About {{ terminal }}", missing=["terminal"]
    )

    shown = page.get(url("enrollment", run), headers=HTMX).content.decode()
    assert "A value is missing" in shown and "disabled" in shown
    page.post(url("fill", run), {"value_terminal": "Caucedo"}, headers=HTMX)

    touch = run.touches.get(position=1)
    assert touch.body == "About Caucedo" and touch.missing == []


def test_a_failed_step_shows_the_providers_words_its_cause_and_retry(page, workspace):
    touch = make_due_touch(workspace=workspace)
    Touch.objects.filter(pk=touch.pk).update(
        status=Touch.Status.FAILED, error="Daily user-quota exceeded", error_kind="quota"
    )
    Enrollment.everywhere.get().refresh_block()

    shown = page.get(url("enrollment", touch.enrollment), headers=HTMX).content.decode()
    assert "Daily user-quota exceeded" in shown and "Quota hit" in shown
    answer = page.post(url("touch_retry", touch), headers=HTMX)

    touch.refresh_from_db()
    assert touch.status == Touch.Status.SCHEDULED and answer.status_code == 200
    again = page.post(url("touch_retry", touch), headers=HTMX)
    assert again.status_code == 409 and "Only failed steps can be retried" in again.content.decode()


def test_an_uncertain_step_is_settled_by_a_person(page, workspace):
    touch = make_due_touch(workspace=workspace)
    for stage in sending.sending(touch.pk, provider_for(touch.mailbox)):
        if stage == "answered":
            break
    Touch.objects.filter(pk=touch.pk).update(lease_until=times.now())
    sending.reap()
    Touch.objects.filter(pk=touch.pk).update(decide=True, check_at=None)

    shown = page.get(url("enrollment", touch.enrollment), headers=HTMX).content.decode()
    assert "It was sent" in shown and "Send again" in shown
    page.post(url("touch_decide", touch), {"answer": "sent"}, headers=HTMX)

    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT
    assert touch.attempts.get().decided_by is not None


def test_it_says_when_the_next_step_leaves_and_which_rule_decides(page, workspace, alice):
    run = approve(make_enrollment(workspace), by=alice)
    draining.drain_all()

    shown = page.get(url("enrollment", run), headers=HTMX).content.decode()

    assert "Step 2 leaves" in shown and "3 days after the step before." in shown


def test_names_and_texts_are_escaped(page, workspace):
    run = make_enrollment(workspace)
    run.contact.first_name = "<script>alert(1)</script>"
    run.contact.save()
    Touch.objects.update(body="<img src=x onerror=alert(1)>")

    shown = page.get(url("enrollment", run)).content.decode()

    assert "<script>alert" not in shown and "<img src=x" not in shown
