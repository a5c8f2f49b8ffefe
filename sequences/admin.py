"""The operators' view of sequences, their runs, and what happened to them."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from outreach.admin import Everywhere, ReadOnly
from outreach.models import User
from outreach.times import now
from outreach.transitions import IllegalTransition
from sequences.engine import people
from sequences.models import (
    Attempt,
    Batch,
    Company,
    Contact,
    ContactList,
    Deal,
    Enrollment,
    Event,
    Import,
    ImportProblem,
    NotReady,
    OptOutLink,
    Reply,
    Revision,
    Sequence,
    SequenceDay,
    Skip,
    Step,
    Suppression,
    Touch,
)
from sequences.rules.schedule import Window


def each(
    page: admin.ModelAdmin,
    request: HttpRequest,
    rows: models.QuerySet,
    verb: Callable[[Any], None],
    done: str,
) -> None:
    """Do the verb to each row, and say for how many it was done and why not for the rest."""
    count = 0
    for row in rows:
        try:
            verb(row)
        except (IllegalTransition, NotReady) as problem:
            page.message_user(request, f"{row}: {problem}", messages.WARNING)
        else:
            count += 1
    page.message_user(request, f"{count} {done}.")


class PauseAndResume(Everywhere):
    actions: tuple[str, ...] = ("pause", "resume")

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        each(self, request, queryset, lambda row: row.pause(by=request.user), "paused")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        each(self, request, queryset, lambda row: row.resume(by=request.user), "resumed")


@admin.register(Company)
class CompanyAdmin(Everywhere):
    list_display = ("name", "domain", "industry", "country", "workspace")
    list_filter = ("created_at",)
    list_select_related = ("workspace",)
    search_fields = ("name", "domain")
    raw_id_fields = ("workspace",)


@admin.register(Contact)
class ContactAdmin(Everywhere):
    list_display = ("email", "name", "company", "status", "source", "opted_out", "workspace")
    list_filter = ("status", "source", "opted_out")
    list_select_related = ("workspace", "company")
    search_fields = ("search",)
    raw_id_fields = ("workspace", "company")

    def delete_model(self, request: HttpRequest, obj: Contact) -> None:
        people.delete(obj.workspace, [obj], by=cast(User, request.user))

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        """Delete as the product does, which stops the runs of whoever is deleted."""
        for contact in queryset.select_related("workspace"):
            people.delete(contact.workspace, [contact], by=cast(User, request.user))


@admin.register(ContactList)
class ContactListAdmin(Everywhere):
    list_display = ("name", "workspace", "created_at")
    list_filter = ("created_at",)
    list_select_related = ("workspace",)
    search_fields = ("name",)
    raw_id_fields = ("workspace", "contacts")


class SequenceForm(forms.ModelForm):
    """Refuses times in which nothing could ever be sent."""

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        days = values.get("weekdays")
        start, end = values.get("window_start"), values.get("window_end")
        if start is None or end is None or "zone" not in values:
            return values
        if not isinstance(days, list) or not all(isinstance(day, int) for day in days):
            raise forms.ValidationError({"weekdays": "Write a list of numbers, as in [1, 2, 3]."})
        try:
            Window(start, end, frozenset(days), values["zone"])
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem
        return values


class StepInline(admin.StackedInline):
    model = Step
    extra = 0


@admin.register(Sequence)
class SequenceAdmin(PauseAndResume):
    form = SequenceForm
    list_display = ("name", "workspace", "status", "mailbox", "per_minute", "approval_mode")
    list_filter = ("status", "approval_mode")
    list_select_related = ("workspace", "mailbox")
    search_fields = ("name", "workspace__name")
    raw_id_fields = ("workspace", "mailbox", "approver", "created_by")
    readonly_fields = ("status", "next_free_at", "launched_at", "created_at")
    inlines = (StepInline,)


@admin.register(SequenceDay)
class SequenceDayAdmin(ReadOnly):
    list_display = ("sequence", "day", "sent", "reserved", "quota")
    list_filter = ("day",)
    list_select_related = ("sequence",)
    search_fields = ("sequence__name",)
    date_hierarchy = "day"


class TouchInline(admin.TabularInline):
    model = Touch
    fields = ("position", "status", "subject", "due_at", "sent_at", "error")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False


@admin.register(Enrollment)
class EnrollmentAdmin(PauseAndResume):
    list_display = (
        "id",
        "contact",
        "sequence",
        "status",
        "end_reason",
        "blocked_by",
        "steps_done",
        "steps_total",
        "last_sent_at",
        "created_at",
    )
    list_filter = ("status", "end_reason", "blocked_by")
    list_select_related = ("contact", "sequence")
    search_fields = ("contact__search", "sequence__name")
    fields = (
        "workspace",
        "sequence",
        "contact",
        "mailbox",
        "status",
        "end_reason",
        "end_note",
        "blocked_by",
        "paused_until",
        "variables",
        "metadata",
        "last_sent_at",
        "created_at",
        "ended_at",
        "dropped_at",
    )
    readonly_fields = fields
    inlines = (TouchInline,)
    actions = ("pause", "resume", "stop")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes what was sent, and to whom: it would be sent again."""
        return False

    @admin.action(description="Stop for good", permissions=["change"])
    def stop(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        each(self, request, queryset, lambda row: row.stop(by=request.user), "stopped")


class AttemptInline(admin.TabularInline):
    model = Attempt
    fields = ("number", "round", "started_at", "wire_at", "finished_at", "outcome", "words")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False


@admin.register(Touch)
class TouchAdmin(ReadOnly):
    list_display = (
        "id",
        "recipient",
        "position",
        "status",
        "due_at",
        "sent_at",
        "attempts_made",
        "error_kind",
        "mailbox",
    )
    list_filter = ("status", "error_kind")
    list_select_related = ("mailbox",)
    search_fields = ("recipient", "message_id", "wire_message_id")
    show_full_result_count = False
    inlines = (AttemptInline,)
    actions = ("retry",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """Show what was written by hand as well."""
        return Touch.objects.all()

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sequences.change_touch")

    @admin.action(description="Retry", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        each(self, request, queryset, lambda row: row.retry(by=request.user), "queued again")


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    list_display = ("touch_id", "number", "mailbox", "started_at", "wire_at", "outcome", "words")
    list_filter = ("outcome",)
    list_select_related = ("mailbox",)
    search_fields = ("touch__recipient", "words")
    show_full_result_count = False


@admin.register(Revision)
class RevisionAdmin(ReadOnly):
    list_display = ("touch_id", "at", "by", "subject")
    list_filter = ("at",)
    list_select_related = ("by",)
    search_fields = ("touch__enrollment__contact__email",)


@admin.register(Event)
class EventAdmin(Everywhere, ReadOnly):
    list_display = ("at", "workspace", "enrollment_id", "kind", "touch_id", "by")
    list_filter = ("kind",)
    list_select_related = ("workspace", "by")
    search_fields = ("enrollment__contact__email",)


@admin.register(Reply)
class ReplyAdmin(Everywhere, ReadOnly):
    list_display = ("received_at", "enrollment", "label", "corrected_by", "return_on")
    list_filter = ("label",)
    list_select_related = ("enrollment__contact", "enrollment__sequence", "corrected_by")
    search_fields = ("mail__from_email",)


@admin.register(Deal)
class DealAdmin(Everywhere):
    list_display = ("title", "stage", "value", "currency", "contact", "workspace", "created_at")
    list_filter = ("stage",)
    list_select_related = ("contact", "workspace")
    search_fields = ("title",)
    raw_id_fields = ("workspace", "enrollment", "contact", "company")

    def save_model(self, request: HttpRequest, obj: Deal, form: Any, change: bool) -> None:
        obj.updated_at = now()
        super().save_model(request, obj, form, change)


@admin.register(Suppression)
class SuppressionAdmin(Everywhere, ReadOnly):
    list_display = ("value", "workspace", "reason", "source", "created_at", "created_by")
    list_filter = ("reason",)
    list_select_related = ("workspace", "created_by")
    search_fields = ("value",)


@admin.register(OptOutLink)
class OptOutLinkAdmin(Everywhere, ReadOnly):
    # The token acts for a person: it is not shown.
    list_display = ("email", "workspace", "created_at")
    list_filter = ("created_at",)
    fields = ("email", "workspace", "created_at")
    list_select_related = ("workspace",)
    search_fields = ("email",)


@admin.register(Import)
class ImportAdmin(Everywhere, ReadOnly):
    list_display = (
        "name",
        "workspace",
        "status",
        "rows_total",
        "position",
        "created",
        "updated",
        "skipped",
    )
    list_filter = ("status",)
    list_select_related = ("workspace",)
    search_fields = ("name",)
    exclude = ("content",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).defer("content")


@admin.register(ImportProblem)
class ImportProblemAdmin(ReadOnly):
    list_display = ("job_id", "row", "reason")
    list_filter = ("job__status",)
    search_fields = ("job__name", "reason")


@admin.register(Batch)
class BatchAdmin(Everywhere, ReadOnly):
    list_display = ("sequence", "workspace", "status", "total", "position", "enrolled")
    list_filter = ("status",)
    list_select_related = ("sequence", "workspace")
    search_fields = ("sequence__name",)
    exclude = ("contact_ids",)


@admin.register(Skip)
class SkipAdmin(ReadOnly):
    list_display = ("batch_id", "email", "reason")
    list_filter = ("reason",)
    search_fields = ("email",)
