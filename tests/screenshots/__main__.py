"""Take the pictures of the README: `make screenshots`, or some: `make screenshots ARGS=drawer`."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import django


def main() -> int:
    scratch = Path(tempfile.mkdtemp(prefix="outreach-screenshots-"))
    # A workspace of its own: nothing of a real installation is read or touched.
    os.environ["VAR_DIR"] = str(scratch)
    os.environ["DATABASE_URL"] = f"sqlite:///{scratch / 'screenshots.sqlite3'}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    # Playwright keeps an event loop in this thread, where Django then refuses to query.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        django.setup()
        # Models can only be imported once the settings are there.
        from tests.screenshots import pictures

        return pictures.take(sys.argv[1:])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
