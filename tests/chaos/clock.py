"""The time that all processes of a world share, PostgreSQL included; it moves when we say so."""

import mmap
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.chaos import machine

SOURCE = Path(__file__).with_name("othertime.c")
STEP_SECONDS = 0.05


class Clock:
    """How far the processes' clocks are ahead of the machine's, in files that they have mapped.

    Sleeping and waiting take their real time: only what a process is told of the time of day
    changes, as on a machine whose clock is set.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "othertime.so"
        self.ahead = 0.0
        self.skews: dict[str, float] = {}
        self.files: dict[str, mmap.mmap] = {}
        self.lock = threading.Lock()
        words = [machine.program("cc"), "-O2", "-shared", "-fPIC", "-o", str(self.library)]
        subprocess.run([*words, str(SOURCE)], check=True, timeout=60)
        self.skew("all", 0.0)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def environment(self, who: str = "all") -> dict[str, str]:
        """Return what makes a process live in this time; `who` may have a clock that is wrong."""
        if who not in self.skews:
            self.skew(who, 0.0)
        return {"LD_PRELOAD": str(self.library), "OTHERTIME": str(self._path(who))}

    def let_pass(self, seconds: float) -> None:
        """Let so much time pass at once."""
        with self.lock:
            self.ahead += seconds
            self._write()

    def skew(self, who: str, seconds: float) -> None:
        """Set one clock wrong by so much."""
        with self.lock:
            if who not in self.files:
                path = self._path(who)
                path.write_bytes(bytes(8))
                path.chmod(0o644)
                with path.open("r+b") as file:
                    self.files[who] = mmap.mmap(file.fileno(), 8)
            self.skews[who] = seconds
            self._write()

    @contextmanager
    def flowing(self, factor: float) -> Iterator[None]:
        """Let time flow so many times faster."""
        over = threading.Event()

        def flow() -> None:
            before = time.monotonic()
            while not over.wait(STEP_SECONDS):
                after = time.monotonic()
                self.let_pass((after - before) * (factor - 1))
                before = after

        thread = threading.Thread(target=flow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _path(self, who: str) -> Path:
        return self.folder / f"time-{who}"

    def _write(self) -> None:
        for who, skew in self.skews.items():
            self.files[who][:] = struct.pack("q", round((self.ahead + skew) * 1e9))
