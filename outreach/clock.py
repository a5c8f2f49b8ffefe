"""The embedded clock: drives the timetable with threads in one process, without a broker."""

import threading
import time

import structlog
from django.db import connections

from outreach import ticks
from outreach.timetable import TIMETABLE, Entry

STOP_SECONDS = 10

logger = structlog.get_logger(__name__)


def beat() -> int:
    """Be the heart: that this ran, and when, is what `ticks.run` writes down."""
    return 0


class Clock:
    """One thread for each entry of the timetable, so that a slow one holds up no other."""

    def __init__(self, timetable: dict[str, Entry] = TIMETABLE) -> None:
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self.drive, args=(name, entry, place), name=name, daemon=True)
            for place, (name, entry) in enumerate(timetable.items())
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> list[str]:
        """Let running ticks end, and return the names of those that did not within seconds."""
        self.stopping.set()
        until = time.monotonic() + STOP_SECONDS
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))
        return [thread.name for thread in self.threads if thread.is_alive()]

    def dead(self) -> list[str]:
        return [thread.name for thread in self.threads if not thread.is_alive()]

    def drive(self, name: str, entry: Entry, place: int) -> None:
        try:
            while not self.stopping.is_set():
                ticks.run_alone(name, keep_going=lambda: not self.stopping.is_set())
                self.stopping.wait(self.until_next(entry, place))
        finally:
            connections.close_all()

    def until_next(self, entry: Entry, place: int) -> float:
        """Return the seconds until the entry's next slot begins.

        Each entry starts a little later in its slot than the one before, so
        that they do not all ask for the database in the same instant.
        """
        shift = 0.05 + 0.1 * (place % 9)
        return entry.period - (time.time() - shift) % entry.period
