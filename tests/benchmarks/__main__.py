"""Measure what the README promises: `make bench`, on the PostgreSQL that DATABASE_URL names.

Every benchmark makes databases of its own and drops them. BENCH_ROWS shrinks the large one for a
quick look; the figures are judged at 1,000,000 rows.
"""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.settings")


def main() -> int:
    try:
        django.setup()
    except ImproperlyConfigured as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    # Models can only be imported once the settings are there.
    from tests.benchmarks import table

    return table.run(int(os.environ.get("BENCH_ROWS", "1000000").replace("_", "")))


if __name__ == "__main__":
    sys.exit(main())
