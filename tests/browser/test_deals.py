"""The page of deals in a browser: moved and valued in place, with and without script."""

import re
from time import sleep

import pytest
from playwright.sync_api import Page, Route, expect

from outreach.models import User, Workspace
from sequences.engine import consequences
from sequences.models import Deal
from tests.browser.axe import in_both_themes
from tests.browser.conftest import Opener
from tests.factories import make_company, make_contact, make_enrollment


@pytest.fixture
def deals(workspace: Workspace) -> list[Deal]:
    """Three deals, of three companies."""
    found = []
    for name, company in (("Ana", "Acme"), ("Bo", "Blixt"), ("Cleo", "Corvid")):
        place = make_company(workspace, company, domain=f"{company.lower()}.test")
        contact = make_contact(
            workspace, first_name=name, company=place, email=f"{name.lower()}@{place.domain}"
        )
        found.append(consequences.open_deal(make_enrollment(workspace, contact=contact)))
    return found


def titles(page: Page) -> list[str]:
    return page.locator("#rows .prospect strong").all_inner_texts()


def test_a_deal_is_moved_and_moved_back_without_leaving_the_page(
    page: Page, deals: list[Deal]
) -> None:
    page.goto("/deals/?stage=new")

    stage = page.get_by_label("Stage of Blixt")
    stage.focus()
    stage.select_option("Meeting")
    expect(page.get_by_text("Moved Blixt – Q4 outbound to Meeting.")).to_be_visible()
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#chip-meeting .n")).to_have_text("1")
    # The row is gone; the focus is on the one in its place.
    assert page.evaluate("document.activeElement.closest('#rows') !== null")

    page.keyboard.press("z")
    expect(page.locator("#rows tr")).to_have_count(3)
    deals[1].refresh_from_db()
    assert deals[1].stage == "new"


def test_a_value_is_typed_in_place(page: Page, deals: list[Deal]) -> None:
    page.goto("/deals/")
    row = page.get_by_role("row", name=re.compile("Acme"))

    row.get_by_label("Put a value on Acme").click()
    row.get_by_label("Value", exact=True).fill("a lot")
    row.get_by_label("Currency").fill("eur")
    page.keyboard.press("Enter")
    expect(row.get_by_role("alert")).to_contain_text("Write the value as a number")
    expect(row.get_by_label("Value", exact=True)).to_be_focused()
    expect(row.get_by_label("Value", exact=True)).to_have_value("a lot")

    row.get_by_label("Value", exact=True).fill("12000")
    page.keyboard.press("Enter")
    expect(row.get_by_label("Change the value of Acme")).to_have_text("12,000.00 EUR")
    expect(page.get_by_text("Worth 12,000.00 EUR", exact=True)).to_be_visible()
    # What has no value yet is offered the currency that was used before.
    other = page.get_by_role("row", name=re.compile("Blixt"))
    other.get_by_label("Put a value on Blixt").click()
    expect(other.get_by_label("Currency")).to_have_value("EUR")


def test_what_faded_for_a_slow_answer_comes_back(page: Page, deals: list[Deal]) -> None:
    def late(route: Route) -> None:
        sleep(0.4)
        route.continue_()

    page.route("**/move/**", late)
    page.goto("/deals/")

    page.get_by_label("Stage of Blixt").select_option("Meeting")

    expect(page.locator("#results")).to_have_class("slow")
    expect(page.get_by_text("Moved Blixt – Q4 outbound to Meeting.")).to_be_visible()
    expect(page.locator("#results")).not_to_have_class("slow")


def test_found_sorted_and_opened(page: Page, deals: list[Deal]) -> None:
    deals[1].revalue(100, "EUR", by=None)
    page.goto("/deals/")
    assert [title[0] for title in titles(page)] == ["C", "B", "A"]

    page.get_by_role("columnheader", name="Value").get_by_role("link").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Value"))
    assert [title[0] for title in titles(page)] == ["B", "C", "A"]
    expect(page).to_have_url(re.compile("sort=value:desc"))

    page.keyboard.press("/")
    page.keyboard.type("acme")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.locator("#rows .prospect").click()
    expect(page.get_by_role("dialog", name="Ana Lee")).to_be_visible()


def test_by_keys_from_anywhere(page: Page, deals: list[Deal]) -> None:
    page.goto("/contacts/")

    page.keyboard.press("g")
    page.keyboard.press("d")

    expect(page.get_by_role("heading", level=1, name="Deals")).to_be_visible()


def test_without_script(open_page: Opener, alice: User, deals: list[Deal]) -> None:
    page = open_page(alice, java_script_enabled=False)
    page.goto("/deals/")
    row = page.get_by_role("row", name=re.compile("Acme"))

    row.get_by_label("Stage of Acme").select_option("Proposal")
    row.get_by_role("button", name="Move").click()
    expect(page.get_by_text("Moved Acme – Q4 outbound to Proposal.")).to_be_visible()
    row.locator("details.menu > summary").click()
    row.get_by_label("Value", exact=True).fill("12.345")
    row.get_by_label("Currency").fill("EUR")
    row.get_by_role("button", name="Save value").click()
    expect(row.get_by_role("alert")).to_contain_text("at most two digits")
    row.get_by_label("Value", exact=True).fill("12.34")
    row.get_by_role("button", name="Save value").click()
    expect(page.get_by_text("Acme – Q4 outbound is worth 12.34 EUR.")).to_be_visible()

    page.get_by_role("link", name=re.compile("^Proposal")).click()
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_role("searchbox").fill("zebra")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("No deal matches “zebra”")).to_be_visible()


def test_what_it_comes_to_while_it_is_used(
    open_page: Opener, alice: User, bob: User, deals: list[Deal]
) -> None:
    page, reader = open_page(alice, bypass_csp=True), open_page(bob, bypass_csp=True)
    page.goto("/deals/")
    row = page.get_by_role("row", name=re.compile("Acme"))
    row.get_by_label("Put a value on Acme").click()
    row.get_by_label("Value", exact=True).fill("a lot")
    page.keyboard.press("Enter")
    expect(row.get_by_role("alert")).to_be_visible()

    found = in_both_themes(page, "deals, a wrong value")
    reader.goto("/deals/")
    found += in_both_themes(reader, "deals, read only")

    assert not found, "\n".join(found)
