from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

from outreach.models import Workspace
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now
from outreach.transitions import Moves
from sequences.models.contact import ContactList
from sequences.models.sequence import Sequence


class Import(Moves):
    """A CSV file on its way into the contacts; its row is the job, `position` the cursor."""

    class Status(models.TextChoices):
        UPLOADED = "uploaded", "Uploaded"
        CHECKING = "checking", "Being checked"
        CHECKED = "checked", "Checked"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    WORKING = [Status.CHECKING, Status.RUNNING]

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="imports")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.UPLOADED)
    name = models.CharField("file name", max_length=200)
    content = models.BinaryField()
    encoding = models.CharField(max_length=20, blank=True)
    delimiter = models.CharField(max_length=1, blank=True)
    has_header = models.BooleanField(default=True)
    header = models.JSONField(default=list, blank=True)
    samples = models.JSONField(default=list, blank=True)
    mapping = models.JSONField(default=dict, blank=True, help_text="Column number to field name.")
    list = models.ForeignKey(
        ContactList, models.SET_NULL, null=True, blank=True, related_name="imports"
    )
    list_name = models.CharField("list", max_length=120, blank=True)
    update_existing = models.BooleanField(default=True)
    rows_total = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField("rows dealt with", default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=dict, blank=True, help_text="Remark to count of rows.")
    error = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        indexes = [
            # For the import tick: files waiting for work.
            models.Index(
                fields=["id"],
                condition=Q(status__in=["checking", "running"]),
                name="import_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_working(self) -> bool:
        return self.status in self.WORKING

    @property
    def columns(self) -> dict[int, str]:
        """Return the field of each column that is imported."""
        return {int(column): field for column, field in self.mapping.items() if field}

    def check_rows(self, **choices: Any) -> None:
        """Have every row looked at; nothing becomes a contact yet. Choices: mapping, list_name…"""
        with transaction.atomic():
            allowed = [self.Status.UPLOADED, self.Status.CHECKED]
            changes = self._from_the_start() | {"notes": {}} | choices
            self.move("checked", allowed=allowed, to=self.Status.CHECKING, **changes)
            self.problems.all().delete()

    def map_again(self) -> None:
        """Go back to the choice of columns."""
        self.move("mapped again", allowed=[self.Status.CHECKED], to=self.Status.UPLOADED)

    def start(self) -> None:
        """Have the checked rows taken over, into the list too if one is named."""
        with transaction.atomic():
            changes = self._from_the_start() | {"started_at": now()}
            self.move("imported", allowed=[self.Status.CHECKED], to=self.Status.RUNNING, **changes)
            if self.list_name:
                self.list, _ = ContactList.everywhere.get_or_create(
                    workspace=self.workspace, name=self.list_name
                )
                self.save(update_fields=["list", "updated_at"])

    def cancel(self) -> None:
        """Stop here; contacts that were taken over already are kept."""
        allowed = [self.Status.UPLOADED, self.Status.CHECKED, *self.WORKING]
        self.move("cancelled", allowed=allowed, to=self.Status.CANCELLED, finished_at=now())

    def finish(self) -> None:
        """Close the stage that has dealt with its last row."""
        if self.status == self.Status.CHECKING:
            self.move("checked", allowed=[self.status], to=self.Status.CHECKED)
        else:
            self.move(
                "finished",
                allowed=[self.Status.RUNNING],
                to=self.Status.DONE,
                finished_at=now(),
            )

    def fail(self, error: str) -> None:
        """Stop with a sentence; what was taken over before is kept."""
        self.move("stopped", allowed=self.WORKING, to=self.Status.FAILED, error=error)

    def retry(self) -> None:
        """Go on after a failure where it stopped."""
        went = self.Status.RUNNING if self.started_at else self.Status.CHECKING
        self.move("tried again", allowed=[self.Status.FAILED], to=went, error="", lease_until=None)

    def advance(self, rows: int, *, lease_until: datetime) -> bool:
        """Take the next rows for the caller, and tell whether nobody else had taken them.

        Call it first in the transaction that deals with them.
        """
        mine = Import.everywhere.filter(pk=self.pk, status=self.status, position=self.position)
        values = {"position": self.position + rows, "lease_until": lease_until}
        if not mine.update(updated_at=now(), **values):
            return False
        for name, value in values.items():
            setattr(self, name, value)
        return True

    def _from_the_start(self) -> dict[str, Any]:
        counts = dict.fromkeys(["position", "created", "updated", "skipped"], 0)
        return counts | {"error": "", "lease_until": None, "started_at": None}


class ImportProblem(models.Model):
    """A row of the file that was not taken, and why; the error file is made of these."""

    job = models.ForeignKey(Import, models.CASCADE, related_name="problems")
    row = models.PositiveIntegerField()
    reason = models.CharField(max_length=200)
    cells = models.JSONField(default=list)

    class Meta:
        ordering = ["row"]
        constraints = [
            models.UniqueConstraint(fields=["job", "row"], name="import_problem_once"),
        ]

    def __str__(self) -> str:
        return f"Row {self.row}: {self.reason}"


class Batch(Moves):
    """Contacts on their way into a sequence; its row is the job, `position` the cursor."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="batches")
    sequence = models.ForeignKey(Sequence, models.CASCADE, related_name="batches")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    contact_ids = models.JSONField(default=list, help_text="In the order they are enrolled.")
    variables = models.JSONField(default=dict, blank=True)
    total = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField("contacts dealt with", default=0)
    enrolled = models.PositiveIntegerField(default=0)
    skipped = models.JSONField(default=dict, blank=True, help_text="Reason to count.")
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        indexes = [
            # For the enroll tick: batches waiting for work.
            models.Index(fields=["id"], condition=Q(status="running"), name="batch_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.total} contacts into {self.sequence}"


class Skip(models.Model):
    """A contact that a batch did not enroll, and why."""

    class Reason(models.TextChoices):
        SUPPRESSED = "suppressed", "On the suppression list"
        OPTED_OUT = "opted_out", "Opted out"
        MALFORMED = "malformed", "Not a valid address"
        ROLE_ADDRESS = "role_address", "Role address, not a person"
        ALREADY_ENROLLED = "already_enrolled", "Already in this sequence"

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="skips")
    contact_id = models.BigIntegerField()
    email = models.CharField(max_length=254)
    reason = models.CharField(max_length=20, choices=Reason.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "contact_id"], name="skipped_once"),
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.get_reason_display()}"
