"""How much may be sent in a day, and how soon after the mail before. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A slow beginning: so many on the first day of sending, so many more on each day after."""

    start: int
    increment: int

    def on(self, day: int) -> int:
        """Return what the warm-up allows so many days after the first day of sending.

        >>> [WarmUp(start=10, increment=5).on(day) for day in range(4)]
        [10, 15, 20, 25]
        """
        return self.start + self.increment * max(day, 0)


@dataclass(frozen=True, slots=True)
class DayLimit:
    """How many a day allows, and whether it would allow more without the warm-up."""

    most: int
    is_warming_up: bool = False


def day_limit(daily_limit: int, warm_up: WarmUp | None = None, day: int = 0) -> DayLimit:
    """Return the limit of a day, so many days after the first day of sending: the smaller one.

    >>> day_limit(50)
    DayLimit(most=50, is_warming_up=False)
    >>> day_limit(50, WarmUp(start=10, increment=5), day=3)
    DayLimit(most=25, is_warming_up=True)
    >>> day_limit(50, WarmUp(start=10, increment=5), day=8)
    DayLimit(most=50, is_warming_up=False)
    >>> day_limit(-1).most
    0
    """
    full = max(0, daily_limit)
    slow = warm_up.on(day) if warm_up else full
    return DayLimit(min(slow, full), is_warming_up=slow < full)


def gap(touch_id: int, least: int, most: int) -> timedelta:
    """Return the pause after a mail, between `least` and `most` seconds.

    It looks random and is not: drawn from the touch's id, so that a forecast can know it.

    >>> gap(1, 60, 180) == gap(1, 60, 180), gap(1, 60, 180) == gap(2, 60, 180)
    (True, False)
    >>> gap(7, 90, 90)
    datetime.timedelta(seconds=90)
    """
    drawn = int.from_bytes(sha256(f"gap:{touch_id}".encode()).digest()[:8])
    return timedelta(milliseconds=least * 1000 + drawn % ((most - least) * 1000 + 1))
