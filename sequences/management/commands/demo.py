"""manage.py demo"""

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from outreach.models import User
from sequences.demo import history, workspace

# How the contacts are shared out: who has a past, who waits for approval, who is in the other
# sequence, half of them approved.
PAST = sum(count for _, count in history.GROUPS)
WAITING = 12
APPROVED = 4


class Command(BaseCommand):
    help = (
        "Make the demo workspace once: people, sequences, three weeks of history and drafts to "
        "approve, all of it in a Sandbox. Prints how to sign in; a second run changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(email=settings.DEMO_EMAIL).exists():
            self.stdout.write(f"The demo is here already. Sign in as {settings.DEMO_EMAIL}.")
            return
        password = secrets.token_urlsafe(9)
        keep(settings.DEMO_PASSWORD_FILE, password)
        self.stdout.write("Making the demo workspace…")
        if connection.vendor == "sqlite":
            # A power cut could lose the last moments of a demo, which is then made again.
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA synchronous=NORMAL")
        with transaction.atomic():
            owner = User.objects.create_user(
                settings.DEMO_EMAIL, password, name="Alex Moreau", zone=workspace.ZONE
            )
            demo = workspace.make(owner)
        people = demo.contacts
        history.play(demo.meeting, people[:PAST], by=owner)
        history.enroll(demo.meeting, people[PAST : PAST + WAITING], by=owner)
        others = history.enroll(demo.candidate, people[PAST + WAITING :], by=owner)
        history.approve(others[:APPROVED], by=owner)
        self.stdout.write(
            f"Made {demo.workspace}. Sign in as {settings.DEMO_EMAIL} with the password {password}"
        )


def keep(path: Path, password: str) -> None:
    """Write the password where only this account can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(password)
