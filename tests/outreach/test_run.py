"""`manage.py run`, as a person at a terminal starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings

from outreach import ticks
from outreach.management.commands import run

SOMEONE = "from outreach.models import User; User.objects.create(email='someone@outreach.test')"

# Whatever database the tests are given, these make one of their own.
on_sqlite = pytest.mark.once


def environment(tmp_path: Path, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(tmp_path / "var"),
        "STATIC_ROOT": str(tmp_path / "static"),
        "PORT": str(port),
        "WEB_WORKERS": "1",
    }


def manage(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=settings.BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def health(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            assert json.load(answer)["scheduler"] == "ok"
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code
    except OSError:
        return 0


@on_sqlite
def test_a_port_in_use_is_said_before_anything_else_happens(tmp_path: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        refused = manage("run", env=environment(tmp_path, port))

    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use." in refused.stderr
    assert f"make run PORT={port + 1}" in refused.stderr
    assert not (tmp_path / "static").exists()


@on_sqlite
def test_it_serves_and_ticks_and_stops_within_seconds(tmp_path: Path):
    port = a_free_port()
    env = environment(tmp_path, port)
    assert manage("migrate", "--verbosity", "0", env=env).returncode == 0
    assert manage("shell", "--verbosity", "0", "--command", SOMEONE, env=env).returncode == 0

    product = subprocess.Popen(
        [sys.executable, "manage.py", "run"],
        cwd=settings.BASE_DIR,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while (status := health(port)) != 200 and time.monotonic() < until:
            time.sleep(0.2)
        begin = time.monotonic()
        product.send_signal(signal.SIGTERM)
        output, _ = product.communicate(timeout=30)
    finally:
        if product.poll() is None:
            product.kill()

    assert status == 200, output
    assert time.monotonic() - begin < 15
    assert product.returncode == 0
    assert f"Outreach is ready at http://127.0.0.1:{port}/" in output
    assert output.endswith("Stopped.\n")
    assert health(port) == 0


@on_sqlite
def test_without_a_database_a_command_says_so_in_one_sentence(tmp_path):
    env = environment(tmp_path, 1)
    nowhere = {
        "DATABASE_URL": "postgresql://outreach:never-shown@127.0.0.1:1/outreach",
        "SECRET_KEY": "x" * 50,
        "FIELD_ENCRYPTION_KEYS": "dGVzdHMtb25seS1rZXktMDEyMzQ1Njc4OWFiY2RlZmc=",
    }

    for given, words in ((nowhere, "Connection refused"), ({}, "no such table")):
        answer = manage("send_due", env=env | given)

        assert answer.returncode == 1
        assert answer.stderr.startswith("The database cannot be used: ")
        assert words in answer.stderr and "never-shown" not in answer.stderr
        assert "Traceback" not in answer.stderr


@pytest.mark.django_db(transaction=True)
def test_when_nothing_ticks_both_who_says_when_and_who_does_it_are_started_anew(settings):
    settings.REDIS_URL = "redis://127.0.0.1:6379/0"
    assert run.silent() == ["worker", "beat"]

    settings.REDIS_URL = ""
    assert run.silent() == ["clock"]

    ticks.run("heartbeat")
    assert run.silent() == []
