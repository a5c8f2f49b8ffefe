import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from outreach import checks
from outreach.clock import Clock
from outreach.timetable import TIMETABLE


class Command(BaseCommand):
    help = (
        "Do the scheduler's work in this process, without Celery: send what is due, write drafts, "
        "fetch replies. Runs until it is stopped; several may run at once."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if found := checks.objections():
            raise CommandError(f"Not started. {' '.join(found)}")
        clock = Clock()

        def stop(number: int, frame: FrameType | None) -> None:
            clock.stopping.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        self.stdout.write(f"The clock is running: {', '.join(TIMETABLE)}.")
        clock.start()
        while not clock.stopping.wait(1):
            if dead := clock.dead():
                clock.stop()
                raise CommandError(f"The clock stopped: nothing drives {', '.join(dead)} any more.")
        if late := clock.stop():
            self.stderr.write(f"Stopped while still at work: {', '.join(late)}.")
        self.stdout.write("The clock has stopped.")
