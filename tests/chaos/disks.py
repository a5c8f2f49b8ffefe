"""Disks that are full, and disks that lose what they had not been asked to keep."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.chaos import machine, provider, sqlite
from tests.chaos.browser import Browser
from tests.chaos.database import nothing_unapproved, waiting_runs
from tests.chaos.experiment import expect, experiment
from tests.chaos.judge import LONG_AFTER, judge
from tests.chaos.provider import Journal
from tests.chaos.servers import Postgres
from tests.chaos.world import World

# Enough for the database of an experiment, and soon filled.
SQLITE_DISK, POSTGRES_DISK = "64m", "256m"
MAILS = 60
# Two workers of two threads each.
HANDS = 4
# Acknowledges each row after its commit, as a user's click would be answered.
WRITER = """
import sqlite3, sys
line = sqlite3.connect(sys.argv[1], isolation_level=None)
line.execute("PRAGMA journal_mode=WAL"); line.execute(f"PRAGMA synchronous={sys.argv[2]}")
line.execute("CREATE TABLE IF NOT EXISTS kept (n INTEGER)")
n = 0
while True:
    n += 1
    line.execute("INSERT INTO kept VALUES (?)", [n])
    sys.stdout.write(f"{n}\\n"); sys.stdout.flush()
"""


@contextmanager
def small_disk(world: World, name: str, size: str) -> Iterator[Path]:
    """Mount a small file system in memory."""
    folder = world.folder / name
    folder.mkdir()
    machine.mount("-t", "tmpfs", "-o", f"size={size},mode=711", "none", str(folder))
    try:
        yield folder
    finally:
        # Nobody may be at work on it any more, whatever went wrong.
        world.end()
        machine.unmount(folder)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no byte free on this disk for a while."""
    balloon = folder / "balloon"
    with balloon.open("wb", buffering=0) as file:
        for piece in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(piece))
            except OSError:
                continue  # full, to within a piece
    try:
        yield
    finally:
        balloon.unlink()


@experiment("F28", "the disk is full: of SQLite, and of PostgreSQL", needs=(machine.mounts,))
def disk_is_full(world: World) -> None:
    with small_disk(world, "disk", SQLITE_DISK) as disk:
        sqlite_runs_full(world, disk)
    with small_disk(world, "disk2", POSTGRES_DISK) as disk:
        postgres_runs_full(world, disk)


def sqlite_runs_full(world: World, disk: Path) -> None:
    env = world.env | {"DATABASE_URL": f"sqlite:///{disk / 'db.sqlite3'}", "REDIS_URL": ""}
    env |= {"VAR_DIR": str(disk / "var")}
    journal = Journal(world.folder / "sqlite.jsonl", world.clock.now)
    with provider.smtp(journal, thinks=0.01) as smtp:
        sqlite.run(env | world.clock.environment(), "make", str(world.size(MAILS)), str(smtp.port))
        more = {name: env[name] for name in ("DATABASE_URL", "REDIS_URL", "VAR_DIR")}
        clock = world.crew.start("clock", **more)
        world.wait_for(lambda: len(journal) > 5, "the first mails")
        with filled(disk):
            time.sleep(3)
            before = len(journal)
            time.sleep(3)
            expect(len(journal) - before <= 1, "mails left that could not be written down")
        if clock.process.poll() is not None:
            world.crew.again(clock)
        settle(world, disk / "db.sqlite3")
        world.crew.end()
    world.clock.let_pass(LONG_AFTER)
    judge_sqlite(world, env, journal)


def settle(world: World, path: Path) -> None:
    """Let time pass until nothing waits or is on its way in this SQLite."""
    left = "SELECT count(*) FROM sequences_touch WHERE status IN ('scheduled', 'sending') "
    left += "OR status = 'uncertain' AND NOT decide"

    def is_settled() -> bool:
        with closing(sqlite3.connect(path, timeout=20)) as line:
            return not line.execute(left).fetchone()[0]

    with world.clock.flowing(60):
        world.wait_for(is_settled, "SQLite to settle", seconds=90)


def judge_sqlite(world: World, env: dict[str, str], journal: Journal) -> None:
    ended = sqlite.run(env | world.clock.environment(), "judge", str(journal.path))
    world.note = f"SQLite: {ended}"
    world.elsewhere += len(journal)


def postgres_runs_full(world: World, disk: Path) -> None:
    """Move the whole cluster of this experiment to the small disk: WAL, tables and all."""
    usual = world.postgres
    postgres = Postgres(disk / "postgres", world.clock, port=usual.port)
    usual.stop("fast")
    try:
        subprocess.run(["cp", "-a", str(usual.folder), str(postgres.folder)], check=True)
        postgres.start()
        world.postgres = postgres
        with provider.smtp(world.journal, thinks=0.2) as smtp:
            world.mails(world.size(MAILS), smtp)
            waiting = waiting_runs(world, world.size(6), smtp)
            browser = Browser(world.alice, int(world.env["PORT"]))
            world.crew.start("web")
            world.wait_for(lambda: browser.get("/healthz"), "the web process")
            with world.at_work():
                world.wait_for(lambda: len(world.journal) > 5, "the first mails")
                with filled(disk):
                    expect(world.states()["scheduled"], "no mail was left to be held")
                    answered = {run for run, shown in waiting if browser.approve(run, shown)}
                    time.sleep(6)
                if not postgres.answers():
                    postgres.stop("immediate")
                    postgres.start()
                    world.servers_killed += 1
                world.crew.revive()
                nothing_unapproved(answered)
                world.settle()
                # What was on its way as the disk ran full: one for each hand.
                left = world.states()["uncertain asked"]
                expect(left <= HANDS, f"{left} mails were left to a person")
        judge(world)
        world.note += f"; PostgreSQL: {len(answered)} of {len(waiting)} approvals were answered"
    finally:
        world.end()
        postgres.stop("immediate")
        world.postgres = usual
        usual.start()


@contextmanager
def image(world: World, name: str) -> Iterator[Path]:
    """Mount an ext4 that lives in a file; gives where it is mounted."""
    file, place = world.folder / f"{name}.img", world.folder / name
    place.mkdir()
    with file.open("wb") as made:
        made.truncate(48 << 20)
    subprocess.run([machine.program("mkfs.ext4"), "-q", str(file)], check=True)
    machine.mount("-o", "loop", str(file), str(place))
    try:
        yield place
    finally:
        world.end()
        machine.unmount(place)


@contextmanager
def after_a_power_cut(folder: Path, name: str) -> Iterator[Path]:
    """Mount a copy of the image as it is at this moment, without what was only in memory."""
    copy, place = folder / "copy.img", folder / "copy"
    place.mkdir(exist_ok=True)
    words = ["cp", "--sparse=always", str(folder / f"{name}.img"), str(copy)]
    subprocess.run(words, check=True)
    machine.mount("-o", "loop", str(copy), str(place))
    try:
        yield place
    finally:
        machine.unmount(place)


@experiment("F31", "power cuts under SQLite at random moments", needs=(machine.mounts,))
def power_is_cut(world: World) -> None:
    cuts, mails, meanwhile = world.size(12, least=2), world.size(MAILS * 2), 0
    with image(world, "disk") as disk:
        env = world.env | {"DATABASE_URL": f"sqlite:///{disk / 'db.sqlite3'}", "REDIS_URL": ""}
        journal = Journal(world.folder / "sqlite.jsonl", world.clock.now)
        with provider.smtp(journal, thinks=0.1) as smtp:
            timed = env | world.clock.environment()
            sqlite.run(timed, "make", str(mails), str(smtp.port))
            more = {name: env[name] for name in ("DATABASE_URL", "REDIS_URL")}
            clock = world.crew.start("clock", **more)
            world.wait_for(lambda: len(journal) > 5, "the first mails")
            for _ in range(cuts):
                time.sleep(world.luck.uniform(0.1, 0.7))
                world.crew.signal(clock, signal.SIGSTOP)
                taken = {line["message_id"] for line in journal.lines()}
                meanwhile += len(taken) < mails
                with after_a_power_cut(world.folder, "disk") as copy:
                    nothing_forgotten(copy / "db.sqlite3", taken)
                world.crew.signal(clock, signal.SIGCONT)
                world.servers_killed += 1
            settle(world, disk / "db.sqlite3")
            world.crew.end()
        world.clock.let_pass(LONG_AFTER)
        judge_sqlite(world, env, journal)
    expect(meanwhile > cuts / 2, f"{meanwhile} of {cuts} cuts came while mails left")
    kept, lost = forgetful("FULL", world), forgetful("NORMAL", world)
    expect(not kept, f"with synchronous=FULL {kept} rows were lost")
    expect(lost, "with synchronous=NORMAL nothing was lost, so this proves nothing")
    world.note += (
        f"; {cuts} cuts, {meanwhile} while mails left; FULL lost 0 rows of a writer, NORMAL {lost}"
    )


def nothing_forgotten(path: Path, taken: set[str]) -> None:
    """What a provider has taken has its wire mark, whatever the machine forgot."""
    with closing(sqlite3.connect(path)) as line:
        (found,) = line.execute("PRAGMA integrity_check").fetchone()
        expect(found == "ok", f"integrity_check: {found}")
        marked = line.execute(
            "SELECT t.message_id FROM sequences_touch t JOIN sequences_attempt a "
            "ON a.touch_id = t.id WHERE a.wire_at IS NOT NULL"
        )
        unmarked = taken - {row[0] for row in marked}
        expect(not unmarked, f"{len(unmarked)} mails were taken and have no wire mark any more")


def forgetful(synchronous: str, world: World) -> int:
    """Return how many acknowledged rows of a writer a power cut takes away."""
    with image(world, synchronous) as disk:
        words = [sys.executable, "-c", WRITER, str(disk / "kept.sqlite3"), synchronous]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as writer:
            try:
                time.sleep(1.5)
                os.kill(writer.pid, signal.SIGSTOP)
                with after_a_power_cut(world.folder, synchronous) as copy:
                    kept = rows_in(copy / "kept.sqlite3")
            finally:
                writer.kill()
            assert writer.stdout
            acknowledged = len(writer.stdout.read().splitlines())
        return max(acknowledged - kept, 0)


def rows_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as line:
        try:
            return line.execute("SELECT count(*) FROM kept").fetchone()[0]
        except sqlite3.DatabaseError:
            return 0  # not even the table
