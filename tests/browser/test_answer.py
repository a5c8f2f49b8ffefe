"""Answering a prospect by hand in a browser: by keys, taken back, and sent."""

import pytest
from playwright.sync_api import Page, expect

from mailboxes.models import InboundMail, SandboxMail
from outreach import times
from outreach.models import Workspace
from sequences.engine import draining, sandbox
from sequences.models import Reply, Touch
from tests.factories import make_contact, make_due_touch


@pytest.fixture
def reply(workspace: Workspace) -> Reply:
    contact = make_contact(workspace, first_name="Ana")
    touch = make_due_touch(workspace=workspace, steps=2, contact=contact)
    draining.drain_all()
    caught = SandboxMail.everywhere.caught().get(recipient=touch.recipient)
    mail = sandbox.answer(caught, "text", "How much is it?")
    InboundMail.everywhere.filter(pk=mail.pk).update(from_name="Ana")
    found: Reply = mail.reply
    return found


def test_it_is_written_taken_back_and_sent_by_keys(page: Page, reply: Reply) -> None:
    page.goto("/inbox/")
    text, letter = page.locator("#answer-text"), page.get_by_label("Answer by Alice Reyes")

    page.keyboard.press("r")
    expect(text).to_be_focused()
    page.keyboard.type("It is 40 a month.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(letter).to_contain_text("It can still be taken back.")
    expect(text).to_have_value("")
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back. Your text is kept below.")).to_be_visible()
    expect(letter).to_have_count(0)
    expect(text).to_have_value("It is 40 a month.")

    page.get_by_role("button", name="Send answer").click()
    expect(letter).to_contain_text("It can still be taken back.")
    Touch.objects.filter(in_reply_to=reply, status="scheduled").update(due_at=times.now())
    draining.drain_all()
    # The page asks for news by itself.
    expect(letter).to_contain_text("Sent")
    reply.refresh_from_db()
    assert reply.handled_at


def test_what_is_being_written_is_not_lost_by_a_key(page: Page, reply: Reply) -> None:
    page.goto("/inbox/")
    page.locator("#answer-text").fill("It is 40")
    page.locator("#who").focus()

    page.keyboard.press("e")

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Discard your changes?")
    dialog.get_by_role("button", name="Keep editing").click()
    expect(page.locator("#answer-text")).to_have_value("It is 40")


def test_the_drawer_leads_to_the_form(page: Page, reply: Reply) -> None:
    page.goto(f"/sequences/?open={reply.enrollment_id}&status=replied")
    expect(page.get_by_role("dialog")).to_contain_text("How much is it?")

    page.keyboard.press("r")

    expect(page.locator("#answer-text")).to_be_in_viewport()
