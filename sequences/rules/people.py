"""Reading one row of a table as a person: what each cell means, and why a row cannot be taken."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import available_timezones

from sequences.rules.addresses import check_address, company_domain, is_free_mail, is_role
from sequences.rules.columns import FIELDS

FREE = "fields."
MAX_FREE = 5000
# As many characters as there is room for.
LENGTHS = {
    "first_name": 120,
    "last_name": 120,
    "full_name": 240,
    "title": 160,
    "company": 200,
    "industry": 120,
    "phone": 60,
    "linkedin_url": 300,
    "city": 120,
    "country": 60,
    "stage": 60,
}
COMPANY_FIELDS = ("company", "domain", "industry")
STATUSES = ("new", "contacted", "replied", "qualified", "won", "lost")
# Line ends inside a cell become spaces; other control characters mean nothing in a contact.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
# What an error file put an apostrophe before, so that no spreadsheet takes it for a formula.
GUARDED = re.compile(r"'(?=[=+\-@\t\r\n＝＋－＠])")


class NotTaken(ValueError):
    """The row cannot become a contact; the message says why, its kind before the colon."""


@dataclass(frozen=True, slots=True)
class Person:
    """What a row says about one person. Only what it says: empty cells are left out."""

    email: str
    values: dict[str, str | int]
    fields: dict[str, str]
    company: str = ""
    domain: str = ""
    industry: str = ""
    # The company stands in the row; it is not only what the address suggests.
    names_company: bool = False
    remarks: tuple[str, ...] = ()


def read(cells: Sequence[str], mapping: Mapping[int, str]) -> Person:
    """Return the person that the row is about; `mapping` is column number to field.

    >>> person = read(["Ana Silva", "Ana@Acme.test", "+49 30 1", "250"],
    ...     {0: "full_name", 1: "email", 2: "phone", 3: "score"})
    >>> person.email, person.values, person.domain, person.remarks
    ('ana@acme.test', {'phone': '+49 30 1', 'first_name': 'Ana', 'last_name': 'Silva'},
     'acme.test', ('score',))
    >>> read(["nobody"], {0: "email"})
    Traceback (most recent call last):
    ...
    sequences.rules.people.NotTaken: Malformed address: An email address must have an @-sign.
    """
    said: dict[str, str] = {}
    fields: dict[str, str] = {}
    for column, field in mapping.items():
        cell = cells[column] if column < len(cells) else ""
        if field.startswith(FREE):
            if value := _text(cell):
                fields[field.removeprefix(FREE)] = _fitting(value, field, MAX_FREE)
        elif value := " ".join(_text(cell).split()):
            said[field] = _fitting(value, field, LENGTHS.get(field, MAX_FREE))
    email = _address(said.pop("email", ""))
    remarks = ["role"] if is_role(email.partition("@")[0]) else []
    _split_name(said)
    values: dict[str, str | int] = {
        name: said[name]
        for name in ("phone", "title", "linkedin_url", "city", "country", "stage")
        if name in said
    }
    values |= {name: said[name] for name in ("first_name", "last_name") if name in said}
    for name, tell in (("zone", zone_of), ("score", score_of), ("status", status_of)):
        if name in said:
            known = tell(said[name])
            if known is None:
                remarks.append(name)
            else:
                values[name] = known
    domain = website = domain_of_website(said.get("domain", ""))
    if not domain:
        domain = company_domain(email)
    return Person(
        email=email,
        values=values,
        fields=fields,
        company=said.get("company", ""),
        domain=domain,
        industry=said.get("industry", ""),
        names_company=bool(said.get("company") or website),
        remarks=tuple(remarks),
    )


def _text(cell: str) -> str:
    return GUARDED.sub("", CONTROL.sub("", cell).strip(), count=1).strip()


def _fitting(value: str, field: str, limit: int) -> str:
    if len(value) > limit:
        name = field.removeprefix(FREE).replace("_", " ")
        raise NotTaken(f"Too long: the {name} has {len(value)} characters, at most {limit} fit.")
    return value


def _address(email: str) -> str:
    if not email:
        raise NotTaken("No address: the row has no e-mail address.")
    found = check_address(email)
    if not found.ok or len(found.normal) > 254:
        raise NotTaken(f"Malformed address: {found.problem or 'The address is too long.'}")
    return found.normal


def _split_name(said: dict[str, str]) -> None:
    """Fill in first and last name from the full name where they are not given themselves."""
    whole = said.pop("full_name", "")
    if not whole or "first_name" in said or "last_name" in said:
        return
    last, comma, first = (part.strip() for part in whole.partition(","))
    if not comma:
        first, _, last = (part.strip() for part in whole.partition(" "))
    for name, value in (("first_name", first), ("last_name", last)):
        if value:
            said[name] = _fitting(value, name, LENGTHS[name])


def domain_of_website(website: str) -> str:
    """Return the domain of a link or an address; nothing for free mail and for what is no domain.

    >>> domain_of_website("https://www.Acme.test/about?x=1"), domain_of_website("gmail.com")
    ('acme.test', '')
    """
    host = re.sub(r"^[a-z][a-z0-9+.-]*:/*", "", website.strip().lower())
    host = re.split(r"[/?#\s,;]", host, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
    host = host.removeprefix("www.").strip(".")
    found = check_address(f"a@{host}") if "." in host else None
    domain = found.normal.removeprefix("a@") if found and found.ok else ""
    return "" if is_free_mail(domain) or len(domain) > 253 else domain


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def zone_of(text: str) -> str | None:
    """Return the name of the time zone as it is kept, or None.

    >>> zone_of("europe/berlin"), zone_of("America/New York"), zone_of("Mars/Base")
    ('Europe/Berlin', 'America/New_York', None)
    """
    return _zones().get(text.strip().lower().replace(" ", "_"))


def score_of(text: str) -> int | None:
    """Return a whole number from 0 to 100, or None.

    >>> score_of("85 %"), score_of("85.0"), score_of("101"), score_of("high")
    (85, 85, None, None)
    """
    found = re.fullmatch(r"(\d{1,3})(?:[.,]\d{1,9})?\s*%?", text.strip(), re.ASCII)
    return int(found[1]) if found and int(found[1]) <= 100 else None


def status_of(text: str) -> str | None:
    """Return the contact status that the word names, or None.

    >>> status_of("Won"), status_of("Customer since May")
    ('won', None)
    """
    word = text.strip().casefold()
    return word if word in STATUSES else None


def free_name(header: str, taken: Sequence[str] = ()) -> str:
    """Return a column's header as the name of a free field, usable in a token.

    >>> free_name("Größe des Teams (2026)"), free_name("2nd line"), free_name("Company")
    ('grosse_des_teams_2026', 'field_2nd_line', 'company_2')
    >>> free_name("Team size", ["team_size"]), free_name("")
    ('team_size_2', 'field')
    """
    letters = unicodedata.normalize("NFKD", header.casefold())[:200]
    kept = (c if c.isalnum() else " " for c in letters if not unicodedata.combining(c))
    name = "_".join("".join(kept).split())[:50].strip("_")
    if not re.match(r"[^\W\d]", name):
        name = f"field_{name}".rstrip("_")
    unique, number = name, 2
    while unique in taken or unique in FIELDS:
        unique, number = f"{name}_{number}", number + 1
    return unique
