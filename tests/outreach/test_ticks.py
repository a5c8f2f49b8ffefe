import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from django.db import connections

from outreach import ticks, times
from outreach.models import Tick
from outreach.timetable import TIMETABLE, Entry

calls: list[str] = []
left: list[int] = []


def count() -> int:
    calls.append("counted")
    return 0


def drain() -> int:
    calls.append("drained")
    return left.pop() if left else 0


def fail() -> int:
    raise RuntimeError("the well is dry, token=abcdefgh1234")


@pytest.fixture(autouse=True)
def timetable(monkeypatch: pytest.MonkeyPatch) -> None:
    calls.clear()
    left.clear()
    ticks._recorded.clear()
    ticks._logged.clear()
    here = f"{__name__}."
    monkeypatch.setitem(TIMETABLE, "count", Entry(f"{here}count", period=3600))
    monkeypatch.setitem(TIMETABLE, "often", Entry(f"{here}count", period=1, slotted=False))
    monkeypatch.setitem(TIMETABLE, "drain", Entry(f"{here}drain", period=3600, drains=True))
    monkeypatch.setitem(TIMETABLE, "fail", Entry(f"{here}fail", period=1, slotted=False))
    monkeypatch.setitem(TIMETABLE, "missing", Entry("nowhere.tick", period=1, slotted=False))


def at_once(work: Callable[[], object], threads: int = 8) -> list[object]:
    """Run the work in so many threads that begin together, and return what each made of it."""
    gate = threading.Barrier(threads)
    results: list[object] = []

    def one() -> None:
        try:
            gate.wait()
            results.append(work())
        finally:
            connections.close_all()

    running = [threading.Thread(target=one) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_of_threads_that_take_a_slot_at_once_one_gets_it():
    for slot in range(1, 11):
        taken = at_once(lambda slot=slot: ticks.take("count", slot))

        assert sorted(taken) == [False] * 7 + [True]


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_eight_drivers_run_at_once_runs_once():
    at_once(lambda: ticks.run("count"))

    assert calls == ["counted"]


@pytest.mark.django_db
def test_a_slot_is_never_taken_again():
    assert ticks.take("count", 100)
    assert not ticks.take("count", 100)
    assert not ticks.take("count", 99)
    assert ticks.take("count", 101)


@pytest.mark.django_db
def test_a_clock_that_was_set_back_does_not_stop_the_scheduler():
    assert ticks.take("count", 1_000_000)

    assert ticks.take("count", 5)


@pytest.mark.django_db
def test_the_next_period_runs_again():
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    for minutes in (0, 30, 59, 60, 61, 120):
        with times.clock(lambda minutes=minutes: start + timedelta(minutes=minutes)):
            ticks.run("count")

    assert len(calls) == 3


@pytest.mark.django_db
def test_a_run_is_written_down():
    ticks.run("count")

    row = Tick.objects.get(name="count")
    assert row.started_at <= row.finished_at
    assert row.seconds >= 0
    assert row.error == ""


@pytest.mark.django_db
def test_an_entry_that_drains_runs_until_there_is_nothing_left():
    left.extend([1, 2, 3])

    assert ticks.run("drain") == 6
    assert len(calls) == 4


@pytest.mark.django_db
def test_draining_ends_when_the_driver_stops():
    left.extend([1, 2, 3])

    assert ticks.run("drain", keep_going=lambda: False) == 3
    assert len(calls) == 1


@pytest.mark.django_db
def test_a_failure_is_logged_with_the_name_and_written_down_without_secrets():
    with structlog.testing.capture_logs() as events:
        assert ticks.run("fail") == 0
        ticks.run("fail")

    assert [(event["tick"], event["log_level"]) for event in events] == [("fail", "error")]
    assert Tick.objects.get(name="fail").error == "RuntimeError: the well is dry, token=***"


@pytest.mark.django_db
def test_an_entry_whose_module_is_missing_does_not_stop_the_others():
    ticks.run("missing")
    ticks.run("count")

    assert "nowhere" in Tick.objects.get(name="missing").error
    assert calls == ["counted"]


@pytest.mark.django_db
def test_an_idle_entry_without_slots_is_not_written_down_every_time():
    ticks.run("often")
    first = Tick.objects.get(name="often").finished_at
    ticks.run("often")

    assert Tick.objects.get(name="often").finished_at == first
    assert len(calls) == 2


@pytest.mark.django_db
def test_the_last_beat_is_when_the_heart_last_ran():
    assert ticks.last_beat() is None

    ticks.run("heartbeat")

    assert times.now() - ticks.last_beat() < timedelta(seconds=10)
