"""The operators' view of sending accounts and inbound mail."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from mailboxes.models import InboundMail, Mailbox, MailboxDay, SandboxMail, WorkspaceDay
from outreach.admin import Everywhere, ReadOnly
from outreach.transitions import IllegalTransition


@admin.register(Mailbox)
class MailboxAdmin(Everywhere):
    list_display = (
        "email",
        "workspace",
        "provider",
        "status",
        "daily_limit",
        "held_until",
        "hold_reason",
        "last_sent_at",
    )
    list_filter = ("provider", "status", "hold_reason")
    list_select_related = ("workspace",)
    search_fields = ("email", "workspace__name")
    # Passwords are written on the product's own page and never shown.
    exclude = ("smtp_password", "imap_password")
    readonly_fields = (
        "workspace",
        "provider",
        "status",
        "held_until",
        "hold_reason",
        "faults",
        "last_error",
        "last_sent_at",
        "inbox_read_at",
        "inbox_error",
        "inbox_faults",
        "watched_at",
        "watched_by",
        "next_free_at",
        "created_at",
        "created_by",
    )
    actions = ("pause", "resume")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Mailbox, form: Any, change: bool) -> None:
        # Only what was edited: a token may have been renewed while the page was open.
        obj.save(update_fields=[*form.changed_data, "updated_at"])

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        self._each(request, queryset, Mailbox.pause, "paused")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        self._each(request, queryset, Mailbox.resume, "resumed")

    def _each(self, request: HttpRequest, queryset: models.QuerySet, verb: Any, done: str) -> None:
        count = 0
        for mailbox in queryset:
            try:
                verb(mailbox)
            except IllegalTransition as problem:
                self.message_user(request, f"{mailbox}: {problem}", messages.WARNING)
            else:
                count += 1
        self.message_user(request, f"{count} {done}.")


@admin.register(MailboxDay)
class MailboxDayAdmin(ReadOnly):
    list_display = ("mailbox", "day", "sent", "reserved", "quota")
    list_filter = ("day",)
    list_select_related = ("mailbox",)
    search_fields = ("mailbox__email",)
    date_hierarchy = "day"


@admin.register(WorkspaceDay)
class WorkspaceDayAdmin(Everywhere, ReadOnly):
    list_display = ("workspace", "day", "sent", "reserved", "quota")
    list_filter = ("day",)
    list_select_related = ("workspace",)
    search_fields = ("workspace__name",)
    date_hierarchy = "day"


@admin.register(InboundMail)
class InboundMailAdmin(Everywhere, ReadOnly):
    list_display = ("received_at", "mailbox", "from_email", "subject", "is_automatic", "outcome")
    list_filter = ("is_automatic", ("settled_at", admin.EmptyFieldListFilter))
    list_select_related = ("mailbox",)
    search_fields = ("from_email", "message_id")
    date_hierarchy = "received_at"


@admin.register(SandboxMail)
class SandboxMailAdmin(Everywhere, ReadOnly):
    list_display = ("accepted_at", "mailbox", "recipient", "subject")
    list_filter = (("accepted_at", admin.EmptyFieldListFilter),)
    list_select_related = ("mailbox",)
    search_fields = ("recipient", "message_id")
    exclude = ("raw",)
