"""The person whom a reply names as the one to write to instead."""

import re

MAX_TEXT = 8_000
WORD = r"[A-ZÀ-ÖØ-Þ][\w'’-]{1,30}"
NAME = rf"{WORD}(?:[ ](?:(?:de|da|dos|van|von|der|del|di|la|le)[ ]){{0,2}}{WORD}){{0,2}}"
EMAIL = r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"
WITH_ADDRESS = re.compile(
    rf"(?P<name>{NAME})[^\S\n]{{0,2}}[\s,:–-]{{0,2}}[<(\[]\s?(?:mailto:)?(?P<email>{EMAIL})"
)
ADDRESS = re.compile(EMAIL)
TITLED = re.compile(
    rf"\b(?:Herrn?|Frau|Mme|Madame|M\.|Monsieur|Mr\.?|Mrs\.?|Ms\.?|Sra?\.?|Señora?"
    rf"|Dott\.?(?:ssa)?|Sig\.?(?:ra)?"
    rf"|Dhr\.?|Mevr\.?|Mevrouw)[^\S\n](?:Dr\.[^\S\n])?(?P<name>{NAME})"
)
INTRODUCED = re.compile(
    r"\b(?i:contact|reach out to|(?:speak|talk|write|connect) (?:to|with)|talking to|ask|try"
    r"|looping in|adding|cc'?ing"
    r"|(?:my|our) (?:colleague|boss|manager|cto|ceo|cfo|cmo|coo)|(?:handled|run|led) by"
    r"|(?:mein\w*|unser\w*) (?:kolleg\w+|chef\w*)|an|(?:mon|ma|notre) coll[eè]gue|avec"
    r"|(?:mi|nuestr[oa]) compañer[oa]|con|(?:il mio|la mia|il nostro|la nostra) collega|scrivere a"
    r"|(?:o meu|a minha) colega|com (?:o|a)|(?:mijn|onze) collega|bij|is)[^\S\n]@?"
    rf"(?P<name>{NAME})"
)
NO_NAMES = {
    "Best",
    "Kind",
    "Thanks",
    "Regards",
    "Ihnen",
    "Sie",
    "It",
    "Sales",
    "Marketing",
    "Tuesday",
}


def person_named(text: str, *, but: str = "") -> str:
    """Return who is named, as "Name <address>" as far as it is known; `but` is who writes.

    >>> person_named("Please ask Maria Lopez (maria@acme.test).")
    'Maria Lopez <maria@acme.test>'
    >>> person_named("Bitte wenden Sie sich an Frau Meier."), person_named("Ask someone else.")
    ('Meier', '')
    """
    text = text[:MAX_TEXT]
    for found in WITH_ADDRESS.finditer(text):
        if found["email"].lower() != but.lower():
            return f"{found['name']} <{found['email'].lower()}>"
    addresses = [each.lower() for each in ADDRESS.findall(text) if each.lower() != but.lower()]
    names = [found["name"] for each in (TITLED, INTRODUCED) for found in each.finditer(text)]
    name = next((each for each in names if each.split()[0] not in NO_NAMES), "")
    if name and addresses:
        return f"{name} <{addresses[0]}>"
    return name or next(iter(addresses), "")
