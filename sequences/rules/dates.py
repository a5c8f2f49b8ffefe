"""The day that a text names: when somebody is back, or when to ask again. In seven languages.

Texts are given folded: lower case, without accents (see `fold`).
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta

MAX_TEXT = 8_000
FARTHEST = timedelta(days=400)
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january januar janner janvier enero gennaio janeiro januari jan",
            "february februar fevrier febrero febbraio fevereiro februari feb",
            "march marz maerz mars marzo marco maart mar",
            "april avril abril aprile apr",
            "may mai mayo maggio maio mei",
            "june juni juin junio giugno junho jun",
            "july juli juillet julio luglio julho jul",
            "august aout agosto augustus aug",
            "september septembre septiembre settembre setembro sept sep",
            "october oktober octobre octubre ottobre outubro oct okt",
            "november novembre noviembre novembro nov",
            "december dezember decembre diciembre dicembre dezembro dec dez",
        ),
        start=1,
    )
    for name in names.split()
}
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday montag lundi lunes lunedi segunda maandag",
            "tuesday dienstag mardi martes martedi terca dinsdag",
            "wednesday mittwoch mercredi miercoles mercoledi quarta woensdag",
            "thursday donnerstag jeudi jueves giovedi quinta donderdag",
            "friday freitag vendredi viernes venerdi sexta vrijdag",
            "saturday samstag samedi sabado sabato zaterdag",
            "sunday sonntag dimanche domingo domenica zondag",
        ),
        start=1,
    )
    for name in names.split()
}
NUMBERS = {
    word: number
    for number, words in enumerate(
        (
            "a an one ein eine einem einer un une uno una um uma een",
            "two couple zwei deux dos due dois duas twee",
            "three few drei trois tres tre drie",
            "four vier quatre cuatro quattro quatro",
            "five funf fuenf cinq cinco cinque vijf",
            "six sechs seis sei zes",
        ),
        start=1,
    )
    for word in words.split()
}
MONTH = rf"(?P<month>{'|'.join(MONTHS)})\b\.?"
ORDINAL = r"(?:st|nd|rd|th|er|re|o|a|e|\.)?"
YEAR = r"(?:,?\s+(?:de\s+|del\s+)?(?P<year>20\d\d))?"
DAY_MONTH = re.compile(rf"\b(?P<day>\d{{1,2}}){ORDINAL}\s+(?:of\s+|de\s+)?{MONTH}{YEAR}")
MONTH_DAY = re.compile(rf"\b{MONTH}\s+(?:the\s+)?(?P<day>\d{{1,2}}){ORDINAL}\b(?!:){YEAR}")
ISO_DATE = re.compile(r"\b(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b")
# 30.11. and 30/11 and any of them with a year; 3.2 is a version and 10-12 are hours.
NUMERIC = re.compile(
    r"(?<![-./\d])(\d{1,2})([./-])(\d{1,2})"
    r"(?:\2(20\d\d|\d\d)(?![\d-])|(?<=\.\d)\.(?!\d)|(?<=\.\d\d)\.(?!\d)|(?<=/\d)(?![\d/.])"
    r"|(?<=/\d\d)(?![\d/.]))"
)
MONTH_ALONE = re.compile(
    r"\b(?:in|by|from|around|until|till|since|im|ab|bis|anfang|mitte|ende|en|des|debut|mi|fin|d'ici"
    r"|jusqu'en|hasta|para|principios\s+de|mediados\s+de|finales\s+de|a|da|fino\s+a|inizio|em|ate"
    r"|a\s+partir\s+de|vanaf|tot|begin|eind|early|mid|late|end\s+of|start\s+of|beginning\s+of)"
    rf"[\s-]+{MONTH}{YEAR}"
)
QUARTER = re.compile(r"\b(?:q(?P<quarter>[1-4])|(?P<other>[1-4])\.?\s?(?:quartal|trimestre))\b")
SPAN = re.compile(
    r"\b(?:in|dans|en|dentro\s+de|tra|fra|em|daqui\s+a|over|after|nach|apres)\s+(?:about\s+|a\s+)?"
    rf"(?P<count>\d{{1,2}}|{'|'.join(NUMBERS)})\s+(?:of\s+)?"
    r"(?P<unit>days?|weeks?|months?|tag(?:en)?|wochen?|monat(?:en)?|jours?|semaines?|mois|dias?"
    r"|semanas?|mes(?:es)?|giorn[oi]|settiman[ae]|mes[ei]|dag(?:en)?|weken|maand(?:en)?)\b"
)
NEXT = re.compile(
    r"\b(?:(?:next|nachste[nrsm]?|naechste[nrsm]?|kommende[nrsm]?|proxim[oa]|prossim[oa]|volgende?"
    r"|volgend|komende)\s+(?P<unit>week|woche|semana|settimana|month|monat|mes|mese|maand|quarter"
    r"|quartal|trimestre|kwartaal|year|jahr|ano|anno|jaar)"
    r"|(?P<after>semaine|mois|trimestre|annee|an|mes|ano|semana)\s+(?:prochaine?|que\s+(?:viene|vem)))"
)
WEEKDAY = re.compile(rf"\b(?P<weekday>{'|'.join(WEEKDAYS)})\b")
TOMORROW = re.compile(r"\b(?:tomorrow|demain|domani|amanha|a\s+partir\s+de\s+manana|ab\s+morgen)\b")
RETURN = re.compile(
    r"\b(?:until|till|back|return\w*|again|bis|zuruck|zurueck|wieder|ab|retour|jusqu|revien\w*|reprend"
    r"|hasta|regres\w*|vuelv\w*|volver\w*|partir|fino|rientr\w*|torn\w*|dal|ate|retorn\w*|volt\w*"
    r"|tot|terug|weer|vanaf|available|erreichbar)\b"
)


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
    marked = [day for at, day in found if RETURN.search(text[max(0, at - 40) : at + 4])]
    return max(marked or [day for _, day in found], default=None)


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
        yield from _at(match, next(iter(coming), days[0]))


def _vague_days(text: str, today: date) -> Iterator[tuple[int, date]]:
    for match in MONTH_ALONE.finditer(text):
        yield from _at(match, _with_year(match["year"], MONTHS[match["month"]], 1, today))
    for match in QUARTER.finditer(text):
        month = int(match["quarter"] or match["other"]) * 3 - 2
        yield from _at(match, _with_year(None, month, 1, today))
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


def _next(unit: str, today: date) -> date:
    """Return the first day of the next week, month, quarter or year."""
    if unit.startswith(("week", "woche", "sem", "sett")):
        return today + timedelta(days=8 - today.isoweekday())
    months = {"qua": 3, "tri": 3, "kwa": 3, "yea": 12, "jah": 12, "an": 12, "ann": 12, "ano": 12}
    step = 12 if unit.startswith("jaar") else months.get(unit[:3], 1)
    month = (today.month - 1) // step * step + step
    return date(today.year + month // 12, month % 12 + 1, 1)
