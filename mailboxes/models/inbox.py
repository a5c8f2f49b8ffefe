"""What a mailbox knows about its own inbox: how it is read, and until when it is known."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from outreach.crypto import EncryptedTextField
from outreach.times import now

# A reading older than this says nothing about who has answered by now.
FRESH = timedelta(minutes=2)
# A reader that is gone is not waited for longer than this; a living one takes half of it.
LEASE = timedelta(minutes=2)
SELDOM = timedelta(minutes=10)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=30)


class Security(models.TextChoices):
    """How a connection to a mail server is encrypted."""

    TLS = "tls", "TLS (usually port 465)"
    STARTTLS = "starttls", "STARTTLS (usually port 587)"
    PLAIN = "plain", "None (local servers only)"


class Inbox(models.Model):
    """How what comes in is read, when that was last done, and who watches where it cannot be."""

    imap_host = models.CharField("IMAP server", max_length=255, blank=True)
    imap_port = models.PositiveIntegerField("IMAP port", default=993)
    imap_security = models.CharField(
        "IMAP encryption", max_length=8, choices=Security.choices, default=Security.TLS
    )
    # Empty: the same as for sending.
    imap_username = models.CharField("IMAP user name", max_length=255, blank=True)
    imap_password = EncryptedTextField("IMAP password", blank=True, default="")
    # Everything that had come in by then is known and dealt with.
    inbox_read_at = models.DateTimeField("inbox last read", null=True, blank=True)
    inbox_tried_at = models.DateTimeField(null=True, blank=True, editable=False)
    inbox_error = models.TextField("why the inbox cannot be read", blank=True)
    inbox_faults = models.PositiveSmallIntegerField("failed readings in a row", default=0)
    # Not before then, unless a follow-up is due soon; after a failed reading not even so.
    next_read_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Its provider said then that something came in: read at once, if not read since.
    woken_at = models.DateTimeField(null=True, blank=True, editable=False)
    # One worker at a time reads an inbox. Only a courtesy: reading it twice counts once.
    reading_until = models.DateTimeField(null=True, blank=True, editable=False)
    # Somebody has promised to stop the runs of whoever answers, as long as nobody else can.
    watched_at = models.DateTimeField(null=True, blank=True, editable=False)
    watched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    class Meta:
        abstract = True

    @property
    def can_read_inbox(self) -> bool:
        """Tell whether the product learns by itself what comes in."""
        raise NotImplementedError

    @property
    def needs_watching(self) -> bool:
        """Tell whether follow-ups wait for a person who watches the inbox."""
        return not self.can_read_inbox and self.watched_at is None

    def heard_until(self, at: datetime) -> datetime | None:
        """Return the moment up to which every answer is known; None if that is too long ago."""
        if self.watched_at:
            return at
        if not self.can_read_inbox or self.inbox_read_at is None:
            return None
        return self.inbox_read_at if self.inbox_read_at >= at - FRESH else None

    def watch(self, by: Any) -> None:
        """Take a person's word that they watch the inbox, until the product can read it."""
        self._set(watched_at=now(), watched_by=by)

    def unwatch(self) -> None:
        """Rely on nobody's eyes any more."""
        self._set(watched_at=None, watched_by=None)

    def begin_reading(self, at: datetime) -> bool:
        """Take the turn to read the inbox; False while somebody else does."""
        free = Q(reading_until__isnull=True) | Q(reading_until__lte=at)
        mine = type(self)._base_manager.filter(free, pk=self.pk)
        return bool(mine.update(reading_until=at + LEASE, inbox_tried_at=at))

    def was_read(self, began: datetime) -> None:
        """Note that all that had come in before `began` is known and dealt with."""
        known = Q(inbox_read_at__isnull=True) | Q(inbox_read_at__lt=began)
        type(self)._base_manager.filter(known, pk=self.pk).update(
            inbox_read_at=began,
            inbox_error="",
            inbox_faults=0,
            next_read_at=began + SELDOM,
            reading_until=None,
            # The promise was made for as long as nobody else could.
            watched_at=None,
            watched_by=None,
        )

    def was_read_in_part(self) -> None:
        """Note that more waits, so that the next turn goes on at once."""
        self._set(next_read_at=None, reading_until=None)

    def could_not_be_read(self, words: str, at: datetime) -> None:
        """Keep why, in the server's words; each failure in a row is waited for longer."""
        wait = min(FIRST_WAIT * 2 ** min(self.inbox_faults, 10), LONGEST_WAIT)
        self._set(
            inbox_error=words,
            inbox_faults=F("inbox_faults") + 1,
            next_read_at=at + wait,
            reading_until=None,
        )

    def read_anew(self) -> None:
        """Forget what was read: the account behind the inbox is another one."""
        self.folders.all().delete()  # type: ignore[attr-defined]
        self._set(
            inbox_read_at=None,
            inbox_tried_at=None,
            inbox_error="",
            inbox_faults=0,
            next_read_at=None,
            watched_at=None,
            watched_by=None,
        )

    def _set(self, **changes: Any) -> None:
        type(self)._base_manager.filter(pk=self.pk).update(**changes)
        for name, value in changes.items():
            if not hasattr(value, "resolve_expression"):
                setattr(self, name, value)


class Folder(models.Model):
    """How far one folder of a mailbox has been read, in its provider's own terms."""

    mailbox = models.ForeignKey("mailboxes.Mailbox", models.CASCADE, related_name="folders")
    name = models.TextField()
    cursor = models.TextField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "name"], name="folder_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.mailbox}"
