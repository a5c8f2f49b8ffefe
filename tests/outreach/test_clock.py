import threading
import time
from collections.abc import Callable

import pytest

from outreach.clock import Clock
from outreach.models import Tick
from outreach.timetable import TIMETABLE, Entry

has_begun, let_go = threading.Event(), threading.Event()


def wait_until_let_go() -> int:
    has_begun.set()
    let_go.wait(30)
    return 0


def wait_for(question: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if question():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.django_db(transaction=True)
def test_the_clock_beats_and_stops_when_it_is_asked_to():
    clock = Clock({"heartbeat": TIMETABLE["heartbeat"]})

    clock.start()
    try:
        assert wait_for(lambda: Tick.objects.filter(finished_at__isnull=False).exists())
        assert clock.dead() == []
    finally:
        assert clock.stop() == []

    assert clock.dead() == ["heartbeat"]


def test_a_tick_falls_into_its_own_slot_and_a_little_beside_its_neighbours():
    clock = Clock({})
    entry = Entry("outreach.clock.beat", period=5)

    for place in range(12):
        moment = time.time() + clock.until_next(entry, place)

        assert 0 < moment % 5 < 1


@pytest.mark.django_db(transaction=True)
def test_a_slow_entry_holds_up_no_other(monkeypatch: pytest.MonkeyPatch):
    slow_one = Entry(f"{__name__}.wait_until_let_go", period=1, slotted=False)
    monkeypatch.setitem(TIMETABLE, "slow", slow_one)
    clock = Clock({"slow": slow_one, "heartbeat": TIMETABLE["heartbeat"]})

    clock.start()
    try:
        assert has_begun.wait(5)
        assert wait_for(lambda: Tick.objects.filter(finished_at__isnull=False).exists())
        assert not Tick.objects.filter(name="slow").exists()
    finally:
        let_go.set()
        clock.stop()
