"""An SMTP server that takes everything and keeps only the Message-IDs, for benchmarks.

Cheap enough to be shared by all that are compared. `XCOUNT` on its port answers with how many
mails it took, how many different Message-IDs they had, and the seconds from the first to the
last; `XFORGET` begins anew.
"""

import argparse
import asyncio
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Taken:
    """What has been accepted since the last XFORGET."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.mails = 0
        self.ids: set[bytes] = set()
        self.first = self.last = 0.0

    def take(self, mail: bytes) -> None:
        self.mails += 1
        self.last = time.monotonic()
        self.first = self.first or self.last
        _, found, rest = mail.lower().partition(b"\nmessage-id:")
        self.ids.add(rest.partition(b"\n")[0].strip() if found else b"")


class Session(asyncio.Protocol):
    """One connection: commands line by line, a mail up to its final dot."""

    def __init__(self, taken: Taken, wait: float) -> None:
        self.taken, self.wait = taken, wait
        self.unread = bytearray()
        self.in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.say(b"220 sink")

    def say(self, line: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(line + b"\r\n")

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while self.unread:
            end = b"\r\n.\r\n" if self.in_mail else b"\r\n"
            at = self.unread.find(end)
            if at < 0:
                return
            piece = bytes(self.unread[:at])
            del self.unread[: at + len(end)]
            if self.in_mail:
                self.in_mail = False
                self.taken.take(b"\n" + piece)
                asyncio.get_running_loop().call_later(self.wait, self.say, b"250 2.0.0 taken")
            else:
                self.obey(piece)

    def obey(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"DATA":
            self.in_mail = True
            self.say(b"354 go ahead")
        elif verb == b"EHLO":
            self.say(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 30000000")
        elif verb == b"QUIT":
            self.say(b"221 bye")
            self.transport.close()
        elif line.upper() == b"XCOUNT":
            taken = self.taken
            seconds = taken.last - taken.first
            self.say(b"250 %d %d %.3f" % (taken.mails, len(taken.ids), seconds))
        elif line.upper() == b"XFORGET":
            self.taken.forget()
            self.say(b"250 forgotten")
        else:
            self.say(b"250 ok")


class Sink:
    """A running sink, asked from outside."""

    def __init__(self, port: int) -> None:
        self.port = port

    def count(self) -> tuple[int, int, float]:
        """Return how many mails it took, how many different ones, and in how many seconds."""
        mails, ids, seconds = self._ask("XCOUNT").split()
        return int(mails), int(ids), float(seconds)

    def forget(self) -> None:
        self._ask("XFORGET")

    def _ask(self, verb: str) -> str:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as line:
            return line.docmd(verb)[1].decode()


@contextmanager
def running(*, wait: float = 0) -> Iterator[Sink]:
    """Start a sink of one's own; `wait` is how long it thinks after a final dot, in seconds."""
    command = [sys.executable, "-m", "tests.benchmarks.sink", "--wait", str(wait)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield Sink(int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(timeout=10)


async def serve(port: int, wait: float) -> None:
    taken = Taken()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(taken, wait), "127.0.0.1", port, backlog=1000)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--wait", type=float, default=0)
    given = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(given.port, given.wait))


if __name__ == "__main__":
    main()
