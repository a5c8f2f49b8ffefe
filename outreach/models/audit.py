from typing import Any

from django.conf import settings
from django.db import models

from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now


class AuditEntry(models.Model):
    """Who did what to which record of a workspace, when. Append-only."""

    workspace = models.ForeignKey("outreach.Workspace", models.CASCADE, related_name="+")
    verb = models.CharField(max_length=40)
    about = models.CharField(max_length=200, help_text="The record, as it was called then.")
    model = models.CharField(max_length=60, blank=True)
    record_id = models.BigIntegerField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(default=now, editable=False)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            # For the audit page, newest first.
            models.Index(fields=["workspace", "-at", "-id"], name="audit_page"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.about}"

    @classmethod
    def note(
        cls, workspace: Any, verb: str, *, by: Any = None, about: models.Model, **detail: Any
    ) -> "AuditEntry":
        """Write one entry; call it in the transaction of the change it tells of."""
        return cls.everywhere.create(
            workspace=workspace,
            verb=verb,
            about=str(about)[:200],
            model=about._meta.label,
            record_id=about.pk,
            detail=detail,
            by=by,
        )
