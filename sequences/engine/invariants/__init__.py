"""The 24 things that are always true of what was sent, judged on a live database.

Each is a search for the records that break it. Ten need to know what a provider really took: a
Sandbox keeps that in the database, of others it is read from a file. See ARCHITECTURE.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sequences.engine.invariants import delivered, recorded, settling
from sequences.engine.invariants.journal import Journal, JournalProblem, read
from sequences.engine.invariants.looking import INVARIANTS, Invariant, Look, reading

__all__ = [
    "INVARIANTS",
    "Finding",
    "Invariant",
    "Journal",
    "JournalProblem",
    "Look",
    "judge",
    "read",
    "reading",
]

NO_JOURNAL = "it needs a Sandbox mailbox, or a provider's journal"
JUDGES = (delivered, recorded, settling)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look says about one invariant."""

    invariant: Invariant
    offenders: list[str] = field(default_factory=list)
    has_more: bool = False
    not_judged: str = ""

    @property
    def verdict(self) -> str:
        if self.not_judged:
            return "not judged"
        return "BROKEN" if self.offenders else "holds"


def judge(look: Look) -> Iterator[Finding]:
    """Judge every invariant in its order; call it while `reading`."""
    told = look.anything_told()
    for _, invariant in sorted(INVARIANTS.items()):
        if invariant.needs_journal and not told:
            yield Finding(invariant, not_judged=NO_JOURNAL)
        else:
            yield Finding(invariant, *invariant.offenders(look))
