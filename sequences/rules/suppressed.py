"""What can stand on a suppression list: an address, or a domain for everyone there. Pure."""

import re

from sequences.rules.addresses import check_address

# The columns that lists of other programs keep them in, most telling first.
COLUMNS = ("address or domain", "email", "email address", "address", "domain", "value", "recipient")
LONGEST = 254


class Unusable(ValueError):
    """This can be neither; the text says what can."""


def read_value(text: str) -> str:
    """Return an address or a domain as the list keeps it; raises Unusable.

    >>> read_value(" Ana@Acme.com "), read_value("@acme.com"), read_value("https://www.acme.com/")
    ('ana@acme.com', 'acme.com', 'acme.com')
    >>> read_value("acme")
    Traceback (most recent call last):
    sequences.rules.suppressed.Unusable: Write an address (ana@example.com) or a domain.
    """
    value = text.strip().lower().removeprefix("@")
    if len(value) > LONGEST:
        raise Unusable(f"An address has at most {LONGEST} characters.")
    if "@" in value:
        found = check_address(value)
        if not found.ok:
            raise Unusable(found.problem)
        return found.normal
    bare = re.sub(r"^https?://(www\.)?", "", value).rstrip("/")
    # Free-mail domains too: whoever wants to write to nobody there may say so.
    found = check_address(f"a@{bare}")
    if "." not in bare or not found.ok:
        raise Unusable("Write an address (ana@example.com) or a domain.")
    return found.normal.removeprefix("a@")


def column_of(header: list[str], rows: list[list[str]]) -> int | None:
    """Return the column to read: by its name, else the one with addresses; None if neither.

    >>> column_of(["Name", "E-mail"], []), column_of(["Ana", "ana@acme.com"], [])
    (1, 1)
    >>> column_of(["Name", "City"], [["Ana", "Lisbon"]]) is None
    True
    """
    names = [re.sub(r"[^a-z ]", "", cell.strip().lower()) for cell in header]
    for name in COLUMNS:
        if name in names:
            return names.index(name)
    if len(header) == 1:
        return 0
    counts = [sum("@" in row[at] for row in [header, *rows]) for at in range(len(header))]
    return counts.index(max(counts)) if any(counts) else None


def is_name(cell: str) -> bool:
    """Tell whether the first row's cell names the column and is nothing to suppress.

    >>> is_name("E-mail"), is_name("ana@acme.com"), is_name("acme.com")
    (True, False, False)
    """
    return "@" not in cell and "." not in cell
