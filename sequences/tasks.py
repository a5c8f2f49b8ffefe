"""What Celery workers do besides the timetable. Tasks carry ids, never content."""

from celery import shared_task

from sequences.engine import reading, sending


@shared_task
def drain(mailbox_id: int) -> None:
    """Send what is due from one mailbox. Safe to lose, to double and to be late."""
    sending.drain_at_desk(mailbox_id)


@shared_task
def read(mailbox_id: int) -> None:
    """Read one inbox. Safe to lose, to double and to be late."""
    reading.read_at_desk(mailbox_id)
