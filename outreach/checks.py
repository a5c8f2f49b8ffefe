"""What a database or a Redis must not be set to, or the product's promises do not hold."""

import re
from collections.abc import Sequence
from typing import Any

import structlog
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, run_checks
from django.db import DatabaseError, connections

from outreach import broker, crypto

SQLITE_FULL = 2
GOOGLE_PUSH = ("GOOGLE_PUSH_TOPIC", "GOOGLE_PUSH_ACCOUNT")
TOPIC = re.compile(r"projects/[^/\s]+/topics/[^/\s]+")

logger = structlog.get_logger(__name__)


def database_keeps_commits(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Refuse a database that may lose a commit at a power cut: a lost mark is a mail sent twice."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA synchronous")
                if cursor.fetchone()[0] < SQLITE_FULL:
                    found.append(
                        Error(
                            "SQLite runs with synchronous below FULL and may lose commits.",
                            hint="Leave init_command of the database's OPTIONS as it is.",
                            id="outreach.E001",
                        )
                    )
            elif connection.vendor == "postgresql":
                cursor.execute(
                    "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
                )
                fsync, synchronous_commit = cursor.fetchone()
                if fsync != "on" or synchronous_commit == "off":
                    found.append(
                        Error(
                            f"PostgreSQL runs with fsync {fsync} and synchronous_commit "
                            f"{synchronous_commit} and may lose commits.",
                            hint="Set fsync to on and synchronous_commit to anything but off.",
                            id="outreach.E002",
                        )
                    )
    return found


def redis_forgets_nothing(
    app_configs: Sequence[AppConfig] | None, **options: Any
) -> list[CheckMessage]:
    """Refuse a Redis that throws queued wake-ups away when its memory is full."""
    problem = broker.objection(settings.REDIS_URL) if settings.REDIS_URL else ""
    return [Error(problem, id="outreach.E003")] if problem else []


def secrets_can_be_read(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Refuse keys that do not open what is stored: the first send or page would fail with it."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        tables = connections[alias].introspection.table_names()
        for field in crypto.encrypted_fields():
            if field.model._meta.db_table not in tables:
                continue  # before the first migrate there is nothing to read
            if locked := crypto.unreadable(field, alias):
                what = f"{field.model._meta.verbose_name} {field.verbose_name}".lower()
                found.append(
                    Error(
                        f"{len(locked)} of the stored secrets ({what}) cannot be read with the "
                        "keys in FIELD_ENCRYPTION_KEYS.",
                        hint="Put the earlier key back, behind the new one. If it is lost for "
                        "good: manage.py forget_secrets, then enter them again.",
                        id="outreach.E004",
                    )
                )
    return found


def pushes_are_set_up_whole(
    app_configs: Sequence[AppConfig] | None, **options: Any
) -> list[CheckMessage]:
    """Warn of pushes that are set up by half: mailboxes are read now and then as if they were not.

    They are no reason not to start.
    """
    given = {name: getattr(settings, name) for name in (*GOOGLE_PUSH, "MICROSOFT_PUSH")}
    found: list[CheckMessage] = []
    google = [name for name in GOOGLE_PUSH if given[name]]
    if len(google) == 1:
        [missing] = set(GOOGLE_PUSH) - set(google)
        found.append(
            Warning(
                f"{google[0]} is set and {missing} is not, so Gmail does not push.",
                id="outreach.W001",
            )
        )
    if (topic := given["GOOGLE_PUSH_TOPIC"]) and not TOPIC.fullmatch(topic):
        found.append(
            Warning(
                f"GOOGLE_PUSH_TOPIC={topic!r} is no topic of Pub/Sub, so Gmail does not push.",
                hint="Use its whole name: projects/PROJECT/topics/TOPIC.",
                id="outreach.W002",
            )
        )
    for name, client in (("GOOGLE_PUSH_TOPIC", "GOOGLE"), ("MICROSOFT_PUSH", "MICROSOFT")):
        needed = [f"{client}_CLIENT_ID", f"{client}_CLIENT_SECRET"]
        if given[name] and not all(getattr(settings, each) for each in needed):
            found.append(
                Warning(f"{name} is set and {' or '.join(needed)} is not.", id="outreach.W003")
            )
    is_reachable = settings.BASE_URL.startswith("https://") or settings.ALLOW_PRIVATE_HOSTS
    if (google or given["MICROSOFT_PUSH"]) and not is_reachable:
        found.append(
            Warning(
                "Pushes are set up, but BASE_URL does not begin with https://, and nobody pushes "
                "to such an address.",
                id="outreach.W004",
            )
        )
    return found


def objections() -> list[str]:
    """Return, as sentences, what a web or worker process must not start with.

    A database that cannot be reached, or was not migrated yet, is no objection: it may come
    back, and /healthz tells of it.
    """
    try:
        found = run_checks(tags=[Tags.database], databases=["default"])
    except DatabaseError as problem:
        logger.warning("The database could not be checked", problem=str(problem).strip())
        return []
    finally:
        # Whoever starts is about to fork; a connection belongs to one process.
        connections.close_all()
    serious = [each for each in found if each.is_serious() and not each.is_silenced()]
    return [f"{each.msg} {each.hint or ''}".strip() for each in serious]
