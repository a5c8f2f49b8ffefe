"""The operators' view of people, workspaces and the clock."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db import models
from django.http import HttpRequest

from outreach.forms import KeepsAddress, check_zone
from outreach.models import AuditEntry, Invitation, Membership, Tick, User, Workspace

admin.site.site_header = "Outreach operations"
admin.site.site_title = "Outreach operations"
admin.site.index_title = "Every workspace"


def a_zone(name: str) -> None:
    """Refuse what is no time zone."""
    check_zone(name)


class Checked(admin.ModelAdmin):
    """A page whose free text cannot hold what the product could not work with."""

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **options: Any
    ) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if db_field.name == "zone" and field is not None:
            field.validators.append(a_zone)
        return field


class ReadOnly(admin.ModelAdmin):
    """History is read here, never changed."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Everywhere(Checked):
    """A tenant model as operators see it: all workspaces."""

    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return self.model.everywhere.all()


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


class ChangedUserForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user", "workspace")


@admin.register(User)
class PersonAdmin(Checked, UserAdmin):
    form = ChangedUserForm
    add_form = NewUserForm
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Preferences", {"fields": ("zone", "theme", "shortcuts")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)


@admin.register(Workspace)
class WorkspaceAdmin(Checked):
    form = KeepsAddress
    list_display = ("name", "zone", "is_sandbox", "stopped_at", "created_at")
    list_filter = ("is_sandbox", ("stopped_at", admin.EmptyFieldListFilter))
    search_fields = ("name",)
    readonly_fields = ("stopped_at", "stopped_by", "created_at")
    inlines = (MembershipInline,)
    actions = ("stop_sending", "resume_sending")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Time can be moved on in a sandbox: real mail must never come under that.
        return (*self.readonly_fields, "is_sandbox") if obj else self.readonly_fields

    @admin.action(description="Stop sending for the whole workspace", permissions=["change"])
    def stop_sending(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        for workspace in queryset:
            workspace.stop_sending(by=request.user)
        self.message_user(request, f"Sending stopped for {len(queryset)} workspaces.")

    @admin.action(description="Resume sending", permissions=["change"])
    def resume_sending(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        for workspace in queryset:
            workspace.resume_sending(by=request.user)
        self.message_user(request, f"Sending resumed for {len(queryset)} workspaces.")


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    # The token opens a workspace: it is a secret, and not shown.
    list_display = ("email", "workspace", "role", "created_at", "expires_at", "accepted_at")
    list_filter = ("role", ("accepted_at", admin.EmptyFieldListFilter))
    search_fields = ("email", "workspace__name")
    readonly_fields = ("created_at", "expires_at", "accepted_at")
    autocomplete_fields = ("workspace", "invited_by")


@admin.register(AuditEntry)
class AuditEntryAdmin(Everywhere, ReadOnly):
    list_display = ("at", "workspace", "verb", "about", "by")
    list_filter = ("verb",)
    list_select_related = ("workspace", "by")
    search_fields = ("about", "workspace__name", "by__email")
    date_hierarchy = "at"


@admin.register(Tick)
class TickAdmin(ReadOnly):
    list_display = ("name", "started_at", "finished_at", "seconds", "has_failed")
    ordering = ("name",)

    @admin.display(boolean=True, description="failed")
    def has_failed(self, tick: Tick) -> bool:
        return bool(tick.error)
