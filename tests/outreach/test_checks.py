import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from outreach import broker, checks


class SmallRedis(socketserver.StreamRequestHandler):
    """Answers what a client asks on connecting, and CONFIG GET maxmemory-policy."""

    policy = b"noeviction"

    def handle(self) -> None:
        while header := self.rfile.readline():
            words = []
            for _ in range(int(header[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2].upper())
            self.wfile.write(self.answer(words))

    def answer(self, words: list[bytes]) -> bytes:
        if words[0] == b"HELLO":
            return b"%1\r\n$5\r\nproto\r\n:3\r\n"
        if words[0] != b"CONFIG":
            return b"+OK\r\n"
        if not self.policy:
            return b"-ERR unknown command 'CONFIG'\r\n"
        return b"%%1\r\n$16\r\nmaxmemory-policy\r\n$%d\r\n%s\r\n" % (len(self.policy), self.policy)


@contextmanager
def redis_with(policy: bytes) -> Iterator[str]:
    handler = type("Handler", (SmallRedis,), {"policy": policy})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()


def test_the_product_keeps_its_commits_as_it_comes(tmp_path: Path):
    environment = {
        name: os.environ[name]
        for name in ("PATH", "DATABASE_URL", "SECRET_KEY")
        if name in os.environ
    }
    environment |= {
        "VAR_DIR": str(tmp_path),
        "FIELD_ENCRYPTION_KEYS": settings.FIELD_ENCRYPTION_KEYS[0],
    }
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--database", "default"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert checked.returncode == 0, checked.stderr


@pytest.mark.django_db
def test_a_database_that_may_lose_commits_is_refused():
    # On SQLite the test run itself does not wait for the disk.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")

    (problem,) = checks.database_keeps_commits(None, databases=["default"])

    assert "may lose commits" in problem.msg


def test_a_check_without_databases_asks_none():
    assert checks.database_keeps_commits(None, databases=None) == []


def test_a_redis_that_keeps_everything_is_accepted():
    with redis_with(b"noeviction") as url:
        assert broker.objection(url) == ""


def test_a_redis_that_may_throw_work_away_is_refused(settings):
    with redis_with(b"allkeys-lru") as url:
        settings.REDIS_URL = url

        (problem,) = checks.redis_forgets_nothing(None)

    assert "maxmemory-policy allkeys-lru" in problem.msg
    assert "set it to noeviction" in problem.msg


def test_a_redis_that_does_not_tell_is_accepted():
    with redis_with(b"") as url:
        assert broker.objection(url) == ""


def test_a_redis_that_is_not_there_is_named():
    with redis_with(b"noeviction") as url:
        pass

    assert broker.objection(url).startswith("Redis (REDIS_URL) cannot be reached")


def test_without_redis_there_is_nothing_to_check(settings):
    settings.REDIS_URL = ""

    assert checks.redis_forgets_nothing(None) == []
