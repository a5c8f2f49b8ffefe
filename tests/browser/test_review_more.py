"""What the review page keeps up to date around the one prospect that is read."""

import re

from playwright.sync_api import Page, expect

from outreach.models import Workspace
from tests.browser.rows import make_runs


def test_the_place_the_title_and_the_queue_follow_every_decision(
    page: Page, workspace: Workspace
) -> None:
    make_runs(workspace)
    page.goto("/review/")
    place = page.locator("#review-place")
    expect(place).to_contain_text("1 of 5")

    page.keyboard.press("Shift+A")
    expect(page.locator(".drafts h2")).to_have_text("Bela Kiss")
    expect(place).to_contain_text("1 of 4")
    expect(page).to_have_title(re.compile(r"^Review \(4\)"))
    expect(page.locator(".queue a")).to_have_count(4)

    page.keyboard.press("z")
    expect(page.get_by_text("Approval undone: Ana Ruiz")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator(".drafts h2")).to_have_text("Cleo Marsh")
    expect(place).to_contain_text("3 of 5")
    expect(page.locator(".queue a").first).to_contain_text("Ana Ruiz")
    expect(page.locator(".queue a[aria-current]")).to_contain_text("Cleo Marsh")


def test_undoing_the_last_one_brings_it_back(page: Page, workspace: Workspace) -> None:
    make_runs(workspace, ["Ana Ruiz"])
    page.goto("/review/")
    page.keyboard.press("Shift+A")
    expect(page.get_by_role("heading", name="All caught up")).to_be_visible()
    expect(page).to_have_title(re.compile("^Review · "))

    page.keyboard.press("z")

    expect(page.locator(".drafts h2")).to_have_text("Ana Ruiz")
    expect(page.locator("#review-place")).to_contain_text("1 of 1")
