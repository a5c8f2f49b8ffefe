from django.conf import settings
from django.db import models

from outreach.times import now


class TextChanged(Exception):
    """What the person saw is not what stands there now; nothing was changed or approved."""

    def __init__(self, shown: str) -> None:
        super().__init__("The text changed while you were reading it. Nothing was approved.")
        self.shown = shown


class Revision(models.Model):
    """A text that a draft had before it was changed, so that a reviewer can see the difference."""

    touch = models.ForeignKey("sequences.Touch", models.CASCADE, related_name="revisions")
    subject = models.CharField(max_length=300, blank=True)
    body = models.TextField(blank=True)
    # The approval tokens that pages carried while this text stood.
    run_token = models.CharField(max_length=32)
    touch_token = models.CharField(max_length=32)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.touch} before {self.at:%d %b %H:%M}"
