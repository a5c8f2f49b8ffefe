"""What was last found about the domain of a mailbox."""

from django.core.validators import RegexValidator
from django.db import models

from mailboxes.models.mailbox import Mailbox


class DomainCheck(models.Model):
    """The last look at SPF, DKIM, DMARC and MX of one mailbox's domain."""

    mailbox = models.OneToOneField(Mailbox, models.CASCADE, related_name="domain_check")
    dkim_selector = models.CharField(
        "DKIM selector",
        max_length=100,
        blank=True,
        validators=[
            RegexValidator(
                r"\A[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\Z",
                "A selector has letters, digits, hyphens and dots, as in “google”.",
            )
        ],
        help_text="The name before “._domainkey”. Empty: the usual names are tried.",
    )
    findings = models.JSONField(default=list, editable=False)
    # The kinds that failed when they were last answered for.
    failing = models.JSONField(default=list, editable=False)
    # Of two that ask at once, the later is believed.
    asked_at = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [
            # For the timetable, which asks the longest unasked first.
            models.Index(fields=["asked_at"], name="domain_check_asked"),
        ]

    def __str__(self) -> str:
        return f"Domain of {self.mailbox}"
