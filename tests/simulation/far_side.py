"""The providers as they really are: what they took, what they lost, and what they can tell.

Three kinds. Gmail sends a draft at once. Graph says "202" and sends it later. An SMTP server
forgets: after the final dot nobody can ask it anything. The judge hears of all that they accept.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, ClassVar, Self

from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    Mail,
    QuotaReached,
    RateLimited,
    Receipt,
    RecipientRefused,
    TryAgain,
    Unknown,
    Verdict,
)

KEY = re.compile(rb"step (\d+) of r(\d+)")
# An SMTP server that waits for the text closes the connection after this long (RFC 5321).
SERVER_WAITS = timedelta(minutes=5)
# Graph sends what it said 202 to within minutes; an unsent draft older than this never left.
GRAPH_IS_SURE = timedelta(minutes=5)


@dataclass(slots=True, eq=False)
class Held:
    """One mail in a provider's hands, from the draft on."""

    number: int
    key: str
    mail: Mail
    since: datetime
    state: str = "draft"  # draft, pending, taken, refused, deleted
    mark: Any = None  # the wire mark under which it was committed
    answer: str = ""  # what the provider meant to answer, whether or not it arrived


@dataclass(frozen=True, slots=True)
class Accepted:
    """One mail as a provider took it, for the judge."""

    key: str
    at: datetime
    mailbox: str
    raw: bytes
    recipient: str
    mark: Any


@dataclass(eq=False)
class Server:
    """The far side of one mailbox."""

    kind: str
    mailbox: str
    held: dict[int, Held] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    # What has come into the mailbox, in order (tests.simulation.inboxes).
    letters: list[Any] = field(default_factory=list)
    # How many before those were moved out of the inbox; numbers are not given twice.
    moved: int = 0

    def tidy(self, before: datetime) -> None:
        """Move out of the inbox what came long ago."""
        old = sum(letter.at < before for letter in self.letters)
        self.moved += old
        del self.letters[:old]


class Network:
    """All servers, their faults and their clock; the driver says whose worker is calling."""

    current: ClassVar["Network"]

    def __init__(self, seed: int, rates: Any, clock: Callable[[], datetime]) -> None:
        self.seed, self.rates, self.clock = seed, rates, clock
        self.servers: dict[str, Server] = {}
        self.faulty = True
        self.mark: Any = None  # the wire mark of the worker that is being driven
        self.prepared: Held | None = None  # the draft that it has just made
        self.asked: dict[str, int] = {}
        self.keys: dict[str, str] = {}
        self.stubborn: set[str] = set()
        self.later: Callable[[datetime, Callable[[], None]], None]
        self.took: Callable[[Accepted], None]
        self.count: Callable[[str], None]

    def server(self, kind: str, mailbox: str) -> Server:
        return self.servers.setdefault(mailbox, Server(kind, mailbox))

    def luck(self, what: str) -> Random:
        """Draw for the n-th call of its kind, so that the order of calls changes nothing."""
        nth = self.asked[what] = self.asked.get(what, 0) + 1
        return Random(f"{self.seed}:{what}:{nth}")

    def take(self, server: Server, held: Held) -> None:
        """Accept the mail, once and for all: this is what a recipient gets."""
        held.state = "taken"
        entry = Accepted(
            held.key, self.clock(), server.mailbox, held.mail.raw, held.mail.recipient, held.mark
        )
        self.took(entry)

    def take_later(self, server: Server, held: Held, seconds: float) -> None:
        """Accept the mail some time from now, unless its draft is deleted before."""
        held.state, held.since = "pending", self.clock()

        def arrive() -> None:
            if held.state == "pending":
                self.take(server, held)
            elif held.state == "deleted":
                # A request that was longer on its way than anybody waits finds no draft.
                self.count("fence used: the draft was gone")

        self.later(self.clock() + timedelta(seconds=seconds), arrive)


class Handed:
    """What `prepare` gives back; the far side of one try."""

    def __init__(self, provider: "Account", held: Held) -> None:
        self.provider, self.held = provider, held
        self.draft_id = "" if provider.forgets else f"{provider.server.mailbox}/{held.number}"
        self.thread_id = "" if provider.forgets else held.mail.thread_id or f"thread-{held.key}"

    def commit(self) -> Receipt:
        net, held = self.provider.net, self.held
        held.mark = net.mark
        if held.mark is not None:
            held.mark.held = held
        if held.state == "deleted":
            net.count("fence used: the draft was gone")
            held.answer = "refused"
            raise TryAgain("404 Requested entity was not found.")
        if self.provider.forgets and net.clock() - held.since > SERVER_WAITS:
            held.answer, held.state = "refused", "refused"
            raise TryAgain("421 4.4.2 Timeout while waiting for the text", smtp=True)
        return self.provider.answer(held)

    def abandon(self) -> None:
        if self.held.state == "draft":
            self.held.state = "deleted"


class Account:
    """What the three kinds have in common."""

    kind = ""
    forgets = False
    keeps_message_id = True
    can_unsubscribe_header = True
    lease = timedelta(seconds=150)
    budget = timedelta(seconds=45)

    def __init__(self, mailbox: Any) -> None:
        self.net = Network.current
        self.server = self.net.server(self.kind, mailbox.email)

    @classmethod
    def for_mailbox(cls, mailbox: Any) -> Self:
        return cls(mailbox)

    def prepare(self, mail: Mail) -> Handed:
        net, found = self.net, KEY.search(mail.raw)
        key = f"r{found[2].decode()}/{found[1].decode()}" if found else mail.message_id
        net.keys[mail.message_id] = key
        if net.faulty:
            self.refuse(key, mail, net.luck(f"prepare {key}"))
        held = net.prepared = Held(next(self.server.numbers), key, mail, net.clock())
        self.server.held[held.number] = held
        return Handed(self, held)

    def refuse(self, key: str, mail: Mail, luck: Random) -> None:
        """Say no before anything was taken, as often as this seed's world does."""
        net, dice = self.net, luck.random() / self.net.rates.refusals
        if key in net.stubborn and luck.random() < 0.9:
            net.count("passing fault")
            raise TryAgain("451 4.3.0 Try again later")
        if dice < 0.02:
            net.count("passing fault")
            raise TryAgain("503 Could not connect")
        if dice < 0.025:
            net.count("rate limited")
            raise RateLimited("429 Too many requests", retry_after=timedelta(minutes=2))
        if dice < 0.03:
            net.count("quota reached")
            resets = net.clock() + timedelta(hours=luck.randint(1, 8))
            raise QuotaReached("452 4.5.3 Quota", resets_at=resets)
        if dice < 0.032:
            net.count("disconnected")
            raise Disconnected("401 The token was revoked")
        if dice < 0.04:
            net.count("recipient refused for good")
            raise RecipientRefused("550 5.1.1 No such address", hard=True, code="5.1.1")
        if dice < 0.045:
            net.count("recipient refused for now")
            raise RecipientRefused("450 4.2.1 Mailbox busy", hard=False)
        if dice < 0.05:
            net.count("content refused")
            raise ContentRefused("554 5.7.1 Looks like spam")

    def answer(self, held: Held) -> Receipt:
        """Take the mail, or not, and say so, or not."""
        net = self.net
        luck = net.luck(f"commit {held.key}")
        dice = luck.random() / net.rates.answers if net.faulty else 1.0
        if dice < 0.02:
            held.answer, held.state = "refused", "refused"
            net.count("passing fault")
            raise TryAgain("452 4.3.1 Insufficient system storage")
        held.answer = "unknown"
        if dice < 0.05:
            net.count("request lost")
            held.state = "lost" if self.forgets else "draft"
            raise Unknown("The connection broke before an answer came.")
        if dice < 0.09:
            net.count("accepted, answer lost")
            net.take(self.server, held)
            raise Unknown("The connection broke before an answer came.")
        if dice < 0.12:
            net.count("accepted late")
            net.take_later(self.server, held, luck.randint(5, 550 if self.forgets else 3600))
            raise Unknown("504 Gateway timeout")
        held.answer = "accepted"
        return self.accept(held, luck)

    def accept(self, held: Held, luck: Random) -> Receipt:
        self.net.take(self.server, held)
        return self.receipt(held)

    def receipt(self, held: Held) -> Receipt:
        thread = "" if self.forgets else held.mail.thread_id or f"thread-{held.key}"
        given = (
            held.mail.message_id if self.keeps_message_id else f"<{held.number}@mail.gmail.test>"
        )
        return Receipt(message_id=given, thread_id=thread, words="250 2.0.0 OK")

    def look_up(
        self, *, message_id: str, recipient: str, draft_id: str = "", **others: Any
    ) -> Verdict:
        net = self.net
        luck = net.luck(f"look up {net.keys.get(message_id, message_id)}")
        if net.faulty and luck.random() < 0.2:
            net.count("look-up failed")
            raise TryAgain("503 The look-up failed")
        mailbox, _, number = draft_id.rpartition("/")
        held = self.server.held.get(int(number)) if mailbox == self.server.mailbox else None
        return self.tell(held) if held else Verdict.UNKNOWN

    def tell(self, held: Held) -> Verdict:
        """Fence first, then tell: what is not taken by now never will be."""
        if held.state == "taken":
            return Verdict.SENT
        if held.state != "deleted":
            self.net.count("fence used: the draft was deleted")
            held.state = "deleted"
        return Verdict.NOT_SENT

    def check(self) -> None:
        """Connecting always works here; faults come with the mail."""

    def close(self) -> None:
        """There is no connection."""


class Gmail(Account):
    kind = "gmail"
    keeps_message_id = False


class Graph(Account):
    kind = "microsoft"

    def accept(self, held: Held, luck: Random) -> Receipt:
        self.net.take_later(self.server, held, luck.randint(1, 200))
        return self.receipt(held)

    def tell(self, held: Held) -> Verdict:
        if held.state in ("draft", "pending") and self.net.clock() - held.since < GRAPH_IS_SURE:
            self.net.count("still a draft, too early to tell")
            return Verdict.UNKNOWN
        return super().tell(held)


class SMTP(Account):
    kind = "smtp"
    forgets = True
    lease = timedelta(seconds=720)
    budget = timedelta(seconds=60)
