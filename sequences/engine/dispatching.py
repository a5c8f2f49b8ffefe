"""Who is served next where more mailboxes wait than there are hands: workspaces take turns.

Whoever has been sent the fewest mails goes first, a slice at a time, so that a workspace with
thousands of mails due delays the few of another by no more than the slice that is under way.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest
from threading import Lock

# So many mails leave from a mailbox before the others that wait are asked for.
SLICE = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mailbox that has something to send."""

    workspace: int
    mailbox: int


class Turns:
    """The mailboxes that wait, for as many hands as there are; safe to share between threads."""

    def __init__(self, waiting: Iterable[Waiting]) -> None:
        self._lock = Lock()
        self._lines: dict[int, deque[Waiting]] = defaultdict(deque)
        self._at_work: dict[int, Waiting] = {}
        # Mails of each workspace, a slice for those whose number is not known yet.
        self._served: Counter[int] = Counter()
        # When each had its last turn: who waited longer goes first among equals.
        self._turn: Counter[int] = Counter()
        self._turns = 0
        self.join(waiting)

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def join(self, waiting: Iterable[Waiting]) -> None:
        """Take in who waits by now, and nobody twice."""
        with self._lock:
            present = [
                *self._at_work.values(),
                *(each for line in self._lines.values() for each in line),
            ]
            here = {each.workspace for each in present}
            known = {each.mailbox for each in present}
            under_way = Counter(each.workspace for each in self._at_work.values())
            had = (self._served[each] - under_way[each] * SLICE for each in here)
            least = min(had, default=0)
            for each in waiting:
                if each.mailbox in known:
                    continue
                known.add(each.mailbox)
                self._lines[each.workspace].append(each)
                if each.workspace not in here:
                    # Who comes late takes part from now on, and gets nothing back.
                    self._served[each.workspace] = max(self._served[each.workspace], least)

    def next(self) -> int | None:
        """Return the mailbox to send from, a slice of it; None while nobody waits.

        >>> turns = Turns([Waiting(1, 11), Waiting(1, 12), Waiting(2, 21), Waiting(2, 22)])
        >>> [turns.next() for _ in range(5)]
        [11, 21, 12, 22, None]
        """
        with self._lock:
            lines = [workspace for workspace, line in self._lines.items() if line]
            if not lines:
                return None
            least = min(lines, key=lambda each: (self._served[each], self._turn[each]))
            first = self._lines[least].popleft()
            self._turns += 1
            self._turn[least] = self._turns
            self._at_work[first.mailbox] = first
            self._served[first.workspace] += SLICE
            return first.mailbox

    def done(self, mailbox: int, sent: int) -> None:
        """Take in what left; after a whole slice the mailbox waits again, behind the others.

        >>> turns = Turns([Waiting(1, 11), Waiting(2, 21), Waiting(2, 22)])
        >>> turns.next(), turns.next(), turns.done(21, 1), turns.next()
        (11, 21, None, 22)
        >>> turns.done(11, SLICE), turns.done(22, 0), turns.next(), turns.next()
        (None, None, 11, None)
        """
        with self._lock:
            each = self._at_work.pop(mailbox)
            self._served[each.workspace] += sent - SLICE
            if sent >= SLICE:
                self._lines[each.workspace].append(each)


def in_turns(waiting: Iterable[Waiting]) -> list[int]:
    """Order mailboxes so that the first of each workspace come before the second of any.

    >>> in_turns([Waiting(1, 11), Waiting(1, 12), Waiting(1, 13), Waiting(2, 21)])
    [11, 21, 12, 13]
    """
    lines: dict[int, list[int]] = defaultdict(list)
    for each in waiting:
        lines[each.workspace].append(each.mailbox)
    rounds = zip_longest(*lines.values())
    return [mailbox for together in rounds for mailbox in together if mailbox is not None]


def serve(turns: Turns, drain: Callable[[int], int], goes_on: Callable[[], bool]) -> int:
    """Be one of the hands: drain one mailbox after the other; returns how many mails went out."""
    sent = 0
    while goes_on() and (mailbox := turns.next()) is not None:
        left = 0
        try:
            left = drain(mailbox)
        finally:
            turns.done(mailbox, left)
        sent += left
    return sent
