"""The inbox of the SMTP mailbox, as its server has it: answers lie there until somebody looks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from mailboxes.models import InboundMail
from mailboxes.providers.base import TryAgain
from mailboxes.reading.base import Batch, Incoming
from sequences.models import Touch
from tests.simulation import contacts, product
from tests.simulation.far_side import Accepted, Network
from tests.simulation.world import Run

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation

KIND = "smtp"
AT_ONCE = 2
SECONDS_BEFORE = timedelta(seconds=40)


@dataclass(frozen=True)
class Letter:
    """An answer that lies in an inbox."""

    run: Run
    kind: str
    message_id: str
    raw: bytes
    at: datetime


class Killed(BaseException):
    """The process that reads is gone; nothing of it runs any more."""


class Reader:
    """Reads the letters by their number, and fails, dies or begins anew as often as servers do."""

    def __init__(self, mailbox: Any) -> None:
        self.net = Network.current
        self.server = self.net.server(KIND, mailbox.email)

    @classmethod
    def for_mailbox(cls, mailbox: Any) -> Self:
        return cls(mailbox)

    def read(self, cursors: Mapping[str, str], since: datetime) -> Iterator[Batch]:
        net, last = self.net, int(cursors.get("INBOX", 0))
        luck = net.luck("read the inbox")
        if net.faulty and luck.random() < 0.04:
            net.count("inbox could not be read")
            raise TryAgain("The connection to imap.smtp.test was lost: timed out")
        if net.faulty and luck.random() < 0.05:
            net.count("inbox numbered anew")
            last = 0
        letters, moved = self.server.letters, self.server.moved
        for place in range(max(last - moved, 0), len(letters), AT_ONCE):
            some = letters[place : place + AT_ONCE]
            if net.faulty and luck.random() < net.rates.kill:
                net.count("reader killed")
                raise Killed
            mails = tuple(Incoming(letter.raw, letter.at) for letter in some)
            yield Batch("INBOX", str(moved + place + len(some)), mails)
        if net.faulty and luck.random() < net.rates.kill:
            net.count("reader killed")
            raise Killed

    def close(self) -> None:
        """There is no connection."""


def put(sim: "Simulation", letter: Letter) -> None:
    """Let an answer lie in the inbox until the product reads it."""
    letter.run.letters.append(letter)
    sim.network.server(KIND, sim.world.mailboxes[KIND].email).letters.append(letter)
    sim.lying.append(letter)
    sim.soon(0, 700, lambda: look(sim))


def look(sim: "Simulation") -> None:
    """Let the product read what it wants to read now, and come back while a letter lies there."""
    tick(sim)
    if sim.lying:
        sim.soon(60, 700, lambda: look(sim))


def tick(sim: "Simulation") -> None:
    if sim.chance(sim.rates.late_tick):
        sim.hit("reading missed")
        return
    for mailbox_id in product.inboxes_to_read(sim.at):
        read(sim, mailbox_id)


def read(sim: "Simulation", mailbox_id: int) -> None:
    """Read one inbox, and take in what the answers mean from this moment on."""
    try:
        product.read_inbox(mailbox_id)
    except Killed:
        sim.note("reader killed")
    kept = set[str]()
    if lying := [letter.message_id for letter in sim.lying]:
        found = InboundMail.everywhere.filter(message_id__in=lying)
        kept = set(found.values_list("message_id", flat=True))
    sim.answers += [
        (each.run, each.kind, each.message_id) for each in sim.lying if is_in(each, kept)
    ]
    sim.lying = [each for each in sim.lying if not is_in(each, kept)]
    contacts.take_in(sim)
    if sim.answers:
        sim.soon(0, 10, lambda: contacts.settle(sim))


def is_in(letter: Letter, kept: set[str]) -> bool:
    return letter.message_id in kept


def answer_in_time(sim: "Simulation", run: Run, entry: Accepted) -> None:
    """Answer in the very seconds before the next step falls due, also when that is moved."""
    waiting = Touch.objects.filter(enrollment=run.enrollment, status=Touch.Status.SCHEDULED)
    due_at = waiting.order_by("position").values_list("due_at", flat=True).first()
    if due_at is None or due_at <= sim.at:
        return
    if due_at > sim.at + SECONDS_BEFORE:
        sim.on(due_at - SECONDS_BEFORE, lambda: answer_in_time(sim, run, entry))
        return
    sim.hit("answered just before the next step")
    # A step falls due soon, so the product has just looked.
    tick(sim)
    left = (due_at - sim.at).total_seconds()
    sim.soon(0, left - 0.002, lambda: contacts.answer(sim, run, entry))


def judge_mark(sim: "Simulation", run: Run, position: int) -> None:
    """Judge a wire mark by what lay in the inbox."""
    if words := unheard(run, run.touch(position).due_at, sim.at):
        sim.judge.broke("nothing past an answer in the inbox", run.key(position), words)


def unheard(run: Run, due_at: datetime | None, at: datetime) -> str:
    """Say which answer of a person lay in the inbox long enough to be known at a wire mark."""
    for letter in run.letters:
        if letter.kind == "away":
            continue
        if letter.at < at - timedelta(minutes=2) or (due_at and letter.at < due_at):
            return f"it lay there since {letter.at:%H:%M:%S.%f}"
    return ""
