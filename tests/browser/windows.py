"""Windows of Chromium that tests take turns with: to open one costs as much as many steps in it."""

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page

from outreach.models import User
from tests.browser.chromium import sign_in

WAIT = 10_000
# So many are kept for the next test; each holds a process.
MOST_KEPT = 5
# Of the same origin, where what it stores can be emptied, and without a script of ours.
NOWHERE = "/static/img/mark.svg"


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


class Windows:
    """Lends one page after the other, each as a new browser would open it."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.faults = Faults()
        self.kept: dict[str, Page] = {}
        self.lent: list[tuple[str, Page]] = []
        self.listeners: list[tuple[Page, str, Any]] = []

    def open(self, user: User | None = None, *, width: int = 1440, **values: Any) -> Page:
        """Lend a page of somebody; two that are lent at once share nothing."""
        size = {"width": width, "height": 844 if width < 600 else 900}
        values = {"viewport": size, "locale": "en-US", "reduced_motion": "reduce"} | values
        name = repr(sorted(values.items()))
        page = self.kept.pop(name, None) or self.opened(values)
        self.lent.append((name, page))
        if page.viewport_size != size:
            page.set_viewport_size(size)
        page.emulate_media(
            color_scheme=values.get("color_scheme", "light"),
            forced_colors=values.get("forced_colors", "none"),
            reduced_motion=values["reduced_motion"],
        )
        if user:
            sign_in(page.context, self.url, user)
        return page

    def opened(self, values: dict[str, Any]) -> Page:
        context = self.browser.new_context(base_url=self.url, **values)
        context.set_default_timeout(WAIT)
        context.on("page", self.watch)
        page = context.new_page()
        listen = page.on

        def listen_for_now(event: str, listener: Any) -> None:
            self.listeners.append((page, event, listener))
            listen(event, listener)

        page.on = listen_for_now
        return page

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.add(f"script error: {error}"))
        page.on("crash", lambda _: self.faults.add("the page crashed"))
        page.on(
            "console",
            lambda said: self.faults.add(f"console: {said.text}") if said.type == "error" else None,
        )
        page.on(
            "response",
            lambda answer: (
                self.faults.add(f"{answer.status} {answer.url}") if answer.status >= 500 else None
            ),
        )

    def take_back(self) -> None:
        """Leave what was lent, so that nothing is still being answered, and forget all of it."""
        for page, event, listener in self.listeners:
            page.remove_listener(event, listener)
        self.listeners.clear()
        while self.lent:
            name, page = self.lent.pop()
            context = page.context
            for popup in context.pages:
                if popup is not page:
                    popup.close()
            context.set_offline(False)
            page.mouse.move(0, 0)
            page.goto(NOWHERE)
            page.evaluate("localStorage.clear(); sessionStorage.clear()")
            page.unroute_all(behavior="ignoreErrors")
            context.unroute_all(behavior="ignoreErrors")
            context.clear_cookies()
            if name in self.kept or len(self.kept) >= MOST_KEPT:
                context.close()
            else:
                self.kept[name] = page

    def close(self) -> None:
        for page in self.kept.values():
            page.context.close()
        self.kept.clear()
