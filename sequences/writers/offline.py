"""Labels replies by rules, without a key and without a network.

A person can correct every label in one click, so the rules prefer what is safe: opting out wins
over everything else a person writes, and what is not understood is `other`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from email.utils import parseaddr

from mailboxes.parsing import is_automatic, is_bounce
from sequences.rules.dates import fold, stated_day
from sequences.writers import hints, phrases
from sequences.writers.labels import Kind, Label
from sequences.writers.people import person_named

MAX_TEXT = 8_000
MAX_CLAUSE = 400
MAX_CLAUSES = 80
# "Let us talk in March" is no yes when it is said in November.
SOON = timedelta(days=28)

SPACES = re.compile(r"[^\S\n]+")
# Sentences, and their halves: after a "but" somebody may say something else.
CLAUSE_END = re.compile(
    r"(?<=[!?;\n])|(?<=\.)(?=\s|$)"
    r"|(?<=[\s,])(?=(?:but|however|though|aber|jedoch|cependant|pero|sin embargo|porem|maar)\s)"
    r"|(?<=,\s)(?=(?:mais|ma|mas)\s)"  # without the comma they may be "more"
)
REASONS: dict[str, str] = {
    "unsubscribe": "Asks not to be written to again",
    "not_now": "Says that the time is not right",
    "not_interested": "Says no",
    "referral": "Names somebody else",
    "objection": "Raises a concern",
    "interested": "Shows interest",
    "question": "Asks a question",
    "out_of_office": "Is away",
    "bounce_or_auto": "Was sent by a machine",
}


def label(
    text: str, *, subject: str = "", headers: Mapping[str, str] | None = None, today: date
) -> Label:
    """Return what a reply means; `text` is what the person wrote, without quotes.

    >>> day = date(2026, 11, 21)
    >>> label("Sounds good, let's talk on Tuesday.", today=day).kind
    'interested'
    >>> label("Not interested, please take me off your list.", today=day).kind
    'unsubscribe'
    >>> label("I am out of office until 1 December.", today=day).return_on
    datetime.date(2026, 12, 1)
    """
    headers = {name.lower(): value for name, value in (headers or {}).items()}
    found = _label(text, subject, headers, today)
    if found.kind != "referral":
        return found
    _, sender = parseaddr(headers.get("from", "")[:300])
    person = person_named(text, but=sender)
    return replace(found, person=person, reason=f"Names {person}") if person else found


def _label(text: str, subject: str, headers: Mapping[str, str], today: date) -> Label:
    # Runs of spaces would cost the wordings quadratic time.
    folded = SPACES.sub(" ", fold(text[:MAX_TEXT]))
    clauses = _clauses(folded)
    day = stated_day(folded, today=today)
    sender = headers.get("from", "")
    is_report = headers.get("content-type", "").lower().startswith("multipart/report")
    if is_report or is_bounce(headers, sender.rpartition("<")[2].strip()):
        return replace(_labelled("bounce_or_auto", 1.0, None, ""), is_automatic=True)
    if is_automatic(headers, subject):
        found = _automatic(clauses, f"{fold(subject)}\n{folded}", day)
        return replace(found, is_automatic=True)
    if words := _opt_out(clauses):
        return _labelled("unsubscribe", 0.95, None, words)
    return _by_a_person(clauses, folded, day, today)


def _automatic(clauses: list[str], folded: str, day: date | None) -> Label:
    """Label what a machine sent: somebody has left, is away, or nothing to act upon."""
    if left := _first(phrases.LEFT, clauses):
        return _labelled("referral", 0.8, None, left)
    if away := phrases.OUT_OF_OFFICE.search(folded):
        return _labelled("out_of_office", 0.95, day, away[0])
    if day and not _first(phrases.AUTOMATIC, clauses):
        return _labelled("out_of_office", 0.6, day, "")
    return _labelled("bounce_or_auto", 0.8, None, "")


def _by_a_person(clauses: list[str], folded: str, day: date | None, today: date) -> Label:
    """Label what a person wrote, or a machine that does not say so."""
    refused = _first(phrases.NOT_INTERESTED, clauses) or _interest(clauses, negated=True)[1]
    wants_at, wants = _interest(clauses, negated=False)
    asks = _first(phrases.QUESTION, clauses)
    away = _first(phrases.OUT_OF_OFFICE, clauses)
    machine = _first(phrases.AUTOMATIC, clauses)
    # A note of absence asks nothing and wants nothing; a person who is away and writes does.
    # In doubt it is a person: for a note the run would go on.
    personal = wants or refused or "?" in folded or _first(phrases.PERSONAL, clauses)
    is_note = machine or (not personal and (day or _first(phrases.NOTE, clauses)))
    if away and is_note:
        return _labelled("out_of_office", 0.85, day, away)
    if machine and not wants:
        return _labelled("bounce_or_auto", 0.8, None, machine)
    referred = _first(phrases.LEFT, clauses) or _first(phrases.REFERRAL, clauses)
    if later := _first(phrases.NOT_NOW, clauses):
        return _labelled("not_now", 0.8, day, later)
    if referred:
        return _labelled("referral", 0.75, None, referred)
    if refused:
        return _labelled("not_interested", 0.85, None, refused)
    objects_at, objects = _last(phrases.OBJECTION, clauses)
    if objects and objects_at >= wants_at:
        return _labelled("objection", 0.75, None, objects)
    if wants and day and day - today > SOON:
        return _labelled("not_now", 0.6, day, wants)
    if wants:
        return _labelled("interested", 0.6 if objects else 0.8, None, wants)
    hinted, words = hints.guess(clauses)
    if asks and hinted not in ("interested", "not_now"):
        return _labelled("question", 0.7, None, asks if len(asks) > 1 else "")
    if hinted:
        named = day if hinted == "not_now" else None
        return _labelled(hinted, 0.5, named, words)
    return Label("other", 0.3 if folded.strip() else 1.0, None, "Nothing in it is recognised")


def _clauses(folded: str) -> list[str]:
    """Return the sentences and their halves, none of them endless."""
    found = (part.strip()[:MAX_CLAUSE] for part in CLAUSE_END.split(folded))
    return [clause for clause in found if clause][:MAX_CLAUSES]


def _opt_out(clauses: list[str]) -> str:
    """Return the words that ask for no more mail, or nothing."""
    for clause in clauses:
        if alone := phrases.OPT_OUT_ALONE.fullmatch(clause):
            return alone[0]
        if refusal := phrases.NO_MORE_MAIL.search(clause):
            return refusal[0]
        if _is_of_the_product(clause):
            continue
        for asked in phrases.OPT_OUT.finditer(clause):
            if not phrases.NOT_OPTING_OUT.search(clause[: asked.start()]):
                return asked[0]
        if pair := _opt_out_pair(clause):
            return pair
    return ""


def _is_of_the_product(clause: str) -> bool:
    """Tell whether a clause asks what the product does, and not for oneself."""
    of_the_product = phrases.OF_THE_PRODUCT.search(clause) is not None
    return of_the_product and not phrases.FIRST_PERSON.search(clause)


def _opt_out_pair(clause: str) -> str:
    """Return the words that ask to be left alone, where they stand apart in a clause."""
    for verb, thing in phrases.OPT_OUT_PAIRS:
        asked, of = verb.search(clause), thing.search(clause)
        before = clause[: asked.start()] if asked else ""
        if phrases.NOT_OPTING_OUT.search(before) or phrases.OF_OURSELVES.search(before):
            continue
        if asked and of:
            return clause[min(asked.start(), of.start()) : max(asked.end(), of.end())]
    return ""


def _interest(clauses: list[str], *, negated: bool) -> tuple[int, str]:
    """Return the last clause that shows interest, or that denies it, and its words."""
    for i in range(len(clauses) - 1, -1, -1):
        for pattern in (phrases.INTEREST, phrases.INTERESTED):
            for shown, is_negated in _found(pattern, clauses[i]):
                if is_negated is negated:
                    return i, shown[0]
    return -1, ""


def _found(pattern: re.Pattern[str], clause: str) -> Iterator[tuple[re.Match[str], bool]]:
    """Yield where the pattern is found, and whether a negation stands before it."""
    for match in pattern.finditer(clause):
        before = clause[max(0, match.start() - 60) : match.start()]
        yield match, phrases.NEGATED.search(before) is not None


def _first(pattern: re.Pattern[str], clauses: list[str]) -> str:
    return next((found[0] for clause in clauses if (found := pattern.search(clause))), "")


def _last(pattern: re.Pattern[str], clauses: list[str]) -> tuple[int, str]:
    for i in range(len(clauses) - 1, -1, -1):
        if found := pattern.search(clauses[i]):
            return i, found[0]
    return -1, ""


def _labelled(kind: Kind, confidence: float, day: date | None, words: str) -> Label:
    words = " ".join(words.split())[:100]
    reason = f"{REASONS[kind]}: “{words}”" if words else REASONS[kind]
    return Label(kind, confidence, day, reason, kind in ("out_of_office", "bounce_or_auto"))
