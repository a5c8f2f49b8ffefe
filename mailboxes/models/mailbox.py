from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from mailboxes import limits, standing
from mailboxes.models.inbox import Inbox, Security
from mailboxes.models.ledger import Ledger, WarmingUp
from outreach.crypto import EncryptedTextField
from outreach.desk import done_at_desk
from outreach.models import Workspace
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now
from outreach.transitions import Moves

LONGEST_GAP = 3_600


class Mailbox(WarmingUp, Inbox, Moves):
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

    Security = Security

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
    # Some sequence rotates over it. It may say so longer than that is true; then whoever looks
    # for its mail looks once more than it must.
    is_pooled = models.BooleanField(default=False, editable=False)
    most_bounces = models.DecimalField(
        "bounces at most, in per cent",
        max_digits=4,
        decimal_places=1,
        default=standing.USUAL_MOST,
        validators=[MinValueValidator(Decimal("0.1")), MaxValueValidator(100)],
    )
    # Out of every pool since then, with the numbers; what was sent before a person put it back
    # does not count any more.
    out_since = models.DateTimeField(null=True, blank=True, editable=False)
    out_note = models.CharField(max_length=200, blank=True, editable=False)
    put_back_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Since when its domain's authentication fails, in words, and since when it therefore sends
    # no campaign mail (mailboxes/domains.py).
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    failing_note = models.CharField(max_length=200, blank=True, default="", editable=False)
    cold_stopped_at = models.DateTimeField(null=True, blank=True, editable=False)
    smtp_host = models.CharField("SMTP server", max_length=255, blank=True)
    smtp_port = models.PositiveIntegerField("port", default=587)
    smtp_security = models.CharField(
        "encryption", max_length=8, choices=Security.choices, default=Security.STARTTLS
    )
    smtp_username = models.CharField("user name", max_length=255, blank=True)
    smtp_password = EncryptedTextField("password", blank=True, default="")
    # What Google or Microsoft gave us to send with; the number tells which of two is newer.
    sign_in = EncryptedTextField("sign-in", blank=True, default="", editable=False)
    sign_in_version = models.PositiveIntegerField(default=0, editable=False)
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

    @property
    def needs_a_person(self) -> bool:
        """Tell whether its runs wait until somebody reconnects it, or mends its domain."""
        return self.status == self.Status.DISCONNECTED or self.cold_stopped_at is not None

    def may_send_at(self, at: datetime) -> bool:
        """Tell whether nothing of its own keeps it from sending at this moment."""
        return self.may_send and (self.held_until is None or self.held_until <= at)

    @property
    def from_name(self) -> str:
        return self.sender_name

    @property
    def can_read_inbox(self) -> bool:
        if self.provider == self.Provider.SMTP:
            return bool(self.imap_host)
        return True

    def heard_until(self, at: datetime) -> datetime | None:
        # What comes into a Sandbox is written into our own tables.
        return at if self.provider == self.Provider.SANDBOX else super().heard_until(at)

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

    @done_at_desk
    def keep_sign_in(self, tokens: str) -> bool:
        """Store what the provider renewed; False when somebody stored newer ones meanwhile."""
        rows = Mailbox.everywhere.filter(pk=self.pk, sign_in_version=self.sign_in_version)
        kept = rows.update(sign_in=tokens, sign_in_version=F("sign_in_version") + 1)
        if kept:
            self.sign_in, self.sign_in_version = tokens, self.sign_in_version + 1
        return bool(kept)

    def replace_sign_in(self, tokens: str) -> None:
        """Sign in with these from now on, or with nothing; what is renewed meanwhile is dropped."""
        Mailbox.everywhere.filter(pk=self.pk).update(
            sign_in=tokens, sign_in_version=F("sign_in_version") + 1
        )
        self.refresh_from_db(fields=["sign_in", "sign_in_version"])

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
            # Its inbox is read at once, whatever was in the way before.
            inbox_error="",
            inbox_faults=0,
            next_read_at=None,
        )

    def leave_pools(self, note: str, at: datetime) -> bool:
        """Take no more turns in any pool, for its bounces; False where it takes none already."""
        rows = Mailbox.everywhere.filter(pk=self.pk, out_since__isnull=True)
        return bool(rows.update(out_since=at, out_note=note, updated_at=at))

    def return_to_pools(self) -> bool:
        """Take turns again, its bounces counted anew; False where it takes them already."""
        at = now()
        rows = Mailbox.everywhere.filter(pk=self.pk, out_since__isnull=False)
        return bool(rows.update(out_since=None, out_note="", put_back_at=at, updated_at=at))

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
