"""manage.py enroll"""

from argparse import ArgumentParser
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from outreach.models import Workspace
from sequences.engine import drafting, enrolling
from sequences.models import Batch, Contact, ContactList, NotReady, Sequence

# Looks, a tenth of a second apart, at a batch that does not move.
PATIENCE = 300


class Command(BaseCommand):
    help = (
        "Enroll a list or single contacts into an active sequence and write their drafts, "
        "in this process. For scripts, and for when workers are down."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sequence", help="The sequence's name or number.")
        parser.add_argument("--workspace", required=True, help="Its workspace's name or number.")
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--list", help="The name of a list of contacts.")
        who.add_argument("--emails", help="Addresses of contacts, separated by commas.")
        parser.add_argument("--dry-run", action="store_true", help="Say what it would do.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = named(Workspace.objects.all(), options["workspace"], "workspace")
        sequences = Sequence.everywhere.filter(workspace=workspace).select_related("workspace")
        sequence = named(sequences.select_related("mailbox"), options["sequence"], "sequence")
        ids = self.contacts(workspace, sequence, options)
        if options["dry_run"]:
            seen = enrolling.outlook(sequence, ids)
            self.say("Would enroll", len(seen.ready), seen.total, seen.skips)
            return
        try:
            batch = enrolling.enroll(sequence, ids, by=None)
        except NotReady as problem:
            raise CommandError(str(problem)) from problem
        batch = self.run_through(batch)
        self.say("Enrolled", batch.enrolled, batch.total, batch.skipped)

    def contacts(
        self, workspace: Workspace, sequence: Sequence, options: dict[str, Any]
    ) -> list[int]:
        if options["list"]:
            lists = ContactList.everywhere.filter(workspace=workspace)
            return enrolling.members(named(lists, options["list"], "list"), sequence)
        emails = [word.strip().lower() for word in options["emails"].split(",") if word.strip()]
        rows = Contact.everywhere.filter(workspace=workspace, email__in=emails)
        found = dict(rows.values_list("email", "pk"))
        if unknown := [email for email in emails if email not in found]:
            raise CommandError(f"Not a contact of {workspace}: {', '.join(unknown)}.")
        return [found[email] for email in emails]

    def run_through(self, batch: Batch) -> Batch:
        """Do what the scheduler would; where it runs too, both share the work."""
        idle = 0
        while batch.status == Batch.Status.RUNNING:
            if enrolling.work(batch):
                idle = 0
            elif (idle := idle + 1) > PATIENCE:
                raise CommandError("Another worker holds this batch; it goes on in the background.")
            else:
                sleep(0.1)
            batch.refresh_from_db()
        while drafting.tick():
            pass
        return batch

    def say(self, done: str, taken: int, total: int, skips: dict[str, int]) -> None:
        for reason, many in skips.items():
            self.stdout.write(f"{enrolling.REASONS[reason]}: {many}")
        self.stdout.write(f"{done} {taken} contact{'s' * (taken != 1)} of {total}.")


def named(rows: Any, text: str, kind: str) -> Any:
    """Return the one record with this name, or with this number."""
    found = list(rows.filter(name=text)[:2])
    if not found and text.isdecimal():
        found = list(rows.filter(pk=int(text)))
    if not found:
        raise CommandError(f"No {kind} is called “{text}”.")
    if len(found) > 1:
        raise CommandError(f"Several are called “{text}”; give the {kind}'s number instead.")
    return found[0]
