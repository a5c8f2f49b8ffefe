from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self, cast

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Case, F, Q, Value, When

from mailboxes.models import Mailbox
from outreach import localtime
from outreach.models import Workspace
from outreach.prepared import Prepared, update
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now
from outreach.transitions import IllegalTransition, Moves
from sequences.models.contact import Contact
from sequences.models.event import Event
from sequences.models.plan import PLAN, block, undecided
from sequences.models.revision import TextChanged
from sequences.models.sequence import NotReady, Sequence
from sequences.models.touch import Touch
from sequences.rules.places import UNKNOWN, Clock, clock_of
from sequences.rules.schedule import Window


class EnrollmentQuerySet(WorkspaceQuerySet):
    def unfinished(self) -> Self:
        return self.filter(status__in=Enrollment.UNFINISHED)

    def locked(self) -> Self:
        """Lock the rows in id order; SQLite's immediate transactions lock the file anyway."""
        rows = self.order_by("pk")
        if connection.features.has_select_for_update:
            return rows.select_for_update(of=("self",))
        return rows


class UnguardedEnrollmentQuerySet(EverywhereQuerySet, EnrollmentQuerySet):
    pass


class Enrollment(Moves):
    """One contact's run through one sequence: a row of the Sequences table."""

    class Status(models.TextChoices):
        PENDING_APPROVAL = "pending_approval", "Pending approval"
        APPROVED = "approved", "Approved"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        REPLIED_POSITIVE = "replied_positive", "Replied: interested"
        REPLIED_OBJECTION = "replied_objection", "Replied: objection"
        COMPLETE = "complete", "Complete"
        ARCHIVED = "archived", "Archived"

    class EndReason(models.TextChoices):
        REFUSED = "refused", "Refused at enrollment"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Complained"
        WON = "won", "Won"
        LOST = "lost", "Lost"
        CANCELLED = "cancelled", "Cancelled"
        GOAL = "goal", "Goal reached"
        FAILED = "failed", "Failed"
        BY_HAND = "by_hand", "Stopped by hand"

    class Block(models.TextChoices):
        UNCERTAIN_TOUCH = "uncertain_touch", "uncertain"
        FAILED_TOUCH = "failed_touch", "failed"
        UNAPPROVED_TOUCH = "unapproved_touch", "needs approval"
        TASK = "task", "is waiting for you"
        MAILBOX = "mailbox", "Mailbox needs you"

    UNFINISHED = [Status.PENDING_APPROVAL, Status.APPROVED, Status.ACTIVE, Status.PAUSED]
    SENDING = [Status.APPROVED, Status.ACTIVE]

    # The table's indexes begin with these two columns; one more each would only cost writes.
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="enrollments", db_index=False
    )
    sequence = models.ForeignKey(
        Sequence, models.PROTECT, related_name="enrollments", db_index=False
    )
    contact = models.ForeignKey(
        Contact, models.SET_NULL, null=True, blank=True, related_name="enrollments"
    )
    mailbox = models.ForeignKey(
        Mailbox, models.PROTECT, null=True, blank=True, related_name="enrollments"
    )
    status = models.CharField(
        max_length=20, choices=Status.choices, default=Status.PENDING_APPROVAL
    )
    end_reason = models.CharField(max_length=12, choices=EndReason.choices, blank=True)
    end_note = models.CharField(max_length=200, blank=True)
    blocked_by = models.CharField(max_length=20, choices=Block.choices, blank=True)
    blocked_position = models.PositiveSmallIntegerField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_note = models.CharField(max_length=200, blank=True)
    variables = models.JSONField(default=dict, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    # Empty while the drafts are still being written.
    drafted_at = models.DateTimeField(null=True, blank=True)
    # What the reviewer sees: changes with every draft's text.
    digest = models.CharField(max_length=64, blank=True, editable=False)
    # Grows with every change of status: a claim from before the change passes no gate.
    epoch = models.PositiveIntegerField(default=0, editable=False)
    undo_until = models.DateTimeField(null=True, blank=True, editable=False)
    undo_status = models.CharField(max_length=20, blank=True, editable=False)
    steps_total = models.PositiveSmallIntegerField(default=0)
    steps_done = models.PositiveSmallIntegerField(default=0)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    # The chip of the table that lists the row; a column of its own, so that an index serves it.
    chip = models.GeneratedField(
        expression=Case(
            When(dropped_at__isnull=False, then=Value("dropped")),
            When(status="pending_approval", then=Value("pending_approval")),
            When(status__in=["replied_positive", "replied_objection"], then=Value("replied")),
            When(status="complete", then=Value("complete")),
            When(status="archived", then=Value("archived")),
            When(blocked_by="unapproved_touch", then=Value("pending_approval")),
            default=Value("running"),
        ),
        output_field=models.CharField(max_length=20),
        db_persist=True,
    )

    everywhere = UnguardedEnrollmentQuerySet.as_manager()
    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        verbose_name = "prospect"
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "sequence"],
                condition=Q(status__in=["pending_approval", "approved", "active", "paused"]),
                name="one_unfinished_run",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "pending_approval",
                        "approved",
                        "active",
                        "paused",
                        "replied_positive",
                        "replied_objection",
                        "complete",
                        "archived",
                    ]
                ),
                name="enrollment_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="archived") | ~Q(end_reason=""),
                name="archived_says_why",
            ),
        ]
        indexes = [
            # For the table's default chip, by last sent and by created.
            models.Index(
                fields=["workspace", "last_sent_at", "id"],
                condition=~Q(chip__in=["archived", "dropped"]),
                name="table_sent",
            ),
            models.Index(
                fields=["workspace", "created_at", "id"],
                condition=~Q(chip__in=["archived", "dropped"]),
                name="table_created",
            ),
            # For the table's other chips, by last sent and by created; and for their counts.
            models.Index(fields=["workspace", "chip", "last_sent_at", "id"], name="chip_sent"),
            models.Index(fields=["workspace", "chip", "created_at", "id"], name="chip_created"),
            # For the table filtered to one sequence, and the sequence's own numbers.
            models.Index(fields=["sequence", "chip", "last_sent_at", "id"], name="sequence_table"),
            # For the default chip of the table filtered to one sequence, by last sent and created.
            models.Index(
                fields=["sequence", "last_sent_at", "id"],
                condition=~Q(chip__in=["archived", "dropped"]),
                name="sequence_sent",
            ),
            models.Index(
                fields=["sequence", "created_at", "id"],
                condition=~Q(chip__in=["archived", "dropped"]),
                name="sequence_created",
            ),
            # For the chip "Needs attention".
            models.Index(
                fields=["workspace", "last_sent_at", "id"],
                condition=~Q(blocked_by=""),
                name="needs_attention",
            ),
            # For the review queue, oldest first, and for its count in the sidebar.
            models.Index(
                fields=["workspace", "created_at", "id"],
                condition=Q(chip="pending_approval", drafted_at__isnull=False),
                name="review_queue",
            ),
            # For the wake tick: pauses that end by themselves.
            models.Index(
                fields=["paused_until"], condition=Q(status="paused"), name="paused_until"
            ),
            # For the draft tick: runs whose texts are still to be written.
            models.Index(
                fields=["id"],
                condition=Q(status="pending_approval", drafted_at__isnull=True),
                name="to_be_drafted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prospect} in {self.sequence}"

    @property
    def prospect(self) -> str:
        return self.contact.name if self.contact else "Deleted contact"

    @property
    def may_send(self) -> bool:
        return self.status in self.SENDING

    @property
    def is_finished(self) -> bool:
        return self.status not in self.UNFINISHED

    @property
    def clock(self) -> Clock:
        """Whose time the sending hours are meant in: the sequence's, or the prospect's own."""
        sequence, contact = self.sequence, self.contact
        if not sequence.uses_prospect_zone:
            return Clock(sequence.zone)
        if contact is None:
            return Clock(sequence.zone, UNKNOWN)
        company = contact.company.country if contact.company else ""
        return clock_of(sequence.zone, zone=contact.zone, country=contact.country, company=company)

    @property
    def window(self) -> Window:
        """When this run may send."""
        return replace(self.sequence.window, zone=self.clock.zone)

    @property
    def is_drafting(self) -> bool:
        return self.status == self.Status.PENDING_APPROVAL and self.drafted_at is None

    # Verbs, in the order a life goes. Each is one transaction that locks the row first.

    def approve(self, *, by: Any, shown: str) -> None:
        """Approve every draft as the reviewer saw it, and let the run go out.

        `shown` is the approval token the page carried. Raises TextChanged when the texts are
        no longer those, NotReady while a draft lacks a value, IllegalTransition when it is
        too late.
        """
        with transaction.atomic():
            me = self.lock()
            me._expect("approved", [self.Status.PENDING_APPROVAL])
            if me.drafted_at is None:
                raise NotReady("The drafts are still being written. Try again in a moment.")
            if shown != me.approval_token():
                raise TextChanged(shown)
            at = now()
            for touch in me.open_drafts():
                touch.freeze(me, by=by, at=at)
            me._approved(by=by, at=at)
        self.refresh_from_db()

    def approve_touch(self, touch: Touch, *, by: Any, shown: str) -> None:
        """Approve one draft; approving the last one lets the run go out."""
        with transaction.atomic():
            me = self.lock()
            me._expect("approved", self.UNFINISHED)
            draft = me.touches.select_related("step").get(pk=touch.pk)
            if shown != draft.approval_token(me):
                raise TextChanged(shown)
            at = now()
            draft.freeze(me, by=by, at=at)
            Event.log(me, "touch_approved", touch=draft, by=by)
            if me.status == self.Status.PENDING_APPROVAL:
                if not me.open_drafts().exists():
                    me._approved(by=by, at=at)
            else:
                me.refresh_block()
                me.schedule_next(at)
        self.refresh_from_db()

    def undo(self, *, by: Any) -> str:
        """Take back the last approval or stop within its undo window; returns what was undone.

        Raises NotReady, saying what happened meanwhile, when it is too late.
        """
        with transaction.atomic():
            me = self.lock()
            if not me.undo_status or me.undo_until is None or now() > me.undo_until:
                raise NotReady(me._too_late())
            if not me.is_finished:
                return self._undo_approval(me, by)
            return self._undo_end(me, by)

    def pause(self, *, by: Any, until: datetime | None = None, note: str = "") -> None:
        """Hold the run; with `until` it resumes by itself at that time."""
        if until is not None and until <= now():
            raise NotReady("Choose a time in the future.")
        with transaction.atomic():
            me = self.lock()
            me._go("paused", self.SENDING, self.Status.PAUSED, paused_until=until, pause_note=note)
            Event.log(me, "paused", by=by, until=until.isoformat() if until else "", note=note)
        self.refresh_from_db()

    def stay_paused(self, *, note: str) -> None:
        """Let a pause that would end by itself end by hand only."""
        with transaction.atomic():
            me = self.lock()
            both = f"{me.pause_note}. {note}" if me.pause_note else f"{note}, while it was paused"
            me._go(
                "paused",
                [self.Status.PAUSED],
                self.Status.PAUSED,
                paused_until=None,
                pause_note=both[:200],
            )
            Event.log(me, "paused", until="", note=note)
        self.refresh_from_db()

    def resume(self, *, by: Any = None) -> None:
        """Go on where the run was paused."""
        with transaction.atomic():
            me = self.lock()
            to = self.Status.ACTIVE if me.last_sent_at else self.Status.APPROVED
            me._go("resumed", [self.Status.PAUSED], to, paused_until=None, pause_note="")
            Event.log(me, "resumed", by=by)
            me.refresh_block()
            me.schedule_next(now())
        self.refresh_from_db()

    def stop(self, *, by: Any = None, reason: str = "by_hand", note: str = "") -> None:
        """End the run for good and cancel what waits, in one transaction."""
        self.end("stopped", to=self.Status.ARCHIVED, by=by, reason=reason, note=note)

    def end(self, event: str, *, to: str, by: Any = None, reason: str = "", note: str = "") -> None:
        """Close the run as replied, complete or archived; nothing of it leaves any more."""
        with transaction.atomic():
            me = self.lock()
            at = now()
            undo_until = at + me._undo_window() if by is not None else None
            me._go(
                "stopped",
                self.UNFINISHED,
                to,
                end_reason=reason,
                end_note=note,
                ended_at=at,
                blocked_by="",
                blocked_position=None,
                undo_until=undo_until,
                undo_status=me.status if undo_until else "",
            )
            me.touches.cancel()
            me.refresh_block()
            Event.log(me, event, by=by, reason=reason, note=note)
        self.refresh_from_db()

    def drop(self, *, by: Any) -> None:
        """Cancel the run and hide it everywhere; events and suppressions stay."""
        with transaction.atomic():
            me = self.lock()
            if not me.is_finished:
                me.stop(by=by, reason="cancelled")
            # An undo would let it go on where nobody sees it.
            Enrollment.everywhere.filter(pk=me.pk).update(
                dropped_at=now(), undo_status="", undo_until=None
            )
            me.withhold_answers("The prospect was removed.")
            Event.log(me, "dropped", by=by)
        self.refresh_from_db()

    # What the engine tells a run; call these inside its lock.

    def lock(self) -> "Enrollment":
        """Return this run with its row locked until the transaction ends."""
        return cast(Enrollment, LOCKED.get(self.pk))

    def touch(self, pk: int) -> Touch:
        """Return one touch of this run, a step or an answer written by hand."""
        found = Touch.objects.select_related("step").get(pk=pk, enrollment=self.pk)
        found.enrollment = self
        return found

    def withhold_answers(self, why: str) -> None:
        """Cancel what was written by hand and still waits, and say why it does not leave."""
        written = Touch.objects.filter(enrollment=self.pk, in_reply_to__isnull=False)
        waiting = [Touch.Status.SCHEDULED, Touch.Status.FAILED]
        for touch in written.filter(status__in=waiting):
            touch.withhold(self, why)

    def plan(self) -> list[Touch]:
        """Return the steps of the run as they are now, without their texts."""
        return PLAN.rows(self.pk)

    def touch_was_sent(self, touch: Touch, at: datetime, plan: list[Touch]) -> None:
        """Count a step that went out, and give the next one its time.

        `plan` is the steps of the run as they were before it did.
        """
        changes: dict[str, Any] = {"last_sent_at": at, "mailbox_id": touch.mailbox_id}
        # Pending again: another step was edited while this one was on its way.
        if self.status in (self.Status.APPROVED, self.Status.PENDING_APPROVAL):
            changes |= {"status": self.Status.ACTIVE, "undo_status": "", "undo_until": None}
        changes |= {"steps_done": self.steps_done + 1, "updated_at": now()}
        update(Enrollment, {"pk": self.pk}, **changes)
        for name, value in changes.items():
            setattr(self, name, value)
        self.mailbox = touch.mailbox
        for each in plan:
            if each.pk == touch.pk:
                each.status, each.decide = touch.status, touch.decide
        self.schedule_next(at, plan)
        self.refresh_block(plan)

    def bind(self, mailbox: Mailbox | None) -> None:
        """Let all its mails leave from this mailbox from now on; inside the lock."""
        self.mailbox = mailbox
        update(Enrollment, {"pk": self.pk}, mailbox_id=self.mailbox_id, updated_at=now())

    def conclude(
        self, event: str, *, to: str, by: Any = None, reason: str = "", **detail: Any
    ) -> None:
        """Give a run that has ended another end, as a late answer or a correction shows."""
        ends = [status for status in self.Status.values if status not in self.UNFINISHED]
        self._go(
            "ended otherwise",
            ends,
            to,
            end_reason=reason,
            end_note="",
            ended_at=self.ended_at or now(),
            undo_status="",
            undo_until=None,
        )
        Event.log(self, event, by=by, reason=reason, **detail)

    def reopen(self, *, to: str, by: Any = None) -> None:
        """Take a run that an answer had ended by mistake back to where it was.

        Raises NotReady when the prospect was enrolled again meanwhile.
        """
        if self._another_run():
            raise NotReady(f"{self.prospect} was enrolled in this sequence again meanwhile.")
        answered = [self.Status.REPLIED_POSITIVE, self.Status.REPLIED_OBJECTION]
        self._go("reopened", answered, to, end_reason="", end_note="", ended_at=None)
        self.touches.restore()
        Event.log(self, "reopened", by=by)
        self.refresh_block()
        self.schedule_next(now())

    def schedule_next(self, at: datetime, plan: list[Touch] | None = None) -> None:
        """Give the next touch its time, counted from `at`; with none left the run is complete.

        `plan` is the steps of the run as they are now, where somebody has read them.
        """
        if self.status not in self.SENDING:
            return
        plan = self.plan() if plan is None else plan
        touch = next((each for each in plan if each.status in Touch.OPEN), None)
        if touch is None:
            # Approved: every step was skipped before one went out.
            blocks = {"blocked_by": "", "blocked_position": None}
            self._go("completed", self.SENDING, self.Status.COMPLETE, ended_at=at, **blocks)
            Event.log(self, "completed")
            return
        if touch.status == Touch.Status.DRAFT:
            touch.schedule(self, at)

    def step_was_passed(self) -> None:
        """Count a step that was skipped, and give the next one its time."""
        Enrollment.everywhere.filter(pk=self.pk).update(steps_done=F("steps_done") + 1)
        self.refresh_from_db(fields=["steps_done"])
        self.refresh_digest()
        self.refresh_block()
        self.schedule_next(now())

    def refresh_block(self, plan: list[Touch] | None = None) -> None:
        """Recompute what the run needs a person for, from its touches and its mailbox.

        A run that has ended still needs one for a mail of which nobody knows whether it left.
        `plan` as in `schedule_next`.
        """
        plan = self.plan() if plan is None else plan
        kind, position = "", None
        if self.is_finished:
            # Nothing waits any more, but what became of a mail must still be said.
            position = undecided(plan)
            kind = self.Block.UNCERTAIN_TOUCH if position is not None else ""
        else:
            # A run that waits for its approval says that by its status.
            waits = self.status == self.Status.PENDING_APPROVAL
            kind, position = block(plan)
            if waits and kind == self.Block.UNAPPROVED_TOUCH:
                kind, position = "", None
            if not kind and not waits and self.mailbox:
                kind = self.Block.MAILBOX if self.mailbox.needs_a_person else ""
        if (kind, position) != (self.blocked_by, self.blocked_position):
            self.blocked_by, self.blocked_position = kind, position
            self.save(update_fields=["blocked_by", "blocked_position", "updated_at"])

    def text_changed(self, *, by: Any) -> None:
        """Take in that a draft's text changed: what was approved with it no longer holds."""
        self.refresh_digest()
        if self.status == self.Status.APPROVED and self.open_drafts().exists():
            self._go("edited", [self.Status.APPROVED], self.Status.PENDING_APPROVAL)
            self.touches.unschedule()
            Event.log(self, "approval_revoked", by=by)
        self.refresh_block()

    def refresh_digest(self) -> None:
        """Store what identifies the present texts of the run."""
        self.digest = self.touches.digest()
        self.save(update_fields=["digest", "updated_at"])

    def approval_token(self) -> str:
        """Return what a page carries to say which texts it showed: drafts, sender, footer."""
        return Touch.token_of(self.digest, self.envelope())

    def envelope(self) -> tuple[str, ...]:
        """Return what every mail of this run has in common, as the approver sees it."""
        voice = self.voice
        sender = self.mailbox or voice
        rotates = self.rotates and voice is not None
        return (
            self.contact.email if self.contact else "",
            self.from_name,
            Touch.ANY_OF_POOL if rotates else sender.email if sender else "",
            voice.signature if voice else "",
            self.workspace.postal_address,
        )

    @property
    def rotates(self) -> bool:
        """Tell whether the first send is still to bind it to a mailbox of the pool."""
        return self.sequence.rotates and self.mailbox_id is None

    @property
    def voice(self) -> Mailbox | None:
        """Return whose name and signature its mails carry: in a pool always the sequence's own,
        so that what was read is what leaves, from whichever mailbox it does."""
        if self.sequence.rotates:
            return self.sequence.mailbox
        return self.mailbox or self.sequence.mailbox

    @property
    def from_name(self) -> str:
        return self.sequence.sender_name or (self.voice.from_name if self.voice else "")

    def open_drafts(self) -> models.QuerySet:
        """Drafts that nobody has approved yet."""
        return self.touches.filter(status=Touch.Status.DRAFT, approved_at__isnull=True)

    # Small parts of the verbs.

    def _expect(self, done: str, allowed: Collection[str]) -> None:
        if self.status not in allowed:
            raise IllegalTransition(self, done, allowed)

    def _go(self, done: str, allowed: Collection[str], to: str, **changes: Any) -> None:
        self.move(done, allowed=allowed, to=to, epoch=F("epoch") + 1, **changes)

    def _approved(self, *, by: Any, at: datetime) -> None:
        self._go(
            "approved",
            [self.Status.PENDING_APPROVAL],
            self.Status.APPROVED,
            undo_until=at + self._undo_window(),
            undo_status=self.Status.PENDING_APPROVAL,
        )
        Event.log(self, "approved", by=by)
        self.refresh_block()
        self.schedule_next(at)

    def _undo_window(self) -> timedelta:
        return timedelta(seconds=self.workspace.undo_seconds)

    def _undo_approval(self, me: "Enrollment", by: Any) -> str:
        if me.touches.filter(status__in=Touch.IN_FLIGHT).exists():
            raise NotReady("Too late to undo: the first mail is on its way.")
        # Paused or edited within the window, it still is the approval that is taken back.
        me._go(
            "undone",
            [self.Status.APPROVED, self.Status.PAUSED, self.Status.PENDING_APPROVAL],
            self.Status.PENDING_APPROVAL,
            paused_until=None,
            pause_note="",
            undo_status="",
            undo_until=None,
        )
        me.touches.revoke()
        me.refresh_block()
        Event.log(me, "approval_undone", by=by)
        self.refresh_from_db()
        return "approval"

    def _undo_end(self, me: "Enrollment", by: Any) -> str:
        ended, back = me.status, me.undo_status
        if me._another_run():
            raise NotReady(f"Too late to undo: {me.prospect} was enrolled again meanwhile.")
        me._go(
            "undone",
            [ended],
            back,
            end_reason="",
            end_note="",
            ended_at=None,
            undo_status="",
            undo_until=None,
        )
        me.touches.restore()
        Event.log(me, "stop_undone", by=by)
        me.refresh_block()
        me.schedule_next(now())
        self.refresh_from_db()
        return "stop"

    def _another_run(self) -> bool:
        others = Enrollment.everywhere.filter(contact=self.contact, sequence=self.sequence)
        return others.unfinished().exclude(pk=self.pk).exists()

    def _too_late(self) -> str:
        if self.last_sent_at and self.status == self.Status.ACTIVE:
            return f"Too late to undo: the last mail went out {localtime.past(self.last_sent_at)}."
        latest = self.events.select_related("by", "touch").last()
        by = f" by {latest.by}" if latest and latest.by else ""
        since = f" {latest.text}{by}, {localtime.past(latest.at)}." if latest else ""
        return f"Too late to undo.{since} The run is {self._label()} now."

    def _label(self) -> str:
        return str(self.get_status_display()).lower()


LOCKED = Prepared(
    lambda pk: Enrollment.everywhere.filter(pk=pk).select_related(
        "workspace", "sequence__mailbox", "mailbox", "contact__company"
    ),
    int,
    lock='FOR UPDATE OF "sequences_enrollment"',
)
