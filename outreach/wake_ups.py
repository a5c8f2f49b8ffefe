"""Wake-ups on their way to the workers: one at most of each kind for each mailbox.

The clock asks every second who has something to do. Were each told every second, a worker that is
behind would spend its time on wake-ups that say what it knows.
"""

from collections.abc import Sequence
from functools import cache

import redis
import structlog
from celery import current_app
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = structlog.get_logger(__name__)

SECONDS_TO_ANSWER = 5


def wake(task: str, ids: Sequence[int], *, expires: int) -> None:
    """Send the task for each id that no wake-up of it is on its way for.

    One that got lost is sent again once it would have expired, after so many seconds.
    """
    for each in _new(task, ids, expires):
        current_app.send_task(task, [each], expires=expires)


def arrived(task: str, each: int) -> None:
    """Let the next wake-up be sent: this one sees only what is there by now."""
    try:
        _redis(settings.REDIS_URL).delete(_key(task, each))
    except redis.RedisError:
        logger.warning("A wake-up is remembered until it would have expired", exc_info=True)


def _new(task: str, ids: Sequence[int], expires: int) -> list[int]:
    try:
        with _redis(settings.REDIS_URL).pipeline(transaction=False) as line:
            for each in ids:
                line.set(_key(task, each), 1, nx=True, ex=expires)
            return [each for each, is_new in zip(ids, line.execute(), strict=True) if is_new]
    except redis.RedisError:
        # Twice is better than not at all; and the broker says itself whether it can be reached.
        logger.warning("Nobody knows which wake-ups are on their way", exc_info=True)
        return list(ids)


def _key(task: str, each: int) -> str:
    return f"{settings.REDIS_PREFIX}:woken:{task}:{each}"


@cache
def _redis(url: str) -> redis.Redis:
    wait = SECONDS_TO_ANSWER
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=wait,
        socket_timeout=wait,
        retry=Retry(NoBackoff(), 1),
    )
