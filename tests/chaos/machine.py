"""What this machine offers: programs, and rights. What is missing is said in a sentence."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent.parent
IS_ROOT = os.geteuid() == 0
# The account that PostgreSQL refuses to run without, where we are root.
DATABASE_ACCOUNT = "postgres" if IS_ROOT else None


class Missing(Exception):
    """Something that the machine does not have; the text says what, and how to get it."""


@cache
def program(name: str) -> str:
    """Return the path of a program, also of those that Debian keeps off the PATH."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/sbin"), Path("/sbin")]
    for path in (shutil.which(name), *(str(place / name) for place in places)):
        if path and os.access(path, os.X_OK):
            return path
    raise Missing(f"{name} is not installed.")


@cache
def mounts() -> None:
    """Raise Missing unless a small file system can be mounted here."""
    with TemporaryDirectory(prefix="outreach-chaos-") as folder:
        try:
            mount("-t", "tmpfs", "-o", "size=1m", "none", folder)
        except subprocess.SubprocessError as problem:
            raise Missing(f"No file system can be mounted here: {problem}.") from problem
        unmount(folder)


def mount(*words: str) -> None:
    _run(program("mount"), *words)


def unmount(folder: str | Path) -> None:
    _run(program("umount"), str(folder))


def copy(folder: Path, to: Path) -> None:
    """Copy a folder with its owners and rights."""
    _run("cp", "--archive", str(folder), str(to))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=60)


@cache
def tracing() -> None:
    """Raise Missing unless a process may stop its child at every system call."""
    if not sys.platform.startswith("linux"):
        raise Missing("Only Linux stops a process at every system call.")
    words = [sys.executable, "-m", "tests.chaos.trace"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=30)
    if done.returncode:
        raise Missing("ptrace is not allowed here.")


def group(number: int, mark: str) -> Iterator[int]:
    """Yield the living processes of a group that we started: their environment has our mark."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            ours = mark.encode() in (entry / "environ").read_bytes()
        except OSError:
            continue  # it has just ended, or is not ours
        if int(fields[2]) == number and ours:
            yield int(entry.name)


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def at_the_other_end(port: int, server: int, pids: Iterable[int]) -> int | None:
    """Return which of the processes holds the line from this port of this machine to a server."""
    mine, theirs = (f"0100007F:{each:04X}" for each in (port, server))
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == [mine, theirs]:
            socket = f"socket:[{fields[9]}]"
            return next((pid for pid in pids if socket in open_files(pid)), None)
    return None


def open_files(pid: int) -> set[str]:
    """Return what a process has open, as the links of /proc say it."""
    found = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(link))
    except OSError:
        return set()  # it has just ended
    return found


def is_over(pid: int) -> bool:
    """Tell whether a process has ended, also when nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
