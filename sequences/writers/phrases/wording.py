"""How wordings are written down: one or several that mean the same, in any language."""

import re


def any_of(*wordings: str) -> re.Pattern[str]:
    """Return a pattern that finds any of the wordings; a space in them stands for any spaces."""
    spaced = (wording.replace(" ?", r"\s*").replace(" ", r"\s+") for wording in wordings)
    return re.compile("|".join(f"(?:{wording})" for wording in spaced))


def pairs(*pairs: tuple[str, str]) -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
    return [(re.compile(rf"\b(?:{one})"), re.compile(rf"\b(?:{other})")) for one, other in pairs]
