"""What people may change about themselves and their workspace."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.module_loading import import_string

from outreach.models import Invitation, Membership, User, Workspace
from outreach.times import now

NOT_PLACES = {"localtime", "Factory", "posixrules"}


def check_zone(name: str) -> str:
    """Return the name if it is an IANA time zone; raises ValidationError otherwise."""
    if name not in available_timezones() - NOT_PLACES:
        raise forms.ValidationError(
            f"“{name}” is not a time zone. Choose one like Europe/Lisbon or America/New_York."
        )
    return name


class ZoneField(forms.CharField):
    """A time zone by its IANA name, with suggestions while typing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            label="Time zone",
            max_length=64,
            widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
            help_text="A place, like Europe/Lisbon.",
            **options,
        )

    def clean(self, value: Any) -> str:
        return check_zone(super().clean(value))


def zone_names() -> list[str]:
    """Return the zones to choose from, in order."""
    return sorted(
        name for name in available_timezones() - NOT_PLACES if "/" in name or name == "UTC"
    )


class ChangeForm(forms.ModelForm):
    """Stores its own fields only: whatever else changed meanwhile stays as it is."""

    def save(self, commit: bool = True) -> Any:
        if commit:
            self.instance.save(update_fields=self._meta.fields)
        return self.instance


class ProfileForm(ChangeForm):
    zone = ZoneField()

    class Meta:
        model = User
        fields = ("name", "zone", "shortcuts")
        labels = {"shortcuts": "Single-key shortcuts"}
        help_texts = {"shortcuts": "Keys like j, k and a act at once; press ? to see them."}


class DigestForm(ChangeForm):
    """How often one member is told by mail about replies that wait."""

    digest_hour = forms.TypedChoiceField(
        label="At",
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        help_text="On your own clock. It counts where you are told once a day.",
    )

    class Meta:
        model = Membership
        fields = ("digest", "digest_hour")
        labels = {"digest": "Tell me"}


class KeepsAddress(forms.ModelForm):
    """A form of a workspace that does not empty its postal address while mails need it.

    To be validated and saved in one transaction.
    """

    def clean_postal_address(self) -> str:
        address = str(self.cleaned_data["postal_address"])
        if address.strip() or self.instance.pk is None:
            return address
        # Held until the address is stored: a sequence that starts takes the same row.
        stored = Workspace.objects.select_for_update(no_key=True).get(pk=self.instance.pk)
        if stored.postal_address.strip() and (
            why := import_string(settings.POSTAL_ADDRESS_NEEDED)(stored)
        ):
            raise forms.ValidationError(
                f"The law asks for it under every mail, and it cannot be emptied now. {why}"
            )
        return address


class WorkspaceForm(KeepsAddress, ChangeForm):
    zone = ZoneField()

    class Meta:
        model = Workspace
        fields = (
            "name",
            "zone",
            "postal_address",
            "daily_limit",
            "undo_seconds",
            "failed_after_days",
        )
        widgets = {"postal_address": forms.Textarea(attrs={"rows": 3})}
        labels = {
            "undo_seconds": "Undo window, in seconds",
            "failed_after_days": "Give up on failed steps after, in days",
        }
        help_texts = {
            "failed_after_days": "A run whose step failed, and nobody retried, is archived."
        }


class DeleteWorkspaceForm(forms.Form):
    """Deleting takes the workspace's name, typed."""

    name = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, workspace: Workspace, **options: Any) -> None:
        # The settings on the same page have a name too.
        super().__init__(*args, **options | {"auto_id": "delete_%s"})
        self.workspace = workspace
        self.fields["name"].label = f"Type “{workspace.name}” to confirm"

    def clean_name(self) -> str:
        if self.cleaned_data["name"] != self.workspace.name.strip():
            raise forms.ValidationError("This is not the workspace's name; nothing was deleted.")
        return self.cleaned_data["name"]


class NewWorkspaceForm(forms.ModelForm):
    zone = ZoneField()
    is_sandbox = forms.BooleanField(
        required=False,
        label="Make it a sandbox",
        help_text="Mail is caught and shown to you instead of being sent. Good for trying things.",
    )

    class Meta:
        model = Workspace
        fields = ("name", "zone", "postal_address", "is_sandbox")
        widgets = {"postal_address": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.is_bound and self.initial.get("zone") == "UTC":
            self.fields["zone"].widget.attrs["data-guess-zone"] = ""


class InvitationForm(forms.ModelForm):
    class Meta:
        model = Invitation
        fields = ("email", "role")

    def __init__(self, *args: Any, membership: Membership, **options: Any) -> None:
        super().__init__(*args, **options)
        self.membership = membership
        self.fields["role"].choices = roles_given_by(membership)

    def clean_email(self) -> str:
        """Refuse an address that is a member or has been invited already."""
        email = self.cleaned_data["email"].strip().lower()
        workspace = self.membership.workspace
        if workspace.memberships.filter(user__email__iexact=email).exists():
            raise forms.ValidationError(f"{email} is a member already.")
        waiting = workspace.invitations.filter(email=email, accepted_at=None)
        if waiting.filter(expires_at__gt=now()).exists():
            raise forms.ValidationError(f"{email} has been invited already; copy the link below.")
        return email


def roles_given_by(membership: Membership) -> list[tuple[str, str]]:
    """Return the roles this member may give: none above their own."""
    return [(role.value, role.label) for role in Membership.RANKS if membership.may(role)]
