"""Whether this installation may send at all: not from a restored backup, not from a copy.

A restored backup does not know what left after it was made, and a copy of the database does
what the original does too: either would send mails a second time. Both are noticed here, and
nothing leaves until an operator has said what is true.
"""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import F, Q

from outreach import env, witnesses
from outreach.models import Instance
from outreach.times import database_now
from outreach.witnesses import Witness

# The counter grows this often at most, however many drivers ask.
COUNTED_EVERY = timedelta(seconds=8)
# The lost history may have gone on this long after somebody last heard of it.
AFTER_THE_LAST_WITNESS = timedelta(minutes=10)
# An answer is good for this long: a hold is seen everywhere within a second.
GOOD_FOR_SECONDS = 1.0
# Of an installation that has nowhere to keep an id; the place of the database must do.
UNNAMED = "unnamed"
MACHINE_ID = Path("/etc/machine-id")

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing leaves from this installation, and the command that deals with it."""

    code: str  # restored, copied
    sentence: str
    command: str

    @property
    def advice(self) -> str:
        return f"An operator runs manage.py {self.command}."

    def __str__(self) -> str:
        return f"{self.sentence} {self.advice}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, when, and whether everybody who remembers was asked."""

    hold: Hold | None
    at: float
    is_whole: bool

    def is_good(self) -> bool:
        # A worker that is asked in transactions only would never ask Redis.
        enough = self.is_whole or connection.in_atomic_block
        return enough and time.monotonic() - self.at < GOOD_FOR_SECONDS


_answer: Answer | None = None


def hold() -> Hold | None:
    """Return why nothing may leave from this installation, or None; cheap enough for each mail."""
    global _answer
    if _answer is None or not _answer.is_good():
        _answer = Answer(look(), time.monotonic(), is_whole=not connection.in_atomic_block)
    return _answer.hold


def look() -> Hold | None:
    """Answer anew, from the database and from what is remembered outside of it."""
    row = Instance.objects.first()
    if row is None:
        return None
    if row.noticed_at is None:
        # Inside a transaction nobody is asked over the network.
        witness = witnesses.furthest(row.lineage, ask_redis=not connection.in_atomic_block)
        if witness and witness.counter > row.counter:
            _compare(row, witness)
    if row.noticed_at is not None:
        return _restored(row)
    return None if is_mine(row) else _copied(row)


def forget() -> None:
    """Ask anew the next time."""
    global _answer
    _answer = None


def keep() -> int:
    """Let the counter grow, in the database first, and remember it outside of it."""
    row = Instance.objects.first() or _begin()
    forget()
    if hold():
        # Neither a copy nor a backup writes over what the other history left behind.
        return 0
    at = database_now()
    is_time = Q(counted_at__lte=at - COUNTED_EVERY) | Q(counted_at__gt=at)
    mine = Instance.objects.filter(is_time, lineage=row.lineage, noticed_at__isnull=True)
    mine.update(counter=F("counter") + 1, counted_at=at)
    row.refresh_from_db()
    if row.noticed_at is None:
        witnesses.remember(row.lineage, Witness(row.counter, row.counted_at))
    return 0


def declare_restored(row: Instance, *, lost_until: datetime) -> None:
    """Hold sending because an operator says that this is a backup; a noticed one stays as it is."""
    _hold_back(row, lost_until)


def narrow(row: Instance, *, lost_until: datetime) -> None:
    """Note that nothing was sent after this time, which an operator knows."""
    Instance.objects.filter(lost_until__gt=lost_until).update(lost_until=lost_until)
    row.refresh_from_db()


def end_restore(row: Instance) -> None:
    """Let sending go on after a restored backup was dealt with: a history of its own begins."""
    changes = {"lineage": _new_lineage(), "noticed_at": None}
    if row.fingerprint == fingerprint():
        # The same installation, whose database was made anew for the backup.
        changes["place"] = place()
    at = database_now()
    Instance.objects.filter(lineage=row.lineage).update(counted_at=at, **changes)
    forget()


def adopt() -> None:
    """Make this database the one of this installation: a history of its own begins."""
    Instance.objects.update(
        lineage=_new_lineage(), fingerprint=fingerprint(), place=place(), counted_at=database_now()
    )
    forget()


def is_mine(row: Instance) -> bool:
    """Tell whether this installation, at this place, is the one that the row names."""
    here = place()
    is_here = not (row.place and here) or row.place == here
    return row.fingerprint == fingerprint() and is_here


def fingerprint() -> str:
    """Return what tells this installation from a copy of it.

    INSTANCE_ID; or where a PostgreSQL is used under a public address, that address, since the
    disk of such a machine may be new at every start; else an id kept in VAR_DIR.
    """
    if settings.INSTANCE_ID:
        return settings.INSTANCE_ID
    if settings.PUBLIC_HOST:
        return settings.PUBLIC_HOST
    try:
        return env.kept(settings.VAR_DIR / "instance-id", lambda: secrets.token_hex(16))
    except OSError:
        return UNNAMED


def place() -> str:
    """Return what tells this database from a restored dump or a copied file of it."""
    if connection.vendor == "sqlite":
        return _machine()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid, has_function_privilege('pg_control_system()', 'execute') "
            "FROM pg_database WHERE datname = current_database()"
        )
        number, may_ask = cursor.fetchone()
        if not may_ask:
            return f"database {number}"
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        return f"server {cursor.fetchone()[0]}, database {number}"


def _machine() -> str:
    try:
        words = MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""  # many containers have none; the id in VAR_DIR must do
    return f"machine {sha256(words.encode()).hexdigest()[:16]}" if words else ""


def _begin() -> Instance:
    values = {"lineage": _new_lineage(), "fingerprint": fingerprint(), "place": place()}
    row, _ = Instance.objects.get_or_create(defaults=values | {"counted_at": database_now()})
    return row


def _new_lineage() -> str:
    return secrets.token_hex(16)


def _compare(row: Instance, witness: Witness) -> None:
    lineage = row.lineage
    # Read again: what bears witness is written after the database, which may have moved on.
    row.refresh_from_db()
    if row.lineage != lineage or witness.counter <= row.counter:
        return
    _hold_back(row, min(witness.at + AFTER_THE_LAST_WITNESS, database_now()))
    logger.error(
        "This database is older than what is remembered of it: sending is held",
        counter=row.counter,
        remembered=witness.counter,
    )


def _hold_back(row: Instance, lost_until: datetime) -> None:
    rows = Instance.objects.filter(lineage=row.lineage, noticed_at__isnull=True)
    rows.update(noticed_at=database_now(), lost_from=F("counted_at"), lost_until=lost_until)
    row.refresh_from_db()
    forget()


def _restored(row: Instance) -> Hold:
    sentence = (
        f"This database looks restored from a backup: it stands at {_said(row.lost_from)}, and "
        f"mail may have left until {_said(row.lost_until)}, which could be sent twice."
    )
    return Hold("restored", sentence, "after_restore")


def _copied(row: Instance) -> Hold:
    sentence = (
        "This database belongs to another installation: it is a copy, or it was moved. "
        "If the other one sends as well, every mail goes out twice."
    )
    return Hold("copied", sentence, "adopt_instance")


def _said(moment: datetime | None) -> str:
    return f"{moment:%d %b %Y, %H:%M} UTC" if moment else "an unknown time"
