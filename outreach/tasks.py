"""The one Celery task: a wake-up for an entry of the timetable."""

from celery import shared_task

from outreach import ticks


@shared_task(name="outreach.tasks.tick")
def tick(name: str) -> None:
    """Run the entry now; losing or doubling this message changes nothing but when."""
    ticks.run_alone(name)
