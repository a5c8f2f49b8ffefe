from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from outreach.models import Workspace
from outreach.prepared import insert
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now

# How a fact reads in the activity of a prospect, where its own word would not do.
WORDS = {
    "touch_approved": "Approved",
    "approval_undone": "Approval undone",
    "approval_revoked": "Approval taken back: a text was edited",
    "approval_withdrawn": "Approval withdrawn: it would not have left as approved",
    "stop_undone": "Stop undone",
    "deferred": "Refused for now, it is tried again",
    "held": "Held, the mailbox cannot send now",
    "uncertain": "Nobody knows yet whether it was accepted",
    "sent_twice": "Taken a second time: it was sent again before its first answer came",
    "needs_decision": "The provider cannot say; a person must decide",
    "soft_bounce": "Bounced for now",
    "soft_bounced": "Bounced for now",
    "out_of_office": "Answered that they are away",
    "postponed": "Postponed until the prospect is back",
    "auto_replied": "A machine answered",
    "may_have_left": "A backup was restored: it may have left before that",
    "filled": "Missing values filled in",
    "colleague_answered": "A colleague has answered: a person approves it, or nobody",
    "colleagues_paused": "Colleagues in this sequence paused",
    "colleagues_stopped": "Colleagues in this sequence stopped",
    "deal_moved": "Deal moved to another stage",
    "deal_valued": "Value of the deal changed",
    "withheld": "Not sent",
}


class Event(models.Model):
    """Something that happened to an enrollment or a touch. Append-only."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    enrollment = models.ForeignKey("sequences.Enrollment", models.CASCADE, related_name="events")
    touch = models.ForeignKey(
        "sequences.Touch", models.SET_NULL, null=True, blank=True, related_name="events"
    )
    kind = models.CharField(max_length=24)
    detail = models.JSONField(default=dict, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(default=now, editable=False)
    # A fact that may be noticed twice is recorded once.
    dedup_key = models.CharField(max_length=120, blank=True, editable=False)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dedup_key"],
                condition=~Q(dedup_key=""),
                name="event_once",
            )
        ]
        indexes = [
            # For the activity tab of the drawer.
            models.Index(fields=["enrollment", "at", "id"], name="event_activity"),
        ]

    def __str__(self) -> str:
        return self.kind

    @property
    def text(self) -> str:
        """Say the fact in words."""
        words = WORDS.get(self.kind, self.kind.replace("_", " ").capitalize())
        return f"{self.touch}: {words[0].lower()}{words[1:]}" if self.touch else words

    @classmethod
    def log(
        cls,
        enrollment: Any,
        kind: str,
        *,
        touch: Any = None,
        by: Any = None,
        once: str = "",
        **detail: Any,
    ) -> "Event":
        """Record a fact, in the transaction that made it true."""
        event = cls(
            workspace_id=enrollment.workspace_id,
            enrollment=enrollment,
            touch=touch,
            kind=kind,
            by=by,
            detail=detail,
            dedup_key=once,
        )
        insert(event)
        return event
