"""Why something leaves, or does not: every reason that the product can give, and its kind."""

from enum import StrEnum


class Kind(StrEnum):
    """What a person can conclude from a reason."""

    NOW = "now"  # it leaves as soon as a worker takes it
    DEFERRED = "deferred"  # it leaves by itself, at a time that is said
    BLOCKED = "blocked"  # it waits for a person
    FAILED = "failed"  # it was tried and will not be tried again by itself
    MOVING = "moving"  # it is on its way, or its outcome is being asked for
    ENDED = "ended"  # it never will


class Reason(StrEnum):
    """The one thing that decides about a touch, as a word for programs.

    >>> Reason.WINDOW, Reason.WINDOW.kind
    (<Reason.WINDOW: 'window'>, <Kind.DEFERRED: 'deferred'>)
    """

    kind: Kind

    def __new__(cls, word: str, kind: Kind) -> "Reason":
        reason = str.__new__(cls, word)
        reason._value_ = word
        reason.kind = kind
        return reason

    NOW = "now", Kind.NOW
    # Settled, or under way.
    SENT = "sent", Kind.ENDED
    SKIPPED = "skipped", Kind.ENDED
    CANCELLED = "cancelled", Kind.ENDED
    ENDED = "ended", Kind.ENDED
    SENDING = "sending", Kind.MOVING
    UNCERTAIN = "uncertain", Kind.MOVING
    UNDECIDED = "undecided", Kind.BLOCKED
    FAILED = "failed", Kind.FAILED
    # The installation, the workspace, the sequence, the run.
    HELD = "held", Kind.BLOCKED
    STOPPED = "stopped", Kind.BLOCKED
    SEQUENCE = "sequence", Kind.BLOCKED
    BOUNCES = "bounces", Kind.BLOCKED
    PAUSED = "paused", Kind.BLOCKED
    PAUSED_UNTIL = "paused_until", Kind.DEFERRED
    # The text.
    WRITING = "writing", Kind.DEFERRED
    MISSING = "missing", Kind.BLOCKED
    UNAPPROVED = "unapproved", Kind.BLOCKED
    CHANGED = "changed", Kind.BLOCKED
    # The prospect.
    DELETED = "deleted", Kind.BLOCKED
    SUPPRESSED = "suppressed", Kind.BLOCKED
    OPTED_OUT = "opted_out", Kind.BLOCKED
    RECIPIENT = "recipient", Kind.BLOCKED
    # The sender.
    MAILBOX = "mailbox", Kind.BLOCKED
    DISCONNECTED = "disconnected", Kind.BLOCKED
    MAILBOX_PAUSED = "mailbox_paused", Kind.BLOCKED
    AUTHENTICATION = "authentication", Kind.BLOCKED
    SENDER = "sender", Kind.BLOCKED
    # Who has answered is not known, so a follow-up waits.
    UNWATCHED = "unwatched", Kind.BLOCKED
    UNREADABLE = "unreadable", Kind.BLOCKED
    INBOX = "inbox", Kind.DEFERRED
    # Its own time.
    STEP_BEFORE = "step_before", Kind.DEFERRED
    DELAY = "delay", Kind.DEFERRED
    RESCHEDULED = "rescheduled", Kind.DEFERRED
    RETRY = "retry", Kind.DEFERRED
    UNDO = "undo", Kind.DEFERRED
    HOLD = "hold", Kind.DEFERRED
    # Hours and pace.
    WINDOW = "window", Kind.DEFERRED
    HOLIDAY = "holiday", Kind.DEFERRED
    VACATION = "vacation", Kind.DEFERRED
    THROTTLE = "throttle", Kind.DEFERRED
    GAP = "gap", Kind.DEFERRED
    POOL = "pool", Kind.DEFERRED
    # What a day allows.
    MAILBOX_LIMIT = "mailbox_limit", Kind.DEFERRED
    MAILBOX_WARM_UP = "mailbox_warm_up", Kind.DEFERRED
    MAILBOX_24_HOURS = "mailbox_24_hours", Kind.DEFERRED
    SEQUENCE_LIMIT = "sequence_limit", Kind.DEFERRED
    SEQUENCE_WARM_UP = "sequence_warm_up", Kind.DEFERRED
    WORKSPACE_LIMIT = "workspace_limit", Kind.DEFERRED
