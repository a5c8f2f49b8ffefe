"""What an enrollment is called elsewhere: its state, phase, outcome and progress. Total functions.

All four take the same facts, so that a caller can say `state(**facts), phase(**facts)`.
"""

from typing import Literal

State = Literal[
    "FOUND",
    "ACTIVE",
    "WAITING_FOR_USER",
    "WAITING_FOR_LEAD",
    "SUCCEEDED",
    "COMPLETED",
    "STOPPED_EARLY",
    "FAILED",
    "REFUSED",
]
Phase = Literal["draft", "active", "paused", "completed"]
Outcome = Literal["active", "paused", "replied", "completed", "unsubscribed", "bounced"]
Progress = Literal["pending", "in_progress", "sent", "failed", "skipped"]

LIVE = ("approved", "active")
REPLIED = ("replied_positive", "replied_objection")

STATE_OF_END: dict[str, State] = {
    "goal": "COMPLETED",
    "won": "STOPPED_EARLY",
    "lost": "STOPPED_EARLY",
    "cancelled": "STOPPED_EARLY",
    "by_hand": "STOPPED_EARLY",
    "unsubscribed": "STOPPED_EARLY",
    "complained": "STOPPED_EARLY",
    "bounced": "FAILED",
    "failed": "FAILED",
    "refused": "REFUSED",
}
OUTCOME_OF_END: dict[str, Outcome | None] = {
    "goal": "completed",
    "won": "completed",
    "lost": "completed",
    "cancelled": "completed",
    "by_hand": "completed",
    "unsubscribed": "unsubscribed",
    "complained": "unsubscribed",
    "bounced": "bounced",
    "failed": "completed",
    "refused": None,
}
PROGRESS_OF_END: dict[str, Progress] = {
    "goal": "sent",
    "won": "skipped",
    "lost": "skipped",
    "cancelled": "skipped",
    "by_hand": "skipped",
    "unsubscribed": "skipped",
    "complained": "skipped",
    "bounced": "failed",
    "failed": "failed",
    "refused": "skipped",
}


def state(
    status: str,
    end_reason: str = "",
    blocked_by: str = "",
    attempted: bool = False,
    skipped: bool = False,
) -> State:
    """Return the run's state in the words of the run API.

    >>> state("active", blocked_by="task"), state("complete", skipped=True)
    ('WAITING_FOR_USER', 'COMPLETED')
    """
    if status == "pending_approval":
        return "FOUND"
    if status in LIVE:
        waiting: dict[str, State] = {"task": "WAITING_FOR_USER", "failed_touch": "FAILED"}
        return waiting.get(blocked_by, "ACTIVE")
    if status == "paused":
        return "WAITING_FOR_LEAD"
    if status in REPLIED:
        return "COMPLETED"
    if status == "complete":
        return "COMPLETED" if skipped else "SUCCEEDED"
    _must_be_archived(status, end_reason)
    return STATE_OF_END[end_reason]


def phase(
    status: str,
    end_reason: str = "",
    blocked_by: str = "",
    attempted: bool = False,
    skipped: bool = False,
) -> Phase | None:
    """Return the phase that `stats` counts; a refused run has none.

    >>> phase("approved"), phase("archived", "bounced"), phase("archived", "refused")
    ('active', 'completed', None)
    """
    if status == "pending_approval":
        return "draft"
    if status in LIVE:
        return "active"
    if status == "paused":
        return "paused"
    if status in REPLIED or status == "complete":
        return "completed"
    _must_be_archived(status, end_reason)
    return None if end_reason == "refused" else "completed"


def outcome(
    status: str,
    end_reason: str = "",
    blocked_by: str = "",
    attempted: bool = False,
    skipped: bool = False,
) -> Outcome | None:
    """Return the run's status among its sequence's enrollments; a refused run has none.

    >>> outcome("pending_approval"), outcome("replied_objection"), outcome("archived", "complained")
    ('active', 'replied', 'unsubscribed')
    """
    if status == "pending_approval" or status in LIVE:
        return "active"
    if status == "paused":
        return "paused"
    if status in REPLIED:
        return "replied"
    if status == "complete":
        return "completed"
    _must_be_archived(status, end_reason)
    return OUTCOME_OF_END[end_reason]


def progress(
    status: str,
    end_reason: str = "",
    blocked_by: str = "",
    attempted: bool = False,
    skipped: bool = False,
) -> Progress:
    """Return which of its sequence's five progress counters the run is in.

    >>> progress("approved"), progress("active", attempted=True), progress("archived", "won")
    ('pending', 'in_progress', 'skipped')
    """
    if status == "pending_approval":
        return "pending"
    if status in LIVE and blocked_by == "failed_touch":
        return "failed"
    if status in LIVE or status == "paused":
        return "in_progress" if attempted else "pending"
    if status in REPLIED or status == "complete":
        return "sent"
    _must_be_archived(status, end_reason)
    return PROGRESS_OF_END[end_reason]


def _must_be_archived(status: str, end_reason: str) -> None:
    if status != "archived":
        raise ValueError(f"“{status}” is not a status of an enrollment.")
    if end_reason not in STATE_OF_END:
        raise ValueError(f"“{end_reason}” is not a reason to archive an enrollment.")
