import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils.crypto import salted_hmac

from mailboxes.compose import new_message_id
from mailboxes.models import Mailbox
from outreach.times import now
from outreach.transitions import IllegalTransition, Moves
from sequences.models.event import Event
from sequences.models.revision import Revision, TextChanged
from sequences.models.sequence import NotReady, Step
from sequences.rules import footer, schedule, texts, tokens


def digest_of(drafts: Iterable[tuple[int, str, str]]) -> str:
    """Return what identifies drafts, given as position, subject and body, in order."""
    return sha256(json.dumps(list(drafts)).encode()).hexdigest()


class TouchQuerySet(models.QuerySet):
    def open(self) -> Self:
        """Touches that are still to leave, in order."""
        return self.filter(status__in=Touch.OPEN).order_by("position")

    def cancel(self) -> None:
        """Cancel what waits; what is at the provider already stays as it is."""
        self.filter(status__in=Touch.WAITING).update(
            status=Touch.Status.CANCELLED, cancelled_from=F("status"), updated_at=now()
        )

    def restore(self) -> None:
        """Take back a cancellation."""
        self.filter(status=Touch.Status.CANCELLED).exclude(cancelled_from="").update(
            status=F("cancelled_from"), cancelled_from="", updated_at=now()
        )

    def revoke(self) -> None:
        """Take back the approval of everything that has not left."""
        self.filter(status__in=[Touch.Status.DRAFT, Touch.Status.SCHEDULED]).update(
            status=Touch.Status.DRAFT,
            due_at=None,
            approved_at=None,
            approved_by=None,
            approved_hash="",
            updated_at=now(),
        )

    def unschedule(self) -> None:
        """Take scheduled touches back to approved drafts: the run waits for a person."""
        self.filter(status=Touch.Status.SCHEDULED).update(
            status=Touch.Status.DRAFT, due_at=None, updated_at=now()
        )

    def digest(self) -> str:
        """Return what identifies the present texts, in order."""
        rows = self.order_by("position").values_list("position", "subject", "body")
        return digest_of(rows)


TouchManager = models.Manager.from_queryset(TouchQuerySet)


class StepManager(TouchManager):
    """The touches that are steps of their runs, in the order that runs follow."""

    def get_queryset(self) -> TouchQuerySet:
        return TouchQuerySet(self.model, using=self._db).filter(in_reply_to__isnull=True)


class Touch(Moves):
    """One step of one enrollment: the draft a person reviews, later the mail that was sent.

    Or an answer that a person wrote by hand: a touch without a step, approved by being written.
    It belongs to no order, so `run.touches` and `Touch.steps` leave it out.
    """

    people_say = "steps"

    class Status(models.TextChoices):
        WRITING = "writing", "Being written"
        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        UNCERTAIN = "uncertain", "Uncertain"
        SKIPPED = "skipped", "Skipped"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = [
        Status.WRITING,
        Status.DRAFT,
        Status.SCHEDULED,
        Status.SENDING,
        Status.UNCERTAIN,
        Status.FAILED,
    ]
    WAITING = [Status.WRITING, Status.DRAFT, Status.SCHEDULED, Status.FAILED]
    EDITABLE = [Status.DRAFT, Status.SCHEDULED, Status.FAILED]
    # What is approved as the sender where the sequence rotates.
    ANY_OF_POOL = "any mailbox of the pool"
    IN_FLIGHT = [Status.SENDING, Status.UNCERTAIN]

    enrollment = models.ForeignKey("sequences.Enrollment", models.CASCADE, related_name="touches")
    step = models.ForeignKey(Step, models.SET_NULL, null=True, blank=True, related_name="touches")
    # What it answers, where a person wrote it by hand. The index "touch_by_hand" serves it.
    in_reply_to = models.ForeignKey(
        "sequences.Reply",
        models.CASCADE,
        null=True,
        blank=True,
        # The other way would ask the manager of the steps.
        related_name="+",
        db_index=False,
    )
    mailbox = models.ForeignKey(
        Mailbox, models.PROTECT, null=True, blank=True, related_name="touches"
    )
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20, choices=Step.Kind.choices, default=Step.Kind.EMAIL)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.WRITING)
    subject = models.CharField(max_length=300, blank=True)
    body = models.TextField(blank=True)
    angle = models.CharField(max_length=80, blank=True)
    missing = models.JSONField(default=list, blank=True)
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    edited_at = models.DateTimeField(null=True, blank=True)
    # The approval: who, when, and the exact words. The hash is checked again at the gate.
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    approved_hash = models.CharField(max_length=64, blank=True, editable=False)
    recipient = models.EmailField(max_length=254, blank=True)
    sender_name = models.CharField(max_length=120, blank=True)
    sender = models.CharField(max_length=254, blank=True)
    full_text = models.TextField(blank=True)
    message_id = models.CharField(max_length=120, blank=True)
    # The Date header: set when an attempt is built, kept while its outcome is unknown.
    dated_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The schedule.
    due_at = models.DateTimeField(null=True, blank=True)
    is_rescheduled = models.BooleanField(default=False)
    is_hurried = models.BooleanField(
        default=False, help_text="Fast-forwarded in a sandbox: the window does not hold it."
    )
    # The send.
    attempts_made = models.PositiveSmallIntegerField("attempts", default=0)
    round = models.PositiveSmallIntegerField(default=1)
    crashes = models.PositiveSmallIntegerField(default=0)
    lease_token = models.PositiveIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    draft_id = models.CharField("provider's draft id", max_length=255, blank=True)
    wire_message_id = models.CharField(max_length=255, blank=True)
    thread_id = models.CharField(max_length=255, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    unknown_since = models.DateTimeField(null=True, blank=True)
    error = models.TextField("the provider's words", blank=True)
    error_kind = models.CharField(max_length=24, blank=True)
    bounced_at = models.DateTimeField(null=True, blank=True)
    # Uncertain: how often the provider was asked, when next, and whether a person must decide.
    checks = models.PositiveSmallIntegerField(default=0)
    check_at = models.DateTimeField(null=True, blank=True)
    decide = models.BooleanField(default=False)
    cancelled_from = models.CharField(max_length=12, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = TouchQuerySet.as_manager()
    steps = StepManager()

    class Meta:
        ordering = ["position"]
        verbose_name_plural = "touches"
        # A run's touches are its steps.
        default_manager_name = "steps"
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "position"],
                condition=Q(in_reply_to__isnull=True),
                name="touch_once",
            ),
            # Written by hand: in no order, and approved from the beginning.
            models.CheckConstraint(
                condition=Q(in_reply_to__isnull=True)
                | Q(position=0, step__isnull=True, mailbox__isnull=False, approved_at__isnull=False)
                & ~Q(approved_hash=""),
                name="answer_is_no_step",
            ),
            models.UniqueConstraint(
                fields=["message_id"], condition=~Q(message_id=""), name="message_id_once"
            ),
            # Order of steps, and the unit of the race between a stop and a send.
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(status__in=["sending", "uncertain"], in_reply_to__isnull=True),
                name="one_touch_in_flight",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["scheduled", "sending"])
                | (Q(approved_at__isnull=False) & ~Q(approved_hash="")),
                name="nothing_unapproved_waits_to_leave",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "writing",
                        "draft",
                        "scheduled",
                        "sending",
                        "sent",
                        "failed",
                        "uncertain",
                        "skipped",
                        "cancelled",
                    ]
                ),
                name="touch_status_known",
            ),
        ]
        indexes = [
            # For the send tick: what is due from a mailbox.
            models.Index(
                fields=["mailbox", "due_at", "id"],
                condition=Q(status="scheduled"),
                name="touch_due",
            ),
            # For the send tick: answers by hand, however many steps are due. And for whoever
            # suppresses an address: what is on its way to it.
            models.Index(
                fields=["mailbox", "due_at"],
                condition=Q(
                    status__in=["scheduled", "sending", "failed"], in_reply_to__isnull=False
                ),
                name="answer_waiting",
            ),
            # For the thread: what was written by hand.
            models.Index(
                fields=["in_reply_to"],
                condition=Q(in_reply_to__isnull=False),
                name="touch_by_hand",
            ),
            # For the reap tick: claims whose worker is gone.
            models.Index(fields=["lease_until"], condition=Q(status="sending"), name="touch_lease"),
            # For the reconcile tick: unknown outcomes to ask the provider about.
            models.Index(fields=["check_at"], condition=Q(status="uncertain"), name="touch_check"),
            # For matching a reply to what it answers.
            models.Index(
                fields=["wire_message_id"],
                condition=~Q(wire_message_id=""),
                name="touch_wire_id",
            ),
            # For matching a reply by its provider thread.
            models.Index(
                fields=["mailbox", "thread_id"],
                condition=~Q(thread_id=""),
                name="touch_thread",
            ),
            # For the standing of a mailbox: what bounced of its mail lately.
            models.Index(
                fields=["mailbox", "bounced_at"],
                condition=Q(bounced_at__isnull=False),
                name="touch_bounced",
            ),
        ]

    def __str__(self) -> str:
        return "Answer by hand" if self.is_by_hand else f"Step {self.position}"

    @property
    def is_by_hand(self) -> bool:
        """Tell whether a person wrote it as an answer; run status and order do not hold it."""
        return self.in_reply_to_id is not None

    @property
    def keeps_hours(self) -> bool:
        """Tell whether it waits for the sequence's sending hours."""
        return not (self.is_hurried or self.is_by_hand)

    @property
    def is_approved(self) -> bool:
        return self.approved_at is not None

    @property
    def is_ready(self) -> bool:
        """Tell whether the draft has every value it needs."""
        return not self.missing and bool(self.body.strip())

    @property
    def in_thread(self) -> bool:
        """Tell whether this mail answers the one before it."""
        return self.position > 1 and not self.subject.strip()

    @property
    def is_pooled(self) -> bool:
        """Tell whether it was approved to leave from any mailbox of the pool."""
        return self.sender == self.ANY_OF_POOL

    def approval_token(self, enrollment: Any) -> str:
        """Return what a page carries to say which text of this touch it showed."""
        content = json.dumps([self.pk, self.subject, self.body])
        return self.token_of(sha256(content.encode()).hexdigest(), enrollment.envelope())

    @staticmethod
    def token_of(digest: str, envelope: tuple[str, ...]) -> str:
        """Combine a digest of texts with what all mails of the run have in common."""
        return sha256(json.dumps([digest, *envelope]).encode()).hexdigest()[:32]

    def effective_subject(self) -> str:
        """Return the subject line as it will leave: in a thread, "Re: " and the first one."""
        earlier = Touch.steps.filter(enrollment_id=self.enrollment_id, position__lt=self.position)
        return self.subject_after([] if self.subject.strip() else list(earlier))

    def subject_after(self, before: Iterable["Touch"]) -> str:
        """Return the subject line, given the touches before this one in order."""
        if self.subject.strip():
            return self.subject.strip()
        subjects = [touch.subject for touch in before if touch.subject]
        return texts.reply_subject(subjects[-1] if subjects else "")

    def freeze(self, enrollment: Any, *, by: Any, at: datetime) -> None:
        """Approve this text, to the word, as it would leave now.

        Raises NotReady when a value is missing.
        """
        if self.missing:
            names = ", ".join(f"{{{{ {name} }}}}" for name in self.missing)
            raise NotReady(
                f"Step {self.position} still needs {names}. Fill it in or edit the text."
            )
        if not self.body.strip():
            raise NotReady(f"Step {self.position} has no text yet.")
        if self.position == 1 and not self.subject.strip():
            raise NotReady("Step 1 has no subject yet.")
        if enrollment.contact is None:
            raise NotReady("The contact was deleted; nothing can be sent.")
        recipient, sender_name, sender, signature, address = enrollment.envelope()
        if not sender:
            raise NotReady("The sequence has no mailbox to send from.")
        if not address.strip():
            raise NotReady(
                "Enter the workspace's postal address first: the law asks for it under every mail."
            )
        frozen = {
            "recipient": recipient,
            "sender_name": sender_name,
            "sender": sender,
            "full_text": footer.full_text(self.body, signature, address),
        }
        self.move(
            "approved",
            allowed=[self.Status.DRAFT],
            to=self.Status.DRAFT,
            approved_at=at,
            approved_by=by,
            **frozen,
        )
        self.approved_hash = self.frozen_hash()
        seed = salted_hmac("message-id", f"{self.enrollment_id}:{self.position}:{self.pk}")
        self.message_id = self.message_id or new_message_id(
            seed.hexdigest(), enrollment.voice.email.rpartition("@")[2]
        )
        self.save(update_fields=["approved_hash", "message_id"])

    def frozen_hash(self) -> str:
        """Return the hash of the approved text as it stands in the row now."""
        return texts.content_hash(
            recipient=self.recipient,
            sender_name=self.sender_name,
            sender=self.sender,
            subject=self.subject.strip(),
            body=self.full_text,
        )

    @property
    def is_as_approved(self) -> bool:
        return bool(self.approved_hash) and self.approved_hash == self.frozen_hash()

    def schedule(self, enrollment: Any, at: datetime) -> None:
        """Give an approved draft its time; before the first send, never in the undo window."""
        if not self.is_approved:
            return
        due = self.planned(enrollment, at)
        if enrollment.undo_until and not enrollment.last_sent_at:
            due = max(due, enrollment.undo_until)
        self.move(
            "scheduled",
            allowed=[self.Status.DRAFT],
            to=self.Status.SCHEDULED,
            due_at=due,
            mailbox_id=self._sender_of(enrollment),
        )

    def _sender_of(self, enrollment: Any) -> int | None:
        """Return the mailbox that it waits for; None: whichever of the pool is next."""
        if self.is_by_hand:
            return self.mailbox_id
        if enrollment.mailbox_id:
            return enrollment.mailbox_id
        return None if self.is_pooled else enrollment.sequence.mailbox_id

    def was_sent_again(self) -> bool:
        """Tell whether a person had it sent again, who cannot know that an earlier try never left.

        A second copy has the Date of the first.
        """
        return self.attempts.filter(decided_by__isnull=False).exists()

    def planned(self, enrollment: Any, at: datetime) -> datetime:
        """Return when this step is due, not before `at`.

        Its delay after the step before really went out, or after enrollment; a time that a
        person chose replaces the delay, and is at least a minute after the step before.
        """
        before = enrollment.last_sent_at
        if self.is_rescheduled and self.due_at:
            return max(self.due_at, before + timedelta(minutes=1) if before else at, at)
        days = self.step.delay_days if self.step else 0
        hours = self.step.delay_hours if self.step else 0
        sequence = enrollment.sequence
        due = schedule.add_delay(
            before or enrollment.created_at,
            days=days,
            hours=hours,
            zone=sequence.zone,
            counts=sequence.counts,
        )
        return max(due, at)

    # Verbs of a person. Each locks the run first.

    def edit(self, *, subject: str, body: str, by: Any, shown: str = "") -> None:
        """Change the text; what was approved of it no longer holds. The same text is no change.

        `shown` is the token of the text the person started from. Raises TextChanged when
        somebody changed it meanwhile, IllegalTransition once it is on its way.
        """
        with transaction.atomic():
            run = self.enrollment.lock()
            draft = run.touches.select_related("step").get(pk=self.pk)
            draft._expect_a_future(run)
            if shown and shown != draft.approval_token(run):
                raise TextChanged(shown)
            is_same = (_subject(subject), _body(body)) == (draft.subject, draft.body)
            if not is_same or draft.status not in self.EDITABLE:
                draft.rewrite(run, subject=subject, body=body, by=by)
                Event.log(run, "edited", touch=draft, by=by)
                run.text_changed(by=by)
        self.refresh_from_db()

    def rewrite(self, run: Any, *, subject: str, body: str, by: Any) -> None:
        """Put a new text into the draft, keeping the old one as a revision; inside the lock."""
        Revision.objects.create(
            touch=self,
            subject=self.subject,
            body=self.body,
            run_token=run.approval_token(),
            touch_token=self.approval_token(run),
            by=by,
        )
        self.move(
            "edited",
            allowed=self.EDITABLE,
            to=self.Status.DRAFT,
            subject=_subject(subject),
            body=_body(body),
            missing=tokens.names(f"{subject}\n{body}"),
            edited_by=by,
            edited_at=now(),
            due_at=self.due_at if self.is_rescheduled else None,
            approved_at=None,
            approved_by=None,
            approved_hash="",
            error="",
            error_kind="",
            attempts_made=0,
        )

    def retry(self, *, by: Any) -> None:
        """Queue a failed touch again, with a fresh set of attempts."""
        with transaction.atomic():
            run = self.enrollment.lock()
            self._expect_a_future(run)
            self.move(
                "retried",
                allowed=[self.Status.FAILED],
                to=self.Status.SCHEDULED,
                due_at=now(),
                attempts_made=0,
                crashes=0,
                round=F("round") + 1,
                error="",
                error_kind="",
                bounced_at=None,
                mailbox_id=self._sender_of(run),
            )
            Event.log(run, "retried", touch=self, by=by)
            run.refresh_block()
        self.refresh_from_db()

    def take_back(self, *, by: Any) -> None:
        """Take back an answer written by hand, while it waits or once it has failed."""
        with transaction.atomic():
            run = self.enrollment.lock()
            waiting = [self.Status.SCHEDULED, self.Status.FAILED]
            self.move(
                "taken back",
                allowed=waiting if self.is_by_hand else [],
                to=self.Status.CANCELLED,
                error="",
                error_kind="",
            )
            Event.log(run, "taken_back", touch=self, by=by)

    def withhold(self, run: Any, why: str) -> None:
        """Cancel an answer written by hand for a reason that no time lifts; inside the lock."""
        waiting = [self.Status.SCHEDULED, self.Status.FAILED]
        self.move("withheld", allowed=waiting, to=self.Status.CANCELLED, error=why, error_kind="")
        Event.log(run, "withheld", touch=self, words=why)

    def skip(self, *, by: Any) -> None:
        """Leave this step out; the next one takes its turn."""
        with transaction.atomic():
            run = self.enrollment.lock()
            self._expect_a_future(run)
            self.move(
                "skipped",
                allowed=[*self.EDITABLE, self.Status.WRITING],
                to=self.Status.SKIPPED,
                due_at=None,
            )
            Event.log(run, "skipped", touch=self, by=by)
            run.step_was_passed()
        self.refresh_from_db()

    def reschedule(self, at: datetime, *, by: Any) -> datetime:
        """Choose when this step leaves; returns the time, moved into the sequence's window.

        Raises NotReady for a time in the past. The approval is kept.
        """
        if at <= now():
            raise NotReady("Choose a time in the future.")
        with transaction.atomic():
            run = self.enrollment.lock()
            due = schedule.next_open(at, run.window)
            waiting = [self.Status.DRAFT, self.Status.SCHEDULED]
            rows = Touch.steps.filter(pk=self.pk, status__in=waiting)
            if not rows.update(due_at=due, is_rescheduled=True, updated_at=now()):
                self.refresh_from_db()
                raise IllegalTransition(self, "rescheduled", waiting)
            Event.log(run, "rescheduled", touch=self, by=by, due_at=due.isoformat())
        self.refresh_from_db()
        return due

    # Small parts of the verbs.

    def _expect_a_future(self, run: Any) -> None:
        """Raise NotReady for the step that ended its run: it stays as it failed."""
        if run.is_finished and run.touches.filter(pk=self.pk, status=self.Status.FAILED).exists():
            end = run.get_end_reason_display() or run.get_status_display()
            raise NotReady(f"The run has ended: {end}. Nothing of it is sent any more.")


def _subject(text: str) -> str:
    return " ".join(text.split())


def _body(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
