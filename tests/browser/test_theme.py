"""Light, dark, the system's choice, forced colours and little motion."""

import re

from playwright.sync_api import Page, expect

from outreach.models import User, Workspace
from tests.browser.conftest import Faults, Opener
from tests.browser.rows import make_runs, row_of

DARK = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(part => part < 60)"
PAPER = "getComputedStyle(document.querySelector('main')).backgroundColor"


def is_dark(page: Page) -> bool:
    return bool(page.evaluate(DARK))


def test_the_system_decides_until_somebody_chooses(
    open_page: Opener, alice: User, workspace: Workspace
) -> None:
    page = open_page(alice, color_scheme="dark")
    page.goto("/account/")
    assert is_dark(page)
    page.emulate_media(color_scheme="light")
    assert not is_dark(page)

    with page.expect_response("**/account/theme/"):
        page.get_by_role("button", name="Dark").last.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark").last).to_have_attribute("aria-pressed", "true")
    assert is_dark(page)
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"

    # The page comes with it, so there is nothing to see of the other theme first.
    answer = page.goto("/sequences/")
    assert answer and 'data-theme="dark"' in answer.text()
    assert is_dark(page)
    elsewhere = open_page(alice, color_scheme="light")
    elsewhere.goto("/sequences/")
    assert is_dark(elsewhere)

    page.context.clear_cookies()
    page.goto("/accounts/login/")
    assert is_dark(page), "the browser remembers it for pages that know nobody"

    elsewhere.goto("/account/")
    with elsewhere.expect_response("**/account/theme/"):
        elsewhere.get_by_role("button", name="System").last.click()
    expect(elsewhere.locator("html")).to_have_attribute("data-theme", "system")
    assert not is_dark(elsewhere)
    elsewhere.reload()
    assert not is_dark(elsewhere)
    alice.refresh_from_db()
    assert alice.theme == User.Theme.SYSTEM


def test_a_choice_that_could_not_be_kept_is_told(
    open_page: Opener, alice: User, workspace: Workspace, faults: Faults
) -> None:
    faults.provoke("Failed to load resource")
    page = open_page(alice)
    page.goto("/account/")
    page.route("**/account/theme/", lambda route: route.abort())

    page.get_by_role("button", name="Dark").last.click()

    expect(page.get_by_role("alert")).to_contain_text("Your theme could not be kept.")
    assert is_dark(page), "it holds in this browser"


def test_forced_colours_leave_what_matters_to_be_seen(
    open_page: Opener, alice: User, workspace: Workspace
) -> None:
    runs = make_runs(workspace)
    page = open_page(alice, forced_colors="active", color_scheme="dark")
    page.goto("/sequences/?status=pending_approval")

    def borders(selector: str) -> str:
        return str(page.locator(selector).first.evaluate("it => getComputedStyle(it).borderStyle"))

    assert borders("#rows .button.primary") == "solid"
    assert borders(".chip") == "solid"
    current = page.locator("#chips [aria-current]")
    other = page.locator("#chips a:not([aria-current])").first
    look = (
        "it => [getComputedStyle(it).backgroundColor, getComputedStyle(it).borderTopColor].join()"
    )
    assert current.evaluate(look) != other.evaluate(look), "the current chip looks like the others"
    page.keyboard.press("j")
    assert page.evaluate(
        "getComputedStyle(document.activeElement).outlineStyle !== 'none' && "
        "getComputedStyle(document.activeElement).outlineColor !== "
        f"{PAPER}"
    )
    sent, waiting = page.locator("#rows .segments i").first, page.locator("#rows .segments")
    expect(waiting.first).to_be_visible()
    assert sent.evaluate("it => getComputedStyle(it).borderStyle") == "solid"

    row_of(page, runs[2]).get_by_role("button", name="Approve & send").click()
    expect(page.get_by_text("Approved Cleo Marsh.")).to_be_visible()
    assert borders(".toast") == "solid"


def test_motion_is_short_and_can_be_done_without(
    open_page: Opener, alice: User, workspace: Workspace
) -> None:
    runs = make_runs(workspace)
    lasts = "document.getAnimations().map(it => it.effect.getComputedTiming().activeDuration)"
    for motion in ("no-preference", "reduce"):
        page = open_page(alice, reduced_motion=motion)
        page.goto("/sequences/")
        page.evaluate(
            "() => { window.moved = []; document.addEventListener('animationstart', "
            "it => moved.push(it.animationName)); }"
        )
        row_of(page, runs[2]).locator("a.prospect").click()
        expect(page.get_by_role("dialog", name="Cleo Marsh")).to_be_visible()
        assert all(duration <= 250 for duration in page.evaluate(lasts))
        assert page.get_by_role("dialog").evaluate(
            "it => parseFloat(getComputedStyle(it).animationDuration)"
        ) <= (0.25 if motion == "no-preference" else 0.001)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name=re.compile("Cleo"))).to_be_hidden()
