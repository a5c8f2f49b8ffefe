"""Send through any SMTP server, phase by phase, so that "not sent" is known where it can be."""

import re
import ssl
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic
from typing import Any, NamedTuple, Self

from django.conf import settings

from mailboxes.providers.base import (
    ContentRefused,
    Mail,
    ProviderError,
    RateLimited,
    Receipt,
    TryAgain,
    Unknown,
    Verdict,
)
from mailboxes.providers.smtp_line import Connection, Line, lost_means_unsent
from mailboxes.providers.smtp_replies import Phase, classify, words_of

# Microsoft gives mail a new Message-ID and names it in its answer.
RENAMED = re.compile(r"(<[^<>\s@]+@[^<>\s@]+>) \[(?:InternalId|Hostname)=")
ONE_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")


class Step(NamedTuple):
    """One step of connecting and what came of it, for the connect page."""

    name: str  # dns, tcp, tls or auth
    ok: bool
    words: str


class SMTP:
    """A mailbox that hands its mail to an SMTP server.

    One connection serves mail after mail; it is replaced silently only before anything of a
    mail could have left. Not for two threads at once.
    """

    keeps_message_id = True
    can_unsubscribe_header = True
    lease = timedelta(seconds=720)
    budget = timedelta(seconds=60)

    def __init__(
        self,
        connection: Connection,
        *,
        connect_timeout: float = 10,
        command_timeout: float = 60,
        # RFC 5321 section 4.5.3.2.6 asks for ten minutes; less makes mails' fates unknown.
        final_timeout: float = 600,
        # A connection that took a mail so many seconds ago is not asked whether it still answers:
        # if it does not, the next mail is offered on a new one.
        fresh: float = 1,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.connection = connection
        self.connect_timeout = connect_timeout
        self.command_timeout = command_timeout
        self.final_timeout = final_timeout
        self.fresh = fresh
        self.context = context
        self.idle: Line | None = None
        self.fresh_until = 0.0

    @classmethod
    def for_mailbox(cls, mailbox: Any) -> Self:
        return cls(
            Connection(
                host=mailbox.smtp_host,
                port=mailbox.smtp_port,
                security=mailbox.smtp_security,
                username=mailbox.smtp_username,
                password=mailbox.smtp_password,
                greet_as=greeting_name(mailbox.email),
                allow_private=settings.ALLOW_PRIVATE_HOSTS,
            )
        )

    def prepare(self, mail: Mail) -> "Offered":
        """Come as far as the server's "go ahead" (354); every failure up to there is definite."""
        for address in (mail.sender, mail.recipient):
            if not ONE_ADDRESS.fullmatch(address):
                raise ContentRefused(f"“{address}” is not one mail address.")
        if line := self.take_idle():
            try:
                return self.offer(line, mail)
            except (TryAgain, RateLimited):
                # It may have reached the server's limit of mails or of time for one connection;
                # only what a new connection is told counts.
                line.hang_up()
        return self.offer(self.dial(), mail)

    def look_up(self, *, message_id: str, recipient: str, **others: Any) -> Verdict:
        """SMTP cannot be asked what became of a mail."""
        return Verdict.UNKNOWN

    def check(self) -> None:
        self.dial().hang_up()

    def check_step_by_step(self) -> Iterator[Step]:
        """Connect and sign in, telling after each step; ends at the first that fails."""
        line = Line(self.connection, self.context)
        try:
            for name, words in self.steps(line):
                yield Step(name, True, words)
        except FailedStep as failed:
            yield Step(failed.name, False, str(failed.problem))
        finally:
            line.hang_up()

    def close(self) -> None:
        line, self.idle = self.idle, None
        if line:
            line.hang_up()

    def dial(self) -> Line:
        """A new connection, signed in."""
        line = Line(self.connection, self.context)
        try:
            for _ in self.steps(line):
                pass
        except FailedStep as failed:
            line.close()
            raise failed.problem from failed.problem.__cause__
        return line

    def steps(self, line: Line) -> Iterator[tuple[str, str]]:
        line.allow(self.command_timeout)
        for name, step in (
            ("dns", line.resolve),
            ("tcp", lambda: line.dial(min(self.connect_timeout, line.left()))),
            ("tls", line.greet),
            ("auth", line.sign_in),
        ):
            try:
                words = step()
            except ProviderError as problem:
                raise FailedStep(name, problem) from problem
            yield name, words

    def offer(self, line: Line, mail: Mail) -> "Offered":
        """Name sender and recipient and ask to begin; the line is kept for others if refused."""
        body = wire_form(mail.raw)
        line.allow(self.command_timeout)
        sender, recipient = f"FROM:<{mail.sender}>", f"TO:<{mail.recipient}>"
        if line.has_extn("size"):
            sender += f" SIZE={len(body)}"
        try:
            if not (mail.sender + mail.recipient).isascii():
                if not line.has_extn("smtputf8"):
                    raise ContentRefused(
                        f"{self.connection.host} does not take addresses with letters beyond "
                        f"a to z before the @, such as “{mail.recipient}”."
                    )
                line.command_encoding = "utf-8"
                sender += " SMTPUTF8"
            with lost_means_unsent(self.connection.host):
                line.ask(
                    (Phase.MAIL, f"MAIL {sender}"),
                    (Phase.RCPT, f"RCPT {recipient}"),
                    (Phase.DATA, "DATA"),
                )
        except (TryAgain, RateLimited):
            line.close()
            raise
        except ProviderError:
            self.keep(line)
            raise
        return Offered(self, line, mail, body)

    def take_idle(self) -> Line | None:
        """The waiting connection, if it still answers."""
        line, self.idle = self.idle, None
        if line is None:
            return None
        if monotonic() < self.fresh_until and not line.spoke_unasked():
            return line
        line.allow(self.connect_timeout)
        try:
            code, _ = line.docmd("RSET")
        except OSError:
            code = 0
        if code == 250:
            return line
        line.close()
        return None

    def keep(self, line: Line, *, took_it: bool = False) -> None:
        """Keep a connection for the next mail; one is enough."""
        if self.idle is None:
            self.idle = line
            self.fresh_until = monotonic() + self.fresh if took_it else 0.0
        else:
            line.hang_up()


class Offered:
    """A mail that the server has said "go ahead" to; without the final dot it never counts."""

    draft_id = ""
    thread_id = ""

    def __init__(self, provider: SMTP, line: Line, mail: Mail, body: bytes) -> None:
        self.provider = provider
        self.line: Line | None = line
        self.mail = mail
        self.body = body

    def commit(self) -> Receipt:
        line, self.line = self.line, None
        if line is None:
            raise RuntimeError("This mail was committed or abandoned before.")
        answered = took_it = False
        try:
            line.allow(self.provider.final_timeout)
            with lost_means_unsent(self.provider.connection.host):
                if line.spoke_unasked():
                    # It no longer waits for the text; its last words, if any, say why.
                    raise classify(Phase.DATA, *line.getreply())
                line.send(self.body)
            code, text = self.end(line)
            took_it = 200 <= code <= 299
            answered = took_it or 400 <= code <= 599
        finally:
            if answered:
                self.provider.keep(line, took_it=took_it)
            else:
                line.close()
        words = words_of(code, text)
        if not took_it:
            raise classify(Phase.DOT, code, text)
        renamed = RENAMED.search(words)
        return Receipt(message_id=renamed[1] if renamed else self.mail.message_id, words=words)

    def end(self, line: Line) -> tuple[int, bytes]:
        """Send the final dot, the one moment from which on silence proves nothing."""
        try:
            line.send(b".\r\n")
            return line.getreply()
        except OSError as problem:
            raise Unknown(
                f"{self.provider.connection.host} got the whole mail, but no answer came: {problem}"
            ) from problem

    def abandon(self) -> None:
        # Only a lost connection ends a mail that was begun; QUIT would be taken for its text.
        line, self.line = self.line, None
        if line is not None:
            line.close()


class FailedStep(Exception):
    """A step of connecting failed; which one, and why."""

    def __init__(self, name: str, problem: ProviderError) -> None:
        super().__init__(name)
        self.name = name
        self.problem = problem


def wire_form(raw: bytes) -> bytes:
    """The mail as SMTP carries it: CRLF at every line's end, leading dots doubled, no final dot.

    >>> wire_form(b"Hi\\n.\\n..x")
    b'Hi\\r\\n..\\r\\n...x\\r\\n'
    """
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)


def greeting_name(email: str) -> str:
    """What to call ourselves: the mailbox's own domain; the host's name is nobody's business."""
    domain = email.rpartition("@")[2]
    return domain if re.fullmatch(r"[A-Za-z0-9.-]+", domain) else "localhost"
