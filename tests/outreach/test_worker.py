"""Celery as it runs in production: a real beat, a real worker, a real Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.db import connection

from outreach import ticks, times

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="REDIS_URL is not set"),
    pytest.mark.django_db(transaction=True),
]


def database_url() -> str:
    """Return the address of the test database, for other processes."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    user, password = quote(given["USER"]), quote(given["PASSWORD"] or "")
    return f"postgresql://{user}:{password}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


@pytest.fixture
def prefix() -> Iterator[str]:
    """A beginning of Redis keys for this test alone."""
    name = f"test-{uuid4().hex}"
    yield name
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for key in client.scan_iter(f"{name}:*"):
            client.delete(key)


@pytest.fixture
def celery(prefix: str) -> Iterator[None]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "REDIS_PREFIX": prefix,
        "WORKER_CONCURRENCY": "2",
    }
    base = [sys.executable, "-m", "celery", "--quiet", "--app", "outreach"]
    running = [
        subprocess.Popen([*base, *words], cwd=settings.BASE_DIR, env=environment)
        for words in (["worker", "--without-gossip", "--without-mingle"], ["beat"])
    ]
    yield
    for process in running:
        process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_beat_wakes_the_worker_and_the_worker_keeps_the_heart_beating(celery: None, prefix: str):
    first = wait_for_a_beat_after(times.now() - timedelta(minutes=1))
    second = wait_for_a_beat_after(first)

    assert timedelta(seconds=2) < second - first < timedelta(seconds=20)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert list(client.scan_iter(f"{prefix}:*"))
        # What Celery would call its keys without a prefix.
        assert not list(client.scan_iter("_kombu*"))
        assert not client.exists("celery", "unacked", "unacked_index", "unacked_mutex")


def wait_for_a_beat_after(moment: datetime) -> datetime:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        beat = ticks.last_beat()
        if beat is not None and beat > moment:
            return beat
        time.sleep(0.2)
    raise AssertionError("the heart did not beat in time")
