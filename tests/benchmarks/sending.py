"""Approved mails from PostgreSQL to an SMTP server, beside others that do it, in one run.

Ours go the production path: Celery beat and workers over Redis, the whole protocol, a gate
committed for each mail. Every rate is taken from the server: from the first mail that it took to
the last, so that nobody's start is measured.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import redis

from tests.benchmarks import clicks, sink
from tests.benchmarks.report import Targets, judge, say

ROUNDS = 3
MAILBOXES = 10
WORKERS = 2
SLOW_MAILBOXES, SLOW_SECONDS = 200, 20
PATIENCE = 180
TARGETS: Targets = {
    "send_vs_post_office": (">=", 0.5),
    "send_vs_mailer": (">=", 1.5),
    "send_rss_vs_post_office": ("<=", 1.5),
    "send_latency_bound": (">=", 100),
    "send_latency_connections": ("<=", 20),
}
DATABASE_URL = os.environ["DATABASE_URL"]
REDIS_URL = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/15"
VAR = Path(f"/tmp/outreach-benchmarks-{os.getpid()}")


@dataclass
class Runs:
    """What the rounds of one contender gave: mails a second, and the largest process in MB."""

    rates: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def noise(self) -> str:
        return f"{min(self.rates):.0f}-{max(self.rates):.0f} mails/s"


def run(mails: int) -> int:
    """Measure and report; the exit code is 1 when a target is missed."""
    try:
        return throughput(mails) | latency() | waiting()
    finally:
        shutil.rmtree(VAR, ignore_errors=True)


# As many as go


def throughput(mails: int) -> int:
    contenders = {
        "ours": send_ours,
        "post_office": send_peer,
        "mailer": send_peer,
        "floor": send_peer,
    }
    runs = {name: Runs() for name in contenders}
    with sink.running() as server, databases("ours", "peers") as names:
        say(f"Approving {mails:,} mails ...")
        python(
            "tests.benchmarks.outgoing",
            "--mails",
            str(mails),
            "--mailboxes",
            str(MAILBOXES),
            "--port",
            str(server.port),
            url=url_of(names["ours"]),
        )
        for number in range(ROUNDS):
            for name, send in contenders.items():
                # django-mailer is so slow that one round tells.
                if name == "mailer" and number:
                    continue
                server.forget()
                megabytes = send(name, mails, server, names)
                taken, different, seconds = server.count()
                if (taken, different) != (mails, mails):
                    raise RuntimeError(f"{name}: {taken} mails, {different} different, of {mails}")
                runs[name].rates.append(mails / seconds)
                runs[name].megabytes.append(megabytes)
                say(
                    f"  round {number + 1}: {name:<12} {mails / seconds:7.0f} mails/s "
                    f"{megabytes:6.0f} MB"
                )
    ours, peer = runs["ours"], runs["post_office"]
    figures = {
        "send_vs_post_office": round(ours.rate / peer.rate, 2),
        "send_vs_mailer": round(ours.rate / runs["mailer"].rate, 2),
        "send_vs_floor": round(ours.rate / runs["floor"].rate, 2),
        "send_rss_vs_post_office": round(max(ours.megabytes) / median(peer.megabytes), 2),
    }
    noise = f"ours {ours.noise}, post_office {peer.noise}, floor {runs['floor'].noise}"
    return judge(figures, TARGETS, send_vs_post_office=noise)


def send_ours(name: str, mails: int, server: sink.Sink, names: dict[str, str]) -> float:
    with copied(names["ours"]) as database, celery(url_of(database), WORKERS) as workers:
        until = time.monotonic() + PATIENCE
        while server.count()[0] < mails and time.monotonic() < until:
            time.sleep(0.25)
        wait_for_the_books(database, mails)
        return max(peak_megabytes(worker.pid) for worker in workers)


def wait_for_the_books(database: str, mails: int) -> None:
    """Wait until every mail is also written down as sent."""
    until = time.monotonic() + 30
    with psycopg.connect(url_of(database), autocommit=True) as db:
        while time.monotonic() < until:
            row = db.execute(
                "SELECT count(*) FROM sequences_touch WHERE status = 'sent'"
            ).fetchone()
            if row and row[0] == mails:
                return
            time.sleep(0.1)
    raise RuntimeError("Not every mail that the server took is written down as sent.")


def send_peer(name: str, mails: int, server: sink.Sink, names: dict[str, str]) -> float:
    url = url_of(names["peers"])
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")
    environment = {"SINK_PORT": str(server.port)}
    python("tests.benchmarks.peers", "fill", name, str(mails), url=url, **environment)
    words = [sys.executable, "-m", "tests.benchmarks.peers", "send", name]
    process = subprocess.Popen(words, env=environment_of(url, **environment))
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{name} ended with {status}")
    return usage.ru_maxrss / 1024


# As many as wait


def latency() -> int:
    """200 mailboxes whose server thinks for a second after each mail, and one worker."""
    each = SLOW_SECONDS * 2
    with sink.running(wait=1) as server, databases("slow") as names:
        say(f"Approving {SLOW_MAILBOXES * each:,} mails for {SLOW_MAILBOXES} slow mailboxes ...")
        python(
            "tests.benchmarks.outgoing",
            "--mails",
            str(SLOW_MAILBOXES * each),
            "--mailboxes",
            str(SLOW_MAILBOXES),
            "--each-sequence",
            "8",
            "--port",
            str(server.port),
            url=url_of(names["slow"]),
        )
        with celery(url_of(names["slow"]), 1) as workers:
            until = time.monotonic() + PATIENCE
            # It starts, and every mailbox gets its worker; then it is measured.
            while server.count()[0] < SLOW_MAILBOXES * 2 and time.monotonic() < until:
                time.sleep(0.25)
            before, begin, most = server.count()[0], time.monotonic(), 0
            while time.monotonic() < begin + SLOW_SECONDS:
                most = max(most, connections_to(names["slow"]))
                time.sleep(0.5)
            rate = (server.count()[0] - before) / (time.monotonic() - begin)
            megabytes = max(peak_megabytes(worker.pid) for worker in workers)
    say(
        f"  {rate:.0f} mails/s from {SLOW_MAILBOXES} mailboxes, {most} connections, "
        f"{megabytes:.0f} MB"
    )
    figures = {
        "send_latency_bound": round(rate, 1),
        "send_latency_connections": most,
        "send_latency_rss_mb": round(megabytes),
    }
    return judge(figures, TARGETS)


def connections_to(database: str) -> int:
    """Count the connections of the worker; those that look are not its own."""
    with psycopg.connect(url_of("postgres"), autocommit=True) as db:
        row = db.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = %s",
            [database, "outreach"],
        ).fetchone()
        return row[0] if row else 0


# As soon as it may


def waiting() -> int:
    """From the click to the wire, on the embedded default and with Celery."""
    missed = 0
    (VAR / "default").mkdir(parents=True)
    with sink.running() as server:
        default = environment_of(
            f"sqlite:///{VAR / 'default' / 'clicks.sqlite3'}",
            REDIS_URL="",
            ALLOW_PRIVATE_HOSTS="true",
            VAR_DIR=str(VAR / "default"),
            DJANGO_SETTINGS_MODULE="tests.benchmarks.settings",
        )
        missed |= clicks.measure(
            "click_to_wire_default", default, server.port, lambda: clock(default)
        )
    with sink.running() as server, databases("clicks") as names:
        url = url_of(names["clicks"])
        missed |= clicks.measure(
            "click_to_wire_redis",
            environment_of(url, ALLOW_PRIVATE_HOSTS="true"),
            server.port,
            lambda: celery(url, 1),
        )
    return missed


# Processes and databases


@contextmanager
def clock(environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "manage.py", "clock"], env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def celery(url: str, workers: int) -> Iterator[list[subprocess.Popen]]:
    """Run Celery beat and workers as in production; gives the workers."""
    prefix = f"bench-{uuid4().hex}"
    environment = environment_of(
        url,
        REDIS_URL=REDIS_URL,
        REDIS_PREFIX=prefix,
        ALLOW_PRIVATE_HOSTS="true",
        VAR_DIR=str(VAR / prefix),
        DJANGO_SETTINGS_MODULE="tests.benchmarks.settings",
    )
    (VAR / prefix).mkdir(parents=True)
    base = [sys.executable, "-m", "celery", "--quiet", "--app", "outreach"]
    worker = [*base, "worker", "--without-gossip", "--without-mingle", "--hostname"]
    started = [
        subprocess.Popen([*worker, f"{prefix}-{n}@%h"], env=environment) for n in range(workers)
    ]
    beat = subprocess.Popen([*base, "beat"], env=environment)
    try:
        yield started
    finally:
        for process in (beat, *started):
            process.terminate()
        for process in (beat, *started):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        with redis.Redis.from_url(REDIS_URL) as client:
            for key in client.scan_iter(f"{prefix}:*"):
                client.delete(key)


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has had so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"Process {pid} does not say how much memory it had.")


def python(module: str, *words: str, url: str, **more: str) -> None:
    subprocess.run(
        [sys.executable, "-m", module, *words], env=environment_of(url, **more), check=True
    )


def environment_of(url: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    installed = {"PYTHONPATH": str(Path(__file__).with_name("deployed"))}
    return {**kept, **installed, "DATABASE_URL": url, "LOG_LEVEL": "ERROR", **more}


def url_of(database: str) -> str:
    return urlunsplit(urlsplit(DATABASE_URL)._replace(path=f"/{database}"))


@contextmanager
def databases(*names: str) -> Iterator[dict[str, str]]:
    """Create and in the end drop a database for each name."""
    found = {name: f"outreach_bench_{os.getpid()}_{name}" for name in names}
    with psycopg.connect(url_of("postgres"), autocommit=True) as db:
        try:
            for database in found.values():
                db.execute(f'CREATE DATABASE "{database}"')
            yield found
        finally:
            for database in found.values():
                db.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@contextmanager
def copied(database: str) -> Iterator[str]:
    """Work on a copy of a database."""
    copy = f"{database}_copy"
    with psycopg.connect(url_of("postgres"), autocommit=True) as db:
        db.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{database}"')
        try:
            yield copy
        finally:
            db.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
