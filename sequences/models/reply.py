from django.conf import settings
from django.db import models

from mailboxes.models import InboundMail
from outreach.models import Workspace
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now
from sequences.models.contact import Company, Contact
from sequences.models.enrollment import Enrollment
from sequences.models.touch import Touch


class Reply(models.Model):
    """An inbound mail matched to a run, and what it means."""

    class Label(models.TextChoices):
        INTERESTED = "interested", "Interested"
        OBJECTION = "objection", "Objection"
        NOT_INTERESTED = "not_interested", "Not interested"
        NOT_NOW = "not_now", "Not now"
        QUESTION = "question", "Question"
        REFERRAL = "referral", "Referral"
        UNSUBSCRIBE = "unsubscribe", "Unsubscribe"
        OUT_OF_OFFICE = "out_of_office", "Out of office"
        BOUNCE_OR_AUTO = "bounce_or_auto", "Automatic mail"
        OTHER = "other", "Other"

    # Labels that stop nothing.
    AUTOMATIC = [Label.OUT_OF_OFFICE, Label.BOUNCE_OR_AUTO]

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="replies")
    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="replies")
    touch = models.ForeignKey(Touch, models.SET_NULL, null=True, blank=True, related_name="replies")
    mail = models.OneToOneField(InboundMail, models.PROTECT, related_name="reply")
    label = models.CharField(max_length=16, choices=Label.choices)
    # Why the rules chose the label; empty once a person has corrected it.
    reason = models.CharField(max_length=200, blank=True)
    corrected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    return_on = models.DateField("back on", null=True, blank=True)
    text = models.TextField(blank=True)
    received_at = models.DateTimeField(default=now)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "replies"
        ordering = ["-received_at", "-id"]
        indexes = [
            # For the drawer: the replies of a run, newest first.
            models.Index(fields=["enrollment", "-received_at"], name="reply_of_run"),
        ]

    def __str__(self) -> str:
        return f"{self.get_label_display()}: {self.text[:60]}"


class Deal(models.Model):
    """A chance to sell, opened by a reply with interest."""

    class Stage(models.TextChoices):
        NEW = "new", "New"
        MEETING = "meeting", "Meeting"
        PROPOSAL = "proposal", "Proposal"
        WON = "won", "Won"
        LOST = "lost", "Lost"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="deals")
    enrollment = models.OneToOneField(
        Enrollment, models.SET_NULL, null=True, blank=True, related_name="deal"
    )
    contact = models.ForeignKey(
        Contact, models.SET_NULL, null=True, blank=True, related_name="deals"
    )
    company = models.ForeignKey(
        Company, models.SET_NULL, null=True, blank=True, related_name="deals"
    )
    title = models.CharField(max_length=200)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.NEW)
    value = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title
