from decimal import Decimal
from typing import Any

from django.db import models, transaction

from outreach.models import AuditEntry, Workspace
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now
from sequences.models.contact import Company, Contact
from sequences.models.enrollment import Enrollment
from sequences.models.event import Event
from sequences.rules import money


class Deal(models.Model):
    """A chance to sell, opened by a reply with interest."""

    class Stage(models.TextChoices):
        NEW = "new", "New"
        MEETING = "meeting", "Meeting"
        PROPOSAL = "proposal", "Proposal"
        WON = "won", "Won"
        LOST = "lost", "Lost"

    # Of which nobody knows yet how they end.
    OPEN = [Stage.NEW, Stage.MEETING, Stage.PROPOSAL]

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="deals")
    enrollment = models.OneToOneField(
        Enrollment, models.SET_NULL, null=True, blank=True, related_name="deal"
    )
    contact = models.ForeignKey(
        Contact, models.SET_NULL, null=True, blank=True, related_name="deals"
    )
    company = models.ForeignKey(
        Company, models.SET_NULL, null=True, blank=True, related_name="deals"
    )
    title = models.CharField(max_length=200)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.NEW)
    value = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now, editable=False)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        indexes = [
            # For the page of deals, newest first; its other orders sort what a workspace has.
            models.Index(fields=["workspace", "-created_at", "-id"], name="deal_page"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def worth(self) -> str:
        """Say its value: "12,000.50 EUR"; nothing where nobody has put one on it."""
        return money.said(self.value, self.currency)

    def move_to(self, stage: str, *, by: Any) -> str:
        """Put it into a stage of the pipeline; returns the one that it was in."""
        with transaction.atomic():
            me = self._locked()
            was = Deal.Stage(me.stage)
            if stage != was:
                note = f"From {was.label} to {Deal.Stage(stage).label}"
                me._change("deal_moved", note, by=by, stage=stage)
        self.refresh_from_db()
        return was

    def revalue(self, value: Decimal | None, currency: str, *, by: Any) -> bool:
        """Put a value on it, or take it off; False where it is that already."""
        currency = currency if value is not None else ""
        with transaction.atomic():
            me = self._locked()
            is_new = (me.value, me.currency) != (value, currency)
            if is_new:
                note = f"From {me.worth or 'none'} to {money.said(value, currency) or 'none'}"
                me._change("deal_valued", note, by=by, value=value, currency=currency)
        self.refresh_from_db()
        return is_new

    def _locked(self) -> "Deal":
        """Return it as it is now: its run is locked first, as by whoever takes in an answer."""
        if self.enrollment:
            self.enrollment.lock()
        return Deal.everywhere.select_for_update(of=("self",), no_key=True).get(pk=self.pk)

    def _change(self, kind: str, note: str, *, by: Any, **changes: Any) -> None:
        Deal.everywhere.filter(pk=self.pk).update(updated_at=now(), **changes)
        fields = list(changes)
        AuditEntry.note(self.workspace, "change", by=by, about=self, fields=fields, note=note)
        if self.enrollment:
            Event.log(self.enrollment, kind, by=by, note=note)
