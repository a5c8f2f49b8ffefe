import secrets

from django.db import models
from django.db.models import Q

from mailboxes.models.mailbox import Mailbox
from outreach.models import Workspace
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now


class InboundMail(models.Model):
    """A mail that came into a mailbox, kept as it came; `settled_at` says it was dealt with."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="inbound")
    provider_id = models.CharField(max_length=255)
    message_id = models.CharField(max_length=255, blank=True)
    in_reply_to = models.CharField(max_length=255, blank=True)
    references = models.TextField(blank=True)
    reference = models.CharField("our X-Outreach-Ref", max_length=64, blank=True)
    thread_id = models.CharField(max_length=255, blank=True)
    from_email = models.CharField(max_length=254, blank=True)
    from_name = models.CharField(max_length=200, blank=True)
    subject = models.TextField(blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    headers = models.JSONField(default=dict, blank=True)
    report = models.JSONField(
        "delivery report", default=dict, blank=True, help_text="What a bounce says, if it is one."
    )
    is_automatic = models.BooleanField(default=False)
    received_at = models.DateTimeField(default=now)
    settled_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=40, blank=True)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "inbound mail"
        constraints = [
            # The same mail seen twice counts once.
            models.UniqueConstraint(fields=["mailbox", "provider_id"], name="inbound_once"),
        ]
        indexes = [
            # For the inbox tick, which settles what is new in order of arrival.
            models.Index(
                fields=["received_at", "id"],
                condition=Q(settled_at__isnull=True),
                name="inbound_unsettled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_email}: {self.subject}"


def _draft_id() -> str:
    return secrets.token_hex(16)


class SandboxMailQuerySet(WorkspaceQuerySet):
    def caught(self) -> "SandboxMailQuerySet":
        return self.filter(accepted_at__isnull=False)

    def drafts(self) -> "SandboxMailQuerySet":
        return self.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)


class UnguardedSandboxMailQuerySet(EverywhereQuerySet, SandboxMailQuerySet):
    pass


class SandboxMail(models.Model):
    """A mail handed to a Sandbox mailbox, the far side of the built-in provider.

    It begins as a draft, which is either accepted (caught, as if it had been sent) or
    withdrawn, once and for all.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="caught")
    draft_id = models.CharField(max_length=32, unique=True, default=_draft_id, editable=False)
    message_id = models.CharField(max_length=255)
    thread_id = models.CharField(max_length=255, blank=True)
    recipient = models.EmailField()
    subject = models.TextField(blank=True)
    raw = models.BinaryField()
    bounce = models.CharField(
        max_length=16, blank=True, help_text="The code of the bounce that is still to come back."
    )
    created_at = models.DateTimeField(default=now, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    everywhere = UnguardedSandboxMailQuerySet.as_manager()
    objects = SandboxMailQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "sandbox mail"
        constraints = [
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(withdrawn_at__isnull=True),
                name="sandbox_accepted_or_withdrawn",
            ),
        ]
        indexes = [
            # For the viewer, newest first.
            models.Index(
                fields=["workspace", "-id"],
                condition=Q(accepted_at__isnull=False),
                name="sandbox_viewer",
            ),
            # For look-ups after a crash: was this mail accepted?
            models.Index(fields=["mailbox", "message_id"], name="sandbox_look_up"),
            # For the inbox tick: bounces that are still to come back.
            models.Index(fields=["id"], condition=~Q(bounce=""), name="sandbox_bounces"),
        ]

    def __str__(self) -> str:
        return f"{self.recipient}: {self.subject}"
