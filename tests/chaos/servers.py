"""A PostgreSQL and a Redis of our own, to be killed and started again."""

import os
import pwd
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import redis

from outreach.supervisor import end_with_parent
from tests.chaos import machine
from tests.chaos.clock import Clock
from tests.fakes.smtp import free_port

START_SECONDS = 30
NAME, PATTERN = "chaos", "chaos_pattern"
MODES = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
# Durable as in production; small, because a cluster is made for every run.
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "120",
    "shared_buffers": "64MB",
}


class Postgres:
    """A cluster in a folder, which tells the time of a clock."""

    def __init__(self, folder: Path, clock: Clock, *, port: int = 0) -> None:
        self.folder, self.clock, self.port = folder, clock, port or free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder.with_suffix(".log")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{NAME}"

    def make(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o700)
        if machine.DATABASE_ACCOUNT:
            account = pwd.getpwnam(machine.DATABASE_ACCOUNT)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        words = [machine.program("initdb"), "--pgdata", str(self.folder), "--username", "postgres"]
        words += ["--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        words += ["--wal-segsize", "1"]
        subprocess.run(
            words, check=True, capture_output=True, user=machine.DATABASE_ACCOUNT, timeout=60
        )

    def start(self) -> None:
        words = [machine.program("postgres"), "-D", str(self.folder), "-p", str(self.port)]
        for name, value in OPTIONS.items():
            words += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], **self.clock.environment()},
                user=machine.DATABASE_ACCOUNT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        until = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self, mode: str) -> None:
        """Stop it: `fast` cuts the connections, `immediate` is as bad as pulling the plug."""
        if self.process is not None:
            self.process.send_signal(MODES[mode])
            self.process.wait(START_SECONDS)
            self.process = None

    def answers(self) -> bool:
        try:
            self.ask("SELECT 1", database="postgres")
        except psycopg.OperationalError:
            return False
        return True

    def ask(self, sql: str, *values: object, database: str = NAME) -> list[tuple]:
        """Run one statement on a connection of its own."""
        address = f"postgresql://postgres@127.0.0.1:{self.port}/{database}?connect_timeout=5"
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def copy_pattern(self) -> None:
        """Make the database anew from the migrated one."""
        self.ask(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", database="postgres")
        self.ask(f"CREATE DATABASE {NAME} TEMPLATE {PATTERN}", database="postgres")


class Redis:
    """A Redis that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        words = [machine.program("redis-server"), "--port", str(self.port), "--save", ""]
        words += ["--bind", "127.0.0.1", "--appendonly", "no", "--dir", str(self.folder)]
        words += ["--maxmemory-policy", "noeviction"]
        self.process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_parent
        )
        until = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > until:
                raise RuntimeError("Redis did not start.")
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def flush(self) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=5) as client:
            client.flushall()

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=5) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
