"""Measure what the README promises: `make bench`, on the PostgreSQL that DATABASE_URL names.

Every benchmark makes databases of its own and drops them. BENCH_ROWS and BENCH_MAILS shrink them
for a quick look; the figures are judged at 1,000,000 rows and 5,000 mails. BENCH=table,sending
chooses.
"""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.settings")


def main() -> int:
    try:
        django.setup()
    except ImproperlyConfigured as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    if connection.vendor != "postgresql":
        sys.stderr.write("Set DATABASE_URL to a PostgreSQL: that is what is measured.\n")
        return 2
    # Models can only be imported once the settings are there.
    from tests.benchmarks import idle, sending, table

    benchmarks = {
        "table": lambda: table.run(size_of("BENCH_ROWS", 1_000_000)),
        "idle": lambda: idle.run(size_of("BENCH_ROWS", 1_000_000)),
        "sending": lambda: sending.run(size_of("BENCH_MAILS", 5_000)),
    }
    chosen = [name for name in os.environ.get("BENCH", "").split(",") if name] or list(benchmarks)
    if unknown := [name for name in chosen if name not in benchmarks]:
        sys.stderr.write(f"BENCH: {unknown[0]} is none of {', '.join(benchmarks)}\n")
        return 2
    return max(benchmarks[name]() for name in chosen)


def size_of(name: str, usual: int) -> int:
    return int(os.environ.get(name, str(usual)).replace("_", ""))


if __name__ == "__main__":
    sys.exit(main())
