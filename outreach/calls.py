"""HTTP calls to an address that somebody configured: guarded, without redirects, with an end."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event, Timer
from urllib.parse import urlsplit

from outreach import net

MAX_ANSWER = 1_000_000


class CallFailed(Exception):
    """No answer came; the text says why, for a person to read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and as much of the body as is read of any."""

    status: int
    body: bytes


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout: float,
    allow_private: bool,
) -> Answer:
    """Post and return the answer, whatever its status; a redirect is an answer like any other.

    Raises CallFailed, and HostRefused for a host that must not be reached.
    """
    where = urlsplit(url)
    if where.scheme not in ("http", "https") or not where.hostname or where.username:
        raise CallFailed(f"“{url[:200]}” is no address to call; use https://host/path.")
    try:
        connection = _connection(where.scheme == "https", where.hostname, where.port)
        _open(connection, timeout, allow_private)
        return _ask(connection, where.path or "/", body, headers, timeout)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        words = str(problem) or type(problem).__name__
        raise CallFailed(f"{where.hostname} gave no answer: {words}"[:500]) from problem


def _connection(is_tls: bool, host: str, port: int | None) -> http.client.HTTPConnection:
    if is_tls:
        return http.client.HTTPSConnection(host, port or 443)
    return http.client.HTTPConnection(host, port or 80)


def _open(connection: http.client.HTTPConnection, timeout: float, allow_private: bool) -> None:
    """Connect to the very address that was checked."""
    found = net.check_host(connection.host, connection.port, allow_private=allow_private)
    opened = net.connect(found, timeout=timeout)
    opened.settimeout(timeout)
    if isinstance(connection, http.client.HTTPSConnection):
        try:
            opened = ssl.create_default_context().wrap_socket(
                opened, server_hostname=connection.host
            )
        except BaseException:
            opened.close()
            raise
    connection.sock = opened


def _ask(
    connection: http.client.HTTPConnection,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout: float,
) -> Answer:
    opened = connection.sock
    # A time limit of the socket is for each byte; a server that drips them has this one to meet.
    is_late = Event()
    watch = Timer(timeout, _hang_up, [opened, is_late])
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", path, body, dict(headers) | {"Connection": "close"})
        answer = connection.getresponse()
        read = answer.read(MAX_ANSWER + 1)
    finally:
        watch.cancel()
        connection.close()
    if is_late.is_set():
        # To the reader, a line that was hung up looks like the end of the answer.
        raise TimeoutError("It took too long.")
    if len(read) > MAX_ANSWER:
        raise ValueError("The answer is too long.")
    return Answer(answer.status, read)


def _hang_up(opened: socket.socket, is_late: Event) -> None:
    is_late.set()
    try:
        opened.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # It is closed already.
