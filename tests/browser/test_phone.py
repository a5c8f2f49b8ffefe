"""On a phone rows are cards, and what a thumb presses is large enough."""

from playwright.sync_api import Locator, expect

from outreach.models import User, Workspace
from tests.browser.conftest import Opener
from tests.browser.rows import make_runs, row_of

THUMB = 44


def box(place: Locator) -> dict[str, float]:
    place.scroll_into_view_if_needed()
    found = place.bounding_box()
    assert found
    return dict(found)


def test_rows_are_cards_that_a_thumb_can_approve(
    open_page: Opener, alice: User, workspace: Workspace
) -> None:
    runs = make_runs(workspace)
    page = open_page(alice, width=390, has_touch=True)
    page.goto("/sequences/?status=pending_approval")
    row = row_of(page, runs[2])
    approve = row.get_by_role("button", name="Approve & send to Cleo Marsh")

    expect(page.get_by_role("columnheader", name="Created")).to_be_hidden()
    assert box(row)["width"] == 390
    assert box(row)["height"] > 2 * box(row.locator(".prospect strong"))["height"]
    assert box(approve)["height"] >= THUMB
    for link in page.get_by_role("navigation", name="Main").get_by_role("link").all():
        assert not link.is_visible() or box(link)["height"] >= THUMB

    approve.tap()
    expect(page.get_by_text("Approved Cleo Marsh")).to_be_visible()
    assert box(page.get_by_role("button", name="Undo"))["height"] >= THUMB
    page.get_by_role("button", name="Undo").tap()
    expect(page.get_by_text("Approval undone: Cleo Marsh")).to_be_visible()


def test_the_drawer_fills_the_screen(open_page: Opener, alice: User, workspace: Workspace) -> None:
    runs = make_runs(workspace)
    page = open_page(alice, width=390, has_touch=True)
    page.goto("/sequences/?status=pending_approval")
    row_of(page, runs[2]).locator("a.prospect").tap()
    drawer = page.get_by_role("dialog", name="Cleo Marsh")
    approve = drawer.get_by_role("button", name="Approve & send")

    expect(drawer).to_be_visible()
    drawer_box = drawer.bounding_box()
    assert drawer_box == {"x": 0, "y": 0, "width": 390, "height": 844}
    assert box(approve)["height"] >= THUMB
    assert box(drawer.get_by_role("link", name="Close"))["height"] >= THUMB

    approve.tap()
    expect(drawer.get_by_text("Approved", exact=True)).to_be_visible()
    drawer.get_by_role("link", name="Close").tap()
    expect(drawer).to_be_hidden()


def test_review_is_one_thumb_s_work(open_page: Opener, alice: User, workspace: Workspace) -> None:
    make_runs(workspace)
    page = open_page(alice, width=390, has_touch=True)
    page.goto("/review/")
    button = page.get_by_role("button", name="Approve all 2 & send")

    found = box(button)
    assert found["height"] >= THUMB
    assert found["width"] > 300
    button.tap()

    expect(page.locator(".drafts h2")).to_have_text("Bela Kiss")
    expect(page.get_by_text("Approved Ana Ruiz.")).to_be_visible()
    said = box(page.locator(".toast"))
    assert said["y"] + said["height"] <= box(page.locator(".decide"))["y"]
