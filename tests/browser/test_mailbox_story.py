"""Two mailboxes, five answers: from connecting at Google and Microsoft to what each answer does.

The real client libraries talk to servers that act as both. SCREENSHOTS=folder leaves a picture
of every stage there.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from mailboxes.models import Mailbox
from outreach import ticks, times
from outreach.models import User, Workspace
from sequences.engine import drafting, draining, enrolling, reading
from sequences.models import ContactList, Deal, Enrollment, Suppression
from tests.browser.rows import row_of
from tests.factories import make_company, make_contact, make_sequence
from tests.fakes.far_side import FarSide
from tests.sequences.sent_world import Hands

ALEX, KIM = "alex@brightline.test", "kim@brightline.test"
# Whose mails leave by which mailbox.
PEOPLE = {
    ALEX: (("Ana", "Ruiz"), ("Bela", "Kiss"), ("Cleo", "Marsh")),
    KIM: (("Dora", "Lund"), ("Emil", "Berg")),
}
Stage = Callable[[str], None]


@pytest.fixture
def hands() -> Iterator[Hands]:
    hands = Hands(times.now())
    with hands.hold():
        ticks.run("heartbeat")
        yield hands


@pytest.fixture
def far(far_side: FarSide, live_server, settings, monkeypatch) -> FarSide:
    settings.BASE_URL = live_server.url
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    far_side.google.mailbox(ALEX)
    far_side.microsoft.mailbox(KIM)
    return far_side


@pytest.fixture
def stage(page: Page) -> Stage:
    """Leave a picture of what is shown, and one as a phone shows it in the dark, if wanted."""
    folder = os.environ.get("SCREENSHOTS", "")
    taken = iter(range(1, 100))

    def take(name: str) -> None:
        if not folder:
            return
        path = Path(folder) / f"{next(taken):02}-{name}"
        page.screenshot(path=f"{path}.png", caret="initial")
        page.set_viewport_size({"width": 390, "height": 844})
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=f"{path}-phone-dark.png", caret="initial")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1440, "height": 900})

    return take


def test_from_two_mailboxes_to_five_answers(
    page: Page, far: FarSide, hands: Hands, alice: User, workspace: Workspace, stage: Stage
) -> None:
    connect(page, "Gmail", "Google", ALEX, stage)
    connect(page, "Microsoft 365", "Microsoft", KIM, stage)
    see_both(page, stage)

    for email in (ALEX, KIM):
        enroll(page, workspace, email, stage)
    approve_one_in_the_drawer(page, run_of("Ana"), stage)
    approve_the_others_together(page, stage)
    see_all_leave(page, far, hands, stage)

    back_on = hands.at.date() + timedelta(days=10)
    answer(page, far, "Ana", "interested", stage)
    answer(page, far, "Bela", "objection", stage)
    answer(page, far, "Cleo", "bounce", stage)
    away = f"I am out of office until {back_on:%d %B %Y} and will answer then."
    answer(page, far, "Dora", "away", stage, away)
    answer(page, far, "Emil", "unsubscribe", stage)
    read_the_inboxes(hands)

    see_them_in_the_table(page, stage)
    see_them_in_the_inbox(page, stage)
    see_the_interested_one(page, stage)
    see_the_objection(page, stage)
    see_the_deals(page, stage)
    see_the_bounce(page, stage)
    see_the_absence(page, back_on, stage)
    see_the_opt_out(page, stage)
    nothing_follows(far, hands)


def run_of(name: str) -> Enrollment:
    return Enrollment.everywhere.get(contact__first_name=name)


def connect(page: Page, product: str, company: str, email: str, stage: Stage) -> None:
    page.goto("/mailboxes/connect/")
    page.get_by_role("link", name=f"Connect {product}").click()
    expect(page.get_by_role("heading", name=f"What {company} will ask you")).to_be_visible()
    stage(f"connect-{company}")
    page.get_by_role("button", name=f"Continue to {company}").click()
    page.wait_for_url("**/oauth2/**")
    stage(f"consent-{company}")
    page.get_by_role("button", name=f"Allow {email}").click()

    expect(page.get_by_role("heading", name=email)).to_be_visible()
    stage(f"connected-{company}")


def see_both(page: Page, stage: Stage) -> None:
    page.get_by_role("link", name="All mailboxes").click()
    for email in (ALEX, KIM):
        card = page.get_by_role("article", name=email)
        expect(card.get_by_text("Connected", exact=True)).to_be_visible()
    stage("mailboxes")


def enroll(page: Page, workspace: Workspace, email: str, stage: Stage) -> None:
    """A list into a sequence that sends from this mailbox."""
    mailbox = Mailbox.objects.within(workspace).get(email=email)
    name = mailbox.get_provider_display()
    sequence = make_sequence(workspace, name=f"By {name}", mailbox=mailbox)
    people = ContactList.everywhere.create(workspace=workspace, name=f"For {name}")
    for first, last in PEOPLE[email]:
        company = make_company(workspace, f"{last} Works", domain=f"{last.lower()}.test")
        address = f"{first.lower()}@{last.lower()}.test"
        people.contacts.add(
            make_contact(
                workspace, first_name=first, last_name=last, email=address, company=company
            )
        )

    page.goto(f"/enroll/?list={people.pk}&sequence={sequence.pk}")
    page.get_by_role("button", name=f"Enroll {len(PEOPLE[email])} contacts").click()
    while enrolling.tick() or drafting.tick():
        pass
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
    stage(f"enrolled-{mailbox.provider}")


def approve_one_in_the_drawer(page: Page, run: Enrollment, stage: Stage) -> None:
    page.goto("/sequences/?status=pending_approval")
    expect(page.locator("#rows tr")).to_have_count(5)
    row_of(page, run).locator("a.prospect").click()
    drawer = page.get_by_role("dialog", name=str(run.contact))
    expect(drawer.get_by_text("Hi Ana, this is step 1.")).to_be_visible()
    stage("draft")
    drawer.get_by_role("button", name="Approve & send").click()
    expect(page.get_by_text(f"Approved {run.contact}.")).to_be_visible()


def approve_the_others_together(page: Page, stage: Stage) -> None:
    page.goto("/sequences/?status=pending_approval")
    page.get_by_role("checkbox", name="Select all on this page").check()
    page.locator("#bulk").get_by_role("button", name="Approve & send").click()
    expect(page.get_by_role("heading", name="Read and approve 4 prospects")).to_be_visible()
    stage("read-and-approve")
    page.get_by_role("button", name="Approve & send what is ticked").click()
    expect(page.get_by_role("heading", name="4 prospects approved")).to_be_visible()


def see_all_leave(page: Page, far: FarSide, hands: Hands, stage: Stage) -> None:
    assert draining.drain_all() == 0, "an approval can still be undone"
    hands.at += timedelta(seconds=11)
    while draining.drain_all():
        # The next of a sequence leaves a second later.
        hands.at += timedelta(seconds=2)

    assert sorted((each.provider, each.mailbox, each.recipient) for each in far.journal) == [
        ("gmail", ALEX, "ana@ruiz.test"),
        ("gmail", ALEX, "bela@kiss.test"),
        ("gmail", ALEX, "cleo@marsh.test"),
        ("microsoft", KIM, "dora@lund.test"),
        ("microsoft", KIM, "emil@berg.test"),
    ]
    page.goto("/sequences/")
    expect(page.locator("#rows").get_by_text("1/2")).to_have_count(5)
    stage("sent")
    page.goto(far.url)
    expect(page.get_by_role("heading", name="What really left (5)")).to_be_visible()
    stage("journal")


def answer(page: Page, far: FarSide, name: str, kind: str, stage: Stage, text: str = "") -> None:
    """Write back from the providers' page, as the prospect or as their mail server."""
    address = run_of(name).contact.email
    number = [each.recipient for each in far.journal].index(address)
    page.goto(f"{far.url}/mails/{number}")
    if text:
        page.get_by_role("textbox", name=kind).fill(text)
    stage(f"answer-{kind}")
    verb = "Bounce: no such address" if kind == "bounce" else f"Answer: {kind}"
    page.get_by_role("button", name=verb).click()
    expect(page.get_by_role("heading", name="Fake providers")).to_be_visible()


def read_the_inboxes(hands: Hands) -> None:
    hands.at += timedelta(minutes=1)
    ticks.run("heartbeat")
    assert [reading.read(each.pk) for each in Mailbox.everywhere.order_by("email")] == [3, 2]


def see_them_in_the_table(page: Page, stage: Stage) -> None:
    page.goto("/sequences/")
    shown = {
        "Ana": "Replied: interested",
        "Bela": "Replied: objection",
        "Cleo": "Archived",
        "Dora": "Active",
        "Emil": "Archived",
    }
    for chip in ("Active", "Replied", "Archived"):
        page.get_by_role("link", name=re.compile(f"^{chip}")).click()
        expect(page.locator("#chips [aria-current]")).to_have_text(re.compile(chip))
        for name, words in shown.items():
            if words.startswith(chip):
                expect(row_of(page, run_of(name)).get_by_text(words, exact=True)).to_be_visible()
        stage(f"table-{chip.lower()}")


def see_them_in_the_inbox(page: Page, stage: Stage) -> None:
    page.goto("/inbox/")
    for label in ("interested", "objection", "out_of_office", "unsubscribe"):
        expect(page.locator(f"#label-{label} .n")).to_have_text("1")
    # A delivery report is nobody's answer.
    expect(page.locator(".letters li")).to_have_count(4)
    stage("inbox")


def open_drawer(page: Page, name: str, stage: Stage) -> Locator:
    run = run_of(name)
    page.goto(f"/sequences/?open={run.pk}")
    drawer = page.get_by_role("dialog", name=str(run.contact))
    expect(drawer).to_be_visible()
    stage(f"drawer-{name.lower()}")
    return drawer


def open_thread(page: Page, name: str, stage: Stage) -> Locator:
    page.goto(f"/inbox/?state=all&at={run_of(name).replies.get().pk}")
    thread = page.get_by_role("region", name=str(run_of(name).contact))
    expect(thread).to_be_visible()
    stage(f"thread-{name.lower()}")
    return thread


def see_the_interested_one(page: Page, stage: Stage) -> None:
    drawer = open_drawer(page, "Ana", stage)
    expect(drawer.get_by_text("Can you do Thursday at 3pm?").first).to_be_visible()
    expect(drawer.get_by_role("article", name="Step 2")).to_contain_text("Cancelled")
    expect(drawer.get_by_text(f"A deal was opened: {Deal.everywhere.get()}.")).to_be_visible()
    thread = open_thread(page, "Ana", stage)
    expect(thread.get_by_text("Deal: New")).to_be_visible()
    assert Deal.everywhere.get().enrollment == run_of("Ana")


def see_the_objection(page: Page, stage: Stage) -> None:
    drawer = open_drawer(page, "Bela", stage)
    expect(drawer.get_by_role("article", name="Step 2")).to_contain_text("Cancelled")
    expect(drawer.get_by_text("no deal was opened")).to_be_visible()
    thread = open_thread(page, "Bela", stage)
    expect(thread.get_by_label("Means")).to_have_value("objection")


def see_the_deals(page: Page, stage: Stage) -> None:
    """Interest has opened one; nobody else's answer has."""
    page.get_by_role("link", name="Deals").click()
    expect(page.get_by_role("heading", level=1, name="Deals")).to_be_visible()
    page.get_by_role("link", name=re.compile("^All")).click()
    expect(page.locator("#chip-all")).to_have_attribute("aria-current", "true")
    expect(page.locator("#rows tr")).to_have_count(1)
    row = page.get_by_role("row", name=re.compile("Ruiz Works – By Gmail"))
    expect(row).to_contain_text("Ana Ruiz")
    expect(row.get_by_label("Stage of Ruiz Works")).to_have_value("new")
    stage("deals")
    row.get_by_role("link", name="Thread with Ana Ruiz").click()
    expect(page.get_by_role("region", name=str(run_of("Ana").contact))).to_be_visible()


def see_the_bounce(page: Page, stage: Stage) -> None:
    drawer = open_drawer(page, "Cleo", stage)
    expect(drawer).to_contain_text("550 5.1.1 <cleo@marsh.test>: Recipient address rejected")
    expect(drawer.get_by_role("article", name="Step 2")).to_contain_text("Cancelled")


def see_the_absence(page: Page, back_on: date, stage: Stage) -> None:
    drawer = open_drawer(page, "Dora", stage)
    expect(drawer.get_by_text(f"Back on {back_on.day} {back_on:%b %Y}").first).to_be_visible()
    expect(drawer.get_by_text("The prospect is away until then.")).to_be_visible()
    after = back_on + timedelta(days=1)
    expect(drawer).to_contain_text(re.compile(f"Step 2 leaves {after:%a} {after.day} {after:%b}"))
    thread = open_thread(page, "Dora", stage)
    expect(thread.get_by_label("Means")).to_have_value("out_of_office")


def see_the_opt_out(page: Page, stage: Stage) -> None:
    open_drawer(page, "Emil", stage)
    thread = open_thread(page, "Emil", stage)
    expect(thread.get_by_text("Suppressed", exact=True)).to_be_visible()
    page.goto("/suppressions/")
    expect(page.get_by_role("row", name=re.compile("emil@berg.test"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("cleo@marsh.test"))).to_be_visible()
    stage("suppressions")
    assert Suppression.everywhere.count() == 2


def nothing_follows(far: FarSide, hands: Hands) -> None:
    """Four days on, when the second step would have left; one waits for a prospect to be back."""
    hands.at += timedelta(days=4)
    for mailbox in Mailbox.everywhere.all():
        reading.read(mailbox.pk)
    assert draining.drain_all() == 0
    assert len(far.journal) == 5

    hands.at += timedelta(days=7)
    for mailbox in Mailbox.everywhere.all():
        reading.read(mailbox.pk)
    draining.drain_all()
    assert [each.recipient for each in far.journal[5:]] == ["dora@lund.test"]
