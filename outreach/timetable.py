"""What the scheduler does and how often, read by the embedded clock and by Celery beat alike."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A function, by its dotted name, and how often it runs.

    The function takes nothing and returns how many things it did. It must be
    safe to run twice at once: a slot only saves the work of doing so.
    """

    function: str
    period: int
    # One driver runs each slot. Without slots every driver runs the function, side by side.
    slotted: bool = True
    # Run it again at once while it finds something to do.
    drains: bool = False


TIMETABLE: dict[str, Entry] = {
    "send": Entry("sequences.engine.draining.tick", period=1, slotted=False, drains=True),
    "draft": Entry("sequences.engine.drafting.tick", period=2, drains=True),
    "enroll": Entry("sequences.engine.enrolling.tick", period=2, drains=True),
    "import": Entry("sequences.engine.importing.tick", period=2, drains=True),
    "inbox": Entry("sequences.engine.replies.tick", period=5),
    "read": Entry("sequences.engine.reading.tick", period=5),
    "opinions": Entry("sequences.engine.opinions.tick", period=15),
    "heartbeat": Entry("outreach.clock.beat", period=5),
    # Not slotted: every machine keeps its own memory of how far the history goes.
    "guard": Entry("outreach.guards.keep", period=10, slotted=False),
    "reap": Entry("sequences.engine.sending.reap", period=10),
    "reconcile": Entry("sequences.engine.reconciling.tick", period=10),
    # Each domain every six hours; a mailbox that was just connected within a minute.
    "domains": Entry("mailboxes.domains.tick", period=60),
    # Subscriptions are renewed daily, long before they end; a new mailbox within a minute.
    "push": Entry("mailboxes.pushing.tick", period=60),
    # Once for each member and slot, however often it looks.
    "digests": Entry("sequences.engine.digests.tick", period=60),
    "wake": Entry("sequences.engine.lifecycle.tick", period=15),
}
