"""Which days nobody works: weekends, public holidays of a country, days that somebody named.

Pure: the holidays are computed, not fetched.
"""

from collections.abc import Iterable
from datetime import date
from functools import cache, lru_cache

import holidays

MOST_DAYS_OFF = 100
# A country has no more public holidays in a year, those moved to a working day included.
MOST_HOLIDAYS = 60
USUAL_WEEKEND = frozenset({6, 7})


@cache
def countries() -> frozenset[str]:
    """Return the codes of the countries whose holidays are known.

    >>> "PT" in countries(), "Portugal" in countries()
    (True, False)
    """
    return frozenset(holidays.list_supported_countries(include_aliases=False))


@lru_cache(maxsize=1000)
def _of_year(country: str, year: int) -> dict[date, str]:
    return dict(holidays.country_holidays(country, years=[year], language="en_US"))


@cache
def weekend(country: str) -> frozenset[int]:
    """Return the ISO weekdays on which the country does not work.

    >>> sorted(weekend("SA")), sorted(weekend(""))
    ([5, 6], [6, 7])
    """
    if not country:
        return USUAL_WEEKEND
    return frozenset(day + 1 for day in holidays.country_holidays(country).weekend)


def holiday(day: date, country: str) -> str:
    """Name the country's public holiday on that day; empty where it is none.

    >>> holiday(date(2026, 12, 25), "PT"), holiday(date(2026, 12, 24), "PT")
    ('Christmas Day', '')
    """
    return _of_year(country, day.year).get(day, "") if country else ""


def is_off(day: date, country: str, days_off: frozenset[date] = frozenset()) -> bool:
    """Tell whether nothing should leave on that day, whatever weekday it is.

    >>> is_off(date(2026, 12, 25), "PT"), is_off(date(2026, 12, 24), "PT")
    (True, False)
    >>> is_off(date(2026, 12, 24), "", frozenset({date(2026, 12, 24)}))
    True
    """
    return day in days_off or bool(holiday(day, country))


def is_working_day(day: date, country: str, days_off: frozenset[date] = frozenset()) -> bool:
    """Tell whether people work on that day: no weekend, no holiday, no day off.

    >>> [is_working_day(date(2026, 12, day), "PT") for day in (24, 25, 26)]
    [True, False, False]
    """
    return day.isoweekday() not in weekend(country) and not is_off(day, country, days_off)


def parse_days_off(text: str) -> list[date]:
    """Return the days that a person wrote, one a line or with commas between, in order.

    >>> parse_days_off("2026-12-31\\n2026-12-24, 2026-12-24")
    [datetime.date(2026, 12, 24), datetime.date(2026, 12, 31)]
    >>> parse_days_off("24.12.")
    Traceback (most recent call last):
    ValueError: “24.12.” is not a date. Write it as 2026-12-24.
    """
    days = set()
    for word in text.replace(",", " ").split():
        try:
            days.add(date.fromisoformat(word))
        except ValueError:
            raise ValueError(f"“{word[:20]}” is not a date. Write it as 2026-12-24.") from None
    if len(days) > MOST_DAYS_OFF:
        raise ValueError(f"At most {MOST_DAYS_OFF} days can be named.")
    return sorted(days)


def longest_break(country: str, days_off: Iterable[date]) -> int:
    """Return how many days holidays and days off can put off one weekday, at the very most.

    >>> longest_break("", []), longest_break("", [date(2026, 12, 24)])
    (0, 7)
    """
    return 7 * (len(frozenset(days_off)) + (2 * MOST_HOLIDAYS if country else 0))
