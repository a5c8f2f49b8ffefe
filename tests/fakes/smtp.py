"""SMTP servers for tests: a real one that keeps what it accepts, and one that fails by script.

`python -m tests.fakes.smtp --port 8025` runs the real one, to send to by hand.
"""

import argparse
import asyncio
import ipaddress
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from threading import Event, Thread
from typing import BinaryIO

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Accepted:
    """One mail that the server has said 250 to."""

    raw: bytes
    sender: str
    recipients: list[str]
    user: str = ""
    encrypted: bool = False


@dataclass
class Sink:
    """A real SMTP server's journal, in the order of acceptance."""

    host: str
    port: int
    accepted: list[Accepted] = field(default_factory=list)
    user: str = ""
    password: str = ""
    implicit_tls: bool = False
    # Told of each mail before the server says 250, and how long it thinks before and after.
    taken: Callable[[bytes], None] | None = None
    thinks: float = 0

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        login = session.auth_data
        await asyncio.sleep(self.thinks)
        self.accepted.append(
            Accepted(
                raw=envelope.original_content or b"",
                sender=envelope.mail_from or "",
                recipients=list(envelope.rcpt_tos),
                user=login.login.decode() if isinstance(login, LoginPassword) else "",
                encrypted=self.implicit_tls or session.ssl is not None,
            )
        )
        if self.taken:
            self.taken(self.accepted[-1].raw)
        await asyncio.sleep(self.thinks)
        return f"250 2.0.0 Ok: queued as {len(self.accepted)}"

    def sign_in(
        self, server: Server, session: Session, envelope: Envelope, mechanism: str, given: object
    ) -> AuthResult:
        meant = LoginPassword(self.user.encode(), self.password.encode())
        return AuthResult(success=given == meant, handled=False, auth_data=given)


@contextmanager
def running_sink(
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    user: str = "",
    password: str = "",
    certificate: Path | None = None,
    implicit_tls: bool = False,
    smtputf8: bool = False,
    taken: Callable[[bytes], None] | None = None,
    thinks: float = 0,
) -> Iterator[Sink]:
    """A real SMTP server on a free port: sign-in and TLS when a user or certificate is given."""
    sink = Sink(host, port or free_port(), [], user, password, implicit_tls, taken, thinks)
    context = server_context(certificate) if certificate else None
    controller = Controller(
        sink,
        hostname=host,
        port=sink.port,
        ssl_context=context if implicit_tls else None,
        tls_context=None if implicit_tls else context,
        require_starttls=bool(context) and not implicit_tls,
        authenticator=sink.sign_in if user else None,
        auth_required=bool(user),
        auth_require_tls=bool(context) and not implicit_tls,
        enable_SMTPUTF8=smtputf8,
        ready_timeout=10,
    )
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def make_certificate(folder: Path, *, name: str = "localhost", days: int = 1) -> Path:
    """A self-signed certificate and its key in one file; days may be negative."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([alternative_name(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}-{days}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


# What a script may do in place of an answer.
DROP = "drop"  # close the connection
RESET = "reset"  # break it, as a crash or a firewall does
HANG = "hang"  # never answer
DRIP = "drip"  # answer without end, a byte at a time
ACCEPT_AND_DROP = "accept and drop"  # take the mail, then close before the answer
ACCEPT_AND_HANG = "accept and hang"


@dataclass(frozen=True)
class Late:
    """An answer that comes after so many seconds."""

    seconds: float
    answer: str


Answer = str | Late

USUAL = {
    "CONNECT": "220 fake ESMTP",
    "EHLO": "250-fake\r\n250-SIZE 10000000\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
    "STARTTLS": "220 go ahead",
    "AUTH": "235 2.7.0 signed in",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go ahead",
    "DOT": "250 2.0.0 queued",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


@dataclass
class Scripted:
    """A server that answers by script: per command one answer, or a list used up one by one."""

    script: dict[str, str | list[str]]
    # In place of a script: what to answer to a command, and to which mail.
    decide: Callable[[str, bytes], Answer] | None = None
    taken: Callable[[bytes], None] | None = None
    patience: float = 30
    port: int = 0
    accepted: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    cut_off: int = 0  # mails whose final dot never came
    over: Event = field(default_factory=Event)

    def answer_to(self, command: str, mail: bytes = b"") -> Answer:
        if self.decide and (decided := self.decide(command, mail)):
            return decided
        answer = self.script.get(command, USUAL.get(command, "502 5.5.1 not implemented"))
        if isinstance(answer, str):
            return answer
        return answer.pop(0) if answer else USUAL[command]

    def serve(self, listener: socket.socket) -> None:
        while not self.over.is_set():
            try:
                line, _ = listener.accept()
            except OSError:  # closed at the end of the test
                return
            self.connections += 1
            Thread(target=self.talk, args=[line], daemon=True).start()

    def talk(self, line: socket.socket) -> None:
        line.settimeout(self.patience)
        # A client that breaks the connection is part of the test, not a fault of this server.
        with line, suppress(OSError), line.makefile("rb") as lines:
            if not self.reply(line, "CONNECT"):
                return
            while command := lines.readline():
                self.commands.append(command.decode(errors="replace").rstrip())
                verb = command.split()[0].upper().decode("latin-1") if command.strip() else ""
                answer = self.reply(line, verb)
                if not answer or verb == "QUIT":
                    return
                if verb == "DATA" and answer.startswith("354"):
                    if self.script.get("TEXT") == DROP:
                        return
                    mail = self.read_mail(lines)
                    if mail is None or not self.reply(line, "DOT", mail):
                        return

    def read_mail(self, lines: BinaryIO) -> bytes | None:
        mail = b""
        while (text := lines.readline()) != b".\r\n":
            if not text.endswith(b"\n"):
                self.cut_off += 1
                return None
            mail += text.removeprefix(b".")
        return mail

    def reply(self, line: socket.socket, command: str, mail: bytes = b"") -> str:
        """Give the scripted answer; empty when the conversation is over."""
        answer = self.answer_to(command, mail)
        if isinstance(answer, Late):
            self.over.wait(answer.seconds)
            answer = answer.answer
        if mail and (answer.startswith("2") or answer in (ACCEPT_AND_DROP, ACCEPT_AND_HANG)):
            self.accepted.append(mail)
            if self.taken:
                self.taken(mail)
        if answer in (HANG, ACCEPT_AND_HANG):
            self.over.wait(self.patience)
            return ""
        if answer == DRIP:
            while not self.over.wait(0.05):
                line.sendall(b"2")
        if answer == RESET:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        if answer in (DROP, RESET, DRIP, ACCEPT_AND_DROP):
            return ""
        line.sendall(f"{answer}\r\n".encode())
        if command == "CONNECT" or not answer.startswith("421"):
            return answer
        return ""


@contextmanager
def running_script(**script: str | list[str]) -> Iterator[Scripted]:
    """A server on a free port that fails where the script says so."""
    with serving(Scripted(script)) as server:
        yield server


@contextmanager
def serving(server: Scripted) -> Iterator[Scripted]:
    """Let the server listen on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        thread = Thread(target=server.serve, args=[listener], daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def main() -> None:
    parser = argparse.ArgumentParser(description="Accept mail on this machine and show it.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8025)
    options = parser.parse_args()
    with running_sink(host=options.host, port=options.port) as sink, suppress(KeyboardInterrupt):
        sys.stdout.write(f"Accepting mail on {sink.host}:{sink.port} (Ctrl-C ends)\n")
        shown = 0
        while True:
            for mail in sink.accepted[shown:]:
                shown += 1
                subject = message_from_bytes(mail.raw)["Subject"]
                sys.stdout.write(f"{shown}. {mail.sender} to {mail.recipients}: {subject}\n")
                sys.stdout.flush()
            time.sleep(0.5)


if __name__ == "__main__":
    main()
