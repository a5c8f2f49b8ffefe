"""Of each mailbox at most one wake-up waits in front of the workers."""

import pytest
import redis
from django.conf import settings as given

from outreach import wake_ups

NAME = "sequences.tasks.drain"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    ids: list[int] = []
    monkeypatch.setattr(
        wake_ups.current_app, "send_task", lambda name, args, expires: ids.extend(args)
    )
    return ids


@pytest.fixture
def own_keys(settings, request):
    if not given.REDIS_URL:
        pytest.skip("REDIS_URL is not set")
    settings.REDIS_PREFIX = f"test-wake-ups-{id(request)}"
    yield
    with redis.Redis.from_url(given.REDIS_URL) as client:
        for key in client.scan_iter(f"{settings.REDIS_PREFIX}:*"):
            assert client.ttl(key) <= 5, "one that got lost is sent again"
            client.delete(key)


def test_what_is_on_its_way_is_not_sent_again(sent, own_keys):
    wake_ups.wake(NAME, [3, 1], expires=5)
    wake_ups.wake(NAME, [1, 2, 3], expires=5)
    wake_ups.wake("sequences.tasks.read", [1], expires=5)

    assert sent == [3, 1, 2, 1]


def test_once_it_has_arrived_the_next_may_be_sent(sent, own_keys):
    wake_ups.wake(NAME, [1, 2], expires=5)
    wake_ups.arrived(NAME, 1)
    wake_ups.wake(NAME, [1, 2], expires=5)

    assert sent == [1, 2, 1]


def test_without_an_answer_of_redis_all_are_sent(sent, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    wake_ups.wake(NAME, [1, 2], expires=5)
    wake_ups.arrived(NAME, 1)
    wake_ups.wake(NAME, [1], expires=5)

    assert sent == [1, 2, 1]
