"""What the drawer does by itself, and how one gets from its first lines to the step they name."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from mailboxes.providers import provider_for
from outreach import times
from outreach.models import User, Workspace
from outreach.times import now
from sequences.engine import draining, sending
from sequences.models import Enrollment, Touch
from tests.browser.conftest import Faults, Opener
from tests.browser.rows import fail_first_step, make_run, row_of
from tests.factories import approve, make_sequence

WEDNESDAY = datetime(2027, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def failed(workspace: Workspace, alice: User) -> Enrollment:
    run = approve(make_run(workspace, "Ana Ruiz", make_sequence(workspace, steps=4)), by=alice)
    fail_first_step(run)
    return run


def test_a_retry_is_pressed_once_queued_and_then_seen_to_be_sent(
    page: Page, failed: Enrollment
) -> None:
    page.goto(f"/sequences/?open={failed.pk}")
    drawer = page.get_by_role("dialog", name="Ana Ruiz")
    posts: list[str] = []
    page.on("request", lambda sent: posts.append(sent.url) if sent.method == "POST" else None)

    drawer.get_by_role("button", name="Retry step 1 for Ana Ruiz").dblclick()

    expect(drawer.get_by_text("Queued, next try within 30 s")).to_be_visible()
    expect(drawer.get_by_role("button", name="Retry step 1 for Ana Ruiz")).to_have_count(0)
    assert len(posts) == 1
    draining.drain_all()
    expect(drawer.get_by_text(re.compile("^Step 2 leaves"))).to_be_visible()
    expect(drawer.locator("[data-poll]")).to_have_count(0)


def test_news_never_take_away_what_is_being_written(page: Page, failed: Enrollment) -> None:
    Touch.objects.filter(enrollment=failed, position=1).update(status="scheduled", due_at=now())
    page.goto(f"/sequences/?open={failed.pk}")
    drawer = page.get_by_role("dialog", name="Ana Ruiz")
    drawer.get_by_role("link", name="Edit step 2 for Ana Ruiz").click()
    text = drawer.get_by_label("Text", exact=True)
    text.fill("Mine.")
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "seen=" in sent.url else None)
    Enrollment.everywhere.filter(pk=failed.pk).update(updated_at=now())

    page.wait_for_timeout(4_000)

    expect(text).to_have_value("Mine.")
    assert asked == []
    expect(page.get_by_role("dialog", name="Discard your changes?")).to_have_count(0)


def test_the_first_lines_lead_to_the_step_without_leaving_the_drawer(
    page: Page, failed: Enrollment
) -> None:
    Touch.objects.filter(enrollment=failed, position=4).update(
        status="failed", error="554 refused", error_kind="content"
    )
    Touch.objects.filter(enrollment=failed, position__lt=4).update(status="sent", sent_at=now())
    page.set_viewport_size({"width": 1440, "height": 500})
    page.goto("/sequences/")
    row_of(page, failed).locator("a.prospect").click()
    drawer = page.get_by_role("dialog", name="Ana Ruiz")

    drawer.get_by_role("link", name="Go to step 4").click()

    retry = drawer.get_by_role("button", name="Retry step 4 for Ana Ruiz")
    expect(retry).to_be_in_viewport()
    expect(retry).to_be_focused()
    page.go_back()
    expect(drawer).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/sequences/$"))


def leave_in_doubt(run: Enrollment) -> Touch:
    """Let the worker die after the provider was called, and nobody be able to tell."""
    touch = run.touches.get(position=1)
    for stage in sending.sending(touch.pk, provider_for(touch.mailbox)):
        if stage == "answered":
            break
    Touch.objects.filter(pk=touch.pk).update(lease_until=now())
    sending.reap()
    Touch.objects.filter(pk=touch.pk).update(decide=True, check_at=None)
    return touch


def test_sending_again_what_may_have_arrived_is_asked_first(
    page: Page, workspace: Workspace, alice: User
) -> None:
    run = approve(make_run(workspace, "Ana Ruiz", make_sequence(workspace)), by=alice)
    leave_in_doubt(run)
    page.goto(f"/sequences/?open={run.pk}")
    drawer = page.get_by_role("dialog", name="Ana Ruiz")

    drawer.get_by_role("button", name="Send again: step 1 to Ana Ruiz").click()
    question = page.get_by_role("dialog", name="Send step 1 to Ana Ruiz again?")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Cancel").click()
    assert run.touches.get(position=1).status == "uncertain"
    drawer.get_by_role("button", name="Send again: step 1 to Ana Ruiz").click()
    question.get_by_role("button", name="Send step 1 again").click()

    expect(page.get_by_text("Step 1 is sent again.")).to_be_visible()
    assert run.touches.get(position=1).status == "scheduled"


def test_a_pause_until_monday_is_two_clicks_away(
    page: Page, workspace: Workspace, alice: User
) -> None:
    with times.clock(lambda: WEDNESDAY):
        run = approve(make_run(workspace, "Ana Ruiz", make_sequence(workspace)), by=alice)
        page.goto(f"/sequences/?open={run.pk}")
        drawer = page.get_by_role("dialog", name="Ana Ruiz")

        drawer.get_by_text("Pause until…").click()
        drawer.get_by_role("button", name=re.compile("^Pause until Mon 09:00")).click()

        expect(drawer.get_by_text(re.compile("^Paused until Mon"))).to_be_visible()
        expect(row_of(page, run).get_by_text(re.compile("until Mon"))).to_have_count(1)
    run.refresh_from_db()
    assert run.status == "paused"


def test_every_tab_keeps_the_margins_of_the_drawer(
    page: Page, workspace: Workspace, alice: User
) -> None:
    run = approve(make_run(workspace, "Ana Ruiz", make_sequence(workspace)), by=alice)
    page.goto(f"/sequences/?open={run.pk}")
    drawer = page.get_by_role("dialog", name="Ana Ruiz")
    edge = drawer.locator("nav.tabs a").first.bounding_box()

    for tab, first in (("Activity", ".history .icon"), ("Contact", "dl.facts dt")):
        drawer.get_by_role("link", name=tab, exact=True).click()
        found = drawer.locator(first).first
        expect(found).to_be_visible()
        box = found.bounding_box()
        assert edge and box and abs(box["x"] - edge["x"]) < 2, tab


def test_the_field_for_another_time_can_be_read_in_its_menu(
    page: Page, workspace: Workspace, alice: User
) -> None:
    run = approve(make_run(workspace, "Ana Ruiz", make_sequence(workspace)), by=alice)
    page.goto(f"/sequences/?open={run.pk}")
    drawer = page.get_by_role("dialog", name="Ana Ruiz")
    drawer.get_by_label("More for step 1").click()

    width = drawer.get_by_label("Send at").first.evaluate("it => it.getBoundingClientRect().width")
    assert width >= 180


def test_without_a_line_a_button_of_the_drawer_says_why_nothing_happens(
    page: Page, failed: Enrollment, faults: Faults
) -> None:
    faults.provoke("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "Failed to load", "healthz")
    page.goto(f"/sequences/?open={failed.pk}")
    drawer = page.get_by_role("dialog", name="Ana Ruiz")
    retry = drawer.get_by_role("button", name="Retry step 1 for Ana Ruiz")
    expect(retry).to_be_visible()
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")

    retry.click()

    expect(drawer.get_by_role("alert")).to_contain_text("No connection. Nothing was sent")
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    retry.click()
    expect(drawer.get_by_text("Queued, next try within 30 s")).to_be_visible()


def test_on_a_phone_a_message_stays_off_the_head_and_the_foot_of_the_drawer(
    open_page: Opener, workspace: Workspace, alice: User
) -> None:
    page = open_page(alice, width=390)
    run = make_run(workspace, "Ana Ruiz", make_sequence(workspace))
    page.goto(f"/sequences/?open={run.pk}")
    drawer = page.get_by_role("dialog", name="Ana Ruiz")
    drawer.get_by_role("button", name="Approve & send").click()
    message = drawer.locator(".toast")
    expect(message.get_by_role("button", name="Undo")).to_be_visible()

    box = message.bounding_box()
    head, foot = drawer.locator("header").first.bounding_box(), drawer.locator("#drawer > footer")
    low = foot.bounding_box()
    assert box and head and low
    assert head["y"] + head["height"] <= box["y"] and box["y"] + box["height"] <= low["y"]
    assert box["x"] >= 8 and box["x"] + box["width"] <= 382
