"""The one Celery task: a wake-up for an entry of the timetable."""

from functools import cache

from celery import shared_task

from outreach import ticks
from outreach.desk import Desk

# More than there are entries that work for long.
CONNECTIONS = 8


@shared_task(name="outreach.tasks.tick")
def tick(name: str) -> None:
    """Run the entry now; losing or doubling this message changes nothing but when."""
    desk().do(ticks.run_alone, name)


@cache
def desk() -> Desk:
    """Return where this process runs the timetable."""
    return Desk(CONNECTIONS)
