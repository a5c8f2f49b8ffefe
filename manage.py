#!/usr/bin/env python
"""Run a command of the product: `python manage.py help` lists them."""

import os
import sys
from importlib import import_module

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db.utils import OperationalError, ProgrammingError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "outreach.settings")
    try:
        import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    except ImproperlyConfigured as problem:
        # A wrong setting is the operator's to correct: its sentence says more than a traceback.
        sys.exit(f"Not started. {problem}")
    try:
        execute_from_command_line(sys.argv)
    except (OperationalError, ProgrammingError) as problem:
        if "--traceback" in sys.argv:
            raise
        words = str(problem).strip().partition("\n")[0]
        sys.exit(
            f"The database cannot be used: {words}. Does DATABASE_URL name it, is it running, "
            "and was `manage.py migrate` run? (--traceback tells where it happened.)"
        )


if __name__ == "__main__":
    main()
