"""The wordings by which a reply is labelled, in English, German, French, Spanish, Italian,
Portuguese and Dutch. They match folded clauses: lower case, no accents, straight apostrophes.
"""

from sequences.writers.phrases.machines import AUTOMATIC, LEFT, NOTE, OUT_OF_OFFICE, PERSONAL
from sequences.writers.phrases.opting_out import (
    FIRST_PERSON,
    NO_MORE_MAIL,
    NOT_OPTING_OUT,
    OF_OURSELVES,
    OF_THE_PRODUCT,
    OPT_OUT,
    OPT_OUT_ALONE,
    OPT_OUT_PAIRS,
)
from sequences.writers.phrases.passing_on import REFERRAL
from sequences.writers.phrases.putting_off import NOT_NOW
from sequences.writers.phrases.refusing import NEGATED, NOT_INTERESTED, OBJECTION
from sequences.writers.phrases.wanting import INTEREST, INTERESTED, QUESTION

__all__ = [
    "AUTOMATIC",
    "FIRST_PERSON",
    "INTEREST",
    "INTERESTED",
    "LEFT",
    "NEGATED",
    "NOTE",
    "NOT_INTERESTED",
    "NOT_NOW",
    "NOT_OPTING_OUT",
    "NO_MORE_MAIL",
    "OBJECTION",
    "OF_OURSELVES",
    "OF_THE_PRODUCT",
    "OPT_OUT",
    "OPT_OUT_ALONE",
    "OPT_OUT_PAIRS",
    "OUT_OF_OFFICE",
    "PERSONAL",
    "QUESTION",
    "REFERRAL",
]
