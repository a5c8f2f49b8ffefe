from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from mailboxes.models import InboundMail
from outreach.models import Workspace
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now
from sequences.models.enrollment import Enrollment
from sequences.models.touch import Touch


class ReplyQuerySet(WorkspaceQuerySet):
    def open(self) -> Self:
        """Replies that wait for a person now."""
        asleep = Q(snoozed_until__gt=now())
        return self.filter(handled_at__isnull=True).exclude(asleep)

    def snoozed(self) -> Self:
        """Replies that come back at a time that somebody chose."""
        return self.filter(handled_at__isnull=True, snoozed_until__gt=now())

    def handled(self) -> Self:
        return self.filter(handled_at__isnull=False)


class UnguardedReplyQuerySet(EverywhereQuerySet, ReplyQuerySet):
    pass


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
    # The rules had to guess, and neither a model nor a person has decided since.
    is_unsure = models.BooleanField(default=False)
    # When a model was asked what it makes of the reply.
    asked_at = models.DateTimeField(null=True, blank=True)
    corrected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    return_on = models.DateField("back on", null=True, blank=True)
    text = models.TextField(blank=True)
    received_at = models.DateTimeField(default=now)
    # The work on it, in the inbox.
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    snoozed_until = models.DateTimeField(null=True, blank=True)

    everywhere = UnguardedReplyQuerySet.as_manager()
    objects = ReplyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "replies"
        ordering = ["-received_at", "-id"]
        indexes = [
            # For the drawer: the replies of a run, newest first.
            models.Index(fields=["enrollment", "-received_at"], name="reply_of_run"),
            # For the tick that asks a model.
            models.Index(
                fields=["received_at", "id"],
                condition=models.Q(is_unsure=True, asked_at__isnull=True),
                name="reply_to_ask_about",
            ),
            # For the inbox and the number beside it: what nobody has handled, newest first.
            models.Index(
                fields=["workspace", "-id"],
                condition=models.Q(handled_at__isnull=True),
                name="reply_unhandled",
            ),
            # For the inbox: every reply of a workspace, newest first.
            models.Index(fields=["workspace", "-id"], name="reply_of_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.get_label_display()}: {self.text[:60]}"

    @property
    def is_snoozed(self) -> bool:
        asleep = self.snoozed_until is not None and self.snoozed_until > now()
        return asleep and self.handled_at is None

    def handle(self, *, by: Any) -> bool:
        """Note that nothing is left to do; False where somebody has noted it already."""
        waiting = Reply.everywhere.filter(pk=self.pk, handled_at__isnull=True)
        took = waiting.update(handled_at=now(), handled_by=by, snoozed_until=None)
        self._read_work()
        return bool(took)

    def reopen(self) -> bool:
        """Let it wait for a person again; False where it does already."""
        done = Reply.everywhere.filter(pk=self.pk, handled_at__isnull=False)
        took = done.update(handled_at=None, handled_by=None)
        self._read_work()
        return bool(took)

    def snooze(self, until: datetime) -> bool:
        """Put it out of sight until then; False where it has been handled meanwhile."""
        waiting = Reply.everywhere.filter(pk=self.pk, handled_at__isnull=True)
        took = waiting.update(snoozed_until=until)
        self._read_work()
        return bool(took)

    def wake(self) -> None:
        """Bring it back into sight now."""
        Reply.everywhere.filter(pk=self.pk).update(snoozed_until=None)
        self._read_work()

    def assign(self, to: Any) -> None:
        """Name who sees to it, or nobody."""
        Reply.everywhere.filter(pk=self.pk).update(assigned_to=to)
        self._read_work()

    def _read_work(self) -> None:
        self.refresh_from_db(fields=["handled_at", "handled_by", "assigned_to", "snoozed_until"])
