import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from django.db import OperationalError, connection, connections

from outreach.desk import Desk, at, done_at_desk
from outreach.models import User
from sequences.engine import draining
from tests.factories import make_due_touch
from tests.processes import wait_for


@done_at_desk
def connection_used() -> int:
    return id(connections["default"])


@done_at_desk
def connection_used_twice() -> tuple[int, int]:
    return id(connections["default"]), connection_used()


@done_at_desk
def count_users() -> int:
    return User.objects.count()


@done_at_desk
def fail() -> None:
    raise ValueError("no such mail")


@pytest.fixture
def desk():
    desk = Desk(2)
    yield desk
    desk.close()


def test_where_no_desk_is_the_threads_own_connection_is_used():
    assert connection_used() == id(connections["default"])


def test_at_a_desk_a_connection_is_borrowed_and_afterwards_no_more(desk: Desk):
    own = id(connections["default"])

    with at(desk):
        assert connection_used() != own
        assert id(connections["default"]) == own

    assert connection_used() == own


def test_what_the_work_calls_is_part_of_the_work(desk: Desk):
    with at(desk):
        first, second = connection_used_twice()

    assert first == second


def test_after_an_error_the_connection_is_given_back(desk: Desk):
    own = id(connections["default"])

    with at(desk):
        for _ in range(3):
            with pytest.raises(ValueError, match="no such mail"):
                fail()
        assert connection_used() != own

    assert connection_used() == own


def test_who_finds_no_connection_free_waits_for_one(desk: Desk):
    everybody, done = threading.Barrier(3), threading.Event()

    def keep() -> None:
        everybody.wait(timeout=10)
        done.wait(timeout=10)

    with ThreadPoolExecutor(3) as threads:
        busy = [threads.submit(desk.do, keep) for _ in range(2)]
        everybody.wait(timeout=10)
        late = threads.submit(desk.do, connection_used)
        assert not wait([late], timeout=0.05).done
        done.set()

        assert late.result(timeout=10)
        assert [each.result(timeout=10) for each in busy] == [None, None]


@pytest.mark.django_db(transaction=True)
def test_fifty_waiting_threads_share_the_connections_of_a_desk(desk: Desk):
    used, opened = set(), []

    @done_at_desk
    def count() -> int:
        used.add(id(connections["default"]))
        return User.objects.count()

    def wait_and_count() -> int:
        with at(desk):
            found = count()
        opened.append(connections["default"].connection)
        return found

    with ThreadPoolExecutor(50) as threads:
        found = [each.result() for each in [threads.submit(wait_and_count) for _ in range(50)]]

    assert found == [0] * 50
    assert opened == [None] * 50
    assert 1 <= len(used) <= 2


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_is_replaced(desk: Desk):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connection that could break.")
    for _ in range(2):
        with pytest.raises(OperationalError):
            desk.do(hang_up_on_oneself)

    assert [desk.do(count_users) for _ in range(2)] == [0, 0]


def hang_up_on_oneself() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.django_db(transaction=True)
def test_a_thread_that_drains_a_sandbox_holds_no_connection():
    touch = make_due_touch()

    def drain() -> tuple[int, object]:
        return draining.drain_at_desk(touch.mailbox_id), connection.connection

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(drain).result() == (1, None)


@pytest.mark.django_db(transaction=True)
def test_a_closed_desk_leaves_no_connection_behind(desk: Desk):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no list of its connections.")
    before = connections_to_this()
    other = Desk(3)
    with ThreadPoolExecutor(9) as threads:
        for each in [threads.submit(other.do, count_users) for _ in range(9)]:
            each.result()

    assert connections_to_this() > before
    other.close()

    # The server notices a little later.
    wait_for(lambda: connections_to_this() == before, what="the connections to close")


def connections_to_this() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
