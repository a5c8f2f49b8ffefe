"""What a database or a Redis must not be set to, or the product's promises do not hold."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import connections

from outreach import broker

SQLITE_FULL = 2


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
