"""Nothing leaves: because somebody stopped it, or because the whole installation is held."""

from playwright.sync_api import Page, expect

from outreach import guards
from outreach.models import Instance, User, Workspace
from outreach.times import now
from tests.browser.axe import in_both_themes
from tests.browser.conftest import Opener
from tests.browser.widths import too_wide
from tests.factories import approve, make_enrollment, make_sequence


def looks(page: Page, name: str) -> list[str]:
    found = in_both_themes(page, name) + too_wide(page, name)
    page.set_viewport_size({"width": 1440, "height": 900})
    return found


def test_a_stop_is_resumed_after_reading_what_will_leave(
    open_page: Opener, alice: User, workspace: Workspace
) -> None:
    page = open_page(alice, bypass_csp=True)
    sequence = make_sequence(workspace, name="Q4 wholesale", per_minute=2)
    for _ in range(3):
        approve(make_enrollment(sequence=sequence), by=alice)
    page.goto("/sequences/")
    page.get_by_role("button", name="Stop sending").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop sending").click()

    page.get_by_role("link", name="Resume sending…").click()

    expect(page.get_by_role("heading", name="What happens when you resume")).to_be_visible()
    expect(page.get_by_text("Nothing leaves in a burst")).to_be_visible()
    row = page.get_by_role("row", name="Q4 wholesale")
    assert row.get_by_role("cell").all_inner_texts()[1:] == ["3", "3", "3", "2 a minute at most"]
    assert looks(page, "resume") == []
    workspace.refresh_from_db()
    assert workspace.is_stopped
    page.get_by_role("button", name="Resume sending").click()
    expect(page.get_by_text("Sending is on")).to_be_visible()
    workspace.refresh_from_db()
    assert not workspace.is_stopped


def test_a_held_installation_says_so_on_the_page_and_on_the_step(
    open_page: Opener, alice: User, workspace: Workspace
) -> None:
    page = open_page(alice, bypass_csp=True)
    run = approve(make_enrollment(workspace), by=alice)
    guards.keep()
    Instance.objects.update(noticed_at=now(), lost_from=now(), lost_until=now())
    guards.forget()

    page.goto(f"/sequences/?open={run.pk}")

    expect(page.get_by_text("Sending is held. This database looks")).to_have_count(2)
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("An operator runs manage.py after_restore.")).to_be_visible()
    assert looks(page, "held") == []
