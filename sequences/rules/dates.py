"""The day that a text names: when somebody is back, or when to ask again. In seven languages.

Texts are given folded: lower case, without accents (see `fold`).
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta

from sequences.rules.date_words import (
    DAY_ALONE,
    DAY_MONTH,
    HALF,
    ISO_DATE,
    MONTH_ALONE,
    MONTH_DAY,
    MONTHS,
    NEXT,
    NUMBERS,
    NUMERIC,
    QUARTER,
    QUARTERS,
    RETURN,
    SEASON,
    SENTENCE_END,
    SPAN,
    TOMORROW,
    WEEK,
    WEEKDAY,
    WEEKDAYS,
)

MAX_TEXT = 8_000
FARTHEST = timedelta(days=400)


def fold(text: str) -> str:
    """Return the text in lower case, without accents, its apostrophes straight.

    >>> fold("Zurück im MÄRZ – c’est noté")
    "zuruck im marz – c'est note"
    """
    parts = unicodedata.normalize("NFKD", text[:MAX_TEXT]).casefold()
    plain = "".join(c for c in parts if not unicodedata.combining(c))
    return re.sub("[‘’´`]", "'", plain)


def stated_day(text: str, *, today: date) -> date | None:
    """Return the coming day that a folded text names; of several the last one said to be a return.

    >>> autumn = date(2026, 11, 21)
    >>> stated_day("away from 23 november, back on december 1st", today=autumn)
    datetime.date(2026, 12, 1)
    >>> stated_day("let us speak again in q2", today=autumn)
    datetime.date(2027, 4, 1)
    >>> stated_day("back on monday", today=autumn)
    datetime.date(2026, 11, 23)
    >>> stated_day("i returned on 3 november", today=autumn) is None
    True
    """
    text = text[:MAX_TEXT]
    found = [(at, day) for at, day in _days(text, today) if today <= day <= today + FARTHEST]
    marked = [day for at, day in found if RETURN.search(_around(text, at))]
    return max(marked or [day for _, day in found], default=None)


def _around(text: str, at: int) -> str:
    """Return the words of the sentence that stand near to a day."""
    before = SENTENCE_END.split(text[max(0, at - 45) : at])[-1]
    after = SENTENCE_END.split(text[at : at + 55])[0]
    return before + after


def _days(text: str, today: date) -> Iterator[tuple[int, date]]:
    """Yield where a day is named, and the day. Vague words count only where no date is exact."""
    exact = list(_exact_days(text, today))
    yield from exact or _vague_days(text, today)


def _exact_days(text: str, today: date) -> Iterator[tuple[int, date]]:
    for match in ISO_DATE.finditer(text):
        yield from _at(match, _day(int(match["year"]), int(match["month"]), int(match["day"])))
    for pattern in (DAY_MONTH, MONTH_DAY):
        for match in pattern.finditer(text):
            month, day = MONTHS[match["month"]], int(match["day"])
            yield from _at(match, _with_year(match["year"], month, day, today))
    for match in NUMERIC.finditer(text):
        first, second, year = int(match[1]), int(match[3]), match[4]
        days = [_with_year(year, second, first, today)]
        if match[2] == "/":
            days.append(_with_year(year, first, second, today))  # month first, as in the US
        coming = [day for day in days if day and today <= day <= today + timedelta(days=120)]
        # Of 3/4 and 4/3 the nearer one is meant, wherever it was written.
        yield from _at(match, min(coming, default=days[0]))


def _vague_days(text: str, today: date) -> Iterator[tuple[int, date]]:
    for match in MONTH_ALONE.finditer(text):
        yield from _at(match, _part_of_month(match, today))
    for match in QUARTER.finditer(text):
        number = match["quarter"] or match["other"] or QUARTERS[match["named"]]
        yield from _at(match, _with_year(None, int(number) * 3 - 2, 1, today))
    for match in HALF.finditer(text):
        yield from _at(match, _with_year(None, 7, 1, today))
    for month, pattern in SEASON.items():
        for match in pattern.finditer(text):
            yield from _at(match, _with_year(None, month, 7 if month == 1 else 1, today))
    for match in DAY_ALONE.finditer(text):
        yield from _at(match, _day_of_month(int(match["day"]), today))
    for match in WEEK.finditer(text):
        yield from _at(match, _week(int(match["week"]), today))
    for match in SPAN.finditer(text):
        count = NUMBERS.get(match["count"]) or int(match["count"])
        unit = match["unit"]
        if unit.startswith(("day", "tag", "jour", "dia", "giorn", "dag")):
            yield match.start(), today + timedelta(days=count)
        elif unit.startswith(("week", "woch", "sem", "sett", "wek")):
            yield match.start(), today + timedelta(weeks=count)
        else:
            yield match.start(), today + timedelta(days=30 * count)
    for match in NEXT.finditer(text):
        yield match.start(), _next(match["unit"] or match["after"], today)
    for match in WEEKDAY.finditer(text):
        ahead = (WEEKDAYS[match["weekday"]] - today.isoweekday() - 1) % 7 + 1
        yield match.start(), today + timedelta(days=ahead)
    for match in TOMORROW.finditer(text):
        yield match.start(), today + timedelta(days=1)


def _at(match: re.Match[str], day: date | None) -> Iterator[tuple[int, date]]:
    if day:
        yield match.start(), day


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _with_year(year: str | None, month: int, day: int, today: date) -> date | None:
    """Return the day of the given year, or else the next one of that month and day."""
    if year:
        return _day(int(year) % 100 + 2000, month, day)
    this_year = _day(today.year, month, day)
    if this_year and this_year >= today:
        return this_year
    # Just gone by: that is what is meant, and not the same day in a year.
    if this_year and today - this_year < timedelta(days=60):
        return this_year
    return _day(today.year + 1, month, day)


def _part_of_month(match: re.Match[str], today: date) -> date | None:
    """Return the first of the month, or its middle or its end where these were named."""
    first = _with_year(match["year"], MONTHS[match["month"]], 1, today)
    if first is None:
        return None
    part = match["part"]
    if re.match(r"mid|mitte|mi\b|mediados|meta|meados|half|medio", part):
        return first.replace(day=15)
    if re.match(r"end|fin|fine|final|eind", part):
        return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first


def _day_of_month(number: int, today: date) -> date | None:
    """Return the next day with this number."""
    this_month = _day(today.year, today.month, number)
    if this_month and this_month >= today:
        return this_month
    return _day(today.year + today.month // 12, today.month % 12 + 1, number)


def _week(number: int, today: date) -> date | None:
    """Return the Monday of the next calendar week with this number."""
    for year in (today.year, today.year + 1):
        try:
            monday = date.fromisocalendar(year, number, 1)
        except ValueError:
            return None
        if monday >= today:
            return monday
    return None


def _next(unit: str, today: date) -> date:
    """Return the first day of the next week, month, quarter or year."""
    if unit.startswith(("week", "woche", "sem", "sett")):
        return today + timedelta(days=8 - today.isoweekday())
    months = {"qua": 3, "tri": 3, "kwa": 3, "yea": 12, "jah": 12, "an": 12, "ann": 12, "ano": 12}
    step = 12 if unit.startswith("jaar") else months.get(unit[:3], 1)
    month = (today.month - 1) // step * step + step
    return date(today.year + month // 12, month % 12 + 1, 1)
