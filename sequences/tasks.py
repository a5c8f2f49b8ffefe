"""What Celery workers do besides the timetable. Tasks carry ids, never content."""

from celery import shared_task

from sequences.engine import sending


@shared_task
def drain(mailbox_id: int) -> None:
    """Send what is due from one mailbox. Safe to lose, to double and to be late."""
    sending.drain(mailbox_id)
