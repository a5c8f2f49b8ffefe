"""A small HTTP server for tests: operations by name, and faults that are asked for by name.

A fault takes the place of an answer: a status, a broken line, or silence. It says as well
whether the far side did what it was asked to, at once or later, before it failed to say so.
"""

import json
import random
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, RLock, Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

DROP = "drop"  # close the connection without an answer
RESET = "reset"  # break it, as a crash or a firewall does
HANG = "hang"  # never answer
LINES = (DROP, RESET, HANG)


@dataclass
class Fault:
    """What happens instead of the usual answer, so many times or with some probability."""

    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    line: str = ""  # drop, reset or hang
    accepts: bool = False  # the far side does what it was asked to all the same
    after: float = 0  # … so many seconds later
    times: int | None = 1  # None: always
    chance: float = 1
    match: str = ""  # only requests whose body or address contains this


@dataclass
class Asked:
    """One request as an operation sees it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    parts: dict[str, str] = field(default_factory=dict)
    base: str = ""

    every: dict[str, list[str]] = field(default_factory=dict)  # what the query says more than once
    peer: int = 0  # the port at the other end of the line

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body or b"{}")

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass
class Answer:
    """A status, and JSON unless the body is text or bytes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = ""

    def encoded(self) -> tuple[str, bytes]:
        if self.body is None:
            return self.kind or "text/plain", b""
        if isinstance(self.body, bytes):
            return self.kind or "application/octet-stream", self.body
        if isinstance(self.body, str):
            return self.kind or "text/html; charset=utf-8", self.body.encode()
        return "application/json; charset=utf-8", json.dumps(self.body).encode()


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    name: str
    operation: Callable[[Asked], Answer]


@dataclass
class Seen:
    """One request that arrived, for tests that count them."""

    name: str
    method: str
    path: str
    body: bytes
    headers: dict[str, str]


class Refusal(Exception):
    """An operation ends with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Website:
    """Routes, faults and everything that arrived; a far side adds its operations."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.faults: dict[str, list[Fault]] = {}
        self.seen: list[Seen] = []
        self.luck = random.Random(1)
        self.lock = RLock()
        self.over = Event()
        self.url = ""
        self.later: list[tuple[float, Callable[[], None]]] = []
        # Operations that call somebody, who may call back: nobody waits for them.
        self.calls_out: set[str] = set()
        self.shifted = 0.0

    # What a test or the control page says

    def fail(self, name: str, **fault: Any) -> None:
        """Let the operation of this name fail, by default once."""
        known = {route.name for route in self.routes}
        if name not in known:
            raise KeyError(f"There is no operation “{name}”; use one of {', '.join(sorted(known))}")
        made = Fault(**fault)
        if made.line and made.line not in LINES:
            raise ValueError(f"A line can {', '.join(LINES)}; not “{made.line}”.")
        with self.lock:
            self.faults.setdefault(name, []).append(made)

    def heal(self) -> None:
        with self.lock:
            self.faults.clear()

    def calls(self, name: str) -> list[Seen]:
        return [each for each in self.seen if each.name == name]

    def clock(self) -> float:
        """The far side's own time, which a test can move on."""
        return time.time() + self.shifted

    def pass_time(self, seconds: float) -> None:
        with self.lock:
            self.shifted += seconds
            self.settle()

    def do_later(self, seconds: float, what: Callable[[], None]) -> None:
        self.later.append((self.clock() + seconds, what))

    def settle(self) -> None:
        """Do what was put off and is due by now."""
        now = self.clock()
        due = [what for at, what in self.later if at <= now]
        self.later = [(at, what) for at, what in self.later if at > now]
        for what in due:
            what()

    # Serving

    def on(self, method: str, path: str, name: str) -> Callable[[Any], Any]:
        """Serve an operation at a path, whose {names} are its parts."""
        pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$")

        def register(operation: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
            self.routes.append(Route(method, pattern, name, operation))
            return operation

        return register

    def answer(self, asked: Asked) -> tuple[Answer, str]:
        """The answer, and what happens to the line in place of it."""
        with self.lock:
            self.settle()
            for route in self.routes:
                found = route.pattern.match(asked.path)
                if found and route.method == asked.method:
                    break
            else:
                return Answer(404, {"error": {"code": 404, "message": "Not Found"}}), ""
            asked.parts = {name: unquote(part) for name, part in found.groupdict().items()}
            seen = Seen(route.name, asked.method, asked.path, asked.body, asked.headers)
            self.seen.append(seen)
            fault = self.drawn(route.name, asked)
            if fault is None and route.name not in self.calls_out:
                return self.done(route, asked), ""
        if fault is None:
            return self.done(route, asked), ""
        with self.lock:
            if fault.accepts and fault.after:
                self.do_later(fault.after, lambda: self.quietly(route, asked))
            elif fault.accepts:
                self.quietly(route, asked)
            return Answer(fault.status or 500, fault.body, fault.headers), fault.line

    def drawn(self, name: str, asked: Asked) -> Fault | None:
        waiting = self.faults.get(name, [])
        for fault in waiting:
            text = f"{asked.path} {asked.body.decode('utf-8', 'replace')}"
            if fault.match and fault.match not in text:
                continue
            if fault.chance < 1 and self.luck.random() >= fault.chance:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    waiting.remove(fault)
            return fault
        return None

    def done(self, route: Route, asked: Asked) -> Answer:
        try:
            return route.operation(asked)
        except Refusal as refusal:
            return refusal.answer

    def quietly(self, route: Route, asked: Asked) -> None:
        """Do it without saying so; what is refused by then is not done."""
        self.done(route, asked)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    website: Website

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks the connection is part of the tests, not a fault of the server."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves whole, not header by header.
    wbufsize = -1
    server: Server

    def handle_any(self) -> None:
        website = self.server.website
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        asked = Asked(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
            base=website.url,
            every=parse_qs(parts.query, keep_blank_values=True),
            peer=self.client_address[1],
        )
        answer, line = website.answer(asked)
        if line == HANG:
            website.over.wait(120)
        if line:
            if line == RESET:
                linger = b"\x01\0\0\0\0\0\0\0"
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return
        kind, body = answer.encoded()
        self.send_response(answer.status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: the journal is on the page."""


@contextmanager
def serving(website: Website, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Website]:
    """The website on a port of this machine, for as long as the context lasts."""
    server = Server((host, port), Handler)
    server.website = website
    website.url = f"http://{host}:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield website
    finally:
        website.over.set()
        with suppress(OSError):
            server.shutdown()
            server.server_close()
        thread.join(5)
