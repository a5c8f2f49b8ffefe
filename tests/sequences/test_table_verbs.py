"""The verbs of a row: who may use them, and what each asker gets for an answer."""

import json
import re
from datetime import timedelta

import pytest

from outreach.times import now
from sequences.models import Enrollment, Touch
from tests.factories import approve, make_enrollment, make_user
from tests.sequences.table_page import TABLE, run_in, set_row

pytestmark = pytest.mark.django_db(transaction=True)
VERBS = ["approve", "pause", "resume", "stop", "undo", "retry"]
PENDING = f"{TABLE}?status=pending_approval"


@pytest.fixture
def page(client, alice, workspace):
    client.force_login(alice)
    return client


def from_row(run, url=TABLE):
    """The headers of a request that htmx makes for a row."""
    return {
        "HX-Request": "true",
        "HX-Target": f"row-{run.pk}",
        "HX-Current-URL": f"http://testserver{url}",
    }


def post(client, run, verb, values=None, headers=None):
    return client.post(f"/enrollments/{run.pk}/{verb}/", values or {}, headers=headers)


def shown(run):
    return {"shown": run.approval_token()}


@pytest.mark.parametrize("verb", VERBS)
def test_a_stranger_finds_nothing(client, carol, workspace, verb):
    run = make_enrollment(workspace)
    client.force_login(carol)

    assert post(client, run, verb).status_code == 404


@pytest.mark.parametrize("verb", VERBS)
def test_a_viewer_may_not(client, bob, workspace, verb):
    run = make_enrollment(workspace)
    client.force_login(bob)

    assert post(client, run, verb, shown(run)).status_code == 403
    run.refresh_from_db()
    assert run.status == Enrollment.Status.PENDING_APPROVAL


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "pause"])
def test_a_get_changes_nothing(page, workspace, verb):
    run = make_enrollment(workspace)

    assert page.get(f"/enrollments/{run.pk}/{verb}/").status_code == 405


@pytest.mark.parametrize(("verb", "status"), [("pause", 302), ("stop", 403), ("approve", 403)])
def test_a_member_may_pause_and_neither_stop_nor_approve(client, workspace, verb, status):
    member = make_user()
    member.memberships.create(workspace=workspace, role="member")
    run = run_in(workspace, status="active")
    client.force_login(member)

    assert post(client, run, verb).status_code == status


def test_a_dropped_run_is_gone(page, workspace):
    run = run_in(workspace, dropped_at=now())

    assert post(page, run, "approve", shown(run)).status_code == 404


def test_approving_answers_with_the_row_the_chips_the_count_and_an_undo(page, workspace):
    run, other = make_enrollment(workspace), make_enrollment(workspace)

    answer = post(page, run, "approve", shown(run), from_row(run))

    content = answer.content.decode()
    run.refresh_from_db()
    assert answer.status_code == 200 and run.status == Enrollment.Status.APPROVED
    assert re.match(rf'\s*<tr id="row-{run.pk}" data-row data-status="approved"', content)
    assert "data-leaving" not in content
    assert re.search(r'id="chip-pending_approval".*?class="n">1<', content)
    assert re.search(r'id="count-review" hx-swap-oob="true">1<', content)
    assert f"/enrollments/{run.pk}/undo/" in content
    assert f"Approved {run.prospect}. Step 1 leaves in" in content
    assert json.loads(answer["HX-Trigger"]) == {f"enrollment-{run.pk}": True}
    assert str(other.pk) not in re.findall(r'id="row-(\d+)"', content)


def test_a_row_that_leaves_the_filter_says_so(page, workspace):
    run = make_enrollment(workspace)

    answer = post(page, run, "approve", shown(run), from_row(run, PENDING))

    assert " data-leaving" in answer.content.decode()
    assert 'id="chip-pending_approval" aria-current="true"' in answer.content.decode()


def test_approving_twice_sends_once_and_says_it_was_too_late(page, workspace):
    run = make_enrollment(workspace)
    token = shown(run)
    post(page, run, "approve", token, from_row(run))

    again = post(page, run, "approve", token, from_row(run))

    assert again.status_code == 409
    assert "Only prospects pending approval" in again.content.decode()
    assert 'data-level="error"' in again.content.decode()
    assert run.events.filter(kind="approved").count() == 1
    assert run.touches.filter(status=Touch.Status.SCHEDULED).count() == 1


def test_a_text_that_changed_is_not_approved_from_the_row(page, workspace, alice):
    run = make_enrollment(workspace)
    token = shown(run)
    run.touches.get(position=1).edit(subject="New", body="Another text", by=alice)

    answer = post(page, run, "approve", token, from_row(run))

    run.refresh_from_db()
    assert answer.status_code == 409 and run.status == Enrollment.Status.PENDING_APPROVAL
    assert "The text changed" in answer.content.decode()
    assert f"/enrollments/{run.pk}/" in answer.content.decode()


def test_an_approval_without_the_token_approves_nothing(page, workspace):
    run = make_enrollment(workspace)

    assert post(page, run, "approve", {}, from_row(run)).status_code == 409
    run.refresh_from_db()
    assert run.status == Enrollment.Status.PENDING_APPROVAL


def test_a_missing_value_is_named(page, workspace):
    run = make_enrollment(workspace)
    run.touches.filter(position=2).update(missing=["industry"])

    answer = post(page, run, "approve", shown(run), from_row(run))

    assert answer.status_code == 422 and "industry" in answer.content.decode()


def test_the_drawer_gets_the_drawer_and_the_row_behind_it(page, workspace):
    run = make_enrollment(workspace)
    headers = from_row(run) | {"HX-Target": "drawer"}

    answer = post(page, run, "approve", shown(run), headers)

    content = answer.content.decode()
    assert 'id="drawer-title"' in content
    assert re.search(rf'<template><tr id="row-{run.pk}"[^>]* hx-swap-oob="true"', content)


def test_the_drawer_shows_what_changed(page, workspace, alice):
    run = make_enrollment(workspace)
    token = shown(run)
    run.touches.get(position=1).edit(subject="New", body="Another text", by=alice)

    answer = post(page, run, "approve", token, from_row(run) | {"HX-Target": "drawer"})

    assert answer.status_code == 409 and "<ins>" in answer.content.decode()


def test_a_plain_form_goes_back_to_where_it_came_from(page, workspace):
    run = make_enrollment(workspace)

    answer = post(page, run, "approve", shown(run) | {"next": PENDING})

    assert answer.status_code == 302 and answer.url == PENDING
    said = page.get(answer.url).content.decode()
    assert f"Approved {run.prospect}" in said and f"/enrollments/{run.pk}/undo/" in said


@pytest.mark.parametrize("next_url", ["https://evil.test/", "//evil.test/", "javascript:alert(1)"])
def test_a_plain_form_never_leaves_the_site(page, workspace, next_url):
    run = make_enrollment(workspace)

    assert post(page, run, "approve", shown(run) | {"next": next_url}).url == TABLE


def test_undo_takes_an_approval_back(page, workspace):
    run = make_enrollment(workspace)
    post(page, run, "approve", shown(run), from_row(run))

    answer = post(page, run, "undo", headers={"HX-Request": "true"})

    run.refresh_from_db()
    assert answer.status_code == 200 and run.status == Enrollment.Status.PENDING_APPROVAL
    # The row may have faded away already, so the table is asked for anew.
    assert json.loads(answer["HX-Trigger"])["table-refresh"]
    assert "waits for approval again" in answer.content.decode()


def test_undo_after_the_window_says_what_happened(page, workspace, alice):
    run = approve(make_enrollment(workspace), by=alice)

    answer = post(page, run, "undo", headers={"HX-Request": "true"})

    assert answer.status_code == 422 and "Too late to undo" in answer.content.decode()


def test_without_an_undo_window_no_undo_is_offered(page, workspace):
    workspace.undo_seconds = 0
    workspace.save()
    run = make_enrollment(workspace)

    answer = post(page, run, "approve", shown(run), from_row(run))

    assert "/undo/" not in answer.content.decode()


def test_stop_archives_and_can_be_undone(page, workspace, alice):
    run = approve(make_enrollment(workspace), by=alice)

    answer = post(page, run, "stop", headers=from_row(run))

    run.refresh_from_db()
    assert run.status == Enrollment.Status.ARCHIVED and run.end_reason == "by_hand"
    assert " data-leaving" in answer.content.decode()
    assert f"/enrollments/{run.pk}/undo/" in answer.content.decode()
    post(page, run, "undo", headers={"HX-Request": "true"})
    run.refresh_from_db()
    assert run.status == Enrollment.Status.APPROVED


def test_stopping_an_ended_run_is_too_late(page, workspace):
    run = run_in(workspace, status="complete")

    assert post(page, run, "stop", headers=from_row(run)).status_code == 409


def test_pause_and_resume(page, workspace, alice):
    run = approve(make_enrollment(workspace), by=alice)

    paused = post(page, run, "pause", headers=from_row(run))
    run.refresh_from_db()
    assert run.status == Enrollment.Status.PAUSED and run.paused_until is None
    assert f"Paused {run.prospect}." in paused.content.decode()

    resumed = post(page, run, "resume", headers=from_row(run))
    run.refresh_from_db()
    assert run.status == Enrollment.Status.APPROVED
    assert f"Resumed {run.prospect}." in resumed.content.decode()


def test_a_pause_until_is_on_the_readers_clock(page, workspace, alice):
    alice.zone = "Asia/Tokyo"
    alice.save()
    run = approve(make_enrollment(workspace), by=alice)

    answer = post(page, run, "pause", {"until": "2999-03-04T09:30"}, from_row(run))

    run.refresh_from_db()
    assert run.paused_until.isoformat() == "2999-03-04T00:30:00+00:00"
    assert "until Mon 4 Mar 2999, 09:30 Tokyo" in answer.content.decode()
    assert "dialog:close" in answer["HX-Trigger-After-Settle"]


@pytest.mark.parametrize("until", ["2001-01-01T09:00", "tomorrow", "2999-02-31T09:00"])
def test_a_bad_time_goes_back_into_the_form(page, workspace, alice, until):
    run = approve(make_enrollment(workspace), by=alice)

    answer = post(page, run, "pause", {"until": until}, from_row(run))

    run.refresh_from_db()
    assert answer.status_code == 422 and run.status == Enrollment.Status.APPROVED
    assert answer["HX-Retarget"] == "#pause-body" and until in answer.content.decode()


def test_the_pause_form_opens_as_a_part_and_as_a_page(page, workspace, alice):
    run = approve(make_enrollment(workspace), by=alice)
    url = f"/enrollments/{run.pk}/pause/"

    part = page.get(url, headers={"HX-Request": "true", "HX-Target": "pause-body"})
    whole = page.get(url, headers={"Referer": f"http://testserver{PENDING}"})

    assert 'id="pause-title"' in part.content.decode()
    assert 'type="datetime-local"' in whole.content.decode()
    assert f'value="http://testserver{PENDING}"' in whole.content.decode()


def test_retry_queues_the_failed_step(page, workspace, alice):
    run = approve(make_enrollment(workspace), by=alice)
    run.touches.filter(position=1).update(status=Touch.Status.FAILED, error="quota")
    set_row(run, blocked_by="failed_touch", blocked_position=1)

    answer = post(page, run, "retry", headers=from_row(run))

    run.refresh_from_db()
    assert run.touches.get(position=1).status == Touch.Status.SCHEDULED and not run.blocked_by
    assert "Step 1 for" in answer.content.decode()
    assert post(page, run, "retry", headers=from_row(run)).status_code == 422


def test_a_first_step_that_has_to_wait_says_when_it_leaves(page, workspace):
    run = make_enrollment(workspace)
    run.sequence.steps.filter(position=1).update(delay_days=2)

    answer = post(page, run, "approve", shown(run), from_row(run))

    said = re.search(r"Step 1 leaves ([^<]+)", answer.content.decode())[1]
    expected = now() + timedelta(days=2)
    assert f"{expected:%a}" in said and "UTC" in said
