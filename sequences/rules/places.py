"""Countries and what time it is there, from the lists that come with the time zones. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from sequences.rules.schedule import is_zone

# Clocks that go alike in all of these weeks go alike today; a zone of its own in the lists may
# only tell of the past.
WEEKS = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(weeks=week) for week in range(3 * 52)]

# What people write, beside the names and codes of the list.
ALIASES = {
    "uk": "GB",
    "united kingdom": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "usa": "US",
    "u.s.": "US",
    "u.s.a.": "US",
    "america": "US",
    "united states of america": "US",
    "uae": "AE",
    "czechia": "CZ",
    "türkiye": "TR",
    "the netherlands": "NL",
    "holland": "NL",
    "deutschland": "DE",
    "österreich": "AT",
    "schweiz": "CH",
    "españa": "ES",
    "italia": "IT",
    "south korea": "KR",
    "korea": "KR",
    "ivory coast": "CI",
    "viet nam": "VN",
    "russian federation": "RU",
}


def _rows(name: str) -> list[list[str]]:
    text = (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


@cache
def _names() -> dict[str, str]:
    return {code: name for code, name, *_ in _rows("iso3166.tab")}


@cache
def _codes() -> dict[str, str]:
    names = {name.casefold(): code for code, name in _names().items()}
    return names | {code.casefold(): code for code in names.values()} | ALIASES


@cache
def _zones() -> dict[str, list[str]]:
    """Return the zones of each country, the one with most people first."""
    zones = defaultdict(list)
    for code, _, zone, *_ in _rows("zone.tab"):
        zones[code].append(zone)
    return zones


def country_name(code: str) -> str:
    """Return the country's name; the code where it is not in the list.

    >>> country_name("PT"), country_name("XX")
    ('Portugal', 'XX')
    """
    return _names().get(code, code)


def country_code(text: str) -> str:
    """Return the code of the country that a person wrote; empty where it is not known.

    >>> country_code("portugal"), country_code("UK"), country_code(" de "), country_code("Narnia")
    ('PT', 'GB', 'DE', '')
    """
    return _codes().get(" ".join(text.split()).casefold(), "")


def zone_of_country(text: str) -> str:
    """Return the zone of a country in which clocks are the same everywhere, else nothing.

    >>> zone_of_country("Germany"), zone_of_country("Norway"), zone_of_country("United States")
    ('Europe/Berlin', 'Europe/Oslo', '')
    """
    return _only_zone(country_code(text))


@cache
def _only_zone(code: str) -> str:
    zones = _zones().get(code, [])
    ticking = {tuple(_offsets(zone)) for zone in zones}
    return zones[0] if len(ticking) == 1 else ""


def _offsets(zone: str) -> Iterator[timedelta | None]:
    for week in WEEKS:
        yield week.astimezone(ZoneInfo(zone)).utcoffset()


UNKNOWN = "the prospect's own time is not known"


@dataclass(frozen=True, slots=True)
class Clock:
    """A time zone, and what decided for it where it was not simply the sequence's."""

    zone: str
    decided_by: str = ""


def clock_of(usual: str, *, zone: str, country: str, company: str) -> Clock:
    """Return the prospect's own zone where it is known, else the usual one.

    The contact's zone comes first, then their country, then their company's; a country only
    where its clocks go alike.

    >>> clock_of("UTC", zone="Asia/Tokyo", country="", company="Germany").decided_by
    "the prospect's own time, by the contact's time zone"
    >>> clock_of("UTC", zone="", country="", company="Germany")
    Clock(zone='Europe/Berlin', decided_by="the prospect's own time, by the company's country")
    >>> clock_of("UTC", zone="", country="USA", company="Germany")
    Clock(zone='UTC', decided_by="the prospect's own time is not known")
    """
    if zone and is_zone(zone):
        return Clock(zone, "the prospect's own time, by the contact's time zone")
    whose = "contact" if country else "company"
    if found := zone_of_country(country or company):
        return Clock(found, f"the prospect's own time, by the {whose}'s country")
    return Clock(usual, UNKNOWN)
