from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from outreach import guards
from outreach.times import database_now
from sequences.engine import draining, explain, sending
from sequences.models import Enrollment, Touch

SHOWN_AT_MOST = 500


class Command(BaseCommand):
    help = (
        "Send due touches now, in this process. For a first look, and for when workers are down. "
        "With --dry-run it only says what would leave, and why the rest would not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Send nothing; list what is due."
        )

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        held = guards.hold()
        if dry_run:
            if held:
                self.stdout.write(f"Sending is held. {held}")
            self._list_due()
            return
        if held:
            raise CommandError(f"Nothing was sent: sending is held. {held}")
        reaped = sending.reap()
        if reaped:
            self.stdout.write(f"{reaped} claims of lost workers settled.")
        sent = draining.drain_all()
        self.stdout.write(f"{sent} sent.")

    def _list_due(self) -> None:
        at = database_now()
        live = Q(enrollment__status__in=Enrollment.SENDING) | Q(in_reply_to__isnull=False)
        due = Touch.objects.filter(live, status=Touch.Status.SCHEDULED, due_at__lte=at).order_by(
            "due_at", "pk"
        )
        leaving = 0
        for touch in due.select_related("step")[:SHOWN_AT_MOST]:
            run = Enrollment.everywhere.select_related(
                "workspace", "sequence__mailbox", "mailbox", "contact__company"
            ).get(pk=touch.enrollment_id)
            answer = explain.touch(touch, run, at)
            leaving += answer.may_leave
            when = (
                f" ({answer.at:%Y-%m-%d %H:%M} UTC)" if answer.at and not answer.may_leave else ""
            )
            what = str(touch).lower()
            self.stdout.write(f"{touch.recipient}, {what}: {answer.sentence}{when}")
        more = max(due.count() - SHOWN_AT_MOST, 0)
        if more:
            self.stdout.write(f"… and {more} more.")
        self.stdout.write(f"{leaving} may leave now, each at the pace of its sequence.")
