"""What a reply may mean, in the words of whoever labels it: the rules, a model, a person."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal[
    "interested",
    "objection",
    "not_interested",
    "not_now",
    "question",
    "referral",
    "unsubscribe",
    "out_of_office",
    "bounce_or_auto",
    "other",
]


@dataclass(frozen=True, slots=True)
class Label:
    """What a reply means, how sure that is (0 to 1), the day it names, and the words that tell."""

    kind: Kind
    confidence: float
    return_on: date | None
    reason: str
    # No person wrote it, whatever it means.
    is_automatic: bool = False
    # Whom a referral names, as far as that is known.
    person: str = ""
