"""What a provider was asked to tell us about one mailbox."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F

from mailboxes.models.mailbox import Mailbox
from outreach.crypto import EncryptedTextField

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)


class Push(models.Model):
    """A provider's promise to tell us when something comes into a mailbox, and until when."""

    mailbox = models.OneToOneField(Mailbox, models.CASCADE, related_name="push")
    # The topic or the address that it goes to; another one in the settings needs a new promise.
    target = models.CharField(max_length=300, blank=True)
    # How Microsoft calls it, and the word that each of its notifications must carry.
    subscription_id = models.CharField(max_length=255, blank=True)
    secret = EncryptedTextField("word of the subscription", blank=True, default="")
    expires_at = models.DateTimeField(null=True)
    # Empty: at once.
    renew_at = models.DateTimeField(null=True)
    error = models.TextField("why the provider does not push", blank=True)
    faults = models.PositiveSmallIntegerField("failed requests in a row", default=0)

    class Meta:
        verbose_name_plural = "pushes"
        indexes = [
            # For a notification, which names nothing but the subscription.
            models.Index(fields=["subscription_id"], name="push_subscription"),
        ]

    def __str__(self) -> str:
        return f"Push of {self.mailbox}"

    def take_turn(self, until: datetime) -> bool:
        """Take the turn to ask the provider; False where somebody else has it."""
        # As it was read: whoever was first has moved it on.
        rows = Push.objects.filter(pk=self.pk, subscription_id=self.subscription_id)
        same = {"renew_at": self.renew_at} if self.renew_at else {"renew_at__isnull": True}
        return bool(rows.filter(**same).update(renew_at=until))

    def was_granted(
        self, *, target: str, until: datetime, renew_at: datetime, subscription_id: str, secret: str
    ) -> bool:
        """Keep the promise; False where the provider has taken an earlier one back meanwhile."""
        rows = Push.objects.filter(pk=self.pk, subscription_id=self.subscription_id)
        return bool(
            rows.update(
                target=target,
                expires_at=until,
                renew_at=renew_at,
                subscription_id=subscription_id,
                secret=secret,
                error="",
                faults=0,
            )
        )

    def was_refused(self, words: str, at: datetime) -> None:
        """Keep why, in the provider's words; each failure in a row is waited for longer."""
        wait = min(FIRST_WAIT * 2 ** min(self.faults, 10), LONGEST_WAIT)
        Push.objects.filter(pk=self.pk).update(
            error=words, faults=F("faults") + 1, renew_at=at + wait
        )

    def ask_again(self) -> None:
        """Have it renewed by the next tick."""
        Push.objects.filter(pk=self.pk).update(renew_at=None, faults=0)

    def ended(self) -> None:
        """The provider has taken it back; the next tick asks for a new one."""
        Push.objects.filter(pk=self.pk).update(
            subscription_id="", secret="", expires_at=None, renew_at=None, faults=0
        )

    def was_given_up(self) -> None:
        """Count on it no more. How Microsoft calls it stays known, for what is on its way still."""
        Push.objects.filter(pk=self.pk).update(expires_at=None, renew_at=None, error="", faults=0)
