"""The inbox in a browser: by keys, and with mail that wants to do more than be read."""

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from mailboxes.models import InboundMail, SandboxMail
from outreach.models import User, Workspace
from outreach.times import now
from sequences.engine import draining, sandbox
from sequences.models import Event, Reply
from tests.browser.conftest import Faults, Opener
from tests.factories import make_contact, make_due_touch
from tests.mailboxes.hostile import FAR, TRICKS

DOT = b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAA=")


def answered(workspace: Workspace, name: str) -> Reply:
    touch = make_due_touch(
        workspace=workspace, steps=2, contact=make_contact(workspace, first_name=name)
    )
    draining.drain_all()
    caught = SandboxMail.everywhere.caught().filter(recipient=touch.enrollment.contact.email)
    mail = sandbox.answer(caught.latest("pk"), "text", f"{name} would like to know more.")
    InboundMail.everywhere.filter(pk=mail.pk).update(from_name=name)
    return mail.reply


@pytest.fixture
def three(workspace: Workspace) -> list[Reply]:
    return [answered(workspace, name) for name in ("Ana", "Bo", "Cleo")]


def thread(page: Page, name: str) -> None:
    expect(page.locator("#who")).to_contain_text(name)


def test_by_keys_alone(page: Page, three: list[Reply]) -> None:
    page.goto("/inbox/")
    thread(page, "Cleo")

    page.keyboard.press("j")
    thread(page, "Bo")
    page.keyboard.press("j")
    thread(page, "Ana")
    page.keyboard.press("k")
    thread(page, "Bo")
    page.keyboard.press("e")
    expect(page.get_by_text("Handled: Bo.")).to_be_visible()
    thread(page, "Ana")
    expect(page.locator("#count-inbox")).to_have_text(re.compile("^2"))

    page.keyboard.press("z")
    expect(page.get_by_text("Bo waits for an answer again.")).to_be_visible()
    thread(page, "Bo")
    expect(page.locator("#count-inbox")).to_have_text(re.compile("^3"))


def test_the_chosen_reply_stays_in_sight(page: Page, workspace: Workspace) -> None:
    sent_in(answered(workspace, "Ana"), [(f"mail {each}", "Hi") for each in range(25)])
    page.goto("/inbox/")
    chosen = page.locator(".letters [aria-current]")

    for number in range(1, 16):
        page.keyboard.press("j")
        expect(page.locator(".letters a").nth(number)).to_have_attribute("aria-current", "true")
        expect(chosen).to_be_in_viewport(ratio=0.95)


def test_a_label_is_corrected_in_one_click(page: Page, three: list[Reply]) -> None:
    page.goto(f"/inbox/?at={three[0].pk}")

    page.get_by_label("Means").select_option("referral")

    expect(page.get_by_text("Marked as referral.")).to_be_visible()
    expect(page.locator("#label-referral")).to_contain_text("1")
    three[0].refresh_from_db()
    assert three[0].label == "referral"


def test_assign_snooze_and_find_again(page: Page, alice: User, three: list[Reply]) -> None:
    page.goto("/inbox/")
    page.get_by_label("Assigned to").select_option("Alice Reyes")
    expect(page.get_by_text("Alice Reyes sees to Cleo.")).to_be_visible()
    page.locator("summary", has_text="Snooze").click()
    page.get_by_role("button", name=re.compile("^Tomorrow")).click()
    expect(page.get_by_text(re.compile("Cleo comes back"))).to_be_visible()
    thread(page, "Bo")

    page.locator("#state-snoozed").click()
    thread(page, "Cleo")
    page.locator("#state-all").click()
    expect(page.locator("#state-all")).to_have_attribute("aria-current", "page")
    page.get_by_label("Search replies").press_sequentially("ana")
    thread(page, "Ana")
    expect(page.locator(".letters li")).to_have_count(1)


def test_a_phone_shows_the_list_and_then_the_thread(
    open_page: Opener, alice: User, three: list[Reply]
) -> None:
    page = open_page(alice, width=390, has_touch=True)
    page.goto("/inbox/")
    expect(page.locator("#who")).to_be_hidden()

    page.get_by_role("link", name=re.compile("^Bo")).tap()
    thread(page, "Bo")
    expect(page.locator(".letters")).to_be_hidden()
    page.get_by_role("link", name="All replies").tap()

    expect(page.locator(".letters li")).to_have_count(3)


def test_everything_works_without_script(
    open_page: Opener, alice: User, three: list[Reply]
) -> None:
    page = open_page(alice, java_script_enabled=False)
    page.goto("/inbox/")
    page.get_by_role("button", name="Mark handled").click()
    thread(page, "Bo")
    page.get_by_label("Means").select_option("objection")
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_text("Marked as objection.")).to_be_visible()


@pytest.fixture
def watched(page: Page, faults: Faults) -> Iterator[Page]:
    """Alice's page, on which a dialog or a call to anywhere else fails the test."""
    # The console tells what the frame's policy refuses: that it is refused is the point.
    faults.provoke("Content Security Policy", "Blocked script execution", "sandboxed")
    faults.provoke("Unsafe attempt to load URL")
    far: list[str] = []

    def note(route: Route) -> None:
        # What a policy refuses never comes here.
        far.append(route.request.url)
        route.fulfill(body="", content_type="text/html")

    page.route(f"{FAR}/**", note)
    page.on("dialog", lambda dialog: (far.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("popup", lambda popup: far.append(f"popup: {popup.url}"))
    yield page
    assert far == []


def sent_in(reply: Reply, tricks: Iterable[tuple[str, str]]) -> list[Reply]:
    """Put a mail with each trick into the thread of this reply."""
    mails = InboundMail.everywhere.bulk_create(
        InboundMail(
            workspace_id=reply.workspace_id,
            mailbox_id=reply.mail.mailbox_id,
            provider_id=name,
            from_email="eve@far.test",
            from_name=trick[:200],
            subject=trick[:200],
            html=f"<p>{name}</p>{trick}<p>the end",
        )
        for name, trick in tricks
    )
    return Reply.everywhere.bulk_create(
        Reply(
            workspace_id=reply.workspace_id,
            enrollment_id=reply.enrollment_id,
            mail=mail,
            label="other",
            text=trick,
        )
        for mail, (_, trick) in zip(mails, tricks, strict=True)
    )


# Every frame at once, and not each when it is scrolled to.
UNFOLD = """() => {
  for (const details of document.querySelectorAll("details.beneath")) details.open = true;
  for (const frame of document.querySelectorAll("iframe.mail-frame")) frame.loading = "eager";
}"""


@pytest.mark.parametrize("is_cleaned", [True, False], ids=["cleaned", "raw"])
def test_hostile_mail_runs_nothing_and_calls_nobody(
    watched: Page, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, is_cleaned: bool
) -> None:
    if not is_cleaned:
        # One wall is taken away: the frame and its policy have to hold alone.
        monkeypatch.setattr("mailboxes.frames.clean", lambda html, images: html)
    monkeypatch.setattr("sequences.inbox.MOST_REPLIES", 200)
    reply = answered(workspace, "Ana")
    sent = sent_in(reply, TRICKS.items())
    before = list(Reply.everywhere.order_by("pk").values())

    # Not the frames: they are waited for one by one.
    watched.goto(f"/inbox/?at={reply.pk}", wait_until="domcontentloaded")
    watched.evaluate(UNFOLD)
    for each, name in zip(sent, TRICKS, strict=True):
        frame = watched.frame_locator(f"iframe[name=mail-{each.pk}]")
        expect(frame.locator("body")).to_contain_text(name)

    assert watched.evaluate("window.pwned") is None
    assert watched.url.endswith(f"/inbox/?at={reply.pk}")
    assert list(Reply.everywhere.order_by("pk").values()) == before


def test_hostile_mail_is_nothing_but_letters_in_the_drawer(
    watched: Page, workspace: Workspace
) -> None:
    """The drawer shows what a person wrote as text; a report's words as well."""
    reply = answered(workspace, "Ana")
    # As many as it shows, each with the tricks of several.
    tricks = list(TRICKS.values())
    heaps = {f"heap {number}": "\n".join(tricks[number::19]) for number in range(19)}
    sent_in(reply, heaps.items())
    everything = "\n".join(tricks)
    reply.touch.enrollment.touches.filter(position=1).update(
        error=everything, error_kind="bounced", bounced_at=now()
    )
    Event.log(reply.enrollment, "bounced", touch=reply.touch, words=everything)

    watched.goto(f"/sequences/?open={reply.enrollment_id}")
    drawer = watched.get_by_role("dialog")
    shown = drawer.text_content() or ""
    assert [name for name, trick in TRICKS.items() if shown.count(trick) < 2] == []
    assert drawer.locator(ACTING).count() == 0
    drawer.get_by_role("link", name="Activity", exact=True).click()
    expect(drawer.locator(".history")).to_contain_text("bounced")
    told = drawer.text_content() or ""
    assert [name for name, trick in TRICKS.items() if trick not in told] == []
    assert drawer.locator(ACTING).count() == 0
    assert watched.evaluate("window.pwned") is None


# What the drawer has none of by itself.
ACTING = "script, iframe, object, embed, img, video, audio, math, meta, base, style, link, [style]"

LINKS = (
    f"<p><a href='{FAR}/offer?a=1' target='_top' rel='opener' title='https://globex.test'>Globex</a>"
    "<p><a href='javascript:parent.pwned = 1'>script</a>"
    "<p><a href='data:text/html,<script>opener.top.pwned = 1</script>'>data</a>"
    f"<p><a href='javascript:location = \"{FAR}/script\"' target='_top'>script on top</a>"
)


@pytest.mark.parametrize("is_cleaned", [True, False], ids=["cleaned", "raw"])
def test_a_link_opens_in_a_tab_of_its_own_that_knows_nothing_of_ours(
    page: Page,
    workspace: Workspace,
    faults: Faults,
    monkeypatch: pytest.MonkeyPatch,
    is_cleaned: bool,
) -> None:
    faults.provoke("Content Security Policy", "Blocked script execution", "sandboxed")
    faults.provoke("Unsafe attempt to initiate navigation", "Not allowed to navigate")
    if not is_cleaned:
        # A frame that may open a tab may still not take the place of the page.
        links = LINKS.replace(" target='_top' rel='opener'", "")
        monkeypatch.setattr("mailboxes.frames.clean", lambda html, images: html)
    else:
        links = LINKS
    reply = answered(workspace, "Ana")
    InboundMail.everywhere.update(html=links)
    came: list[dict[str, str]] = []
    page.on("dialog", lambda dialog: dialog.dismiss())

    def give(route: Route) -> None:
        came.append(route.request.headers | {"url": route.request.url})
        # Where it leads is a page like any other, and may run script.
        tell = "<script>document.title = `${window.opener} ${document.referrer}`</script>"
        route.fulfill(body=tell, content_type="text/html")

    page.context.route(f"{FAR}/**", give)
    page.goto(f"/inbox/?at={reply.pk}")
    page.evaluate(UNFOLD)
    frame = page.frame_locator("iframe.mail-frame")
    link = frame.get_by_text("Globex")
    link.hover()
    told = link.evaluate("it => getComputedStyle(it, '::after').content")
    assert told == f'"{FAR}/offer?a=1"', "the frame says where it really leads"
    with page.expect_popup() as opened:
        link.click()

    opened.value.wait_for_url(f"{FAR}/offer?a=1")
    expect(opened.value).to_have_title("null ")
    assert "referer" not in came[0]
    for word in ("script", "data", "script on top"):
        frame.get_by_text(word, exact=True).click()
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert page.url.endswith(f"/inbox/?at={reply.pk}")
    assert [each["url"] for each in came] == [f"{FAR}/offer?a=1"]


def test_images_are_loaded_when_the_reader_asks(page: Page, workspace: Workspace) -> None:
    reply = answered(workspace, "Ana")
    InboundMail.everywhere.update(html=f"<p>Logo</p><img src='{FAR}/logo.png' alt='Globex'>")
    asked: list[str] = []

    def give(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body=DOT, content_type="image/gif")

    page.route(f"{FAR}/**", give)
    page.goto(f"/inbox/?at={reply.pk}")
    page.get_by_text("As it was sent").click()
    expect(page.frame_locator("iframe.mail-frame").get_by_text("Logo")).to_be_visible()
    assert asked == []

    with page.expect_request(f"{FAR}/logo.png") as request:
        page.get_by_role("link", name="Load its images").click()

    assert "referer" not in request.value.headers
