"""The drawer in a browser: opened from a row, kept in the URL, closed in every way there is."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from outreach.models import User, Workspace
from sequences.models import Enrollment, Touch
from tests.browser.conftest import Faults, Opener
from tests.browser.rows import fail_first_step, make_runs, row_of
from tests.factories import approve


@pytest.fixture
def runs(workspace: Workspace) -> list[Enrollment]:
    return make_runs(workspace)


def open_drawer(page: Page, run: Enrollment) -> Locator:
    page.goto("/sequences/?status=pending_approval")
    row_of(page, run).locator("a.prospect").click()
    drawer = page.get_by_role("dialog", name=str(run.contact))
    expect(drawer).to_be_visible()
    return drawer


def press_outside(page: Page, drawer: Locator) -> None:
    page.mouse.click(300, 500)


WAYS_OUT: dict[str, Callable[[Page, Locator], object]] = {
    "Escape": lambda page, drawer: page.keyboard.press("Escape"),
    "outside": press_outside,
    "X": lambda page, drawer: drawer.get_by_role("link", name="Close").click(),
    "Back": lambda page, drawer: page.go_back(),
}


def test_it_is_640_wide_modal_and_closes_in_every_way(page: Page, runs: list[Enrollment]) -> None:
    drawer = open_drawer(page, runs[1])
    assert drawer.evaluate("it => it.getBoundingClientRect().width") == 640
    assert drawer.evaluate("it => it.matches(':modal') && it.contains(document.activeElement)")
    expect(page).to_have_url(re.compile(f"open={runs[1].pk}"))
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('#main')")
    page.keyboard.press("Escape")

    for way, leave in WAYS_OUT.items():
        drawer = open_drawer(page, runs[1])
        leave(page, drawer)
        expect(drawer, way).to_be_hidden()
        expect(page, way).to_have_url(re.compile(r"/sequences/\?status=pending_approval$"))
        expect(row_of(page, runs[1]).locator("a.prospect"), way).to_be_focused()


def test_a_reload_and_a_pasted_address_open_it_again(page: Page, runs: list[Enrollment]) -> None:
    page.goto(f"/sequences/?open={runs[3].pk}")
    drawer = page.get_by_role("dialog", name="Dora Lund")
    expect(drawer).to_be_visible()

    page.reload()
    expect(drawer).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/sequences/$"))


def test_a_stranger_finds_nothing_there(
    open_page: Opener, carol: User, runs: list[Enrollment], faults: Faults
) -> None:
    faults.provoke("status of 404")
    page = open_page(carol)
    page.goto(f"/sequences/?open={runs[0].pk}")

    expect(page.get_by_role("dialog")).to_contain_text("This prospect is not here")
    expect(page.get_by_text("Ana Ruiz")).to_have_count(0)


def test_keys_and_buttons_go_to_the_neighbours(page: Page, runs: list[Enrollment]) -> None:
    drawer = open_drawer(page, runs[4])
    expect(page.get_by_role("button", name="Previous prospect")).to_be_disabled()

    page.keyboard.press("j")
    expect(page.get_by_role("dialog", name="Dora Lund")).to_be_visible()
    expect(page).to_have_url(re.compile(f"open={runs[3].pk}"))
    page.get_by_role("button", name="Next prospect").click()
    expect(page.get_by_role("dialog", name="Cleo Marsh")).to_be_visible()
    page.keyboard.press("k")
    expect(page.get_by_role("dialog", name="Dora Lund")).to_be_visible()
    for name in ("Cleo Marsh", "Bela Kiss", "Ana Ruiz"):
        page.keyboard.press("j")
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
    expect(page.get_by_role("button", name="Next prospect")).to_be_disabled()
    page.keyboard.press("j")
    expect(page.get_by_role("dialog", name="Ana Ruiz")).to_be_visible()

    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(row_of(page, runs[0]).locator("a.prospect")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_after_approving_in_the_drawer_the_next_key_goes_on(
    page: Page, runs: list[Enrollment]
) -> None:
    drawer = open_drawer(page, runs[2])
    drawer.get_by_role("button", name="Approve & send").click()
    expect(drawer.get_by_text("Approved", exact=True)).to_be_visible()
    expect(row_of(page, runs[2])).to_have_count(0)

    page.keyboard.press("j")

    expect(page.get_by_role("dialog", name="Bela Kiss")).to_be_visible()


def test_closing_it_after_its_row_left_goes_to_the_next_row(
    page: Page, runs: list[Enrollment]
) -> None:
    drawer = open_drawer(page, runs[2])
    drawer.get_by_role("button", name="Approve & send").click()
    expect(page.locator(f"#row-{runs[2].pk}[data-leaving]")).to_have_count(1)

    page.keyboard.press("Escape")

    expect(drawer).to_be_hidden()
    expect(row_of(page, runs[1]).locator("a.prospect")).to_be_focused()


def test_unsaved_text_is_never_lost_without_a_question(page: Page, runs: list[Enrollment]) -> None:
    drawer = open_drawer(page, runs[1])
    drawer.get_by_role("link", name="Edit step 1 for Bela Kiss").click()
    text = drawer.get_by_label("Text", exact=True)
    expect(text).to_be_focused()
    text.fill("Mine.")

    question = page.get_by_role("dialog", name="Discard your changes?")
    for leave in (WAYS_OUT["Escape"], WAYS_OUT["outside"], WAYS_OUT["X"], WAYS_OUT["Back"]):
        leave(page, drawer)
        expect(question).to_be_visible()
        expect(question.get_by_role("button", name="Keep editing")).to_be_focused()
        question.get_by_role("button", name="Keep editing").click()
        expect(text).to_have_value("Mine.")
    page.get_by_role("button", name="Next prospect").click()
    expect(question).to_be_visible()
    question.get_by_role("button", name="Discard").click()

    expect(page.get_by_role("dialog", name="Ana Ruiz")).to_be_visible()
    assert runs[1].touches.get(position=1).body != "Mine."


def test_text_survives_a_server_that_fails(
    page: Page, runs: list[Enrollment], faults: Faults
) -> None:
    faults.provoke("500", "Response Status Error")
    drawer = open_drawer(page, runs[1])
    drawer.get_by_role("link", name="Edit step 1 for Bela Kiss").click()
    drawer.get_by_label("Text", exact=True).fill("Mine.")
    page.route(
        "**/touches/*/edit/", lambda route: route.fulfill(status=500, body="<!doctype html>")
    )

    drawer.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(drawer.get_by_label("Text", exact=True)).to_have_value("Mine.")
    page.unroute("**/touches/*/edit/")
    drawer.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Step 1 saved.")).to_be_visible()
    assert runs[1].touches.get(position=1).body == "Mine."


def test_a_text_that_somebody_else_changed_is_shown_with_the_difference(
    page: Page, alice: User, runs: list[Enrollment]
) -> None:
    drawer = open_drawer(page, runs[1])
    drawer.get_by_role("link", name="Edit step 1 for Bela Kiss").click()
    drawer.get_by_label("Text", exact=True).fill("Mine.")
    touch = runs[1].touches.get(position=1)
    touch.edit(subject=touch.subject, body="Hi Jordan, this is theirs.", by=alice, shown="")

    drawer.get_by_role("button", name="Save").click()

    expect(drawer.get_by_role("alert")).to_contain_text("Somebody changed this text")
    expect(drawer.locator("ins")).to_contain_text("theirs")
    expect(drawer.get_by_label("Text", exact=True)).to_have_value("Mine.")


def test_a_failed_step_shows_the_words_the_cause_and_a_retry(
    page: Page, runs: list[Enrollment]
) -> None:
    approve(runs[1])
    touch = fail_first_step(runs[1])
    page.goto(f"/sequences/?open={runs[1].pk}")
    card = page.get_by_role("article", name="Step 1")
    expect(card).to_contain_text("554 5.7.1 Message refused: it looks like spam")
    expect(card).to_contain_text("Text or sender refused")

    card.get_by_role("button", name="Retry step 1 for Bela Kiss").click()

    expect(page.get_by_text("Step 1 is queued")).to_be_visible()
    expect(card.get_by_role("button", name="Retry step 1 for Bela Kiss")).to_have_count(0)
    touch.refresh_from_db()
    assert touch.status == Touch.Status.SCHEDULED


def test_a_slow_server_shows_a_skeleton(page: Page, runs: list[Enrollment]) -> None:
    page.goto("/sequences/")
    held: list[Route] = []
    page.route(f"**/enrollments/{runs[1].pk}/", lambda route: held.append(route))

    row_of(page, runs[1]).locator("a.prospect").click()

    expect(page.locator("#drawer .skeleton")).to_be_visible()
    expect(page.locator("#drawer-dialog")).to_be_visible()
    held[0].continue_()
    expect(page.get_by_role("dialog", name="Bela Kiss")).to_be_visible()
    expect(page.locator("#drawer .skeleton")).to_have_count(0)


def test_what_could_not_be_loaded_offers_to_try_again(
    page: Page, runs: list[Enrollment], faults: Faults
) -> None:
    faults.provoke("500", "Response Status Error")
    page.goto("/sequences/")
    page.route("**/enrollments/*/", lambda route: route.fulfill(status=500, body="<!doctype html>"))

    row_of(page, runs[1]).locator("a.prospect").click()

    panel = page.get_by_role("dialog", name="This could not be loaded")
    expect(panel).to_be_visible()
    page.unroute("**/enrollments/*/")
    panel.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("dialog", name="Bela Kiss")).to_be_visible()


def test_a_session_that_ended_leads_to_sign_in_and_back(page: Page, runs: list[Enrollment]) -> None:
    page.goto("/sequences/?status=pending_approval")
    page.context.clear_cookies()

    row_of(page, runs[1]).locator("a.prospect").click()

    page.get_by_label("E-mail").fill("alice@brightline.test")
    page.get_by_label("Password", exact=True).fill("alice-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("status=pending_approval"))
    expect(page.locator("#rows tr")).to_have_count(5)


def test_without_a_line_nothing_is_lost_and_it_recovers(
    page: Page, runs: list[Enrollment], faults: Faults
) -> None:
    faults.provoke(
        "ERR_INTERNET_DISCONNECTED", "htmx:sendError", "Failed to load resource", "healthz"
    )
    drawer = open_drawer(page, runs[1])
    drawer.get_by_role("link", name="Edit step 1 for Bela Kiss").click()
    drawer.get_by_label("Text", exact=True).fill("Mine.")

    page.context.set_offline(True)
    drawer.get_by_role("button", name="Save").click()
    expect(page.locator("#offline")).to_be_visible()
    expect(drawer.get_by_label("Text", exact=True)).to_have_value("Mine.")

    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    drawer.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Step 1 saved.")).to_be_visible()
