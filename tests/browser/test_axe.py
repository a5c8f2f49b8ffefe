"""No page and no state of a page has a grave fault that axe-core can find, or is too wide.

Both are looked at in one walk, because opening all the pages is what takes the time.
"""

import re
from collections.abc import Iterable

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from outreach.models import User, Workspace
from tests.browser.axe import Eyes, in_both_themes
from tests.browser.conftest import Faults, Opener
from tests.browser.places import Product, public_pages
from tests.browser.rows import make_runs, row_of
from tests.browser.widths import too_wide
from tests.factories import approve

# Pages that look different on a phone: rows are cards, panes are stacked, the sidebar is a bar.
ON_A_PHONE = (
    *("active", "drawer", "review", "inbox", "inbox, the list", "deals", "steps of a draft"),
    *("contacts", "members", "sign in"),
)


class Walk:
    """From page to page, on a desk and where it says so on a phone."""

    def __init__(self) -> None:
        self.desk, self.phone = Eyes(), Eyes()

    def through(self, page: Page, pages: Iterable[tuple[str, str]]) -> list[str]:
        found: list[str] = []
        for name, address in pages:
            page.goto(address)
            found += self.desk.in_both_themes(page, name)
            if name in ON_A_PHONE:
                page.set_viewport_size({"width": 390, "height": 844})
                found += [f"{name} on a phone: {fault}" for fault in self.phone.found(page)]
            found += too_wide(page, name)
            page.set_viewport_size({"width": 1440, "height": 900})
        return found


def test_what_axe_finds_is_told(open_page: Opener) -> None:
    page = open_page(bypass_csp=True)
    page.goto("/accounts/login/")
    page.locator("h1").evaluate(
        "h1 => { h1.append(document.createElement('button')); "
        "h1.style.color = 'light-dark(black, #333)' }"
    )

    found = in_both_themes(page, "here")

    assert [fault.split(" –")[0] for fault in found] == [
        "here, light: button-name: h1 > button",
        "here, dark: color-contrast: h1",
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("it.append(document.createElement('button'))", "light: button-name: h1 > button"),
        ("it.style.color = 'light-dark(black, #333)'", "dark: color-contrast: h1"),
        ("it.style.color = '#ccc'", "light: color-contrast: h1"),
        ("document.querySelector('label').remove()", "light: label: #id_login"),
        ("document.querySelector('label').textContent = ''", "light: label: #id_login"),
        ("document.querySelector('label').htmlFor = 'nobody'", "light: label: #id_login"),
        ("document.querySelector('main a').textContent = ''", "light: link-name: "),
        ("document.title = ''", "light: document-title: html"),
    ],
)
def test_a_page_is_looked_at_again_where_it_has_changed(
    open_page: Opener, change: str, fault: str
) -> None:
    page, eyes = open_page(bypass_csp=True), Eyes()
    page.goto("/accounts/login/")
    assert eyes.in_both_themes(page, "before") == []
    page.goto("/accounts/login/")

    page.locator("h1").evaluate(f"it => {{ {change} }}")

    assert eyes.in_both_themes(page, "after")[0].startswith(f"after, {fault}")


def test_what_is_alike_is_looked_at_once(open_page: Opener) -> None:
    page, eyes = open_page(bypass_csp=True), Eyes()
    page.goto("/accounts/login/")
    eyes.in_both_themes(page, "first")

    page.goto("/accounts/login/")
    eyes.in_both_themes(page, "again")

    assert page.locator("body > :not([data-looked-at])").count() == 0


def test_what_is_too_wide_is_told(open_page: Opener) -> None:
    page = open_page()
    page.goto("/accounts/login/")
    page.locator("h1").evaluate("h1 => { h1.style.width = '330px' }")

    assert too_wide(page, "here") == []
    told = too_wide(page, "sign in")

    assert [line.split(" of ")[0] for line in told][-1].startswith("sign in at 320: scrolls to")


def test_every_page(open_page: Opener, alice: User, product: Product) -> None:
    page = open_page(alice, bypass_csp=True)

    found = Walk().through(page, product.pages.items())

    assert not found, "\n".join(found)


def test_what_a_stranger_and_a_newcomer_see(
    open_page: Opener, alice: User, bob: User, carol: User, workspace: Workspace, faults: Faults
) -> None:
    faults.provoke("status of 404", "status of 403", "status of 500", "500 http")
    stranger, newcomer = open_page(bypass_csp=True), open_page(carol, bypass_csp=True)
    empty = (
        "sequences",
        "review",
        "inbox",
        "deals",
        "contacts",
        "lists",
        "suppressions",
        "mailboxes",
        "enroll",
    )

    walk = Walk()
    found = walk.through(stranger, public_pages(workspace, alice).items())
    found += walk.through(newcomer, [(f"empty {name}", f"/{name}/") for name in empty])
    found += walk.through(newcomer, [("no prospect", "/sequences/?open=1"), ("404", "/nothing/")])
    found += walk.through(open_page(bob, bypass_csp=True), [("403", "/contacts/import/")])
    newcomer.route(
        "**/review/",
        lambda route: route.fulfill(
            status=500, content_type="text/html", body=render_to_string("500.html")
        ),
    )
    found += walk.through(newcomer, [("500", "/review/")])

    assert not found, "\n".join(found)


def test_what_a_page_comes_to_while_it_is_used(
    open_page: Opener, alice: User, workspace: Workspace
) -> None:
    page = open_page(alice, bypass_csp=True)
    runs = make_runs(workspace)
    found: list[str] = []

    def look(where: str, part: str = "html") -> None:
        found.extend(in_both_themes(page, where, part))

    page.goto("/sequences/")
    row_of(page, runs[4]).get_by_role("button", name="Approve & send").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    touch = runs[3].touches.get(position=1)
    touch.edit(subject=touch.subject, body="Changed meanwhile.", by=alice, shown="")
    row_of(page, runs[3]).get_by_role("button", name="Approve & send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look("toasts", ".toasts")
    page.get_by_role("button", name="Stop sending").click()
    expect(page.get_by_role("dialog", name="Stop all sending")).to_be_visible()
    look("confirm dialog", "#confirm")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    look("keys", "#keys")

    approve(runs[0])
    page.goto("/sequences/")
    row_of(page, runs[0]).get_by_label("Actions for Ana Ruiz").click()
    look("row menu", "details.menu[open]")
    page.get_by_role("link", name="Pause until…").click()
    expect(page.get_by_label("Until optional")).to_be_visible()
    look("pause dialog", "#pause")
    page.keyboard.press("Escape")

    for run in runs[1:3]:
        row_of(page, run).get_by_role("checkbox").check()
    look("selection", "#bulk")
    page.locator("#bulk").get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", name="Stop 2 prospects?")).to_be_visible()
    look("confirm page")
    page.get_by_role("link", name="Cancel").click()
    page.locator("#bulk").get_by_role("button", name="Approve & send").click()
    expect(page.get_by_role("heading", name="Read and approve 2 prospects")).to_be_visible()
    look("bulk approve")
    page.get_by_role("button", name="Approve & send what is ticked").click()
    expect(page.get_by_role("heading", name="2 prospects approved")).to_be_visible()
    look("bulk result")

    page.goto("/review/")
    touch.edit(subject=touch.subject, body="Changed once more.", by=alice, shown="")
    page.get_by_role("button", name=re.compile("^Approve all")).click()
    expect(page.get_by_role("alert")).to_contain_text("The text changed")
    look("changed draft in review")

    page.goto("/mailboxes/connect/smtp/")
    page.get_by_label("E-mail", exact=False).first.fill("nobody")
    page.locator("form.form").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Test & connect").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    look("SMTP form with errors")

    assert not found, "\n".join(found)
