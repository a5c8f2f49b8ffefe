"""Chromium, a live server and pages that fail a test on any fault of the page."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.files.storage import FileSystemStorage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from outreach import styles
from outreach.models import User
from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.places import Product, product_of
from tests.browser.windows import WAIT, Faults, Windows

expect.set_options(timeout=WAIT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.browser)
        # The server answers in threads of its own, which see only what is committed.
        item.add_marker(pytest.mark.django_db(transaction=True))
        if not os.access(CHROMIUM, os.X_OK):
            item.add_marker(pytest.mark.skip(reason=f"no Chromium at {CHROMIUM}; set CHROMIUM"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all browser tests of a process, gone before any other test runs."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, where Django then refuses to query.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@cache
def one_sheet() -> bytes:
    [folder] = settings.STATICFILES_DIRS
    return bytes(styles.in_one(FileSystemStorage(folder), styles.SHEET).read())


@pytest.fixture(scope="package", autouse=True)
def static_files_are_kept() -> Iterator[None]:
    """As in production a browser asks for one style sheet, and once, not again on every page."""
    serve = StaticFilesHandler.serve

    def serve_to_keep(self: StaticFilesHandler, request: HttpRequest) -> HttpResponseBase:
        if request.get_full_path() == settings.STATIC_URL + styles.SHEET:
            answer: HttpResponseBase = HttpResponse(one_sheet(), content_type="text/css")
        else:
            answer = serve(self, request)
        answer["Cache-Control"] = "max-age=3600"
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesHandler, "serve", serve_to_keep)
        yield


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Fail the test on script errors, console errors (the policy's too) and answers over 500."""
    faults = Faults()
    # Answers that say "too late" or "not valid" are part of the product, and swapped in.
    faults.provoke("status of 409", "status of 422")
    # The news of a row that has left the table meanwhile.
    faults.provoke("htmx:oobErrorNoTarget, #row-")
    # What was asked for last takes the place of what was asked for before it.
    faults.provoke("htmx:sendAbort", "htmx:afterRequest")
    yield faults
    assert faults.unexpected == []


Opener = Callable[..., Page]


@pytest.fixture(scope="package")
def windows(browser: Browser, live_server: LiveServer) -> Iterator[Windows]:
    """The windows that the tests of a process take turns with."""
    windows = Windows(browser, live_server.url)
    yield windows
    windows.close()


@pytest.fixture
def open_page(windows: Windows, faults: Faults, db_ready: None) -> Iterator[Opener]:
    """Open pages as somebody, in a context of their own: open_page(alice, width=390)."""
    windows.faults = faults
    yield windows.open
    # What is still being answered must not meet the emptying of the database.
    windows.take_back()


@pytest.fixture
def db_ready(transactional_db: None) -> None:
    """The database outlives the pages."""


@pytest.fixture
def product(db_ready: None, alice: User) -> Iterator[Product]:
    """A workspace of Alice in which every page has something to show."""
    with product_of(alice) as product:
        yield product


@pytest.fixture
def page(open_page: Opener, alice: User) -> Page:
    """Alice's browser."""
    return open_page(alice)
