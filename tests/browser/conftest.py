"""Chromium, a live server and pages that fail a test on any fault of the page."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from outreach.models import User
from tests.browser.chromium import CHROMIUM, FLAGS, sign_in
from tests.browser.places import Product, product_of

WAIT = 10_000
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


@pytest.fixture(scope="package", autouse=True)
def static_files_are_kept() -> Iterator[None]:
    """As in production a browser asks for a style sheet once, and not again on every page."""
    serve = StaticFilesHandler.serve

    def serve_to_keep(self: StaticFilesHandler, request: HttpRequest) -> HttpResponseBase:
        answer = serve(self, request)
        answer["Cache-Control"] = "max-age=3600"
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesHandler, "serve", serve_to_keep)
        yield


@dataclass
class Faults:
    """What went wrong in the pages of a test, but for what the test says it provokes."""

    seen: list[str] = field(default_factory=list)
    provoked: list[str] = field(default_factory=list)

    def provoke(self, *words: str) -> None:
        self.provoked += words

    def add(self, text: str) -> None:
        self.seen.append(text)

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self.seen if not any(word in text for word in self.provoked)]

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.add(f"script error: {error}"))
        page.on("crash", lambda _: self.add("the page crashed"))
        page.on(
            "console",
            lambda said: self.add(f"console: {said.text}") if said.type == "error" else None,
        )
        page.on(
            "response",
            lambda answer: (
                self.add(f"{answer.status} {answer.url}") if answer.status >= 500 else None
            ),
        )


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Fail the test on script errors, console errors (the policy's too) and answers over 500."""
    faults = Faults()
    # Answers that say "too late" or "not valid" are part of the product, and swapped in.
    faults.provoke("status of 409", "status of 422")
    # The news of a row that has left the table meanwhile.
    faults.provoke("htmx:oobErrorNoTarget, #row-")
    yield faults
    assert faults.unexpected == []


Opener = Callable[..., Page]


@pytest.fixture
def open_page(
    browser: Browser, live_server: LiveServer, faults: Faults, db_ready: None
) -> Iterator[Opener]:
    """Open pages as somebody, in a context of their own: open_page(alice, width=390)."""
    contexts: list[BrowserContext] = []

    def open_page(user: User | None = None, *, width: int = 1440, **values: Any) -> Page:
        height = 844 if width < 600 else 900
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            locale="en-US",
            **{"reduced_motion": "reduce"} | values,
        )
        context.set_default_timeout(WAIT)
        contexts.append(context)
        context.on("page", faults.watch)
        if user:
            sign_in(context, live_server.url, user)
        return context.new_page()

    yield open_page
    for context in contexts:
        for page in context.pages:
            # What is still being answered must not meet the emptying of the database.
            page.goto("about:blank")
        context.close()


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
