from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from outreach import crypto


class Command(BaseCommand):
    help = (
        "Clear the stored secrets that no key of FIELD_ENCRYPTION_KEYS opens, when their key is "
        "lost for good. The mailboxes stay, and ask for their password again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say how many there are.")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        total = 0
        for field in crypto.encrypted_fields():
            locked = crypto.unreadable(field, DEFAULT_DB_ALIAS)
            if locked and not field.blank:
                raise CommandError(f"{field} cannot be empty; delete these rows: {locked}")
            if locked and not dry_run:
                field.model._base_manager.filter(pk__in=locked).update(**{field.name: ""})
            if locked:
                self.stdout.write(f"{field.model._meta.label}.{field.name}: {len(locked)}")
            total += len(locked)
        self.stdout.write(f"{total} secrets {'would be ' if dry_run else ''}cleared.")
