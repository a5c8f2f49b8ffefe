"""What an experiment is, and the list of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.world import World


class Broken(AssertionError):
    """A promise did not hold; the text says which."""


@dataclass(frozen=True)
class Experiment:
    """Something that goes wrong on purpose, in a world of its own."""

    code: str
    what: str
    play: Callable[["World"], object]
    # What the machine must offer, each raising Missing where it does not.
    needs: tuple[Callable[[], object], ...] = ()
    in_ci: bool = False
    # Begun first, so that nothing waits for it at the end.
    is_long: bool = False


EXPERIMENTS: list[Experiment] = []


def experiment(
    code: str,
    what: str,
    *,
    needs: tuple[Callable[[], object], ...] = (),
    in_ci: bool = False,
    is_long: bool = False,
) -> Callable[[Callable[["World"], object]], Callable[["World"], object]]:
    """Enter an experiment under its number in the list of faults."""

    def enter(play: Callable[["World"], object]) -> Callable[["World"], object]:
        EXPERIMENTS.append(Experiment(code, what, play, needs, in_ci, is_long))
        return play

    return enter


def expect(holds: object, sentence: str) -> None:
    """Fail with this sentence unless it holds."""
    if not holds:
        raise Broken(sentence)
