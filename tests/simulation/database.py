"""A database of the simulation's own: in memory, or on the server that DATABASE_URL names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection, transaction


def set_up() -> None:
    """Make Django ready in this process, with the settings of the tests."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    import django

    django.setup()


@contextmanager
def own() -> Iterator[None]:
    """Work on a new database, which is gone afterwards."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        given["TEST"]["NAME"] = ":memory:"
    else:
        given["TEST"]["NAME"] = f"test_{given['NAME']}_{os.getpid()}"
    before = given["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


def empty() -> None:
    """Delete everything that an earlier seed has left."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA defer_foreign_keys=ON")
        models = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed]
        kept = {"django_content_type", "auth_permission", "django_migrations"}
        tables = [
            connection.ops.quote_name(m._meta.db_table)
            for m in models
            if m._meta.db_table not in kept
        ]
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
            return
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")
