from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS

from outreach import crypto


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret with the first key of FIELD_ENCRYPTION_KEYS. Put a new key "
        "in front of the others, restart everything, run this, then take the old keys away. "
        "Safe to run while mail is sent, and to run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say how many there are.")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        total = locked = 0
        for field in crypto.encrypted_fields():
            old = crypto.under_an_earlier_key(field, DEFAULT_DB_ALIAS)
            rotated = len(old) if dry_run else sum(crypto.rotate(field, pk) for pk in old)
            if rotated:
                self.stdout.write(f"{field.model._meta.label}.{field.name}: {rotated}")
            total += rotated
            locked += len(crypto.unreadable(field, DEFAULT_DB_ALIAS))
        self.stdout.write(f"{total} secrets {'would be ' if dry_run else ''}encrypted anew.")
        if locked:
            self.stderr.write(
                f"{locked} secrets cannot be read with any of the keys and were left as they are. "
                "Put their key back, or see forget_secrets."
            )
