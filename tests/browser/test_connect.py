"""Connecting mailboxes at Google and Microsoft in a browser, against servers that act as both."""

import re

import pytest
from playwright.sync_api import Page, expect

from mailboxes.models import Mailbox
from tests.browser.conftest import Opener
from tests.fakes.far_side import FarSide


@pytest.fixture
def far(far_side: FarSide, live_server, settings, monkeypatch) -> FarSide:
    settings.BASE_URL = live_server.url
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    far_side.google.mailbox("alex@brightline.test")
    far_side.microsoft.mailbox("kim@brightline.test")
    return far_side


def go_there(page: Page, product: str, company: str) -> None:
    page.goto("/mailboxes/connect/")
    page.get_by_role("link", name=f"Connect {product}").click()
    page.get_by_role("button", name=f"Continue to {company}").click()
    page.wait_for_url("**/oauth2/**")


@pytest.mark.parametrize(
    ("product", "company", "email"),
    [
        ("Gmail", "Google", "alex@brightline.test"),
        ("Microsoft 365", "Microsoft", "kim@brightline.test"),
    ],
)
def test_a_mailbox_is_connected_tested_and_listed(
    page: Page, far: FarSide, workspace, product, company, email
):
    go_there(page, product, company)
    page.get_by_role("button", name=f"Allow {email}").click()

    expect(page.get_by_role("heading", name=email)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/connected/$"))
    page.get_by_role("button", name="Send a test mail to me").click()

    expect(page.get_by_text("A test mail is on its way to alice@brightline.test.")).to_be_visible()
    assert [each.mailbox for each in far.journal] == [email]
    page.get_by_role("link", name="All mailboxes").click()
    expect(page.get_by_role("article", name=email).get_by_text("Connected")).to_be_visible()


def test_who_cancels_or_leaves_a_box_unticked_reads_why_and_can_begin_again(
    page: Page, far: FarSide, workspace
):
    go_there(page, "Gmail", "Google")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("You cancelled at Google.")

    page.get_by_role("button", name="Continue to Google").click()
    page.get_by_label("Leave out").first.select_option(index=2)
    page.get_by_role("button", name="Allow alex@brightline.test").click()
    expect(page.get_by_role("alert")).to_contain_text("gmail.readonly")
    assert not Mailbox.objects.within(workspace).exists()

    page.get_by_role("button", name="Continue to Google").click()
    page.get_by_role("button", name="Allow alex@brightline.test").click()
    expect(page.get_by_role("heading", name="alex@brightline.test")).to_be_visible()


def test_without_script_the_way_there_and_back_is_the_same(
    open_page: Opener, alice, far: FarSide, workspace
):
    page = open_page(alice, java_script_enabled=False)

    go_there(page, "Microsoft 365", "Microsoft")
    page.get_by_role("button", name="Allow kim@brightline.test").click()

    expect(page.get_by_role("heading", name="kim@brightline.test")).to_be_visible()
    assert Mailbox.objects.within(workspace).get().email == "kim@brightline.test"


def test_a_lost_mailbox_is_connected_again_from_its_card(page: Page, far: FarSide, workspace):
    go_there(page, "Gmail", "Google")
    page.get_by_role("button", name="Allow alex@brightline.test").click()
    page.wait_for_url("**/connected/")
    Mailbox.objects.within(workspace).get().disconnect("Token has been expired or revoked.")

    page.goto("/mailboxes/")
    page.get_by_role("button", name="Reconnect alex@brightline.test").click()
    expect(page.get_by_text("Token has been expired or revoked.")).to_be_visible()
    page.get_by_role("button", name="Continue to Google").click()
    page.get_by_role("button", name="Allow alex@brightline.test").click()

    expect(page.get_by_role("heading", name="alex@brightline.test")).to_be_visible()
    assert Mailbox.objects.within(workspace).get().status == "connected"
