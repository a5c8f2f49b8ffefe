"""A DNS server on loopback that answers from a table, and can fail by name."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

FAULTS = ("timeout", "servfail", "nxdomain", "garbage")


@dataclass
class Zone:
    """What the server knows: records by name and type, and names that fail."""

    host: str
    port: int
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    # A name, or "*" for every name.
    faults: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def server(self) -> str:
        return f"{self.host}:{self.port}"

    def txt(self, name: str, *texts: str) -> None:
        """Publish TXT records, cut into strings of 255 bytes as DNS does."""
        self.records[name, "TXT"] = [
            " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
            for text in texts
        ]

    def mx(self, name: str, *servers: str) -> None:
        self.records[name, "MX"] = list(servers)

    def fail(self, name: str, fault: str) -> None:
        assert fault in FAULTS
        self.faults[name] = fault

    def answer(self, query: bytes) -> bytes | None:
        """Return the answer to a query; None leaves it without one."""
        asked = dns.message.from_wire(query)
        question = asked.question[0]
        name = question.name.to_text().rstrip(".").lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        fault = self.faults.get(name) or self.faults.get("*")
        if fault == "timeout":
            return None
        if fault == "garbage":
            return query[:2] + b"\xff\x00not dns at all"
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        if fault:
            answer.set_rcode(dns.rcode.from_text(fault))
        elif found := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *found))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


@contextmanager
def running_dns() -> Iterator[Zone]:
    """Serve an empty zone on a free port, until the end of the block."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(0.05)
        zone = Zone(*line.getsockname())
        closing = False

        def serve() -> None:
            while not closing:
                try:
                    query, whom = line.recvfrom(4096)
                except TimeoutError:
                    continue
                if (answer := zone.answer(query)) is not None:
                    line.sendto(answer, whom)

        server = Thread(target=serve, daemon=True)
        server.start()
        try:
            yield zone
        finally:
            closing = True
            server.join(5)
