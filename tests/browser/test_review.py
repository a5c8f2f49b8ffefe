"""Triage in a browser: one prospect at a time, with keys, until nobody waits."""

import re

import pytest
from playwright.sync_api import Page, expect

from outreach.models import User, Workspace
from sequences.models import Enrollment
from tests.browser.conftest import Faults
from tests.browser.rows import make_runs


@pytest.fixture
def runs(workspace: Workspace) -> list[Enrollment]:
    return make_runs(workspace)


def status_of(run: Enrollment) -> str:
    run.refresh_from_db()
    return run.status


def expect_person(page: Page, name: str) -> None:
    expect(page.locator(".drafts h2")).to_have_text(name)


def expect_focus(page: Page) -> None:
    expect(page.locator("body :focus")).to_have_count(1)


def test_keys_move_approve_refuse_and_undo(page: Page, runs: list[Enrollment]) -> None:
    ana, bela, cleo, dora, emil = runs
    page.goto("/review/")
    expect_person(page, "Ana Ruiz")

    page.keyboard.press("j")
    expect_person(page, "Bela Kiss")
    expect_focus(page)
    expect(page).to_have_url(re.compile(f"at={bela.pk}"))
    page.keyboard.press("k")
    expect_person(page, "Ana Ruiz")
    page.keyboard.press("s")
    expect_person(page, "Bela Kiss")

    page.keyboard.press("Shift+A")
    expect(page.get_by_text("Approved Bela Kiss.")).to_be_visible()
    expect_person(page, "Cleo Marsh")
    expect_focus(page)
    expect(page.locator("#count-review")).to_contain_text("4")
    assert status_of(bela) == "approved"

    page.keyboard.press("x")
    page.get_by_role("button", name="Bad fit").click()
    expect(page.get_by_text("Refused Cleo Marsh.")).to_be_visible()
    expect_person(page, "Dora Lund")
    expect_focus(page)
    assert (status_of(cleo), cleo.end_note) == ("archived", "Bad fit")

    page.keyboard.press("z")
    expect(page.get_by_text("Stop undone: Cleo Marsh")).to_be_visible()
    assert status_of(cleo) == "pending_approval"

    page.keyboard.press("a")
    expect(page.get_by_text("Step 1 approved.")).to_be_visible()
    expect_person(page, "Dora Lund")
    page.keyboard.press("a")
    expect(page.get_by_text("Step 2 approved.")).to_be_visible()
    assert status_of(dora) == "approved"


def test_no_key_fires_while_typing_held_down_or_with_a_modifier(
    page: Page, runs: list[Enrollment]
) -> None:
    page.goto("/review/")
    expect_person(page, "Ana Ruiz")
    for keys in ("Control+j", "Alt+j", "Meta+j"):
        page.keyboard.press(keys)
    page.evaluate(
        "document.dispatchEvent(new KeyboardEvent('keydown', "
        "{key: 'A', repeat: true, bubbles: true}))"
    )
    page.keyboard.press("e")
    text = page.get_by_label("Text", exact=True)
    expect(text).to_be_focused()
    text.press_sequentially("jAxs")

    expect(text).to_have_value(re.compile("jAxs"))
    expect_person(page, "Ana Ruiz")
    assert status_of(runs[0]) == "pending_approval"


def test_keys_are_listed_and_can_be_switched_off(
    page: Page, alice: User, runs: list[Enrollment]
) -> None:
    page.goto("/review/")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    for label in ("Approve all of this prospect", "Skip for now", "Go to Sequences"):
        expect(keys.get_by_text(label)).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()

    User.objects.filter(pk=alice.pk).update(shortcuts=False)
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect_person(page, "Ana Ruiz")
    expect(keys).to_be_hidden()


def test_text_being_written_is_not_lost_to_another_prospect_or_an_approval(
    page: Page, runs: list[Enrollment]
) -> None:
    page.goto("/review/")
    page.get_by_role("link", name="Edit step 1 for Ana Ruiz").click()
    page.get_by_label("Text", exact=True).fill("Mine.")
    question = page.get_by_role("dialog", name="Discard your changes?")

    page.get_by_role("link", name=re.compile("Bela Kiss")).click()
    question.get_by_role("button", name="Keep editing").click()
    page.get_by_role("button", name=re.compile("^Approve all")).click()
    question.get_by_role("button", name="Keep editing").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Mine.")
    assert status_of(runs[0]) == "pending_approval"

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Step 1 saved.")).to_be_visible()
    expect(question).to_be_hidden()
    expect_person(page, "Ana Ruiz")


def test_a_draft_that_changed_is_shown_and_not_approved(
    page: Page, alice: User, runs: list[Enrollment], faults: Faults
) -> None:
    page.goto("/review/")
    expect_person(page, "Ana Ruiz")
    touch = runs[0].touches.get(position=1)
    touch.edit(subject=touch.subject, body="Hi Jordan, this is theirs.", by=alice, shown="")

    page.keyboard.press("Shift+A")

    expect(page.get_by_role("alert")).to_contain_text("The text changed while you were reading")
    expect(page.locator(".drafts ins")).to_contain_text("theirs")
    expect(page.locator(".drafts del")).to_contain_text("step 1")
    expect(page.get_by_role("alert")).to_be_focused()
    assert status_of(runs[0]) == "pending_approval"


def test_the_last_one_leads_to_all_caught_up(page: Page, runs: list[Enrollment]) -> None:
    for run in runs[1:]:
        run.stop(by=None)
    page.goto("/review/")

    page.get_by_role("button", name=re.compile("^Approve all")).click()

    expect(page.get_by_role("heading", name="All caught up")).to_be_visible()
    expect(page.get_by_text("1 prospect reviewed today")).to_be_visible()
    expect(page.locator("#count-review")).to_be_hidden()
