"""What Celery workers do besides the timetable. Tasks carry ids, never content."""

from celery import shared_task

from outreach import wake_ups
from sequences.engine import draining, reading


@shared_task(name=draining.DRAIN)
def drain(mailbox_id: int) -> None:
    """Send what is due from one mailbox. Safe to lose, to double and to be late."""
    wake_ups.arrived(draining.DRAIN, mailbox_id)
    draining.drain_at_desk(mailbox_id)


@shared_task(name=reading.READ)
def read(mailbox_id: int) -> None:
    """Read one inbox. Safe to lose, to double and to be late."""
    wake_ups.arrived(reading.READ, mailbox_id)
    reading.read_at_desk(mailbox_id)
