from datetime import date, datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from mailboxes import limits
from mailboxes.models.ledger import Ledger, WarmingUp
from outreach.crypto import EncryptedTextField
from outreach.models import Workspace
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now
from outreach.transitions import Moves

LONGEST_GAP = 3_600


class Mailbox(WarmingUp, Moves):
    """A connected sending account."""

    class Provider(models.TextChoices):
        GMAIL = "gmail", "Gmail"
        MICROSOFT = "microsoft", "Microsoft 365"
        SMTP = "smtp", "SMTP"
        SANDBOX = "sandbox", "Sandbox"

    class Status(models.TextChoices):
        CONNECTED = "connected", "Connected"
        PAUSED = "paused", "Paused"
        DISCONNECTED = "disconnected", "Disconnected"

    class Security(models.TextChoices):
        TLS = "tls", "TLS (usually port 465)"
        STARTTLS = "starttls", "STARTTLS (usually port 587)"
        PLAIN = "plain", "None (local servers only)"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="mailboxes")
    provider = models.CharField(max_length=9, choices=Provider.choices)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.CONNECTED)
    email = models.EmailField("e-mail")
    sender_name = models.CharField(max_length=120, blank=True)
    signature = models.TextField(blank=True)
    zone = models.CharField("time zone", max_length=64, default="UTC")
    daily_limit = models.PositiveIntegerField(
        default=50,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="Mails a day, counted in the mailbox's own time zone.",
    )
    # A pause after every mail, of so many seconds, and until when the present one lasts.
    gap_least = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(LONGEST_GAP)]
    )
    gap_most = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(LONGEST_GAP)]
    )
    next_free_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The sender's vacation: nothing leaves from the first day to the last, both included.
    away_from = models.DateField(null=True, blank=True)
    away_until = models.DateField(null=True, blank=True)
    smtp_host = models.CharField("SMTP server", max_length=255, blank=True)
    smtp_port = models.PositiveIntegerField("port", default=587)
    smtp_security = models.CharField(
        "encryption", max_length=8, choices=Security.choices, default=Security.STARTTLS
    )
    smtp_username = models.CharField("user name", max_length=255, blank=True)
    smtp_password = EncryptedTextField("password", blank=True, default="")
    # A fault of the mailbox holds all of its touches and burns none of their attempts.
    held_until = models.DateTimeField(null=True, blank=True)
    hold_reason = models.CharField(max_length=24, blank=True)
    faults = models.PositiveSmallIntegerField("faults in a row", default=0)
    # One worker at a time drains a mailbox, so that its connection is used again. Only a
    # courtesy: the claims are safe without it.
    draining_until = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField("the provider's last words", blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "mailboxes"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "email"], name="mailbox_once"),
            models.CheckConstraint(
                condition=Q(status__in=["connected", "paused", "disconnected"]),
                name="mailbox_status_known",
            ),
            models.CheckConstraint(
                condition=Q(gap_least__isnull=True, gap_most__isnull=True)
                | Q(gap_least__isnull=False, gap_most__gte=F("gap_least")),
                name="mailbox_gap_in_order",
            ),
            models.CheckConstraint(
                condition=Q(away_from__isnull=True, away_until__isnull=True)
                | Q(away_from__isnull=False, away_until__gte=F("away_from")),
                name="mailbox_away_in_order",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def may_send(self) -> bool:
        return self.status == self.Status.CONNECTED

    def may_send_at(self, at: datetime) -> bool:
        """Tell whether nothing of its own keeps it from sending at this moment."""
        return self.may_send and (self.held_until is None or self.held_until <= at)

    @property
    def from_name(self) -> str:
        return self.sender_name

    def is_away(self, day: date) -> bool:
        """Tell whether the sender is on vacation on that local day."""
        if self.away_from is None or self.away_until is None:
            return False
        return self.away_from <= day <= self.away_until

    def take_turn(self, touch_id: int, at: datetime) -> bool:
        """Begin the pause that follows this mail; False while that of the one before lasts."""
        if self.gap_least is None or self.gap_most is None:
            return True
        free = Q(next_free_at__isnull=True) | Q(next_free_at__lte=at)
        until = at + limits.gap(touch_id, self.gap_least, self.gap_most)
        return bool(Mailbox.everywhere.filter(free, pk=self.pk).update(next_free_at=until))

    def pause(self) -> None:
        """Stop sending from this mailbox; what was handed over already finishes."""
        self.move("paused", allowed=[self.Status.CONNECTED], to=self.Status.PAUSED)

    def resume(self) -> None:
        """Send from this mailbox again."""
        self.move(
            "resumed",
            allowed=[self.Status.PAUSED],
            to=self.Status.CONNECTED,
            held_until=None,
            hold_reason="",
            faults=0,
        )

    def disconnect(self, words: str) -> None:
        """Note that the provider no longer accepts this mailbox's sign-in."""
        self.move(
            "disconnected",
            allowed=[self.Status.CONNECTED, self.Status.PAUSED, self.Status.DISCONNECTED],
            to=self.Status.DISCONNECTED,
            last_error=words,
        )

    def reconnect(self) -> None:
        """Take a disconnected mailbox back into service."""
        self.move(
            "reconnected",
            allowed=[self.Status.DISCONNECTED, self.Status.CONNECTED],
            to=self.Status.CONNECTED,
            held_until=None,
            hold_reason="",
            faults=0,
            last_error="",
        )

    def hold(self, until: datetime, *, reason: str, words: str) -> None:
        """Let nothing leave before `until`: quota, rate limit or too many faults in a row."""
        Mailbox.everywhere.filter(pk=self.pk).update(
            held_until=until, hold_reason=reason, last_error=words
        )
        self.held_until, self.hold_reason, self.last_error = until, reason, words


class WorkspaceDay(Ledger):
    """What all mailboxes of a workspace may send, and have sent, on one of its local days."""

    OWNER = "workspace"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="days")

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta(Ledger.Meta):
        constraints = [
            *Ledger.Meta.constraints,
            models.UniqueConstraint(fields=["workspace", "day"], name="workspace_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace} on {self.day}: {self.sent} of {self.quota}"


class MailboxDay(Ledger):
    """What one mailbox may send, has reserved and has sent on one of its local days."""

    OWNER = "mailbox"

    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="days")

    class Meta(Ledger.Meta):
        constraints = [
            *Ledger.Meta.constraints,
            models.UniqueConstraint(fields=["mailbox", "day"], name="mailbox_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.mailbox} on {self.day}: {self.sent} of {self.quota}"
