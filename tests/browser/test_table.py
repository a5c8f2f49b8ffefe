"""The Sequences table in a browser: the URL is its state, and rows act in place."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from outreach.models import Workspace
from sequences.models import Enrollment
from tests.browser.conftest import Faults
from tests.browser.rows import NAMES, make_many, make_run, make_runs, row_of, shown
from tests.factories import approve, make_sequence


@pytest.fixture
def runs(workspace: Workspace) -> list[Enrollment]:
    return make_runs(workspace)


def test_chips_and_sorting_live_in_the_url_and_back_restores_them(
    page: Page, runs: list[Enrollment]
) -> None:
    approve(runs[0])
    page.goto("/sequences/")
    page.evaluate("window.same = true")

    page.get_by_role("link", name=re.compile("^Pending approval")).click()
    expect(page).to_have_url(re.compile("status=pending_approval"))
    expect(page.locator("#rows tr")).to_have_count(4)
    expect(page.locator("#chips [aria-current]")).to_have_text(re.compile("Pending approval"))
    expect(page.locator("#chips [aria-current] .n")).to_have_text("4")
    expect(page).to_have_title(re.compile(r"^Pending approval \(4\)"))
    expect(page.locator("#announce")).to_have_text(re.compile("^4 prospects, sorted by"))

    created = page.get_by_role("columnheader", name="Created")
    created.get_by_role("link").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Created"))
    expect(page.locator("#sort-created_at")).to_be_focused()
    page.locator("#sort-created_at").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text(re.compile("Created"))
    assert shown(page) == list(NAMES[1:])
    assert page.evaluate("window.same") is True

    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Created"))
    assert shown(page) == list(NAMES[:0:-1])
    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Last sent"))
    page.go_back()
    expect(page.locator("#chips [aria-current]")).to_have_text(re.compile("Active"))
    expect(page.locator("#rows tr")).to_have_count(5)


def test_an_unknown_filter_shows_the_default(page: Page, runs: list[Enrollment]) -> None:
    page.goto("/sequences/?status=nonsense&sort=nonsense&after=nonsense")

    expect(page.locator("#chips [aria-current]")).to_have_text(re.compile("Active"))
    expect(page.locator("#rows tr")).to_have_count(5)


def test_the_last_answer_of_a_search_wins(page: Page, runs: list[Enrollment]) -> None:
    page.goto("/sequences/?status=pending_approval")
    held: list[Route] = []
    asks_for_ana = re.compile(r"[?&]q=Ana(&|$)")
    page.route(asks_for_ana, lambda route: held.append(route))

    with page.expect_request(asks_for_ana):
        page.get_by_role("searchbox").fill("Ana")
    page.get_by_role("searchbox").fill("Dora")
    expect(page.locator("#rows tr")).to_have_count(1)
    held.pop().abort()

    assert shown(page) == ["Dora Lund"]
    expect(page).to_have_url(re.compile("status=pending_approval.*q=Dora|q=Dora.*pending_approval"))
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_of_two_chips_clicked_at_once_the_last_wins(page: Page, runs: list[Enrollment]) -> None:
    approve(runs[0])
    page.goto("/sequences/?status=all")
    held: list[Route] = []
    page.route(re.compile(r"[?&]status=pending_approval"), lambda route: held.append(route))

    page.locator("#chip-pending_approval").click()
    page.locator("#chip-active").click()
    expect(page.locator("#chip-active")).to_have_attribute("aria-current", "true")
    held.pop().abort()

    expect(page.locator("#rows tr")).to_have_count(5)
    expect(page.locator("#chips [aria-current]")).to_have_text(re.compile("^Active"))
    expect(page).to_have_url(re.compile("status=active"))


def test_what_an_answer_says_is_seen_though_its_row_was_listed_anew(
    page: Page, runs: list[Enrollment]
) -> None:
    page.goto("/sequences/?status=pending_approval")
    held: list[Route] = []
    page.route("**/approve/", lambda route: held.append(route))
    row_of(page, runs[2]).get_by_role("button", name="Approve & send to Cleo Marsh").click()
    page.locator("#sort-created_at").click()
    expect(page).to_have_url(re.compile("sort=created_at"))

    held.pop().continue_()

    expect(page.get_by_role("status").filter(has_text="Approved Cleo Marsh")).to_be_visible()
    expect(page.locator("#chips [aria-current] .n")).to_have_text("4")


def test_what_nobody_matches_names_the_filters_and_clears_them(
    page: Page, runs: list[Enrollment]
) -> None:
    page.goto("/sequences/?q=zebra")

    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    expect(page.get_by_text("“zebra”")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("#rows tr")).to_have_count(5)


def test_each_kind_of_emptiness_says_what_to_do(page: Page, workspace: Workspace) -> None:
    page.goto("/sequences/")
    expect(page.get_by_role("heading", name="No prospects yet")).to_be_visible()
    expect(page.locator("#content").get_by_role("link", name="Import contacts")).to_be_visible()

    approve(make_run(workspace, "Ana Ruiz", make_sequence(workspace)))
    page.goto("/sequences/?status=pending_approval")
    expect(page.get_by_role("heading", name="All caught up")).to_be_visible()


def test_a_double_click_approves_once_and_the_row_leaves_with_an_undo(
    page: Page, runs: list[Enrollment]
) -> None:
    page.goto("/sequences/?status=pending_approval")
    button = row_of(page, runs[2]).get_by_role("button", name="Approve & send to Cleo Marsh")
    posts: list[str] = []
    page.on("request", lambda sent: posts.append(sent.url) if sent.method == "POST" else None)

    button.dblclick()

    expect(page.get_by_role("status").filter(has_text="Approved Cleo Marsh")).to_be_visible()
    expect(row_of(page, runs[2])).to_have_count(0)
    expect(page.locator("#chips [aria-current] .n")).to_have_text("4")
    expect(page.locator("#count-review")).to_contain_text("4")
    expect(row_of(page, runs[1]).locator("a.prospect")).to_be_focused()
    assert len(posts) == 1
    assert runs[2].events.filter(kind="approved").count() == 1

    page.keyboard.press("z")
    expect(page.get_by_text("Approval undone: Cleo Marsh")).to_be_visible()
    runs[2].refresh_from_db()
    assert runs[2].status == Enrollment.Status.PENDING_APPROVAL
    expect(page.locator("#chips [aria-current] .n")).to_have_text("5")


def test_undo_after_its_window_says_what_happened(
    page: Page, workspace: Workspace, runs: list[Enrollment]
) -> None:
    page.goto("/sequences/")
    row_of(page, runs[0]).get_by_role("button").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    Enrollment.everywhere.filter(pk=runs[0].pk).update(undo_until=runs[0].created_at)

    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_role("alert")).to_contain_text("Too late to undo")


def test_a_text_that_changed_meanwhile_is_not_approved(page: Page, runs: list[Enrollment]) -> None:
    page.goto("/sequences/")
    touch = runs[0].touches.get(position=1)
    touch.edit(subject=touch.subject, body="Another text.", by=None, shown="")

    row_of(page, runs[0]).get_by_role("button").click()

    expect(page.get_by_role("alert")).to_contain_text("The text changed while you were reading it")
    runs[0].refresh_from_db()
    assert runs[0].status == Enrollment.Status.PENDING_APPROVAL


def test_a_row_opens_where_nothing_of_its_own_is(page: Page, runs: list[Enrollment]) -> None:
    page.goto("/sequences/")
    row_of(page, runs[0]).get_by_role("checkbox").check()
    expect(page.get_by_role("dialog")).to_have_count(0)

    with page.context.expect_page() as opened:
        row_of(page, runs[0]).locator("td.time").first.click(modifiers=["ControlOrMeta"])
    expect(opened.value.get_by_role("heading", level=1, name="Ana Ruiz")).to_be_visible()

    row_of(page, runs[0]).locator("td.time").first.click()
    expect(page.get_by_role("dialog", name="Ana Ruiz")).to_be_visible()


def test_a_selection_is_counted_kept_while_paging_and_widened_on_request(
    page: Page, workspace: Workspace
) -> None:
    make_many(workspace, 120)
    page.goto("/sequences/")
    said = page.locator("[data-bulk-said]")
    head = page.get_by_role("checkbox", name="Select all on this page")
    boxes = page.locator("[data-pick]")
    expect(page.locator(".pager")).to_contain_text("1–50 of 120")

    boxes.nth(1).check()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(said).to_have_text("4 selected")
    assert head.evaluate("box => box.indeterminate") is True
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".pager")).to_contain_text("51–100 of 120")
    expect(said).to_have_text("4 selected")
    head.check()
    expect(said).to_have_text("54 selected")

    page.get_by_role("button", name="Select all 120 matching").click()
    expect(said).to_have_text("All 120 selected")
    page.locator("#bulk").get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name=re.compile("^Resume "))).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#bulk")).to_be_hidden()


def test_a_selection_is_read_in_full_before_it_is_approved(
    page: Page, runs: list[Enrollment], faults: Faults
) -> None:
    page.goto("/sequences/?status=pending_approval")
    for run in runs[:3]:
        row_of(page, run).get_by_role("checkbox").check()
    page.locator("#bulk").get_by_role("button", name="Approve & send").click()

    expect(page.get_by_role("heading", name="Read and approve 3 prospects")).to_be_visible()
    expect(page.get_by_text("Hi Jordan, this is step 2.")).to_have_count(3)
    touch = runs[0].touches.get(position=2)
    touch.edit(subject="", body="Changed meanwhile.", by=None, shown="")
    page.get_by_role("button", name="Approve & send what is ticked").click()

    expect(page.get_by_role("heading", name="2 of 3 approved, 1 not")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Ana Ruiz")).to_contain_text(
        "Changed meanwhile"
    )
    assert Enrollment.everywhere.filter(status="approved").count() == 2


def test_the_table_says_that_it_changed_and_moves_nothing_by_itself(
    page: Page, runs: list[Enrollment]
) -> None:
    page.goto("/sequences/")
    before = shown(page)
    approve(runs[4])

    page.evaluate(
        "htmx.ajax('GET', document.querySelector('#updates').getAttribute('hx-get'), "
        "{source: '#updates', target: '#updates'})"
    )

    expect(page.get_by_role("link", name="1 update – show")).to_be_visible()
    assert shown(page) == before
    page.get_by_role("link", name="1 update – show").click()
    expect(row_of(page, runs[4]).get_by_text("Approved")).to_be_visible()
