"""Real backups of the test database, and real restores, with the tools operators use."""

import sqlite3
import subprocess
from pathlib import Path

from django.db import connection

from outreach import guards
from tests.processes import database_url


def make(path: Path) -> Path:
    """Write a backup of the whole test database."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with sqlite3.connect(path) as copy:
            connection.connection.backup(copy)
        copy.close()
    else:
        _run("pg_dump", "--clean", "--if-exists", "--file", str(path), database_url())
    return path


def restore(path: Path) -> None:
    """Put the test database back to what the backup holds."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with sqlite3.connect(path) as copy:
            copy.backup(connection.connection)
        copy.close()
    else:
        connection.close()
        options = ("--quiet", "--single-transaction", "--output", "/dev/null")
        _run("psql", *options, "--file", str(path), database_url())
    guards.forget()


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
