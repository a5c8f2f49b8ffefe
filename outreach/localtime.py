"""Times in words, in the reader's zone."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from outreach.times import now


@lru_cache(maxsize=600)
def zone_named(name: str) -> tzinfo | None:
    """Return the zone, or None where this machine does not know the name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def place(zone: str) -> str:
    """Name a zone as people do.

    >>> place("America/Santo_Domingo")
    'Santo Domingo'
    """
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M}"


def _day(moment: datetime, today: datetime) -> str:
    year = "" if moment.year == today.year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year}"


def absolute(moment: datetime, zone: tzinfo | None = None) -> str:
    """Say the whole of it: day, date, time and zone."""
    local = timezone.localtime(moment, zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {local:%Z}"


def past(moment: datetime, today: datetime | None = None, zone: tzinfo | None = None) -> str:
    """Say when it was: day, date, time and zone, with the year where it is another one."""
    local = timezone.localtime(moment, zone)
    here = timezone.localtime(today or now(), zone)
    return f"{local:%a} {_day(local, here)}, {local:%H:%M} {local:%Z}"


def ago(moment: datetime, today: datetime | None = None, zone: tzinfo | None = None) -> str:
    """Say how long ago it was, as short as a table needs it."""
    today = today or now()
    seconds = max(0, int((today - moment).total_seconds()))
    if seconds < 45:
        return "just now"
    if seconds < 3570:
        return f"{max(1, round(seconds / 60))} min ago"
    if seconds < 86_400:
        return f"{round(seconds / 3600) or 1} h ago"
    local, here = timezone.localtime(moment, zone), timezone.localtime(today, zone)
    days = (here.date() - local.date()).days
    if days <= 1:
        return "yesterday"
    if days < 31:
        return f"{days} d ago"
    return _day(local, here)


def short_age(seconds: float) -> str:
    """Say an age in one unit.

    >>> short_age(4.2), short_age(61), short_age(7300), short_age(200_000)
    ('4 s', '1 min', '2 h', '2 d')
    """
    if seconds < 60:
        return f"{int(seconds)} s"
    if seconds < 3600:
        return f"{int(seconds / 60)} min"
    if seconds < 86_400:
        return f"{int(seconds / 3600)} h"
    return f"{int(seconds / 86_400)} d"


def when(moment: datetime, zone: str = "", today: datetime | None = None) -> str:
    """Say when it will be, on the clock of the given zone, and name that zone."""
    chosen = zone_named(zone) if zone else None
    local = timezone.localtime(moment, chosen)
    here = timezone.localtime(today or now(), chosen)
    days = (local.date() - here.date()).days
    if days == 0:
        day = "today"
    elif days == 1:
        day = "tomorrow"
    elif 1 < days < 7:
        day = f"{local:%a}"
    else:
        day = f"{local:%a} {_day(local, here)},"
    name = place(zone if chosen else timezone.get_current_timezone_name())
    return f"{day} {_clock(local)} {name}"


def until(moment: datetime, today: datetime | None = None) -> timedelta:
    """Return how long it is until then, never less than nothing."""
    return max(timedelta(0), moment - (today or now()))


class ZoneMiddleware:
    """Let templates print times in the zone of the person who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = getattr(request, "user", None)
        zone = zone_named(user.zone) if user is not None and user.is_authenticated else None
        if zone is None:
            return self.get_response(request)
        with timezone.override(zone):
            return self.get_response(request)
