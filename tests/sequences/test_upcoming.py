"""The drawer's first lines: when, from which mailbox, which rule decides; or what helps."""

import re
from datetime import time, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from mailboxes.models import SandboxMail
from outreach.models import User, Workspace
from outreach.times import now
from sequences import upcoming
from sequences.engine import draining, explain, replies, sandbox
from sequences.models import Enrollment, Touch
from tests.factories import approve, make_enrollment, make_sequence

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true", "HX-Target": "drawer"}


def said(run: Enrollment) -> upcoming.Upcoming:
    run = Enrollment.everywhere.select_related("sequence", "mailbox").get(pk=run.pk)
    found = upcoming.of(run, *explain.next_step(run))
    assert found is not None
    return found


def set_step(run: Enrollment, position: int, **values: object) -> Touch:
    Touch.objects.filter(enrollment=run, position=position).update(**values)
    run.refresh_block()
    return run.touches.get(position=position)


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_what_waits_for_approval_says_when_it_would_leave_and_from_where(
    workspace: Workspace,
) -> None:
    tomorrow = now().isoweekday() % 7 + 1
    closed = make_sequence(
        workspace,
        window_start=time(9),
        window_end=time(10),
        weekdays=[tomorrow],
    )
    run = make_enrollment(sequence=closed)

    found = said(run)

    assert found.title == "Step 1 waits for approval"
    assert str(run.mailbox) in found.text and "sending hours" in found.text


def test_what_could_leave_at_once_says_the_seconds(workspace: Workspace) -> None:
    found = said(make_enrollment(workspace))

    assert re.search(r"^If approved now it leaves in about (8|9|10) s from ", found.text)


def test_a_failed_step_says_what_helps_and_what_waits_for_it(
    alice: User, workspace: Workspace
) -> None:
    run = approve(make_enrollment(workspace, steps=4), by=alice)
    touch = set_step(run, 2, status="failed", error="429 quota", error_kind="quota")
    set_step(run, 1, status="sent", sent_at=now())

    found = said(run)

    assert found.title == "Step 2 could not be sent" and found.level == "danger"
    assert "Wait until the daily counter resets, then retry." in found.text
    assert "Steps 3 and 4 wait for it." in found.text and found.touch == touch


def test_a_decision_names_the_mailbox_to_look_into(alice: User, workspace: Workspace) -> None:
    run = approve(make_enrollment(workspace), by=alice)
    touch = set_step(run, 1, status="uncertain", decide=True)

    found = said(run)

    assert found.title == "Nobody knows whether step 1 was sent"
    assert str(touch.mailbox) in found.text


def test_while_the_provider_is_asked_it_says_when_again(alice: User, workspace: Workspace) -> None:
    run = approve(make_enrollment(workspace), by=alice)
    set_step(run, 1, status="uncertain", check_at=now() + timedelta(minutes=4))

    assert "It is asked again today" in said(run).text or "tomorrow" in said(run).text
    set_step(run, 1, check_at=now() - timedelta(minutes=4))
    assert "It is asked again" not in said(run).text


def test_a_pause_says_who_until_when_and_what_comes_then(alice: User, workspace: Workspace) -> None:
    run = approve(make_enrollment(workspace), by=alice)
    until = now() + timedelta(days=2)
    run.pause(by=alice, until=until)

    found = said(run)

    assert (found.title, found.at) == ("Paused until", until)
    assert "Paused by Alice Reyes just now. Then step 1 takes its turn." in found.text


def test_a_pause_by_the_program_says_why(alice: User, workspace: Workspace) -> None:
    run = approve(make_enrollment(workspace), by=alice)
    run.pause(by=None, note="Answered in Q4 outbound")

    found = said(run)

    assert found.title == "Paused until somebody resumes it"
    assert found.text.startswith("Answered in Q4 outbound. Paused by the program just now.")


def test_a_retry_is_queued_and_the_drawer_looks_again(
    page: Client, alice: User, workspace: Workspace
) -> None:
    run = approve(make_enrollment(workspace), by=alice)
    touch = set_step(run, 1, status="failed", error="421 busy", error_kind="passing")

    answer = page.post(reverse("sequences:touch_retry", args=[touch.pk]), headers=HTMX)

    shown = answer.content.decode()
    assert "Step 1 is tried again" in shown and "Queued, next try within 30 s" in shown
    assert "data-poll" in shown and "Retry step 1" not in shown


def test_news_are_asked_for_without_an_answer_until_there_are_some(
    page: Client, alice: User, workspace: Workspace
) -> None:
    run = approve(make_enrollment(workspace), by=alice)
    url = reverse("sequences:enrollment", args=[run.pk])
    seen = {"seen": upcoming.version(Enrollment.everywhere.get(pk=run.pk))}

    assert page.get(url, seen, headers=HTMX).status_code == 204
    draining.drain_all()
    news = page.get(url, seen, headers=HTMX)

    assert news.status_code == 200 and "Step 2 leaves" in news.content.decode()
    assert page.get(url, seen).status_code == 200


def test_a_step_behind_another_says_which(page: Client, alice: User, workspace: Workspace) -> None:
    run = approve(make_enrollment(workspace, steps=3), by=alice)
    run.pause(by=alice, until=now() + timedelta(days=2))

    shown = page.get(reverse("sequences:enrollment", args=[run.pk]), headers=HTMX).content.decode()

    assert shown.count("Waits for step 1") == 1 and shown.count("Waits for step 2") == 1


@pytest.mark.parametrize(
    ("kind", "title", "words"),
    [
        ("interested", "Replied: interested", "A deal was opened"),
        ("objection", "Replied: objection", "It is yours to answer; no deal was opened."),
        ("unsubscribe", "Archived: unsubscribed", "Asked for it in a reply. Nothing more"),
    ],
)
def test_an_answer_says_what_followed_and_how_it_is_corrected(
    alice: User, workspace: Workspace, kind: str, title: str, words: str
) -> None:
    run = approve(make_enrollment(workspace), by=alice)
    draining.drain_all()
    sandbox.answer(SandboxMail.everywhere.caught().get(), kind)
    replies.tick()

    found = said(run)

    assert found.title == title and words in found.text
    assert "Correct what the reply means, under Steps." in found.text
    assert (found.fix is not None) == (kind in ("interested", "unsubscribe"))


def test_a_run_without_an_answer_says_that_all_is_done(alice: User, workspace: Workspace) -> None:
    run = approve(make_enrollment(workspace, steps=1), by=alice)
    draining.drain_all()

    assert said(run).text.startswith("Every step is done and no reply came.")


def test_the_activity_says_who_did_it_and_that_nobody_did(
    page: Client, alice: User, workspace: Workspace
) -> None:
    run = approve(make_enrollment(workspace), by=alice)
    run.pause(by=None, note="Answered in Spring fairs")
    run.resume(by=alice)

    shown = page.get(f"/enrollments/{run.pk}/?tab=activity", headers=HTMX).content.decode()

    assert "Paused by the program" in shown and "Answered in Spring fairs" in shown
    assert "Resumed by Alice Reyes" in shown


def test_in_the_undo_window_it_says_so_and_looks_again(alice: User, workspace: Workspace) -> None:
    run = make_enrollment(workspace)
    run.approve(by=alice, shown=run.approval_token())

    found = said(run)

    assert found.title == "Step 1 leaves within a minute" and found.is_moving
    assert found.text.endswith("Until then the approval can be undone.")


def test_a_first_step_with_a_delay_counts_from_enrollment(
    alice: User, workspace: Workspace
) -> None:
    run = make_enrollment(workspace)
    run.sequence.steps.filter(position=1).update(delay_days=2)
    run.approve(by=alice, shown=run.approval_token())

    found = said(run)

    assert found.title == "Step 1 leaves" and found.at is not None
    assert found.text.startswith("2 days after enrollment. It goes out from ")
