"""What the pictures show, and how they are taken: one workspace, one instant, both themes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.test.testcases import LiveServerThread
from playwright.sync_api import BrowserContext, Page, sync_playwright

from outreach.models import User
from tests import world
from tests.browser.chromium import CHROMIUM, FLAGS, sign_in
from tests.factories import make_user, make_workspace
from tests.world import World

PLACE = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
MOST_BYTES = 300_000
THEMES = ("light", "dark")


@dataclass(frozen=True)
class Picture:
    """A page in the state that is shown."""

    name: str
    go: Callable[[Page, World], None]
    width: int = 1440
    height: int = 900


def table(page: Page, world: World) -> None:
    page.goto("/sequences/")
    page.locator(f"#row-{world.run_of('Feldman').pk} a.prospect").focus()
    page.evaluate("scrollTo(0, 0)")


def drawer(page: Page, world: World) -> None:
    page.goto(f"/sequences/?open={world.run_of('Okafor').pk}")
    page.get_by_role("dialog").wait_for()


def review(page: Page, world: World) -> None:
    page.goto(f"/review/?at={world.run_of('Herrera').pk}")


def inbox(page: Page, world: World) -> None:
    page.goto(f"/inbox/{world.run_of('Raman').replies.get().pk}/")


def sequence(page: Page, world: World) -> None:
    page.goto(f"/sequences/{world.run_of('Raman').sequence_id}/")
    page.locator("#forecast figure.chart").wait_for()


def editor(page: Page, world: World) -> None:
    person = world.run_of("Laurent").contact_id
    page.goto(f"/sequences/{world.draft.pk}/steps/1/?contact={person}")


def importing(page: Page, world: World) -> None:
    page.goto("/contacts/import/")
    page.set_input_files("input[type=file]", files=[SPREADSHEET])
    page.locator("form button.primary").click()
    page.wait_for_url("**/contacts/import/*/")


def sandbox(page: Page, world: World) -> None:
    page.goto(f"/sandbox/{world.mail_to('Sørensen').pk}/")


SPREADSHEET = {
    "name": "Lisbon fair.csv",
    "mimeType": "text/csv",
    "buffer": (
        "E-Mail;Vorname;Nachname;Firma;Position;Ort;Land;Messestand\n"
        "amelie@northwind.example;Amélie;Laurent;Northwind Analytics;Head of Revenue;Antwerp;"
        "Belgium;B12\n"
        "jonas@brightwater.example;Jonas;Weber;Brightwater Energy;Procurement Lead;Bern;"
        "Switzerland;C03\n"
        "wei@orchard.example;Wei;Zhang;Orchard Dental;Practice Manager;Leeds;United Kingdom;A41\n"
        "hannah@sable.example;Hannah;Lindqvist;Sable & Co;Managing Partner;Malmö;Sweden;A07\n"
    ).encode(),
}

PICTURES = (
    Picture("table", table),
    Picture("drawer", drawer),
    Picture("review", review),
    Picture("inbox", inbox),
    Picture("sequence", sequence),
    Picture("editor", editor),
    Picture("import", importing),
    Picture("sandbox", sandbox),
    Picture("table-phone", table, 390, 844),
    Picture("drawer-phone", drawer, 390, 844),
    Picture("inbox-phone", inbox, 390, 844),
)


def take(names: list[str]) -> int:
    """Write the pictures of these names, or all of them, and say how large each is."""
    call_command("migrate", verbosity=0)
    alice = make_user("alice@brightline.test", name="Alice Reyes", zone="Europe/Lisbon")
    workspace = make_workspace(alice, is_sandbox=True, zone="Europe/Lisbon")
    shown = world.build(alice, workspace)
    PLACE.mkdir(parents=True, exist_ok=True)
    too_large = []
    with world.standing_still(), serving() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for picture in PICTURES:
            if names and picture.name not in names:
                continue
            for theme in THEMES:
                context = browser.new_context(
                    base_url=url,
                    viewport={"width": picture.width, "height": picture.height},
                    color_scheme=theme,
                    reduced_motion="reduce",
                    locale="en-US",
                )
                size = _take(context, url, alice, picture, shown, theme)
                if size > MOST_BYTES:
                    too_large.append(picture.name)
        browser.close()
    if too_large:
        sys.stderr.write(f"Larger than {MOST_BYTES:,} bytes: {', '.join(too_large)}.\n")
    return bool(too_large)


def _take(
    context: BrowserContext, url: str, alice: User, picture: Picture, shown: World, theme: str
) -> int:
    sign_in(context, url, alice)
    page = context.new_page()
    picture.go(page, shown)
    page.evaluate("document.fonts.ready")
    path = PLACE / f"{picture.name}-{theme}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    context.close()
    size = path.stat().st_size
    sys.stdout.write(f"{path.name}: {size:,} bytes\n")
    return size


@contextmanager
def serving() -> Iterator[str]:
    """Serve the product from threads of this process, whose clock stands still."""
    server = LiveServerThread("localhost", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    try:
        yield f"http://{server.host}:{server.port}"
    finally:
        server.terminate()
