"""How far the history of a database had come, remembered outside of it: in VAR_DIR and in Redis.

A backup that is restored takes the database's own counter back, and not these.
"""

import json
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import mkstemp

import redis
import structlog
from django.conf import settings

REDIS_SECONDS = 2
# A history that nobody has gone on with for so long is forgotten in Redis.
REMEMBERED = timedelta(days=400)
# A Redis that does not answer is not asked again for this long.
SILENT_SECONDS = 30

logger = structlog.get_logger(__name__)
_silent_until = 0.0


@dataclass(frozen=True, slots=True, order=True)
class Witness:
    """The counter a database had reached, and when."""

    counter: int
    at: datetime

    @property
    def text(self) -> str:
        return json.dumps({"counter": self.counter, "at": self.at.isoformat()})

    @classmethod
    def read(cls, text: str | bytes | None) -> "Witness | None":
        """Return what is written there; what cannot be read bears witness to nothing."""
        try:
            found = json.loads(text or "null")
            at = datetime.fromisoformat(found["at"])
            return cls(int(found["counter"]), at) if at.tzinfo else None
        except (ValueError, KeyError, TypeError):
            return None


def furthest(lineage: str, *, ask_redis: bool) -> Witness | None:
    """Return the furthest that anybody remembers of this history."""
    found = [in_file(lineage)]
    if ask_redis and settings.REDIS_URL:
        found.append(_in_redis(lineage))
    return max(filter(None, found), default=None)


def remember(lineage: str, witness: Witness) -> None:
    """Write down how far this history has come; call it after the database has committed it."""
    try:
        before = in_file(lineage)
        if before is None or before < witness:
            _replace(_path(lineage), witness.text)
    except OSError:
        # A machine without a disk to write to has Redis for it; without that, nobody remembers.
        if not settings.REDIS_URL:
            raise
    if settings.REDIS_URL:
        _client(settings.REDIS_URL).set(_key(lineage), witness.text, ex=REMEMBERED)


def in_file(lineage: str) -> Witness | None:
    """Return what this machine remembers."""
    try:
        return Witness.read(_path(lineage).read_bytes())
    except OSError:
        return None


def _in_redis(lineage: str) -> Witness | None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return None
    try:
        answer = _client(settings.REDIS_URL).get(_key(lineage))
    except redis.RedisError as problem:
        _silent_until = time.monotonic() + SILENT_SECONDS
        logger.warning("Redis could not be asked how far the history goes", problem=str(problem))
        return None
    return Witness.read(answer)


def _replace(path: Path, text: str) -> None:
    """Write the file whole or not at all, also at a power cut."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _path(lineage: str) -> Path:
    return settings.VAR_DIR / "histories" / lineage


def _key(lineage: str) -> str:
    return f"{settings.REDIS_PREFIX}:history:{lineage}"


@lru_cache(maxsize=2)
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
    )
