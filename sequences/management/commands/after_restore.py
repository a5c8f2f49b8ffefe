from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from outreach import guards
from outreach.models import Instance
from outreach.times import database_now
from sequences.engine import restoring
from sequences.engine.restoring import Found, Span


class Command(BaseCommand):
    help = (
        "Deal with a database that was restored from a backup, so that sending can go on. What may "
        "have left since the backup is not sent again: its provider is asked, or a person decides. "
        "May be interrupted and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what it would do.")
        parser.add_argument(
            "--restored",
            action="store_true",
            help="Say that this is a backup where the product cannot see it by itself.",
        )
        parser.add_argument(
            "--until",
            help="When the old installation sent for the last time, if you know it better: "
            "2026-11-20T18:00 (UTC).",
        )

    def handle(
        self, *args: Any, dry_run: bool, restored: bool, until: str | None, **options: Any
    ) -> None:
        guards.forget()
        guards.hold()
        row = Instance.objects.first()
        if row is None:
            raise CommandError("This database has no history yet; there is nothing to deal with.")
        if row.noticed_at is None and not restored:
            raise CommandError(
                "Nothing says that this database was restored from a backup. If it was, run "
                "manage.py after_restore --restored."
            )
        span = self.span_of(row, instant(until) if until else None, dry_run=dry_run)
        self.say_span(span)
        if dry_run:
            self.say(restoring.survey(span))
            self.stdout.write("Nothing was changed.")
            return
        self.say(restoring.settle(span))
        guards.end_restore(row)
        if held := guards.look():
            self.stdout.write(f"The backup is dealt with. Sending is still held: {held}")
        else:
            self.stdout.write("Sending goes on, at the pace of the sequences.")

    def span_of(self, row: Instance, until: datetime | None, *, dry_run: bool) -> Span:
        """Return the lost span, which is kept with the hold: a second run finds the same."""
        begin, end = row.lost_from, row.lost_until
        if row.noticed_at is None or begin is None or end is None:
            begin, end = row.counted_at, until or database_now()
            if not dry_run:
                guards.declare_restored(row, lost_until=end)
        elif until and until < end:
            end = until
            if not dry_run:
                guards.narrow(row, lost_until=until)
        if end < begin:
            raise CommandError(
                f"--until: the backup was made at {begin:%Y-%m-%dT%H:%M} UTC or later; name a "
                "later time."
            )
        return Span(begin, end)

    def say_span(self, span: Span) -> None:
        self.stdout.write(f"The database stands at {span.begin:%Y-%m-%d %H:%M:%S} UTC.")
        self.stdout.write(f"Mail may have left until {span.end:%Y-%m-%d %H:%M:%S} UTC.")

    def say(self, found: Found) -> None:
        write = self.stdout.write
        write(f"Steps that were due in between and may have left: {found.doubtful}")
        for provider, count in sorted(found.by_provider.items()):
            write(f"  through {provider}: {count}")
        write("  The provider is asked about each; where it cannot say, a person decides.")
        write(f"Runs of which more than one step may have left, and are paused: {found.paused}")
        write(f"Prospects who wait for approval and may have been written to: {found.pending}")
        write(f"Failed steps that may have been retried: {found.failed}")
        write(
            "What else was recorded in between is gone: replies, opt-outs, bounces, imports and "
            "approvals. Enter opt-outs again before anything is approved."
        )


def instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"--until {text!r} is no time: write it like 2026-11-20T18:00 (UTC)."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=database_now().tzinfo)
