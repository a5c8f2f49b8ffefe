"""When something may leave: windows, delays and local days. Pure: no database, no clock.

Instants are aware datetimes and are returned in UTC. Local times that a clock change skips move to
the first valid minute after it; of local times that happen twice the first is meant.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from sequences.rules import calendars

DAY = timedelta(days=1)
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
END_OF_DAY = time.max  # as an end it means the midnight that closes the day

# A week, doubled because a clock change can swallow one opening, and a day to spare on both sides.
DAYS_TO_SEARCH = 16


@dataclass(frozen=True, slots=True)
class Window:
    """The hours of the weekdays (ISO, Monday is 1) in which something may leave.

    A window whose start is after its end runs overnight and belongs to the day it begins on.

    >>> Window(time(9), time(9), frozenset({1}), "UTC")
    Traceback (most recent call last):
    ValueError: A window cannot start and end at the same time.
    """

    start: time
    end: time
    weekdays: frozenset[int]
    zone: str
    # On public holidays of this country, and on these days, it does not open.
    country: str = ""
    days_off: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("A window cannot start and end at the same time.")
        if not self.weekdays:
            raise ValueError("Choose at least one weekday.")
        if not self.weekdays <= frozenset(range(1, 8)):
            raise ValueError("Weekdays are numbers from 1 (Monday) to 7 (Sunday).")
        check_zone(self.zone)

    @property
    def is_overnight(self) -> bool:
        return self.start > self.end


def make_window(start: str, end: str, weekdays: Iterable[int], zone: str) -> Window:
    """Return the window a form or the API describes; repeated weekdays are folded.

    >>> make_window("09:00", "18:00", [1, 2, 2], "Europe/Lisbon").weekdays
    frozenset({1, 2})
    """
    return Window(parse_time(start), parse_time(end), frozenset(weekdays), zone)


def parse_time(text: str) -> time:
    """Return the time of an HH:MM; 24:00 is the end of the day.

    >>> parse_time("07:30")
    datetime.time(7, 30)
    >>> parse_time("7.30")
    Traceback (most recent call last):
    ValueError: Write the time as HH:MM, like 09:00.
    """
    if text == "24:00":
        return END_OF_DAY
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError("Write the time as HH:MM, like 09:00.")
    return time.fromisoformat(text)


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory", "posixrules"})


def zones() -> list[str]:
    """Return every valid IANA zone name, sorted.

    >>> "Europe/Lisbon" in zones(), "Eastern Standard Time" in zones()
    (True, False)
    """
    return sorted(_known_zones())


def is_zone(name: str) -> bool:
    """Tell whether this is the name of an IANA zone.

    >>> is_zone("Europe/Lisbon"), is_zone("Mars/Olympus")
    (True, False)
    """
    return name in _known_zones()


def check_zone(name: str) -> str:
    """Return the name if it is an IANA zone, else raise ValueError.

    >>> check_zone("Mars/Olympus")
    Traceback (most recent call last):
    ValueError: “Mars/Olympus” is not a time zone; use a name like Europe/Lisbon.
    """
    if not is_zone(name):
        raise ValueError(f"“{name[:64]}” is not a time zone; use a name like Europe/Lisbon.")
    return name


ALWAYS = Window(time(0), END_OF_DAY, frozenset(range(1, 8)), "UTC")


def instant(local: datetime, zone: str) -> datetime:
    """Return the UTC instant of a naive local time; one that is skipped is the end of the gap.

    >>> instant(datetime(2026, 3, 8, 2, 30), "America/New_York").astimezone(
    ...     ZoneInfo("America/New_York")).strftime("%H:%M")
    '03:00'
    """
    tz = ZoneInfo(zone)
    after = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if after.astimezone(tz).replace(tzinfo=None) == local:
        return after
    before = local.replace(tzinfo=tz, fold=1).astimezone(UTC)
    return _clock_change(before, after, tz)


def _clock_change(before: datetime, after: datetime, tz: ZoneInfo) -> datetime:
    """Return the second in (before, after] at which the zone's offset changes."""
    low = int(before.timestamp())
    high = int(after.timestamp()) + 1
    offset = datetime.fromtimestamp(low, tz).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, tz).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def openings(at_utc: datetime, window: Window) -> Iterator[tuple[datetime, datetime]]:
    """Yield the (opening, closing) pairs that are not over at the instant, earliest first."""
    yesterday = local_day(at_utc, window.zone) - DAY  # its opening may run into today
    search = DAYS_TO_SEARCH + calendars.longest_break(window.country, window.days_off)
    for n in range(search + 1):
        day = yesterday + DAY * n
        if day.isoweekday() not in window.weekdays:
            continue
        if calendars.is_off(day, window.country, window.days_off):
            continue
        opens = instant(datetime.combine(day, window.start), window.zone)
        if window.end == END_OF_DAY:
            closes = instant(datetime.combine(day + DAY, time(0)), window.zone)
        else:
            last_day = day + DAY if window.is_overnight else day
            closes = instant(datetime.combine(last_day, window.end), window.zone)
        # A clock change can swallow the window whole.
        if opens < closes and at_utc < closes:
            yield opens, closes


def is_open(at_utc: datetime, window: Window) -> bool:
    """Say whether something may leave at the instant; the end itself is outside.

    >>> office = make_window("09:00", "18:00", range(1, 6), "UTC")
    >>> is_open(datetime(2026, 11, 20, 9, tzinfo=UTC), office)
    True
    >>> is_open(datetime(2026, 11, 20, 18, tzinfo=UTC), office)
    False
    """
    return next_open(at_utc, window) == at_utc


def next_open(at_utc: datetime, window: Window) -> datetime:
    """Return the first instant from the given one on that lies inside the window.

    >>> office = make_window("09:00", "18:00", range(1, 6), "Europe/Lisbon")
    >>> next_open(datetime(2026, 11, 20, 19, tzinfo=UTC), office).isoformat()
    '2026-11-23T09:00:00+00:00'
    """
    opens, _ = next(openings(at_utc, window))
    return max(opens, at_utc.astimezone(UTC))


def closes_at(at_utc: datetime, window: Window) -> datetime:
    """Return the end of the opening that holds the instant, or of the next one if it is closed.

    >>> office = make_window("09:00", "18:00", range(1, 6), "UTC")
    >>> closes_at(datetime(2026, 11, 20, 19, tzinfo=UTC), office).isoformat()
    '2026-11-23T18:00:00+00:00'
    """
    _, closes = next(openings(at_utc, window))
    return closes


def day_off(at_utc: datetime, window: Window) -> date | None:
    """Return the free day on which the window would have opened next; None where none is.

    >>> office = make_window("09:00", "18:00", range(1, 6), "Europe/Lisbon")
    >>> day_off(datetime(2026, 12, 24, 19, tzinfo=UTC), replace(office, country="PT"))
    datetime.date(2026, 12, 25)
    >>> day_off(datetime(2026, 12, 23, 19, tzinfo=UTC), replace(office, country="PT"))
    """
    without = next_open(at_utc, replace(window, country="", days_off=frozenset()))
    if without == next_open(at_utc, window):
        return None
    day = local_day(without, window.zone)
    # In the small hours of an overnight window it is the day before that is free.
    return day if calendars.is_off(day, window.country, window.days_off) else day - DAY


def describe(window: Window) -> str:
    """Say the window in words.

    >>> describe(make_window("09:00", "18:00", range(1, 6), "Europe/Lisbon"))
    'Mon–Fri 09:00–18:00, Lisbon'
    >>> describe(make_window("22:00", "02:00", [1, 3, 5], "UTC"))
    'Mon, Wed, Fri 22:00–02:00 the next day, UTC'
    >>> describe(ALWAYS)
    'Every day 00:00–24:00, UTC'
    """
    end = "24:00" if window.end == END_OF_DAY else f"{window.end:%H:%M}"
    overnight = " the next day" if window.is_overnight and window.end != time(0) else ""
    days = describe_weekdays(window.weekdays)
    place = window.zone.rsplit("/", 1)[-1].replace("_", " ")
    return f"{days} {window.start:%H:%M}–{end}{overnight}, {place}"


def describe_weekdays(weekdays: frozenset[int]) -> str:
    """Name the weekdays; three or more in a row become a range.

    >>> describe_weekdays(frozenset({1, 2, 3, 5, 6}))
    'Mon–Wed, Fri, Sat'
    """
    if len(weekdays) == 7:
        return "Every day"
    runs: list[list[int]] = []
    for day in sorted(weekdays):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names = []
    for run in runs:
        if len(run) > 2:
            names.append(f"{DAY_NAMES[run[0] - 1]}–{DAY_NAMES[run[-1] - 1]}")
        else:
            names += [DAY_NAMES[day - 1] for day in run]
    return ", ".join(names)


def add_delay(
    at_utc: datetime,
    *,
    days: int,
    hours: int,
    minutes: int = 0,
    zone: str,
    counts: Callable[[date], bool] = lambda day: True,
) -> datetime:
    """Return the instant after a delay: days keep the local time of day, hours are real hours.

    Only days that `counts` says yes to are counted, and the last one is one of them.

    >>> before_the_change = datetime(2026, 3, 28, 9, tzinfo=UTC)
    >>> add_delay(before_the_change, days=1, hours=0, zone="Europe/Lisbon").isoformat()
    '2026-03-29T08:00:00+00:00'
    >>> add_delay(before_the_change, days=0, hours=24, zone="Europe/Lisbon").isoformat()
    '2026-03-29T09:00:00+00:00'
    >>> friday = datetime(2026, 11, 20, 9, tzinfo=UTC)
    >>> add_delay(friday, days=2, hours=0, zone="UTC",
    ...     counts=lambda day: day.isoweekday() < 6).isoformat()
    '2026-11-24T09:00:00+00:00'
    """
    if days < 0 or hours < 0 or minutes < 0:
        raise ValueError("A delay cannot be negative.")
    later = at_utc.astimezone(UTC)
    if days:
        local = at_utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        for _ in range(days):
            local += DAY
            while not counts(local.date()):
                local += DAY
        later = instant(local, zone)
    return later + timedelta(hours=hours, minutes=minutes)


def local_day(at_utc: datetime, zone: str) -> date:
    """Return the calendar day it is in the zone.

    >>> local_day(datetime(2026, 11, 20, 23, tzinfo=UTC), "Asia/Kathmandu")
    datetime.date(2026, 11, 21)
    """
    return at_utc.astimezone(ZoneInfo(zone)).date()


def next_midnight(at_utc: datetime, zone: str) -> datetime:
    """Return the first instant of the zone's next calendar day, when daily counters reset.

    >>> next_midnight(datetime(2026, 11, 20, 23, tzinfo=UTC), "America/New_York").isoformat()
    '2026-11-21T05:00:00+00:00'
    """
    midnight = datetime.combine(local_day(at_utc, zone) + DAY, time(0))
    first = instant(midnight, zone)
    if first > at_utc:
        return first
    # The clock was put back over midnight, so that midnight comes a second time.
    return midnight.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)


def spacing(per_minute: int) -> timedelta:
    """Return the time between two that leave at the given rate.

    >>> spacing(40)
    datetime.timedelta(seconds=1, microseconds=500000)
    """
    if per_minute < 1:
        raise ValueError("At least one a minute must be allowed.")
    return timedelta(minutes=1) / per_minute
