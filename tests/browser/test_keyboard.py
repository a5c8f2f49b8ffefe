"""The whole work by keyboard alone, with a focus that is seen and never lost."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from outreach.models import User, Workspace
from sequences.models import ContactList, Enrollment
from tests.browser.rows import make_many, make_runs, row_of
from tests.factories import make_sequence

WATCH = """() => {
  window.lost = [];
  window.settled = 0;
  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    window.settled += 1;
    if ([null, document.body].includes(document.activeElement)) window.lost.push(detail.target.id);
  });
}"""
# Nothing lies over what has the focus, and there is a ring around it or around its field.
HIDDEN = """() => {
  const it = document.activeElement;
  if (it === document.body) return "";
  const ring = [it, it.parentElement].some((part) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(part);
    return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
  });
  const box = it.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const seen = top && (it.contains(top) || top.contains(it) || it.labels?.[0]?.contains(top));
  const name = it.getAttribute("aria-label") ?? it.textContent.trim();
  return ring && seen ? "" : `${name}: ${ring ? "covered" : "no ring"}`;
}"""


@pytest.fixture
def runs(workspace: Workspace) -> list[Enrollment]:
    return make_runs(workspace)


def status_of(run: Enrollment) -> str:
    run.refresh_from_db()
    return run.status


def press(page: Page, key: str, until: Locator, most: int = 40) -> None:
    """Press a key until this has the focus."""
    for _ in range(most):
        page.keyboard.press(key)
        if until.evaluate("it => it === document.activeElement"):
            return
    expect(until).to_be_focused()


def test_from_the_table_to_an_undone_approval(page: Page, runs: list[Enrollment]) -> None:
    bela = runs[1]
    page.goto("/sequences/?status=pending_approval")
    for _ in range(4):
        page.keyboard.press("j")
    expect(row_of(page, bela).locator("a.prospect")).to_be_focused()
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog", name="Bela Kiss")
    expect(drawer.get_by_role("heading", name="Bela Kiss")).to_be_focused()

    page.keyboard.press("e")
    expect(drawer.get_by_label("Text", exact=True)).to_be_focused()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("I wrote this by hand: ajkzx?")
    page.keyboard.press("Tab")
    expect(drawer.get_by_role("button", name="Save")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Step 1 saved.")).to_be_visible()
    expect(drawer.locator(":focus")).to_have_count(1)
    assert bela.touches.get(position=1).body == "I wrote this by hand: ajkzx?"

    page.keyboard.press("a")
    expect(page.get_by_text("Approved Bela Kiss.")).to_be_visible()
    expect(drawer.locator(":focus")).to_have_count(1)
    assert status_of(bela) == "approved"
    page.keyboard.press("F6")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Approval undone: Bela Kiss")).to_be_visible()
    expect(drawer.locator(":focus")).to_have_count(1)
    assert status_of(bela) == "pending_approval"

    expect(page.locator(f"#row-{bela.pk}:not([data-leaving])")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(row_of(page, bela).locator("a.prospect")).to_be_focused()


def test_rows_are_selected_approved_and_acted_on(page: Page, runs: list[Enrollment]) -> None:
    page.goto("/sequences/?status=pending_approval")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(row_of(page, runs[4]).get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("x")
    expect(row_of(page, runs[4]).get_by_role("checkbox")).not_to_be_checked()
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_text("Approved Dora Lund.")).to_be_visible()
    expect(row_of(page, runs[2]).locator("a.prospect")).to_be_focused()
    expect(row_of(page, runs[3])).to_have_count(0)
    page.keyboard.press("z")
    expect(page.get_by_text("Approval undone: Dora Lund")).to_be_visible()
    expect(row_of(page, runs[3])).to_have_count(1)
    expect(page.locator("main :focus, .toasts :focus")).to_have_count(1)

    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("ana")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.keyboard.press("Escape")
    press(page, "Shift+Tab", page.get_by_role("link", name=re.compile("^Active")))
    page.keyboard.press("Enter")
    expect(page.locator("#chips [aria-current]")).to_have_text(re.compile("Active"))
    expect(page.get_by_role("link", name=re.compile("^Active"))).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", level=1, name="Review")).to_be_visible()


def test_the_way_into_the_page_and_out_of_its_dialogs(page: Page, runs: list[Enrollment]) -> None:
    page.goto("/sequences/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#main :focus")).to_have_count(1)

    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    for label in ("Approve & send the row", "Next row", "Select the row", "Search", "Go to Review"):
        expect(keys.get_by_text(label, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(page.locator("#main :focus")).to_have_count(1)

    stop = page.get_by_role("button", name="Stop sending")
    stop.focus()
    page.keyboard.press("Enter")
    question = page.get_by_role("dialog", name="Stop all sending of Brightline?")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    expect(stop).to_be_focused()


def test_single_keys_can_be_switched_off(page: Page, alice: User, runs: list[Enrollment]) -> None:
    page.goto("/account/")
    page.get_by_role("checkbox", name=re.compile("shortcuts")).focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Save profile").press("Enter")
    expect(page.get_by_text("Profile saved.")).to_be_visible()

    page.goto("/sequences/?status=pending_approval")
    row_of(page, runs[4]).locator("a.prospect").focus()
    for key in ("j", "a", "x", "?", "n", "/"):
        page.keyboard.press(key)
    expect(row_of(page, runs[4]).locator("a.prospect")).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert status_of(runs[4]) == "pending_approval"
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Emil Berg")).to_be_visible()


def test_what_has_the_focus_is_seen(page: Page, workspace: Workspace) -> None:
    make_runs(workspace)
    make_many(workspace, 60)
    page.goto("/sequences/")
    hidden = []
    for key, times in (("Tab", 60), ("Shift+Tab", 30)):
        for _ in range(times):
            page.keyboard.press(key)
            hidden.append(page.evaluate(HIDDEN))
    page.locator("#rows a.prospect").last.focus()
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        hidden.append(page.evaluate(HIDDEN))

    row = page.locator("#rows tr").filter(has_text="Emil Berg")
    page.goto("/sequences/?status=pending_approval")
    row.locator("a.prospect").press("Enter")
    expect(page.get_by_role("dialog").get_by_role("heading", name="Emil Berg")).to_be_focused()
    for key, times in (("Tab", 25), ("Shift+Tab", 15)):
        for _ in range(times):
            page.keyboard.press(key)
            hidden.append(page.evaluate(HIDDEN))

    assert [each for each in hidden if each] == []


def test_no_swap_loses_the_focus(page: Page, alice: User, workspace: Workspace) -> None:
    runs = make_runs(workspace)
    sequence = make_sequence(workspace, name="Other")
    people = ContactList.everywhere.create(workspace=workspace, name="Fair")
    people.contacts.add(*(run.contact for run in runs))

    def swap(act: Callable[[], object], proof: Locator) -> None:
        before = page.evaluate("window.settled")
        act()
        expect(proof).to_be_visible()
        page.wait_for_function("before => window.settled > before", arg=before)
        expect(page.locator("body :focus")).to_have_count(1)
        assert page.evaluate("window.lost") == []

    page.goto("/sequences/")
    page.evaluate(WATCH)
    pending = page.get_by_role("link", name=re.compile("^Pending approval"))
    swap(pending.click, page.locator("#chips [aria-current]", has_text="Pending approval"))
    swap(
        page.locator("#sort-created_at").click,
        page.locator("th[aria-sort=descending]", has_text="Created"),
    )
    search = page.get_by_role("searchbox")
    swap(lambda: search.fill("zebra"), page.get_by_role("heading", name="Nothing matches"))
    swap(lambda: search.fill(""), page.locator("#rows"))
    menu = row_of(page, runs[1]).locator("a.prospect")
    swap(menu.click, page.get_by_role("dialog", name="Bela Kiss"))
    for name in ("Activity", "Contact", "Steps"):
        tab = page.get_by_role("dialog").get_by_role("link", name=name, exact=True)
        swap(tab.click, page.locator("#drawer .tabs [aria-current]", has_text=name))
    swap(
        page.get_by_role("button", name="Approve step 1 for Bela Kiss").click,
        page.get_by_text("Step 1 approved."),
    )
    edit = page.get_by_role("link", name="Edit step 2 for Bela Kiss")
    swap(edit.click, page.get_by_label("Text", exact=True))
    swap(page.get_by_role("link", name="Cancel").click, edit)
    more = page.get_by_label("More for step 2")
    more.click()
    page.get_by_role("button", name="Skip this step").click()
    skip = page.get_by_role("button", name="Skip step 2")
    swap(skip.click, page.get_by_text("Step 2 is skipped."))
    swap(
        page.get_by_role("dialog").get_by_role("button", name="Approve & send").click,
        page.get_by_text("Approved Bela Kiss."),
    )
    swap(
        page.get_by_role("dialog").get_by_role("button", name="Pause").click,
        page.get_by_text("Paused Bela Kiss."),
    )
    swap(
        page.get_by_role("button", name="Stop and archive Bela Kiss").click,
        page.get_by_text("Stopped Bela Kiss."),
    )

    page.goto("/review/")
    page.evaluate(WATCH)
    swap(lambda: page.keyboard.press("j"), page.locator("h2", has_text="Cleo Marsh"))
    swap(lambda: page.keyboard.press("a"), page.get_by_text("Step 1 approved."))
    swap(lambda: page.keyboard.press("e"), page.get_by_label("Text", exact=True))
    swap(page.get_by_role("button", name="Save").click, page.get_by_text("Step 2 saved."))
    swap(lambda: page.keyboard.press("Shift+A"), page.get_by_text("Approved Cleo Marsh."))

    page.goto(f"/enroll/?list={people.pk}")
    page.evaluate(WATCH)
    into = page.get_by_label("Into")
    swap(
        lambda: into.select_option(label=sequence.name),
        page.get_by_role("heading", name="What will happen"),
    )
    page.goto("/contacts/")
    page.evaluate(WATCH)
    swap(lambda: search.fill("zebra"), page.get_by_role("heading", name=re.compile("Nobody")))
    page.goto(f"/sequences/{sequence.pk}/steps/")
    page.evaluate(WATCH)
    people_of = page.get_by_label("Preview for")
    swap(lambda: people_of.select_option(index=1), page.locator("#preview .mail"))
