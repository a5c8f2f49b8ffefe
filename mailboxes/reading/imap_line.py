"""One connection to an IMAP server: checked address, verified TLS, bounded answers, a deadline."""

import imaplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

from imap_tools.errors import ImapToolsError, UnexpectedCommandStatusError
from imap_tools.mailbox import BaseMailBox

from mailboxes.providers.base import Disconnected, Misconfigured, ProviderError, TryAgain
from mailboxes.providers.smtp_line import Connection
from outreach import net

# Where mail is read; on the internet no other port is an IMAP server's.
PORTS = {143, 993}
LONGEST_LINE = 1_000_000
# What one connection may send us altogether, and in one piece.
MOST_BYTES = 100_000_000
LARGEST_PIECE = 2_000_000
# A sign-in that was refused for now, not because of the password (RFC 5530).
PASSING = ("[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "[SERVERBUG]", "[CONTACTADMIN]")


class Line(imaplib.IMAP4):
    """imaplib's dialogue on a socket that is connected already.

    One deadline for all that follows instead of one per read, and an end to what is taken in.
    """

    def __init__(self, connected: socket.socket, host: str, seconds: float) -> None:
        self.connected = connected
        self.unread = bytearray()
        self.received = 0
        self.deadline = monotonic() + seconds
        super().__init__(host)

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        self.host, self.port, self.sock = host, port, self.connected

    def left(self) -> float:
        seconds = self.deadline - monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds

    def read(self, size: int) -> bytes:
        if size > LARGEST_PIECE:
            raise self.abort(f"the server sends {size:,} bytes, which nobody asked for")
        while len(self.unread) < size:
            self.receive()
        return self.take(size)

    def readline(self) -> bytes:
        while (end := self.unread.find(b"\n")) < 0:
            if len(self.unread) > LONGEST_LINE:
                raise self.abort("the answer makes no sense")
            self.receive()
        return self.take(end + 1)

    def take(self, size: int) -> bytes:
        piece = bytes(self.unread[:size])
        del self.unread[:size]
        return piece

    def receive(self) -> None:
        self.sock.settimeout(self.left())
        received = self.sock.recv(65_536)
        if not received:
            raise self.abort("the server closed the connection")
        self.received += len(received)
        if self.received > MOST_BYTES:
            raise self.abort("the server sends far more than was asked for")
        self.unread += received

    def send(self, data: Any) -> None:
        self.sock.settimeout(self.left())
        self.sock.sendall(data)

    def shutdown(self) -> None:
        with suppress(OSError):
            # Nothing is waiting on this line any more.
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class Box(BaseMailBox):
    """imap-tools on such a line: folders, their states and searches."""

    def __init__(self, line: Line) -> None:
        self.line = line
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return self.line


class Call:
    """The steps of reaching a server and signing in; each returns words for a person.

    They raise a ProviderError with the server's words.
    """

    def __init__(self, connection: Connection, seconds: float, context: ssl.SSLContext | None):
        self.connection = connection
        self.context = context or ssl.create_default_context()
        self.deadline = monotonic() + seconds
        self.addresses: list[net.Address] = []
        self.connected: socket.socket | None = None
        self.box: Box | None = None

    @property
    def left(self) -> float:
        return max(self.deadline - monotonic(), 0.01)

    def resolve(self) -> str:
        it = self.connection
        if not it.host:
            raise Misconfigured("This mailbox has no IMAP server.")
        if not it.allow_private and it.port not in PORTS:
            raise Misconfigured(f"Port {it.port} is not one for reading mail; use 993 or 143.")
        if it.security == "plain" and not it.allow_private:
            raise Misconfigured("The password would be sent unencrypted; choose TLS or STARTTLS.")
        try:
            self.addresses = net.check_host(it.host, it.port, allow_private=it.allow_private)
        except net.HostRefused as problem:
            raise Misconfigured(str(problem)) from None
        except OSError as problem:
            raise TryAgain(f"The server {it.host} was not found: {problem}") from problem
        return f"{it.host} is at {', '.join(dict.fromkeys(at[0] for _, at in self.addresses))}"

    def dial(self, timeout: float) -> str:
        host, port = self.connection.host, self.connection.port
        try:
            self.connected = net.connect(self.addresses, timeout=min(timeout, self.left))
        except OSError as problem:
            raise TryAgain(f"{host} does not answer on port {port}: {problem}") from problem
        return f"{host} answers on port {port}"

    def greet(self) -> str:
        """Read the server's greeting, encrypted as agreed."""
        host, security = self.connection.host, self.connection.security
        if self.connected is None:
            raise RuntimeError("Dial first.")
        with translated(host):
            self.connected.settimeout(self.left)
            if security == "tls":
                self.connected = self.context.wrap_socket(self.connected, server_hostname=host)
            line = Line(self.connected, host, self.left)
            self.box = Box(line)
            if security == "starttls":
                if "STARTTLS" not in line.capabilities:
                    raise Misconfigured(
                        f"{host} does not offer STARTTLS on port {self.connection.port}, so the "
                        "connection cannot be encrypted."
                    )
                if line.unread:
                    # Said before the encryption, but to be read as if it came through it.
                    raise Misconfigured(f"{host} spoke before TLS had begun.")
                line.starttls(self.context)
            return "Not encrypted" if security == "plain" else f"Encrypted with {version_of(line)}"

    def sign_in(self) -> str:
        box, name, password = self.open_box, self.connection.username, self.connection.password
        if not name:
            raise Misconfigured("Enter the user name and the password for reading mail.")
        try:
            with translated(self.connection.host):
                if "AUTH=PLAIN" in box.line.capabilities:
                    box.login_utf8(name, password, initial_folder=None)
                else:
                    box.login(name, password, initial_folder=None)
        except Refused as refused:
            if refused.words.upper().startswith(PASSING):
                raise
            raise Disconnected(refused.words) from refused
        return f"Signed in as {name}"

    @property
    def open_box(self) -> Box:
        if self.box is None:
            raise RuntimeError("Greet first.")
        return self.box

    def hang_up(self, seconds: float = 2) -> None:
        """Say goodbye and close; what the server answers no longer matters."""
        if self.box is None:
            if self.connected is not None:
                self.connected.close()
            return
        line = self.box.line
        line.deadline = monotonic() + seconds
        with suppress(OSError, imaplib.IMAP4.error):
            line.logout()
        line.shutdown()


class Refused(TryAgain):
    """The server said no to a command."""


@contextmanager
def translated(host: str) -> Iterator[None]:
    """Inside, what goes wrong on the line becomes a ProviderError with the server's words."""
    try:
        yield
    except ProviderError:
        raise
    except ssl.SSLCertVerificationError as problem:
        raise Misconfigured(
            f"The certificate of {host} cannot be trusted: {problem.verify_message}"
        ) from problem
    except (OSError, imaplib.IMAP4.abort) as problem:
        raise TryAgain(f"The connection to {host} was lost: {problem}") from problem
    except (imaplib.IMAP4.error, ImapToolsError) as problem:
        raise Refused(words_of(problem)) from problem


def words_of(problem: Exception) -> str:
    """Return what the server said, without what the libraries put around it."""
    if isinstance(problem, UnexpectedCommandStatusError):
        said = problem.command_result[1]
        parts = [part for part in said if isinstance(part, bytes)]
        return b" ".join(parts).decode(errors="replace").strip() or str(problem)
    return str(problem)


def version_of(line: Line) -> str:
    return str(line.sock.version()) if isinstance(line.sock, ssl.SSLSocket) else "TLS"
