from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Case, Q, When

from mailboxes import standing
from mailboxes.models import Ledger, Mailbox, WarmingUp
from outreach.models import AuditEntry, Workspace
from outreach.prepared import Prepared, update
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now
from outreach.transitions import Moves
from sequences.rules import calendars
from sequences.rules.schedule import Window


class NotReady(Exception):
    """The record lacks something the action needs; the message says what and how to get it."""


class Gap(NamedTuple):
    """Something a sequence lacks: a word for programs, a sentence for people."""

    code: str
    sentence: str


def working_week() -> list[int]:
    return [1, 2, 3, 4, 5]


def known_country(code: str) -> None:
    """Raise ValidationError for a country whose holidays cannot be computed."""
    if code not in calendars.countries():
        raise ValidationError("The holidays of this country are not known; use a code like PT.")


def dates_in_order(days: Any) -> None:
    """Raise ValidationError for anything but a list of dates as they are written in JSON."""
    try:
        parsed = calendars.parse_days_off(" ".join(days))
    except (TypeError, ValueError) as problem:
        raise ValidationError('Write a list of dates, as in ["2026-12-24"].') from problem
    if [day.isoformat() for day in parsed] != days:
        raise ValidationError("Write the dates in order, each once.")


class SequenceQuerySet(WorkspaceQuerySet):
    def running(self) -> "SequenceQuerySet":
        return self.filter(status=Sequence.Status.ACTIVE)

    def listed(self) -> "SequenceQuerySet":
        """Those that rails and selects offer: running first, archived never."""
        words = (Sequence.Status.ACTIVE, Sequence.Status.PAUSED, Sequence.Status.DRAFT)
        places = Case(
            *(When(status=word, then=place) for place, word in enumerate(words)), default=9
        )
        return self.exclude(status=Sequence.Status.ARCHIVED).order_by(places, "name", "pk")


class UnguardedSequenceQuerySet(EverywhereQuerySet, SequenceQuerySet):
    pass


class Sequence(WarmingUp, Moves):
    """A plan of steps that runs for many contacts."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        COMPLETED = "completed", "Completed"
        ARCHIVED = "archived", "Archived"

    class ApprovalMode(models.TextChoices):
        MANUAL = "manual", "A person approves every draft"
        AUTOMATIC = "automatic", "Drafts are approved when their step falls due"

    class CompanyRule(models.TextChoices):
        CONTINUE = "continue", "Their colleagues' runs go on"
        PAUSE = "pause", "Pause their colleagues' runs until somebody resumes them"
        STOP = "stop", "Stop their colleagues' runs for good"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="sequences")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    mailbox = models.ForeignKey(
        Mailbox, models.PROTECT, null=True, blank=True, related_name="sequences"
    )
    # It has a pool (PoolMember). Then the mailbox above lends its name and its signature to all
    # mails, and sends itself while nobody is left in the pool.
    rotates = models.BooleanField(default=False, editable=False)
    sender_name = models.CharField(
        max_length=120, blank=True, help_text="Empty: the mailbox's own sender name."
    )
    variables = models.JSONField(
        default=dict, blank=True, help_text="Defaults for tokens that no contact fills."
    )
    approval_mode = models.CharField(
        max_length=10, choices=ApprovalMode.choices, default=ApprovalMode.MANUAL
    )
    # In automatic mode drafts are approved in this person's name.
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # What a person's answer does to the runs of the same company in this sequence.
    company_rule = models.CharField(
        max_length=8, choices=CompanyRule.choices, default=CompanyRule.CONTINUE
    )
    zone = models.CharField("time zone", max_length=64, default="UTC")
    window_start = models.TimeField("from", default=time(9))
    window_end = models.TimeField("until", default=time(18))
    weekdays = models.JSONField(default=working_week)
    uses_prospect_zone = models.BooleanField(
        "use the prospect's own time",
        default=False,
        help_text="The hours are meant on the prospect's clock where it is known: from the "
        "contact's time zone, else from a country with one time. Else the zone above.",
    )
    # Nothing leaves on public holidays of this country, nor on these dates (ISO, in order).
    holiday_country = models.CharField(
        "public holidays", max_length=2, blank=True, validators=[known_country]
    )
    days_off = models.JSONField(default=list, blank=True, validators=[dates_in_order])
    business_days = models.BooleanField(
        "count delays in business days",
        default=False,
        help_text="Weekends, public holidays and days off are passed over.",
    )
    per_minute = models.PositiveSmallIntegerField(
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text="Mails a minute, 1 to 60.",
    )
    daily_limit = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: no limit."
    )
    auto_pause_bounce_rate = models.DecimalField(
        "pause at more bounces than, in per cent",
        max_digits=4,
        decimal_places=1,
        default=standing.USUAL_MOST,
        validators=[MinValueValidator(Decimal("0.1")), MaxValueValidator(100)],
    )
    # Bounces are counted over what was sent since then; empty: over everything.
    resumed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Why it paused itself, with the numbers; empty where a person paused it.
    pause_note = models.CharField(max_length=200, blank=True, editable=False)
    # The throttle: nothing of this sequence is claimed before this instant.
    next_free_at = models.DateTimeField(null=True, blank=True, editable=False)
    launched_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    everywhere = UnguardedSequenceQuerySet.as_manager()
    objects = SequenceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(per_minute__gte=1, per_minute__lte=60),
                name="sequence_per_minute_1_to_60",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "active", "paused", "completed", "archived"]),
                name="sequence_status_known",
            ),
            models.CheckConstraint(
                condition=Q(warm_up_start__isnull=True) | Q(daily_limit__isnull=False),
                name="sequence_warms_up_to_a_limit",
            ),
        ]
        indexes = [
            # For the rail and the select beside the table.
            models.Index(fields=["workspace", "status", "name"], name="sequence_rail"),
            # For the send tick: which sequences of this mailbox may send now.
            models.Index(fields=["mailbox"], condition=Q(status="active"), name="sequence_sending"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def window(self) -> Window:
        """When this sequence may send."""
        return Window(
            start=self.window_start,
            end=self.window_end,
            weekdays=frozenset(self.weekdays),
            zone=self.zone,
            country=self.holiday_country,
            days_off=frozenset(map(date.fromisoformat, self.days_off)),
        )

    def counts(self, day: date) -> bool:
        """Tell whether a day counts for the delays between steps."""
        if not self.business_days:
            return True
        window = self.window
        return calendars.is_working_day(day, window.country, window.days_off)

    @property
    def spacing(self) -> timedelta:
        """The least time between two sends."""
        return timedelta(minutes=1) / self.per_minute

    @property
    def from_name(self) -> str:
        return self.sender_name or (self.mailbox.from_name if self.mailbox else "")

    def missing(self) -> list[str]:
        """Say what this sequence still needs before it can be active."""
        return [gap.sentence for gap in self.gaps()]

    def gaps(self) -> list[Gap]:
        """Return what is missing, each with the word by which a page finds where to mend it."""
        gaps = []
        steps = list(self.steps.all())
        if not steps:
            gaps.append(Gap("steps", "Add at least one step."))
        elif not steps[0].subject.strip():
            gaps.append(Gap("steps", "Write the subject of step 1."))
        for step in steps:
            if not step.body.strip():
                gaps.append(Gap("steps", f"Write the text of step {step.position}."))
        if self.mailbox is None:
            gaps.append(Gap("mailbox", "Choose the mailbox it sends from."))
        elif self.mailbox.status == Mailbox.Status.DISCONNECTED and not self.has_others():
            gaps.append(Gap("reconnect", f"Reconnect the mailbox {self.mailbox}."))
        if not self.workspace.postal_address.strip():
            gaps.append(
                Gap(
                    "address",
                    "Enter the workspace's postal address, which is printed under every mail.",
                )
            )
        return gaps

    def has_others(self) -> bool:
        """Tell whether a mailbox of the pool can send while its own cannot."""
        if not self.rotates:
            return False
        connected = Q(mailbox__status=Mailbox.Status.CONNECTED, mailbox__out_since__isnull=True)
        return self.pool.filter(connected).exists()

    def activate(self, *, by: Any) -> None:
        """Let the sequence run for the contacts enrolled in it.

        Raises NotReady when a step, a mailbox or the postal address is missing.
        """
        with transaction.atomic():
            self._expect_whole()
            self._change("activated", "activate", [self.Status.DRAFT], self.Status.ACTIVE, by)

    def pause(self, *, by: Any) -> None:
        """Send nothing more; what a provider has already finishes."""
        self._change("paused", "pause", [self.Status.ACTIVE], self.Status.PAUSED, by)

    def pause_itself(self, note: str) -> None:
        """Send nothing more, in nobody's name: the note says why, with the numbers."""
        with transaction.atomic():
            allowed = [self.Status.ACTIVE]
            self.move("paused", allowed=allowed, to=self.Status.PAUSED, pause_note=note)
            AuditEntry.note(self.workspace, "pause_itself", about=self, why=note)

    def resume(self, *, by: Any) -> None:
        """Go on; what is overdue leaves at the pace of the throttle, never in a burst."""
        with transaction.atomic():
            self._expect_whole()
            self._change(
                "resumed",
                "resume",
                [self.Status.PAUSED],
                self.Status.ACTIVE,
                by,
                resumed_at=now(),
                pause_note="",
            )

    def archive(self, *, by: Any) -> None:
        """Put the sequence away for good; its unfinished enrollments are cancelled with it."""
        ends = [self.Status.PAUSED, self.Status.COMPLETED]
        with transaction.atomic():
            # The runs before the sequence, as a worker locks them.
            list(self.enrollments.unfinished().locked().values_list("pk"))
            self._change("archived", "archive", ends, self.Status.ARCHIVED, by)
            for enrollment in self.enrollments.unfinished().order_by("pk").iterator(500):
                enrollment.stop(by=by, reason="cancelled")
            # An undo would take one back into a sequence that never goes on.
            self.enrollments.exclude(undo_status="").update(undo_status="", undo_until=None)

    def complete(self) -> None:
        """Close a launched sequence whose every enrollment has ended."""
        self._change("completed", "complete", [self.Status.ACTIVE], self.Status.COMPLETED, None)

    def discard(self, *, by: Any) -> None:
        """Delete a draft; a sequence that has run is archived instead."""
        with transaction.atomic():
            self.move("deleted", allowed=[self.Status.DRAFT], to=self.Status.DRAFT)
            AuditEntry.note(self.workspace, "delete", by=by, about=self)
            self.delete()

    @classmethod
    def take_turns(cls, sequences: Collection["Sequence"], at: datetime) -> bool:
        """Take the next send of each of these, or of none: False while a throttle is closed.

        Call it inside a transaction.
        """
        if sequences and len(OPEN.rows([each.pk for each in sequences], at)) != len(sequences):
            return False
        paces: dict[timedelta, list[int]] = defaultdict(list)
        for sequence in sequences:
            paces[sequence.spacing].append(sequence.pk)
        for spacing, ids in paces.items():
            update(cls, {"pk__in": ids}, next_free_at=at + spacing)
        return True

    def _expect_whole(self) -> None:
        """Raise NotReady if something is missing, the address as it is stored now."""
        # Whoever empties the address takes the same row, so that one of the two is first.
        rows = Workspace.objects.select_for_update(no_key=True)
        self.workspace = rows.get(pk=self.workspace_id)
        if lacks := self.missing():
            raise NotReady(" ".join(lacks))

    def _change(
        self, done: str, verb: str, allowed: Collection[str], to: str, by: Any, **changes: Any
    ) -> None:
        with transaction.atomic():
            self.move(done, allowed=allowed, to=to, **changes)
            AuditEntry.note(self.workspace, verb, by=by, about=self)


class PoolMember(models.Model):
    """A mailbox over which a sequence rotates: each run leaves from one of them, and stays."""

    sequence = models.ForeignKey(Sequence, models.CASCADE, related_name="pool", db_index=False)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField()
    # Its last turn: whoever waited longest is next.
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["sequence", "mailbox"], name="pool_member_once"),
        ]

    def __str__(self) -> str:
        return f"{self.mailbox} in the pool of {self.sequence}"


class SequenceDay(Ledger):
    """What one sequence may send, has reserved and has sent on one of its local days."""

    OWNER = "sequence"

    sequence = models.ForeignKey(Sequence, models.CASCADE, related_name="days")

    class Meta(Ledger.Meta):
        constraints = [
            *Ledger.Meta.constraints,
            models.UniqueConstraint(fields=["sequence", "day"], name="sequence_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} on {self.day}: {self.sent} of {self.quota}"


class Step(models.Model):
    """One position of a sequence: what to write, and how long after the step before it."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"

    sequence = models.ForeignKey(Sequence, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.EMAIL)
    subject = models.CharField(
        max_length=300, blank=True, help_text="Empty: in the thread of the step before it."
    )
    body = models.TextField(blank=True)
    angle = models.CharField(max_length=80, blank=True, help_text="The pitch of this mail.")
    delay_days = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(365)])
    delay_hours = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(23)])

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["sequence", "position"], name="one_step_per_position")
        ]

    def __str__(self) -> str:
        return f"Step {self.position} of {self.sequence}"

    @property
    def in_thread(self) -> bool:
        return not self.subject.strip() and self.position > 1


# The sequences whose throttle is open, held in id order, so that two who want the same ones wait
# for each other and not for ever; and no key, so that what was sent a moment ago can still name
# its sequence.
OPEN = Prepared(
    lambda ids, at: (
        Sequence.everywhere.filter(
            Q(next_free_at__isnull=True) | Q(next_free_at__lte=at),
            pk__in=ids,
            status=Sequence.Status.ACTIVE,
        )
        .order_by("pk")
        .values_list("pk")
    ),
    list[int],
    datetime,
    lock="FOR NO KEY UPDATE",
)
