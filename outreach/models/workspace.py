import secrets
from datetime import UTC, datetime, time, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction

from outreach import localtime
from outreach.models.audit import AuditEntry
from outreach.models.erasing import erase_rows_of
from outreach.models.user import User
from outreach.times import now

INVITATION_LIFE = timedelta(days=14)


class Workspace(models.Model):
    """A tenant: every other record belongs to exactly one."""

    name = models.CharField(max_length=120)
    zone = models.CharField("time zone", max_length=64, default="UTC")
    postal_address = models.TextField(
        blank=True,
        help_text="Printed under every mail: the law of most countries asks for it.",
    )
    undo_seconds = models.PositiveSmallIntegerField(
        "undo window",
        default=10,
        validators=[MaxValueValidator(120)],
        help_text="Nothing leaves for this many seconds after Approve & send (0 to 120).",
    )
    failed_after_days = models.PositiveSmallIntegerField(
        "give up on failed steps after",
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="Days until a run whose step failed, and nobody retried, is archived.",
    )
    daily_limit = models.PositiveIntegerField(
        "mails a day",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(1_000_000)],
        help_text="From all mailboxes together, counted in the workspace's time zone. "
        "Empty: only the limits of mailboxes and sequences hold.",
    )
    is_sandbox = models.BooleanField(
        default=False, help_text="Only Sandbox mailboxes: nothing leaves, time can be moved on."
    )
    stopped_at = models.DateTimeField("sending stopped at", null=True, blank=True)
    stopped_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(undo_seconds__lte=120), name="workspace_undo_at_most_120"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_stopped(self) -> bool:
        return self.stopped_at is not None

    def stop_sending(self, *, by: User) -> None:
        """Stop every send of this workspace at its next gate; stopping twice changes nothing."""
        self._set_stopped(True, by=by, verb="stop_sending")

    def resume_sending(self, *, by: User) -> None:
        """Let sending go on; resuming twice changes nothing."""
        self._set_stopped(False, by=by, verb="resume_sending")

    def erase(self) -> None:
        """Delete the workspace with everything in it."""
        with transaction.atomic():
            # Nothing can be added to a locked workspace while it is being emptied.
            if Workspace.objects.select_for_update().filter(pk=self.pk).first():
                erase_rows_of(self)
                self.delete()

    def _set_stopped(self, stopped: bool, *, by: User, verb: str) -> None:
        with transaction.atomic():
            rows = Workspace.objects.filter(pk=self.pk, stopped_at__isnull=stopped)
            # The time is taken once the row is: a mail whose gate was first has an earlier mark.
            if rows.select_for_update(no_key=True).first() is None:
                return
            at = now() if stopped else None
            rows.update(stopped_at=at, stopped_by=by if at else None)
            self.stopped_at, self.stopped_by = at, by if at else None
            AuditEntry.note(self, verb, by=by, about=self)


class Membership(models.Model):
    """One person's role in one workspace."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer"
        MEMBER = "member", "Member"
        APPROVER = "approver", "Approver"
        ADMIN = "admin", "Admin"
        OWNER = "owner", "Owner"

    # Each role may do what the ones before it may.
    RANKS = [Role.VIEWER, Role.MEMBER, Role.APPROVER, Role.ADMIN, Role.OWNER]

    class Digest(models.TextChoices):
        OFF = "off", "Never"
        HOURLY = "hourly", "Every hour, when there is something new"
        DAILY = "daily", "Once a day, when there is something new"

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(default=now, editable=False)
    # The mail about replies that wait: how often, on this person's clock; when next, and what it
    # said last.
    digest = models.CharField(
        "mail about replies that wait", max_length=6, choices=Digest.choices, default=Digest.OFF
    )
    digest_hour = models.PositiveSmallIntegerField(
        "hour of the day", default=8, validators=[MaxValueValidator(23)]
    )
    digest_at = models.DateTimeField(null=True, blank=True, editable=False)
    digested_at = models.DateTimeField(null=True, blank=True, editable=False)
    digest_seen = models.BigIntegerField(default=0, editable=False)

    class Meta:
        indexes = [
            # For the digest tick: whose mail is due.
            models.Index(
                fields=["digest_at"],
                condition=models.Q(digest_at__isnull=False),
                name="digest_due",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "workspace"], name="member_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=["viewer", "member", "approver", "admin", "owner"]),
                name="membership_role_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display().lower()} of {self.workspace}"

    def may(self, role: str) -> bool:
        """Tell whether this member has at least the rights of `role`.

        viewer reads; member imports, enrolls, writes; approver also approves, retries,
        resolves, stops; admin also mailboxes, settings, members, emergency stop; owner
        also deletes the workspace.
        """
        ranks = [rank.value for rank in self.RANKS]
        return ranks.index(self.role) >= ranks.index(role)

    def next_digest(self, at: datetime) -> datetime | None:
        """Return when the mail about replies is due next, after `at`; None where it is off.

        Once for each local day: where the clock is set back its hour comes twice and counts
        once, and where it is set forward over it the mail comes right after the gap.
        """
        if self.digest == self.Digest.OFF:
            return None
        if self.digest == self.Digest.HOURLY:
            return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        zone = localtime.zone_named(self.user.zone) or UTC
        day = at.astimezone(zone).date()
        hour = time(self.digest_hour)
        today, tomorrow = (
            datetime.combine(day + timedelta(days=days), hour, zone).astimezone(UTC)
            for days in (0, 1)
        )
        return today if today > at else tomorrow

    def plan_digest(self, at: datetime) -> None:
        """Give the next mail its time, after how often or the clock it goes by was changed."""
        self.digest_at = self.next_digest(at)
        self.save(update_fields=["digest_at"])


def _invitation_token() -> str:
    return secrets.token_urlsafe(24)


def _invitation_end() -> datetime:
    return now() + INVITATION_LIFE


class Invitation(models.Model):
    """A link that makes whoever opens it, signed in, a member of the workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail")
    role = models.CharField(
        max_length=8, choices=Membership.Role.choices, default=Membership.Role.MEMBER
    )
    token = models.CharField(max_length=64, unique=True, default=_invitation_token, editable=False)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField(default=_invitation_end, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=models.Q(accepted_at__isnull=True),
                name="invited_once_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace}"
