"""What the frame around every page needs: navigation, counts, heartbeat, facts to know."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from outreach import guards, ticks
from outreach.localtime import short_age
from outreach.models import Membership, User, Workspace
from outreach.requests import Request
from outreach.times import now

LATE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Place:
    """An entry of the sidebar; what folds leaves a phone's bar for the account menu."""

    label: str
    url: str
    icon: str
    keys: str
    count: str = ""
    also: tuple[str, ...] = ()
    only_in_sandbox: bool = False
    folds: bool = False
    folds_in_sandbox: bool = False


# Paths, not names: the ground knows no other app.
NAV = (
    Place("Review", "/review/", "square-check-big", "g r", count="review"),
    Place("Sequences", "/sequences/", "list-ordered", "g s", also=("/enrollments/",)),
    Place("Inbox", "/inbox/", "inbox", "g i", count="inbox"),
    Place("Deals", "/deals/", "star", "g d", folds=True),
    Place(
        "Contacts", "/contacts/", "users", "g c", also=("/companies/", "/lists/", "/suppressions/")
    ),
    Place("Mailboxes", "/mailboxes/", "at-sign", "g m", folds_in_sandbox=True),
    Place("Sandbox", "/sandbox/", "flask-conical", "g x", only_in_sandbox=True),
    Place("Settings", "/settings/", "settings", "g t", folds=True),
)


THEMES = (("light", "Light", "sun"), ("dark", "Dark", "moon"), ("system", "System", "monitor"))


@dataclass(frozen=True)
class Link:
    """An entry of the sidebar as it is on this page."""

    place: Place
    current: bool
    count: int | None
    folds: bool


@dataclass(frozen=True)
class Heartbeat:
    """When the scheduler last ran, and whether that is too long ago."""

    age: timedelta | None

    @property
    def is_late(self) -> bool:
        return self.age is None or self.age > LATE_AFTER

    @property
    def text(self) -> str:
        if self.age is None:
            return "Scheduler has not run yet"
        return f"Scheduler last ran {short_age(self.age.total_seconds())} ago"

    @classmethod
    def read(cls) -> "Heartbeat":
        last = ticks.last_beat()
        return cls(max(timedelta(0), now() - last) if last else None)


def counted(name: str, workspace: Workspace) -> Any:
    """Ask the app that registered this count in SHELL_COUNTS; None where nobody did."""
    path = getattr(settings, "SHELL_COUNTS", {}).get(name)
    if path is None:
        return None
    count: Callable[[Workspace], Any] = import_string(path)
    return count(workspace)


class Shell:
    """The frame of one page. Each fact is asked for when the template first shows it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.workspace: Workspace | None = getattr(request, "workspace", None)

    @cached_property
    def theme(self) -> str:
        return getattr(self.request.user, "theme", "system")

    @property
    def themes(self) -> tuple[tuple[str, str, str], ...]:
        return THEMES

    @cached_property
    def shortcuts(self) -> bool:
        return getattr(self.request.user, "shortcuts", True)

    @property
    def may_stop(self) -> bool:
        """Tell whether this person may stop all sending, and resume it."""
        membership: Membership | None = getattr(self.request, "membership", None)
        return membership is not None and membership.may("admin")

    @cached_property
    def nav(self) -> list[Link]:
        return [self._link(place) for place in NAV if self._shows(place)]

    @cached_property
    def memberships(self) -> list[Membership]:
        user = self.request.user
        if not isinstance(user, User):
            return []
        mine = Membership.objects.filter(user=user)
        return list(mine.select_related("workspace").order_by("workspace__name", "pk")[:50])

    @cached_property
    def heartbeat(self) -> Heartbeat:
        return Heartbeat.read()

    @cached_property
    def hold(self) -> guards.Hold | None:
        """Return why nothing leaves from this whole installation, or None."""
        return guards.hold()

    @cached_property
    def disconnected(self) -> int:
        """Return how many mailboxes of this workspace need to be connected again."""
        return self._mailboxes.get("disconnected", 0)

    @cached_property
    def failing(self) -> int:
        """Return of how many mailboxes the domain fails, so that cold mail stops or will."""
        # Nothing leaves a sandbox, so nobody asks for its domains.
        return 0 if self.is_sandbox else self._mailboxes.get("failing", 0)

    @cached_property
    def _mailboxes(self) -> dict[str, int]:
        return (counted("mailboxes", self.workspace) or {}) if self.workspace else {}

    @property
    def is_sandbox(self) -> bool:
        return self.workspace is not None and self.workspace.is_sandbox

    def _shows(self, place: Place) -> bool:
        return self.is_sandbox or not place.only_in_sandbox

    def _link(self, place: Place) -> Link:
        current = self.request.path.startswith((place.url, *place.also))
        count = counted(place.count, self.workspace) if place.count and self.workspace else None
        folds = place.folds or (place.folds_in_sandbox and self.is_sandbox)
        return Link(place, current, count, folds)


def shell(request: Request) -> dict[str, Any]:
    """Give templates `shell`; a part that does not show it costs no query."""
    return {"shell": Shell(request)}
