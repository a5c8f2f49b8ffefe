"""Our own personalisation language: {{ name }} and {{ name | default: "there" }}.

Nothing else means anything in it, nothing is ever executed, and what a value contains is not looked
at again. {{ ai_write: instruction }} is recognised, so that it is never sent as it stands.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

KNOWN = {
    "first_name": "The contact's first name",
    "last_name": "The contact's last name",
    "full_name": "The contact's first and last name",
    "email": "The contact's e-mail address",
    "title": "The contact's job title",
    "phone": "The contact's phone number",
    "city": "The contact's city",
    "country": "The contact's country",
    "company": "The company's name",
    "domain": "The company's domain",
    "industry": "The company's industry",
    "business_type": "The company's kind of business",
    "sender_name": "The name the mail is sent under",
}

AI_WRITE = "ai_write"
MAX_PROBLEMS = 20

# No part can match what the next part begins with, so matching takes linear time.
NAME = r"[^\W\d]\w{0,63}"
QUOTED = r"""(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'|“[^“”\n]{0,500}”|‘[^‘’\n]{0,500}’)"""
TOKEN = re.compile(
    rf"\{{\{{\s*(?:{AI_WRITE}\s*:(?P<instruction>[^{{}}]{{0,2000}})"
    rf"|(?P<name>{NAME})\s*(?:\|\s*default\s*:\s*(?P<default>{QUOTED})\s*)?)\}}\}}"
)
PLAIN_NAME = re.compile(NAME)
BRACES = re.compile(r"\{\{|\}\}")
DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Rendered:
    text: str
    missing: tuple[str, ...]


def names(text: str) -> list[str]:
    """Return the names a text asks for, in order, each once.

    >>> names('Hi {{first_name}}, {{ company | default: "your team" }} and {{ first_name }}')
    ['first_name', 'company']
    """
    found = (match["name"] for match in TOKEN.finditer(text))
    return list(dict.fromkeys(name for name in found if name))


def look_up(*places: Mapping[str, object]) -> dict[str, str]:
    """Return each name's value from the first place that has one; empty and nested ones are none.

    >>> look_up({"title": ""}, {"title": "CTO", "seats": 12, "tags": ["a"]}, {"title": "friend"})
    {'title': 'CTO', 'seats': '12'}
    """
    values: dict[str, str] = {}
    for name, value in (pair for place in places for pair in place.items()):
        if isinstance(value, str | int | float) and name not in values and str(value).strip():
            values[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return values


def render(text: str, values: Mapping[str, str], *, single_line: bool = False) -> Rendered:
    """Put the values in; a name without value and default stays and is reported as missing.

    >>> render("Hi {{ first_name }} at {{company}}", {"first_name": "Ana"})
    Rendered(text='Hi Ana at {{ company }}', missing=('company',))

    An empty value counts as none, and an empty default is a default:

    >>> render('Hi {{ first_name | default: "there" }}{{ title | default: "" }}', {"title": " "})
    Rendered(text='Hi there', missing=())

    What a value contains is text:

    >>> render("Hi {{ first_name }}", {"first_name": "{{ email }}", "email": "a@b.test"}).text
    'Hi {{ email }}'

    A subject is one line whatever its values are:

    >>> render("For {{ company }}", {"company": "Acme\\r\\nBcc: x@y.test"}, single_line=True).text
    'For Acme Bcc: x@y.test'

    Text for an assistant to write is not there yet:

    >>> render("{{ ai_write: an opener }}", {}).missing
    ('ai_write',)
    """
    missing: dict[str, None] = {}

    def value_of(match: re.Match[str]) -> str:
        name = match["name"]
        if not name:
            missing[AI_WRITE] = None
            return match[0]
        value = str(values.get(name) or "")
        if single_line:
            value = one_line(value)
        if value.strip():
            return value
        if match["default"] is not None:
            return one_line(match["default"][1:-1]) if single_line else match["default"][1:-1]
        missing[name] = None
        return f"{{{{ {name} }}}}"

    return Rendered(TOKEN.sub(value_of, text), tuple(missing))


def one_line(value: str) -> str:
    """Return the value without line breaks, control characters and marks that turn the text.

    >>> one_line("Acme\\x00 \\u202eInc\\u2028.")
    'Acme Inc .'
    """
    value = DIRECTION_MARKS.sub("", value)
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in value)
    return " ".join(spaced.split()) if spaced != value else value


def problems(text: str) -> list[str]:
    """Return what is wrong with the tokens of a text, in sentences; nothing for a good one.

    >>> problems('Hi {{ first_name | default: "there" }}')
    []
    >>> problems("Hi {{ first_name")
    ['“{{ first_name” is not closed; write {{ name }}.']
    >>> problems("Hi {{ first name }}")
    ['“first name” is not a name; use letters, digits and underscores.']
    >>> problems("{{ name | upper }}")
    ['“upper” is not known; only default: "…" can follow a name.']
    >>> problems("{{ name | default: there }}")
    ['Write the default of “name” in quotes, like {{ name | default: "there" }}.']
    >>> problems("Hi name }}")
    ['A “}}” has no “{{” before it.']
    >>> problems("{{ ai_write: an opener }}")
    ['{{ ai_write: … }} cannot be used yet.']
    """
    found: dict[str, None] = {}
    for problem in _problems(text):
        found[problem] = None
        if len(found) == MAX_PROBLEMS:
            break
    return list(found)


def _problems(text: str) -> Iterator[str]:
    end = 0
    for match in TOKEN.finditer(text):
        yield from _problems_between(text[end : match.start()])
        if match["name"] is None:
            yield "{{ ai_write: … }} cannot be used yet."
        end = match.end()
    yield from _problems_between(text[end:])


def _problems_between(text: str) -> Iterator[str]:
    """Yield the problems of a stretch of text that holds no good token."""
    opened: int | None = None
    for brace in BRACES.finditer(text):
        if brace[0] == "{{":
            if opened is not None:
                yield _not_closed(text[opened : brace.start()])
            opened = brace.start()
        elif opened is None:
            yield "A “}}” has no “{{” before it."
        else:
            yield _bad_token(text[opened + 2 : brace.start()])
            opened = None
    if opened is not None:
        yield _not_closed(text[opened:])


def _not_closed(text: str) -> str:
    return f"“{_shorten(text)}” is not closed; write {{{{ name }}}}."


def _bad_token(inside: str) -> str:
    """Say what is wrong with a token that is closed but not understood."""
    name, bar, rest = (part.strip() for part in inside.partition("|"))
    if not name:
        return "“{{ }}” is empty; write the name of a value in it."
    if not PLAIN_NAME.fullmatch(name):
        return f"“{_shorten(name)}” is not a name; use letters, digits and underscores."
    if re.match(r"default\b", rest):
        return (
            f"Write the default of “{_shorten(name)}” in quotes, "
            f'like {{{{ {_shorten(name)} | default: "there" }}}}.'
        )
    return f'“{_shorten(rest)}” is not known; only default: "…" can follow a name.'


def _shorten(text: str) -> str:
    """Return the first line's first forty characters."""
    line = (text.strip().splitlines() or [""])[0].strip()
    return line if len(line) <= 40 else f"{line[:40]}…"
