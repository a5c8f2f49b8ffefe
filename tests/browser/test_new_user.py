"""The main job as a new user walks it: from a CSV file to a reply that stops the run."""

import csv
import io
import re
from collections.abc import Iterator

from playwright.sync_api import Page, expect

from mailboxes.models import SandboxMail
from outreach.models import User
from sequences.engine import drafting, draining, enrolling, importing
from sequences.models import Contact, Enrollment
from tests.browser.conftest import Opener
from tests.factories import make_workspace

FIRST_NAMES = ("Amélie", "Tomás", "Ingrid", "Łukasz", "Žofia", "Maximiliane-Theodora", "Wei", "Ana")
LAST_NAMES = ("Laurent", "Herrera", "Sørensen", "Müller-Wiśniewski", "O’Brien", "Đorđević", "Zhang")
COMPANIES = (
    "Northwind Analytics",
    "Gesellschaft für angewandte Verpackungstechnik und Logistik mbH",
    "Quillworks",
    "Société des Transports Réunis",
    "株式会社ノースウィンド",
)
PLACES = (("Lyon", "France"), ("Kraków", "Poland"), ("São Paulo", "Brazil"), ("大阪", "Japan"))


def people() -> Iterator[list[str]]:
    """200 rows: 197 that can be imported, one of them a role address, and three that cannot."""
    yield ["First name", "Surname", "E-mail address", "Company", "Website", "Position", "Town"] + [
        "Country"
    ]
    for number in range(197):
        first = FIRST_NAMES[number % len(FIRST_NAMES)]
        last = f"{LAST_NAMES[number % len(LAST_NAMES)]} {number}"
        company = COMPANIES[number % len(COMPANIES)]
        town, country = PLACES[number % len(PLACES)]
        name = "info" if number == 150 else f"person{number}"
        domain = f"company{number}.example"
        email = f"{name}@{domain}"
        yield [first, last, email, company, domain, "Head of Sales", town, country]
    yield ["Anna", "Twice", "PERSON3@company3.example", "Quillworks", "", "COO", "Lyon", "France"]
    yield ["Odd", "Address", "odd(at)company.example", "Quillworks", "", "COO", "Lyon", "France"]
    yield ["No", "Address", "", "Quillworks", "", "COO", "Lyon", "France"]


def spreadsheet() -> dict[str, object]:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(people())
    content = text.getvalue().encode("utf-8-sig")
    return {"name": "Spring fair.csv", "mimeType": "text/csv", "buffer": content}


def settle() -> None:
    """Do what the scheduler does in the background until it has nothing more to do."""
    while importing.tick() or enrolling.tick() or drafting.tick():
        pass


def test_from_a_csv_to_a_reply_that_stops_the_run(open_page: Opener, alice: User) -> None:
    workspace = make_workspace(alice, is_sandbox=True, zone="Europe/Lisbon")
    page = open_page()

    sign_in(page)
    connect_the_sandbox(page)
    import_contacts(page)
    make_a_sequence(page)
    enroll(page)
    assert Enrollment.everywhere.filter(workspace=workspace, status="archived").count() == 1

    first = review_and_edit(page)
    approve_undo_and_approve(page, first)
    see_it_leave(page, first)
    see_the_follow_up_in_the_thread(page, first)
    reply(page, first)
    see_the_run_stopped(page, first)


def sign_in(page: Page) -> None:
    page.goto("/")
    page.get_by_label("E-mail").fill("alice@brightline.test")
    page.get_by_label("Password", exact=True).fill("alice-password")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="No prospects yet")).to_be_visible()


def connect_the_sandbox(page: Page) -> None:
    page.get_by_role("link", name="Mailboxes", exact=True).click()
    page.get_by_role("link", name="Connect a mailbox").first.click()
    page.get_by_role("button", name="Add a Sandbox mailbox").click()

    expect(page.get_by_role("heading", name="Mailboxes", exact=True)).to_be_visible()


def import_contacts(page: Page) -> None:
    page.get_by_role("link", name="Contacts", exact=True).click()
    page.get_by_role("link", name="Import contacts").first.click()
    page.set_input_files("input[type=file]", files=[spreadsheet()])
    page.get_by_role("button", name="Upload and choose columns").click()

    expect(page.get_by_label("E-mail address")).to_have_value("email")
    expect(page.get_by_label("Surname")).to_have_value("last_name")
    expect(page.get_by_text("Amélie").first).to_be_visible()
    page.get_by_role("button", name="Check 200 rows").click()

    expect(page.get_by_role("progressbar", name="Rows checked")).to_be_visible()
    page.reload()
    expect(page.get_by_role("progressbar", name="Rows checked")).to_be_visible()
    settle()
    expect(page.get_by_role("heading", name="200 rows checked")).to_be_visible()
    expect(page.locator(".tiles div").first).to_contain_text("197")
    expect(page.locator(".tiles .warn")).to_contain_text("3")

    page.get_by_role("button", name="Import 197 contacts").click()
    expect(page.get_by_role("progressbar", name="Rows imported")).to_be_visible()
    settle()
    expect(page.get_by_role("heading", name="Imported 197 contacts")).to_be_visible()
    assert Contact.everywhere.filter(first_name="Łukasz", city="大阪").exists()


def make_a_sequence(page: Page) -> None:
    page.get_by_role("link", name="Sequences", exact=True).click()
    page.get_by_role("link", name="New sequence").first.click()
    page.get_by_role("link", name="First meeting").first.click()
    page.get_by_role("button", name="Make the sequence").click()

    expect(page.get_by_role("heading", name="Step 1 of 4")).to_be_visible()


def enroll(page: Page) -> None:
    """From the list of the import; the sequence becomes active on the way."""
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Enroll contacts").first.click()
    page.get_by_label("Who").select_option(label="Spring fair")
    page.get_by_role("button", name="Activate and enroll 196 contacts").click()

    expect(page.get_by_role("progressbar").first).to_be_visible()
    settle()
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
    expect(page.get_by_text("Role address").first).to_be_visible()


def review_and_edit(page: Page) -> Enrollment:
    page.get_by_role("link", name="Review the drafts").click()
    expect(page.locator(".drafts h2")).to_have_text("Amélie Laurent 0")
    expect(page.locator("#count-review")).to_contain_text("196")
    expect(page.get_by_role("article", name=re.compile("^Step"))).to_have_count(4)

    page.get_by_role("link", name="Edit step 1 for Amélie Laurent 0").click()
    page.get_by_label("Subject", exact=True).fill("Two minutes about Northwind")
    page.get_by_label("Text", exact=True).fill("Hi Amélie,\n\nthis one I wrote myself.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("this one I wrote myself.")).to_be_visible()
    return Enrollment.everywhere.get(contact__email="person0@company0.example")


def approve_undo_and_approve(page: Page, run: Enrollment) -> None:
    page.get_by_role("button", name=re.compile("^Approve all 4")).click()
    expect(page.get_by_text("Approved Amélie Laurent 0.")).to_be_visible()
    expect(page.locator(".drafts h2")).not_to_have_text("Amélie Laurent 0")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Approval undone: Amélie Laurent 0")).to_be_visible()
    run.refresh_from_db()
    assert run.status == "pending_approval"
    assert draining.drain_all() == 0

    page.goto(f"/sequences/?status=pending_approval&q=person0%40&open={run.pk}")
    drawer = page.get_by_role("dialog", name="Amélie Laurent 0")
    drawer.get_by_role("button", name="Approve & send").click()
    expect(drawer.get_by_text("Approved", exact=True)).to_be_visible()
    run.refresh_from_db()
    assert run.status == "approved"


def see_it_leave(page: Page, run: Enrollment) -> None:
    page.goto("/sandbox/")
    expect(page.get_by_role("heading", name="Nothing caught yet")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Fast-forward")).click()

    expect(page.get_by_text("1 mail leaves now.")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Two minutes about Northwind"))).to_have_count(
        1
    )
    page.goto(f"/sequences/?open={run.pk}")
    expect(page.get_by_role("dialog").get_by_text("Active", exact=True)).to_be_visible()
    expect(page.locator(f"#row-{run.pk}").get_by_text("1/4")).to_be_visible()


def see_the_follow_up_in_the_thread(page: Page, run: Enrollment) -> None:
    page.goto("/sandbox/")
    page.get_by_role("button", name=re.compile("^Fast-forward")).click()
    expect(page.get_by_text(re.compile("1 mail leaves now"))).to_be_visible()

    first, second = SandboxMail.everywhere.caught().order_by("pk")
    assert second.subject == "Re: Two minutes about Northwind"
    assert second.thread_id == first.thread_id
    page.get_by_role("link", name=re.compile("^person0@.*Re: Two minutes")).click()
    expect(page.locator(".headers")).to_contain_text(first.message_id)


def reply(page: Page, run: Enrollment) -> None:
    page.get_by_role("button", name="Reply: interested").click()

    expect(page.get_by_text("was read as interested")).to_be_visible()


def see_the_run_stopped(page: Page, run: Enrollment) -> None:
    page.get_by_role("link", name="Open Amélie Laurent 0").click()
    drawer = page.get_by_role("dialog", name="Amélie Laurent 0")
    expect(drawer.get_by_text("Sounds interesting").first).to_be_visible()
    expect(page.locator(f"#row-{run.pk}").get_by_text("Replied: interested")).to_be_attached()
    drawer.get_by_role("link", name="Close").click()

    page.goto("/sandbox/")
    page.get_by_role("button", name=re.compile("^Fast-forward")).click()
    expect(page.get_by_text("Nothing is planned")).to_be_visible()
    assert SandboxMail.everywhere.caught().count() == 2
    assert list(run.touches.values_list("status", flat=True).order_by("position")) == [
        "sent",
        "sent",
        "cancelled",
        "cancelled",
    ]
