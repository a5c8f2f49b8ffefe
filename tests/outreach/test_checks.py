import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import ERROR
from django.core.management import call_command
from django.db import connection

from mailboxes.models import Mailbox
from outreach import broker, checks
from tests import processes
from tests.factories import make_mailbox


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


# Secrets


@pytest.fixture
def locked(workspace, settings) -> Mailbox:
    """A mailbox whose password was stored with a key that is gone."""
    key = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    mailbox = make_mailbox(workspace, smtp_password="correct horse")
    settings.FIELD_ENCRYPTION_KEYS = key
    return mailbox


def test_secrets_that_can_be_read_are_no_problem(workspace):
    make_mailbox(workspace, smtp_password="correct horse")
    make_mailbox(workspace, smtp_password="")

    assert checks.secrets_can_be_read(None, databases=["default"]) == []
    assert checks.secrets_can_be_read(None, databases=None) == []


def test_an_earlier_key_behind_the_new_one_still_counts(workspace, settings):
    make_mailbox(workspace, smtp_password="correct horse")
    new = Fernet.generate_key().decode()

    settings.FIELD_ENCRYPTION_KEYS = [new, *settings.FIELD_ENCRYPTION_KEYS]

    assert checks.secrets_can_be_read(None, databases=["default"]) == []


def test_a_lost_key_is_named_before_anything_is_sent(locked, workspace):
    make_mailbox(workspace, smtp_password="another")

    (problem,) = checks.secrets_can_be_read(None, databases=["default"])

    assert problem.id == "outreach.E004"
    assert problem.msg == (
        "1 of the stored secrets (mailbox password) cannot be read with the keys in "
        "FIELD_ENCRYPTION_KEYS."
    )
    assert "earlier key back" in problem.hint


def test_secrets_whose_key_is_lost_for_good_are_cleared_on_request(locked, workspace, capsys):
    readable = make_mailbox(workspace, smtp_password="another")

    call_command("forget_secrets", "--dry-run")
    assert checks.secrets_can_be_read(None, databases=["default"])
    call_command("forget_secrets")

    assert checks.secrets_can_be_read(None, databases=["default"]) == []
    readable.refresh_from_db()
    locked.refresh_from_db()
    assert (readable.smtp_password, locked.smtp_password) == ("another", "")
    said = capsys.readouterr().out
    assert "1 secrets would be cleared." in said and "1 secrets cleared." in said


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["manage.py", "clock"], id="clock", marks=pytest.mark.once),
        pytest.param(
            ["-m", "gunicorn", "--config", "python:outreach.gunicorn", "outreach.wsgi"],
            id="web",
            marks=pytest.mark.once,
        ),
        # Only beside Redis.
        pytest.param(
            ["-m", "celery", "--quiet", "--app", "outreach", "worker", "--without-mingle"],
            id="worker",
        ),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_no_process_starts_with_keys_that_do_not_open_what_is_stored(locked, words):
    if "celery" in words and not settings.REDIS_URL:
        pytest.skip("REDIS_URL is not set")

    refused = subprocess.run(
        [sys.executable, *words],
        cwd=settings.BASE_DIR,
        env=processes.environment(PORT="8119"),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert refused.returncode != 0
    said = refused.stderr + refused.stdout
    assert "Not started. 1 of the stored secrets (mailbox password) cannot be read" in said
    assert "Traceback" not in said


@pytest.mark.django_db(transaction=True)
def test_a_worker_does_not_start_on_a_database_that_may_lose_commits():
    # The settings of the tests make it lose them, and silence the check; without that:
    code = """
from django.conf import settings
settings.SILENCED_SYSTEM_CHECKS = []
from outreach import checks
import sys
sys.exit(9 if any("may lose commits" in each for each in checks.objections()) else 0)
"""
    assert processes.run_python(code) == 9


@pytest.mark.once
def test_a_database_that_is_not_there_is_no_reason_not_to_start(tmp_path):
    code = "from outreach import checks; raise SystemExit(len(checks.objections()))"
    nowhere = {"DATABASE_URL": "postgresql://outreach@127.0.0.1:1/outreach"}

    checked = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {code}"],
        cwd=settings.BASE_DIR,
        env=processes.environment(**nowhere),
        timeout=60,
    )

    assert checked.returncode == 0


WHOLE = {
    "BASE_URL": "https://outreach.example.com",
    "ALLOW_PRIVATE_HOSTS": False,
    "GOOGLE_CLIENT_ID": "id",
    "GOOGLE_CLIENT_SECRET": "secret",
    "MICROSOFT_CLIENT_ID": "id",
    "MICROSOFT_CLIENT_SECRET": "secret",
    "GOOGLE_PUSH_TOPIC": "projects/ours/topics/outreach",
    "GOOGLE_PUSH_ACCOUNT": "pusher@ours.iam.gserviceaccount.com",
    "MICROSOFT_PUSH": True,
}
OFF = {"GOOGLE_PUSH_TOPIC": "", "GOOGLE_PUSH_ACCOUNT": "", "MICROSOFT_PUSH": False}


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({}, []),
        (OFF | {"BASE_URL": "http://127.0.0.1:8000", "GOOGLE_CLIENT_ID": ""}, []),
        ({"GOOGLE_PUSH_ACCOUNT": ""}, ["GOOGLE_PUSH_TOPIC is set and GOOGLE_PUSH_ACCOUNT is not"]),
        ({"GOOGLE_PUSH_TOPIC": ""}, ["GOOGLE_PUSH_ACCOUNT is set and GOOGLE_PUSH_TOPIC is not"]),
        ({"GOOGLE_PUSH_TOPIC": "outreach"}, ["GOOGLE_PUSH_TOPIC='outreach' is no topic"]),
        ({"GOOGLE_CLIENT_SECRET": ""}, ["GOOGLE_PUSH_TOPIC is set and GOOGLE_CLIENT_ID or"]),
        ({"MICROSOFT_CLIENT_ID": ""}, ["MICROSOFT_PUSH is set and MICROSOFT_CLIENT_ID or"]),
        ({"BASE_URL": "http://outreach.example.com"}, ["BASE_URL does not begin with https://"]),
    ],
)
def test_pushes_that_are_set_up_by_half_are_warned_of(settings, given, warned):
    for name, value in (WHOLE | given).items():
        setattr(settings, name, value)

    found = checks.pushes_are_set_up_whole(None)

    assert len(found) == len(warned) and not any(each.is_serious(ERROR) for each in found)
    assert all(words in each.msg for words, each in zip(warned, found, strict=True))
