"""Whose turn it is in a pool of mailboxes. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Member:
    """A mailbox of a pool: since when it has had no turn, and when it may send next.

    `free_at` is when its day, its last 24 hours, its pause, its hold and its vacation all let it
    send; None while it is out of the rotation: paused, disconnected, or out for its bounces.
    """

    mailbox: int
    position: int
    last_used_at: datetime | None
    free_at: datetime | None


@dataclass(frozen=True, slots=True)
class Turn:
    """The mailbox that is next, when it may send, and among how many it was chosen."""

    mailbox: int
    at: datetime
    among: int


def next_turn(members: Iterable[Member], at: datetime) -> Turn | None:
    """Return whose turn it is; None where nobody is in the rotation.

    Of those that may send, whoever has waited longest since the last turn; of none that may,
    whoever may first. One that comes back, or is new, gets one turn, not all that it missed.

    >>> from datetime import timedelta
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> def member(key, used, free=0):
    ...     last = noon - timedelta(minutes=used) if used else None
    ...     return Member(key, key, last, noon + timedelta(minutes=free))
    >>> next_turn([member(1, used=5), member(2, used=9), member(3, used=7)], noon).mailbox
    2
    >>> next_turn([member(1, used=5), member(2, used=9, free=30)], noon).mailbox
    1
    >>> turn = next_turn([member(1, used=5, free=90), member(2, used=9, free=120)], noon)
    >>> turn.mailbox, turn.at - noon, turn.among
    (1, datetime.timedelta(seconds=5400), 2)
    >>> next_turn([Member(1, 1, None, free_at=None)], noon) is None
    True
    """
    within = [member for member in members if member.free_at is not None]
    if not within:
        return None
    first = min(within, key=lambda member: (max(member.free_at or at, at), _place(member)))
    return Turn(first.mailbox, max(first.free_at or at, at), len(within))


def _place(member: Member) -> tuple[datetime, int, int]:
    return member.last_used_at or NEVER, member.position, member.mailbox
