"""Mail providers of a world: real servers that may fail, and a journal of what they took."""

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.policy import compat32
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tests.fakes import web
from tests.fakes.far_side import FarSide
from tests.fakes.mail import Accepted
from tests.fakes.smtp import Answer, Scripted, running_sink, serving
from tests.fakes.web import Asked

if TYPE_CHECKING:
    from tests.chaos.world import World


class Journal:
    """Every mail that a provider took, written down before the provider says so."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self.path, self.now = path, now
        self.lock = threading.Lock()
        self.path.touch()
        # How often the mail of each touch was taken, by our reference header: some providers give
        # a mail another Message-ID.
        self.times = Counter(line["reference"] for line in self.lines())

    def take(self, raw: bytes) -> None:
        """Write down a mail that a server took."""
        mail = message_from_bytes(raw, policy=compat32)
        self.write(
            {
                "message_id": str(mail["Message-ID"]),
                "recipient": parseaddr(str(mail["To"]))[1],
                "mailbox": parseaddr(str(mail["From"]))[1],
                "accepted_at": self.now().isoformat(),
                "sha256": hashlib.sha256(raw).hexdigest(),
                "reference": str(mail["X-Outreach-Ref"] or ""),
            }
        )

    def write(self, line: dict[str, Any]) -> None:
        with self.lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self.times[line["reference"]] += 1

    def lines(self) -> list[dict[str, Any]]:
        with self.lock:
            return [json.loads(line) for line in self.path.read_text().splitlines()]

    def __len__(self) -> int:
        with self.lock:
            return self.times.total()


class Provider(Protocol):
    """A provider that runs, and how mailboxes are connected to it."""

    def mailbox(self) -> dict[str, Any]:
        """Return the fields of a new mailbox that sends through it."""


@dataclass
class Smtp:
    """A real SMTP server, at a port of this machine."""

    port: int

    def mailbox(self) -> dict[str, Any]:
        return {
            "provider": "smtp",
            "smtp_host": "127.0.0.1",
            "smtp_port": self.port,
            "smtp_security": "plain",
        }


@dataclass
class Sandbox:
    """The product's own: its journal is in the database."""

    def mailbox(self) -> dict[str, Any]:
        return {"provider": "sandbox"}


@contextmanager
def smtp(journal: Journal, *, thinks: float = 0) -> Iterator[Smtp]:
    """An SMTP server that takes everything, after thinking for a moment."""
    with running_sink(taken=journal.take, thinks=thinks) as sink:
        yield Smtp(sink.port)


@contextmanager
def failing_smtp(
    journal: Journal, decide: Callable[[str, bytes], Answer], *, patience: float = 60
) -> Iterator[tuple[Smtp, Scripted]]:
    """An SMTP server whose answers are decided command by command; "" is the usual one."""
    server = Scripted({}, decide=decide, taken=journal.take, patience=patience)
    with serving(server):
        yield Smtp(server.port), server


class Told(list[Accepted]):
    """The far side's own list of what left, which is written down as it grows."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal

    def append(self, accepted: Accepted) -> None:
        self.journal.write(accepted.line())
        super().append(accepted)


# What is told of a request: its operation, whether it has been done, and whose it is.
Witness = Callable[[str, bool, Asked], object]


class Abroad(FarSide):
    """Google and Microsoft, in the time of the world."""

    def __init__(self, journal: Journal) -> None:
        self.now = journal.now
        # Told of every request before it is done, and once it is, before it is answered.
        self.witness: Witness | None = None
        super().__init__()
        self.journal = self.google.journal = self.microsoft.journal = Told(journal)

    def clock(self) -> float:
        return self.now().timestamp()

    def catch_up(self) -> None:
        """Do what was put off until now, as with the next request."""
        with self.lock:
            self.settle()

    def done(self, route: web.Route, asked: Asked) -> web.Answer:
        if self.witness:
            self.witness(route.name, False, asked)
        answer = super().done(route, asked)
        if self.witness:
            self.witness(route.name, True, asked)
        return answer


@dataclass
class Http:
    """Mailboxes at Google or Microsoft, reached over HTTP."""

    far_side: FarSide
    name: str
    count: int = 0

    def mailbox(self) -> dict[str, Any]:
        self.count += 1
        email = f"alex{self.count}@{self.name}.brightline.test"
        sign_in = self.far_side.sign_in(self.name, email)
        return {"provider": self.name, "email": email, "sign_in": sign_in}


@contextmanager
def abroad(world: "World") -> Iterator[tuple[Abroad, Http, Http]]:
    """Google and Microsoft on a port of this machine, known to the product's processes."""
    far_side = Abroad(world.journal)
    with web.serving(far_side):
        world.env |= far_side.environment
        world.crew.env |= far_side.environment
        yield far_side, Http(far_side, "gmail"), Http(far_side, "microsoft")
