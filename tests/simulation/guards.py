"""The guards of the send path, each with a way to take it away.

A mutant that other guards make up for is `harmless`, and says which ones.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from unittest.mock import patch

Patch = Callable[[ExitStack], None]


@dataclass(frozen=True)
class Mutant:
    take_away: Patch
    harmless: str = ""


MUTANTS: dict[str, Mutant] = {}


# Guards of the list that are no functions, so that nothing can be put in their place.
NOT_TRIED = {
    "steps: entered twice": "refused by the constraints touch_once and one_unfinished_run",
    "drafts: a new one for every try": "is how it is done; nobody commits an earlier one any more",
}


def mutant(name: str, harmless: str = "") -> Callable[[Patch], Patch]:
    """Enter a way to take a guard away under a name of the table."""

    def keep(take_away: Patch) -> Patch:
        MUTANTS[name] = Mutant(take_away, harmless)
        return take_away

    return keep


def put(patches: ExitStack, owner: Any, name: str, value: Any) -> None:
    patches.enter_context(patch.object(owner, name, value))


def every() -> dict[str, Mutant]:
    """Return the whole table: the gate and the limits, then what follows after the wire."""
    for part in ("guards_of_the_gate", "guards_of_outcomes"):
        import_module(f"tests.simulation.{part}")
    return MUTANTS
