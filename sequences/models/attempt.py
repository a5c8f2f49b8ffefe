from django.conf import settings
from django.db import models
from django.db.models import Q

from mailboxes.models import Mailbox
from outreach.times import now
from sequences.models.touch import Touch


class Attempt(models.Model):
    """One try to send one touch. Append-only; the wire mark is committed before the provider
    is called, so that a killed worker never leaves a doubt that nobody knows of."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Refused"
        ABANDONED = "abandoned", "Abandoned before it left"
        UNKNOWN = "unknown", "Unknown"

    touch = models.ForeignKey(Touch, models.CASCADE, related_name="attempts")
    # The index "sent_lately" begins with it.
    mailbox = models.ForeignKey(Mailbox, models.PROTECT, related_name="+", db_index=False)
    number = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField(default=1)
    token = models.PositiveIntegerField()
    epoch = models.PositiveIntegerField()
    day = models.DateField("mailbox's local day")
    sequence_day = models.DateField("sequence's local day", null=True, blank=True)
    workspace_day = models.DateField("workspace's local day", null=True, blank=True)
    started_at = models.DateTimeField(default=now)
    wire_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    words = models.TextField("the provider's words", blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["touch", "number"], name="attempt_once"),
            # One worker at a time.
            models.UniqueConstraint(
                fields=["touch"], condition=Q(outcome=""), name="one_open_attempt"
            ),
            # A second acceptance cannot even be recorded quietly.
            models.UniqueConstraint(
                fields=["touch"], condition=Q(outcome="accepted"), name="one_accepted_attempt"
            ),
        ]
        indexes = [
            # For the rolling day: what a mailbox sent within 24 hours, the latest first. An
            # attempt enters it when it is accepted, so that the wire mark touches no index.
            models.Index(
                fields=["mailbox", "-wire_at"],
                condition=Q(outcome="accepted"),
                name="sent_lately",
            ),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number} of {self.touch}"
