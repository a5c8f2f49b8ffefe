"""What a database or a Redis must not be set to, or the product's promises do not hold."""

from collections.abc import Sequence
from typing import Any

import structlog
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, run_checks
from django.db import DatabaseError, connections

from outreach import broker, crypto

SQLITE_FULL = 2

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
