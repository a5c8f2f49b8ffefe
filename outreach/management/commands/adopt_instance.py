from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from outreach import guards, localtime
from outreach.models import Instance
from outreach.times import now


class Command(BaseCommand):
    help = (
        "Let this installation send from this database, which belonged to another one: after the "
        "product was moved, or to make a copy that sends by itself. Says what that means and asks."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, yes: bool, **options: Any) -> None:
        guards.keep()
        row = Instance.objects.get()
        if row.noticed_at:
            raise CommandError(f"{guards.look()} Only then it can be adopted.")
        if guards.is_mine(row):
            self.stdout.write("This database belongs to this installation already.")
            return
        self.explain(row)
        if not yes:
            self.ask()
        guards.adopt()
        self.stdout.write("Adopted: this installation sends what is due.")

    def explain(self, row: Instance) -> None:
        age = localtime.ago(row.counted_at, now())
        lines = (
            f"This database belongs to: {row.fingerprint} ({row.place or 'place unknown'}).",
            f"This installation is:     {guards.fingerprint()} ({guards.place() or 'unknown'}).",
            f"The other one last worked on it at {row.counted_at:%Y-%m-%d %H:%M} UTC ({age}).",
            "",
            "If you adopt it, everything that is approved and due leaves from here.",
            "- The other installation still runs (this is a copy for tests)? Then every mail",
            "  goes out twice. Do not adopt it; or stop sending in every workspace first.",
            "- This is a backup, and mail may have left after it was made? Then run",
            "  manage.py after_restore --restored first.",
            "- The product was moved here, with the newest data? Then adopt it.",
        )
        for line in lines:
            self.stdout.write(line)

    def ask(self) -> None:
        try:
            answer = input("Type adopt to go on: ")
        except EOFError:
            raise CommandError("Nobody answered; nothing was changed. Use --yes.") from None
        if answer.strip() != "adopt":
            raise CommandError("Nothing was changed.")
