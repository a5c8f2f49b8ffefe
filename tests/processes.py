"""The product's own processes, as tests start them: real ones, on the test's database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote
from uuid import uuid4

import redis
from django.conf import settings
from django.db import connection

STOP_SECONDS = 20


def database_url() -> str:
    """Return the address of the test database, for other processes."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    user, password = quote(given["USER"]), quote(given["PASSWORD"] or "")
    return f"postgresql://{user}:{password}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


def environment(**more: str) -> dict[str, str]:
    """Return what a process needs to work on the test database."""
    mine = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        # The mail servers of tests are on this machine.
        "ALLOW_PRIVATE_HOSTS": "true",
    }
    return {**os.environ, **mine, **more}


@contextmanager
def running(*commands: list[str], env: dict[str, str]) -> Iterator[list[subprocess.Popen]]:
    """Run these until the block ends; whatever does not stop in time is killed."""
    processes = [subprocess.Popen(words, cwd=settings.BASE_DIR, env=env) for words in commands]
    try:
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def clocks(count: int = 1) -> Iterator[list[subprocess.Popen]]:
    """Run the embedded clock, once or several times side by side."""
    words = [sys.executable, "manage.py", "clock"]
    with running(*[words] * count, env=environment(REDIS_URL="")) as processes:
        yield processes


@contextmanager
def celery(workers: int = 1, beats: int = 1) -> Iterator[str]:
    """Run Celery workers and beats over Redis; gives the prefix of their keys."""
    prefix = f"test-{uuid4().hex}"
    base = [sys.executable, "-m", "celery", "--quiet", "--app", "outreach"]
    worker = [*base, "worker", "--without-gossip", "--without-mingle"]
    named = [[*worker, "--hostname", f"{prefix}-{n}@%h"] for n in range(workers)]
    env = environment(REDIS_PREFIX=prefix, WORKER_CONCURRENCY="2")
    try:
        with running(*named, *[[*base, "beat"]] * beats, env=env):
            yield prefix
    finally:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            for key in client.scan_iter(f"{prefix}:*"):
                client.delete(key)


def run_python(code: str) -> int:
    """Run a few lines in a process of its own, with Django set up; returns its exit code."""
    setup = "import django; django.setup()\n"
    words = [sys.executable, "-c", setup + code]
    return subprocess.run(words, cwd=settings.BASE_DIR, env=environment(), timeout=60).returncode


def wait_for(condition: Callable[[], bool], *, seconds: float = 60, what: str) -> None:
    """Wait until it holds; fails with what was waited for."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        time.sleep(0.1)
