import secrets

from django.conf import settings
from django.db import models

from outreach.models import Workspace
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now


class SuppressionQuerySet(WorkspaceQuerySet):
    def covering(self, email: str) -> "SuppressionQuerySet":
        """Keep the entries that forbid writing to this address: itself or its domain."""
        email = email.strip().lower()
        return self.filter(value__in=[email, email.rpartition("@")[2]])


class UnguardedSuppressionQuerySet(EverywhereQuerySet, SuppressionQuerySet):
    pass


class Suppression(models.Model):
    """An address or a whole domain that must never be contacted again."""

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Complained"
        BY_HAND = "by_hand", "Added by hand"
        IMPORTED = "imported", "Imported"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="suppressions")
    value = models.CharField(
        "address or domain", max_length=254, help_text="ana@example.com, or example.com for all."
    )
    reason = models.CharField(max_length=12, choices=Reason.choices, default=Reason.BY_HAND)
    source = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    everywhere = UnguardedSuppressionQuerySet.as_manager()
    objects = SuppressionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "value"], name="suppressed_once"),
        ]
        indexes = [
            # For the suppression page, newest first.
            models.Index(fields=["workspace", "-id"], name="suppressions_page"),
        ]

    def __str__(self) -> str:
        return self.value

    @property
    def is_domain(self) -> bool:
        return "@" not in self.value


def _token() -> str:
    return secrets.token_urlsafe(24)


class OptOutLink(models.Model):
    """The public address at which one person unsubscribes from one workspace's mail.

    It outlives the contact: a link in a mail must work for as long as the mail exists.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    email = models.EmailField("e-mail", max_length=254)
    token = models.CharField(max_length=64, unique=True, default=_token, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "email"], name="opt_out_link_once"),
        ]

    def __str__(self) -> str:
        return self.email
