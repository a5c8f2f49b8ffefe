"""One connection to an SMTP server: checked address, verified TLS, bounded answers, deadlines."""

import select
import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from mailboxes.providers.base import Misconfigured, ProviderError, TryAgain
from mailboxes.providers.smtp_replies import Phase, classify
from outreach import net

LONGEST_LINE = 8192
MOST_LINES = 100
# Where mail is handed in; on the internet no other port is an SMTP server's.
PORTS = {25, 465, 587, 2525}


@dataclass(frozen=True, slots=True)
class Connection:
    """Where and how to hand in mail."""

    host: str
    port: int
    security: str = "starttls"  # tls, starttls or plain
    username: str = ""
    password: str = field(default="", repr=False)
    greet_as: str = "localhost"
    allow_private: bool = False


class Line(smtplib.SMTP):
    """smtplib's dialogue, with one deadline for all that follows instead of one per read.

    Each step of connecting returns words for a person, or raises a ProviderError.
    """

    def __init__(self, connection: Connection, context: ssl.SSLContext | None) -> None:
        super().__init__(local_hostname=connection.greet_as)
        self.connection = connection
        self.context = context
        self.addresses: list[net.Address] = []
        self.unread = b""
        self.deadline = 0.0

    def allow(self, seconds: float) -> None:
        """Let everything from here on take this long together."""
        self.deadline = monotonic() + seconds

    def resolve(self) -> str:
        host, port = self.connection.host, self.connection.port
        if not host:
            raise Misconfigured("This mailbox has no SMTP server.")
        if not self.connection.allow_private and port not in PORTS:
            raise Misconfigured(f"Port {port} is not one for mail; use 587, 465, 2525 or 25.")
        in_the_clear = self.connection.security == "plain" and self.connection.username
        if in_the_clear and not self.connection.allow_private:
            raise Misconfigured("The password would be sent unencrypted; choose STARTTLS or TLS.")
        try:
            self.addresses = net.check_host(host, port, allow_private=self.connection.allow_private)
        except net.HostRefused as problem:
            raise Misconfigured(str(problem)) from None
        except OSError as problem:
            raise TryAgain(f"The server {host} was not found: {problem}") from problem
        return f"{host} is at {', '.join(dict.fromkeys(at[0] for _, at in self.addresses))}"

    def dial(self, timeout: float) -> str:
        host, port = self.connection.host, self.connection.port
        try:
            connected = net.connect(self.addresses, timeout=timeout)
            # The final dot is a packet of its own and must not wait for the one before it.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as problem:
            raise TryAgain(f"{host} does not answer on port {port}: {problem}") from problem
        self.sock = connected
        return f"{host} answers on port {port}"

    def greet(self) -> str:
        """Read the server's greeting and learn what it can do, encrypted as agreed."""
        security = self.connection.security
        with lost_means_unsent(self.connection.host):
            if security == "tls":
                self.encrypt()
            self.expect(Phase.CONNECT, *self.getreply())
            self.expect(Phase.HELLO, *self.ehlo())
            if security == "starttls":
                if not self.has_extn("starttls"):
                    raise Misconfigured(
                        f"{self.connection.host} does not offer STARTTLS on port "
                        f"{self.connection.port}, so the connection cannot be encrypted."
                    )
                self.expect(Phase.STARTTLS, *self.docmd("STARTTLS"))
                if self.unread:
                    # Said before the encryption, but to be read as if it came through it.
                    raise Misconfigured(f"{self.connection.host} spoke before TLS had begun.")
                self.encrypt()
                self.expect(Phase.HELLO, *self.ehlo())
        return "Not encrypted" if security == "plain" else f"Encrypted with {self.sock.version()}"

    def encrypt(self) -> None:
        host = self.connection.host
        context = self.context or ssl.create_default_context()
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self.sock.settimeout(self.left())
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
        except ssl.SSLCertVerificationError as problem:
            raise Misconfigured(
                f"The certificate of {host} cannot be trusted: {problem.verify_message}"
            ) from problem
        except ssl.SSLError as problem:
            raise TryAgain(
                f"No encrypted connection to {host} on port {self.connection.port}: {problem}"
            ) from problem

    def sign_in(self) -> str:
        name, password = self.connection.username, self.connection.password
        if not name:
            return "No sign-in needed"
        offered = self.esmtp_features.get("auth", "").upper().split()
        with lost_means_unsent(self.connection.host):
            if "PLAIN" in offered:
                answer = self.docmd("AUTH", f"PLAIN {base64(f'{chr(0)}{name}{chr(0)}{password}')}")
            elif "LOGIN" in offered:
                answer = self.docmd("AUTH", "LOGIN")
                for secret in (name, password):
                    if answer[0] == 334:
                        answer = self.docmd(base64(secret))
            else:
                only = f", only {' '.join(offered)}" if offered else ""
                raise Misconfigured(
                    f"{self.connection.host} offers no sign-in with a password on port "
                    f"{self.connection.port}{only}."
                )
            self.expect(Phase.AUTH, *answer)
        return f"Signed in as {name}"

    def expect(self, phase: Phase, code: int, text: bytes) -> None:
        """Raise what the answer means, unless it is a yes."""
        if code != 354 if phase is Phase.DATA else not 200 <= code <= 299:
            raise classify(phase, code, text)

    def ask(self, *asked: tuple[Phase, str]) -> None:
        """Ask for one after the other, or raise what the first refusal means.

        All are asked at once where the server knows PIPELINING (RFC 2920), which saves the way
        there and back for each.
        """
        if not self.has_extn("pipelining"):
            for phase, words in asked:
                self.expect(phase, *self.docmd(words))
            return
        self.send("".join(f"{words}\r\n" for _, words in asked))
        for place, (phase, _) in enumerate(asked, 1):
            answer = self.getreply()
            try:
                self.expect(phase, *answer)
            except ProviderError:
                self.skip(len(asked) - place)
                raise

    def skip(self, answers: int) -> None:
        """Read answers that no longer matter; hang up on a server that waits for a mail by now."""
        try:
            codes = [self.getreply()[0] for _ in range(answers)]
        except OSError:
            self.close()
        else:
            if 354 in codes:
                self.close()

    def wait_at_most(self) -> None:
        """Let the socket wait until the deadline, or up to a tenth longer.

        Telling it costs a system call, so it is told anew only once that is no longer so.
        """
        left = self.left()
        told = self.sock.gettimeout()
        if told is None or not left <= told <= left * 1.1:
            self.sock.settimeout(left)

    def left(self) -> float:
        seconds = self.deadline - monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds

    def spoke_unasked(self) -> bool:
        """Whether the server has said something, or hung up, since its last answer."""
        if self.unread or self.sock is None:
            return True
        waiting = select.poll()
        waiting.register(self.sock, select.POLLIN)
        return bool(waiting.poll(0))

    def send(self, s: bytes | str) -> None:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self.wait_at_most()
        self.sock.sendall(s.encode(self.command_encoding) if isinstance(s, str) else s)

    def getreply(self) -> tuple[int, bytes]:
        """The next answer: code (-1 if it is not one) and text; OSError when there is none."""
        lines: list[bytes] = []
        while len(lines) < MOST_LINES:
            line = self.read_line()
            code, mark = line[:3], line[3:4]
            if len(code) != 3 or not code.isdigit() or mark not in (b" ", b"-", b""):
                return -1, line
            lines.append(line[4:].strip())
            if mark != b"-":
                return int(code), b"\n".join(lines)
        return -1, b"\n".join(lines)

    def read_line(self) -> bytes:
        while b"\n" not in self.unread:
            if self.sock is None or len(self.unread) > LONGEST_LINE:
                raise smtplib.SMTPServerDisconnected("the answer makes no sense")
            self.wait_at_most()
            received = self.sock.recv(4096)
            if not received:
                raise smtplib.SMTPServerDisconnected("the server closed the connection")
            self.unread += received
        line, _, self.unread = self.unread.partition(b"\n")
        return line.rstrip(b"\r")

    def hang_up(self, seconds: float = 2) -> None:
        """Say goodbye and close; what the server answers no longer matters."""
        self.allow(seconds)
        try:
            self.docmd("QUIT")
        except OSError:
            pass  # Nothing is waiting on this line any more.
        finally:
            self.close()


@contextmanager
def lost_means_unsent(host: str) -> Iterator[None]:
    """Inside, a lost or silent connection is a definite "not sent", worth another attempt."""
    try:
        yield
    except OSError as problem:
        raise TryAgain(f"The connection to {host} was lost: {problem}") from problem


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()
