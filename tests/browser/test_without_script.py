"""Without JavaScript everything is a link or a form."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from outreach.models import User, Workspace
from sequences.engine import drafting, enrolling, importing
from sequences.models import Contact, Enrollment, Touch
from tests.browser.conftest import Opener
from tests.browser.places import CSV
from tests.browser.rows import fail_first_step, make_many, make_runs, row_of, shown
from tests.factories import approve, make_sequence


@pytest.fixture
def page(open_page: Opener, alice: User) -> Page:
    """Alice's browser, which runs no script."""
    return open_page(alice, java_script_enabled=False)


def status_of(run: Enrollment) -> str:
    run.refresh_from_db()
    return run.status


def choose(row: Locator, verb: str) -> None:
    row.locator("details.menu > summary").click()
    row.get_by_role("button", name=verb, exact=True).click()


def test_the_table_is_found_sorted_and_paged(page: Page, workspace: Workspace) -> None:
    runs = make_runs(workspace)
    many = make_many(workspace, 120)
    approve(runs[0])
    page.goto("/sequences/")

    page.get_by_role("link", name=re.compile("^Pending approval")).click()
    expect(page.locator("#rows tr")).to_have_count(4)
    page.get_by_role("columnheader", name="Created").get_by_role("link").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Created"))
    assert shown(page) == ["Emil Berg", "Dora Lund", "Cleo Marsh", "Bela Kiss"]

    page.get_by_role("searchbox").fill("Dora")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#chips [aria-current]")).to_have_text(re.compile("Pending approval"))

    page.goto("/sequences/")
    page.get_by_role("combobox", name="Sequence").select_option(label=many.name)
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".pager")).to_contain_text("1–50 of 120")
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".pager")).to_contain_text("51–100 of 120")
    page.get_by_role("link", name="Previous").click()
    expect(page.locator(".pager")).to_contain_text("1–50 of 120")


def test_a_row_is_approved_paused_resumed_stopped_and_undone(
    page: Page, workspace: Workspace
) -> None:
    runs = make_runs(workspace)
    page.goto("/sequences/")
    row = row_of(page, runs[2])

    row.get_by_role("button", name="Approve & send to Cleo Marsh").click()
    expect(page.get_by_text("Approved Cleo Marsh.")).to_be_visible()
    assert status_of(runs[2]) == "approved"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Approval undone: Cleo Marsh")).to_be_visible()
    assert status_of(runs[2]) == "pending_approval"

    row.get_by_role("button", name="Approve & send to Cleo Marsh").click()
    choose(row, "Pause")
    expect(page.get_by_text("Paused Cleo Marsh.")).to_be_visible()
    choose(row, "Resume")
    expect(page.get_by_text("Resumed Cleo Marsh.")).to_be_visible()
    row.locator("details.menu > summary").click()
    row.get_by_role("link", name="Pause until…").click()
    page.get_by_label("Until").fill("2099-01-04T09:00")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("Paused Cleo Marsh until")).to_be_visible()
    choose(row, "Stop and archive")
    expect(page.get_by_text("Stopped Cleo Marsh.")).to_be_visible()
    assert status_of(runs[2]) == "archived"


def test_a_prospect_has_a_page_to_edit_approve_and_retry_on(
    page: Page, alice: User, workspace: Workspace
) -> None:
    runs = make_runs(workspace)
    failed = approve(runs[1])
    fail_first_step(failed)
    page.goto("/sequences/?status=pending_approval")

    row_of(page, runs[2]).locator("a.prospect").click()
    expect(page.get_by_role("heading", level=1, name="Cleo Marsh")).to_be_visible()
    page.get_by_role("link", name="Edit step 1 for Cleo Marsh").click()
    page.get_by_label("Text", exact=True).fill("Mine.")
    runs[2].touches.get(position=1).edit(subject="", body="Theirs.", by=alice, shown="")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this text")
    expect(page.get_by_label("Text", exact=True)).to_have_value("Mine.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Step 1 saved.")).to_be_visible()
    assert runs[2].touches.get(position=1).body == "Mine."

    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_role("link", name="Activity")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Steps").click()
    page.get_by_role("button", name="Approve & send").click()
    expect(page.get_by_text("Approved Cleo Marsh.")).to_be_visible()
    assert status_of(runs[2]) == "approved"

    page.goto(f"/enrollments/{failed.pk}/")
    page.get_by_role("button", name="Retry step 1 for Bela Kiss").click()
    expect(page.get_by_text("Step 1 is queued")).to_be_visible()
    assert failed.touches.get(position=1).status == Touch.Status.SCHEDULED


def test_review_and_a_selection(page: Page, workspace: Workspace) -> None:
    runs = make_runs(workspace)
    page.goto("/review/")

    page.get_by_role("link", name="Skip for now").click()
    expect(page.locator(".drafts h2")).to_have_text("Bela Kiss")
    page.get_by_role("button", name="Approve all 2 & send").click()
    expect(page.get_by_text("Approved Bela Kiss.")).to_be_visible()
    expect(page.locator(".drafts h2")).to_have_text("Cleo Marsh")
    page.locator(".decide summary").click()
    page.get_by_role("button", name="Bad fit").click()
    expect(page.get_by_text("Refused Cleo Marsh.")).to_be_visible()
    assert [status_of(run) for run in runs[:3]] == ["pending_approval", "approved", "archived"]

    page.goto("/sequences/?status=pending_approval")
    for run in (runs[0], runs[4]):
        row_of(page, run).get_by_role("checkbox").check()
    page.get_by_role("button", name="Approve & send…").click()
    expect(page.get_by_role("heading", name="Read and approve 2 prospects")).to_be_visible()
    page.get_by_role("button", name="Approve & send what is ticked").click()
    expect(page.get_by_role("heading", name="2 prospects approved")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone for 2 prospects.")).to_be_visible()

    row_of(page, runs[3]).get_by_role("checkbox").check()
    page.get_by_role("button", name="Stop…").click()
    page.get_by_role("button", name="Stop 1 prospect").click()
    expect(page.get_by_role("heading", name="1 prospect stopped")).to_be_visible()
    assert status_of(runs[3]) == "archived"


def test_contacts_are_imported_and_enrolled(page: Page, workspace: Workspace) -> None:
    sequence = make_sequence(workspace)
    page.goto("/contacts/import/")

    file = {"name": "Fair.csv", "mimeType": "text/csv", "buffer": CSV}
    page.set_input_files("input[type=file]", files=[file])
    page.get_by_role("button", name="Upload and choose columns").click()
    page.get_by_role("button", name="Check 3 rows").click()
    importing.tick()
    page.get_by_role("link", name="Refresh").click()
    page.get_by_role("button", name="Import 2 contacts").click()
    importing.tick()
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_role("heading", name="Imported 2 contacts")).to_be_visible()

    page.get_by_role("link", name="Fair", exact=True).click()
    for name in ("Amélie Laurent", "Jonas Weber"):
        page.get_by_role("checkbox", name=f"Select {name}").check()
    page.get_by_role("button", name="Enroll…").click()
    page.get_by_label("Into").select_option(label=sequence.name)
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_role("button", name="Enroll 2 contacts").click()
    while enrolling.tick() or drafting.tick():
        pass
    page.reload()
    page.get_by_role("link", name="Review the drafts").click()
    expect(page.locator(".queue a")).to_have_count(2)
    assert Contact.everywhere.filter(workspace=workspace).count() == 2
