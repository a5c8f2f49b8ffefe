"""Finding one's place again in the table."""

import re

from playwright.sync_api import Page, expect

from outreach.models import Workspace
from tests.browser.rows import make_many


def expect_scroll(page: Page, wanted: int) -> None:
    for _ in range(50):
        if abs(page.evaluate("scrollY") - wanted) < 5:
            return
        page.wait_for_timeout(100)
    assert page.evaluate("scrollY") == wanted


def test_back_finds_the_page_and_the_place_on_it(page: Page, workspace: Workspace) -> None:
    make_many(workspace, 120)
    page.goto("/sequences/")
    page.evaluate("scrollTo(0, 900)")
    page.get_by_role("link", name="Next").evaluate("link => link.click()")
    expect(page.locator(".pager")).to_contain_text("51–100 of 120")
    expect_scroll(page, 0)

    page.go_back()

    expect(page.locator(".pager")).to_contain_text("1–50 of 120")
    expect_scroll(page, 900)
    page.locator("#rows a.prospect").nth(20).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    # It opens at once, and is a place to go back from when its content is there.
    expect(page).to_have_url(re.compile("open="))
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect_scroll(page, 900)
    expect(page).to_have_url(re.compile("/sequences/$"))


def test_everything_that_matches_stays_selected_while_paging(
    page: Page, workspace: Workspace
) -> None:
    make_many(workspace, 120)
    page.goto("/sequences/")
    said = page.locator("[data-bulk-said]")
    page.get_by_role("checkbox", name="Select all on this page").check()
    page.get_by_role("button", name="Select all 120 matching").click()
    expect(page.get_by_role("button", name="Clear")).to_be_focused()

    page.get_by_role("link", name="Next").click()
    expect(page.locator(".pager")).to_contain_text("51–100 of 120")
    expect(said).to_have_text("All 120 selected")
    expect(page.locator("[data-pick]").nth(7)).to_be_checked()
    page.locator("[data-pick]").nth(7).uncheck()
    expect(said).to_have_text("49 selected")

    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#bulk")).to_be_hidden()
    expect(page.get_by_role("checkbox", name="Select all on this page")).to_be_focused()


def test_what_the_bar_covers_takes_no_focus(page: Page, workspace: Workspace) -> None:
    make_many(workspace, 2)
    page.goto("/sequences/")
    chips = page.locator("#chips")
    page.locator("[data-pick]").first.check()
    expect(page.locator("#bulk")).to_be_visible()

    assert chips.evaluate("it => it.closest('[inert]') !== null")
    page.get_by_role("button", name="Clear").click()
    assert chips.evaluate("it => it.closest('[inert]') === null")
