"""Run an entry of the timetable once, whichever driver asks, and remember how it went."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.db import close_old_connections
from django.db.models import Q
from django.utils.module_loading import import_string

from outreach.logs import mask
from outreach.models import Tick
from outreach.times import database_now, now
from outreach.timetable import TIMETABLE, Entry

HEARTBEAT = "heartbeat"
# Eighteen missed beats: more than a slow minute, less than anyone should wait to be told.
LATE = timedelta(seconds=90)
# How long one run may go on finding work before it lets the others of its worker have a turn.
DRAIN_SECONDS = 5
# A tick that waits for others, for DNS or a mail server, ends before the next of its kind begins.
WAITING_SECONDS = 30
# An entry without slots that did nothing is written down this often: idling costs no commits.
RECORD_SECONDS = 5
# A failure that repeats is logged this often, not at every tick.
REPEAT_SECONDS = 60
# A slot this far ahead was taken by a clock that has since been set back.
SLOTS_AHEAD = 10
NO_SLOT = -1

T = TypeVar("T")

logger = structlog.get_logger(__name__)
_recorded: dict[str, float] = {}
_logged: dict[str, tuple[str, float]] = {}


def current_slot(entry: Entry) -> int:
    """Return the number of the period that the database's clock is in."""
    return int(database_now().timestamp() // entry.period)


def take(name: str, slot: int) -> bool:
    """Take the slot, and tell whether it was still free."""
    free = Tick.objects.filter(Q(slot__lt=slot) | Q(slot__gt=slot + SLOTS_AHEAD), name=name)
    values = {"slot": slot, "started_at": now()}
    if free.update(**values):
        return True
    # On first use there is no row yet. Whoever else makes it at the same moment does not lose
    # the slot: the row begins without one.
    _, is_first = Tick.objects.get_or_create(name=name, defaults={"slot": NO_SLOT})
    return is_first and bool(free.update(**values))


def run(name: str, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Run the entry if its slot is free, and return how many things it did; it never raises."""
    try:
        return _run(name, TIMETABLE[name], keep_going)
    except Exception as problem:
        # The database did not let the run be written down.
        _log_failure(name, problem)
        return 0


def run_alone(name: str, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Run the entry in a thread or process that does nothing else: how both drivers do it.

    A connection that broke or grew old is dropped before and after, as Django
    does around a request.
    """
    close_old_connections()
    try:
        return run(name, keep_going)
    finally:
        close_old_connections()


def for_a_while(rows: Iterable[T]) -> Iterator[T]:
    """Hand out rows one by one, the first for sure, and no more after half a minute of work.

    What each takes is up to somebody else's server: one that does not answer must keep neither
    the worker nor its other ticks. Who is left over is taken by the next tick.
    """
    until = time.monotonic() + WAITING_SECONDS
    for row in rows:
        yield row
        if time.monotonic() >= until:
            return


def last_beat() -> datetime | None:
    """Return when the scheduler last ran to its end, or None if it never did."""
    beats = Tick.objects.filter(name=HEARTBEAT).values_list("finished_at", flat=True)
    return beats.first()


def _run(name: str, entry: Entry, keep_going: Callable[[], bool]) -> int:
    if entry.slotted and not take(name, current_slot(entry)):
        return 0
    started_at, started = now(), time.monotonic()
    done, error = 0, ""
    try:
        done = _work(entry, keep_going)
    except Exception as problem:
        error = _log_failure(name, problem)
    else:
        _logged.pop(name, None)
    seconds = time.monotonic() - started
    if entry.slotted or done or error or _is_record_due(name):
        _record(name, started_at=started_at, finished_at=now(), seconds=seconds, error=error)
    return done


def _work(entry: Entry, keep_going: Callable[[], bool]) -> int:
    function: Callable[[], int] = import_string(entry.function)
    until = time.monotonic() + DRAIN_SECONDS
    total = 0
    while done := function():
        total += done
        if not entry.drains or time.monotonic() >= until or not keep_going():
            break
    return total


def _record(name: str, **values: Any) -> None:
    if not Tick.objects.filter(name=name).update(**values):
        Tick.objects.get_or_create(name=name, defaults=values | {"slot": NO_SLOT})
    _recorded[name] = time.monotonic()


def _is_record_due(name: str) -> bool:
    last = _recorded.get(name)
    return last is None or time.monotonic() - last >= RECORD_SECONDS


def _log_failure(name: str, problem: Exception) -> str:
    """Log the failure, if it is news, and return it as one sentence without secrets."""
    sentence = str(mask(f"{type(problem).__name__}: {problem}"))[:2000]
    before, when = _logged.get(name, ("", 0.0))
    if sentence != before or time.monotonic() - when >= REPEAT_SECONDS:
        logger.exception("The scheduler's tick failed", tick=name, exc_info=problem)
        _logged[name] = (sentence, time.monotonic())
    return sentence
