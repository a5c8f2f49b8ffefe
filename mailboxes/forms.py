"""What a person enters about a mailbox."""

from typing import Any
from zoneinfo import available_timezones

from django import forms

from mailboxes.models import USUAL_INCREMENT, Mailbox

PACE = ["daily_limit", "zone", "warm_up_start", "warm_up_increment"]
GAP = ["gap_least", "gap_most"]
AWAY = ["away_from", "away_until"]
SERVER = ["smtp_host", "smtp_port", "smtp_security", "smtp_username", "smtp_password"]


WARM_UP_HELP = (
    "A new address that sends a lot at once looks like spam. Begin with few, like 10. The first "
    "day is the first one on which something is sent. Empty: no warm-up."
)


def warm_up_increment_field() -> forms.IntegerField:
    """Ask by how much a warm-up grows; left empty, by the usual number."""
    return forms.IntegerField(
        label="More on each day after",
        required=False,
        min_value=1,
        max_value=10_000,
        help_text=f"Added every day until the daily limit is reached. Empty: {USUAL_INCREMENT}.",
    )


def zones() -> list[tuple[str, str]]:
    """Every zone that people would choose, the aliases of old systems left out."""
    named = (zone for zone in available_timezones() if "/" in zone or zone == "UTC")
    kept = (zone for zone in named if not zone.startswith(("Etc/", "SystemV/", "US/")))
    return [(zone, zone.replace("_", " ")) for zone in sorted(kept)]


class MailboxForm(forms.ModelForm):
    """What every mailbox has: who it sends as, and how much a day."""

    zone = forms.ChoiceField(
        label="Time zone", choices=zones, help_text="Its day, for the daily limit, begins here."
    )
    warm_up_increment = warm_up_increment_field()

    class Meta:
        model = Mailbox
        fields = ["sender_name", *PACE, *GAP, *AWAY, "signature"]
        labels = {
            "sender_name": "Sender name",
            "daily_limit": "Daily limit",
            "warm_up_start": "Mails on the first day of a warm-up",
            "gap_least": "Shortest pause, in seconds",
            "gap_most": "Longest pause, in seconds",
            "away_from": "First day away",
            "away_until": "Last day away",
        }
        widgets: dict[str, forms.Widget] = {
            "signature": forms.Textarea(attrs={"rows": 4}),
            "away_from": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            "away_until": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        }
        help_texts = {
            "sender_name": "What prospects see as the sender.",
            "warm_up_start": WARM_UP_HELP,
            "gap_least": "After each mail, like 60. People do not send by the second. Empty: none.",
            "gap_most": "Like 180. Every pause is a little different. Empty: always the same.",
            "away_from": "Nothing leaves while the sender is away. Replies are read all the same.",
            "away_until": "What falls due meanwhile leaves after it, at the usual pace.",
            "signature": "Stands under every mail. A change applies to texts not yet approved.",
        }

    def clean_warm_up_increment(self) -> int:
        return int(self.cleaned_data["warm_up_increment"] or USUAL_INCREMENT)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        least, most = found.get("gap_least"), found.get("gap_most")
        if least and not most and "gap_most" not in self.errors:
            found["gap_most"] = least
        elif most and not least and "gap_least" not in self.errors:
            self.add_error("gap_least", "Enter the shortest pause too.")
        elif least and most and most < least:
            self.add_error("gap_most", "The longest pause cannot be shorter than the shortest.")
        first, last = found.get("away_from"), found.get("away_until")
        if bool(first) != bool(last) and not {"away_from", "away_until"} & self.errors.keys():
            self.add_error("away_until" if first else "away_from", "Enter both days.")
        elif first and last and last < first:
            self.add_error("away_until", "The last day cannot be before the first.")
        return found


class SMTPForm(MailboxForm):
    """A mailbox at an SMTP server. The password is never shown again; empty keeps it."""

    class Meta(MailboxForm.Meta):
        fields = ["email", "sender_name", *SERVER, *PACE, *GAP, *AWAY, "signature"]
        labels = {
            **MailboxForm.Meta.labels,
            "email": "E-mail address",
            "smtp_host": "Server",
            "smtp_port": "Port",
            "smtp_security": "Encryption",
            "smtp_username": "User name",
            "smtp_password": "Password",
        }
        widgets = {
            **MailboxForm.Meta.widgets,
            "smtp_password": forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            "smtp_username": forms.TextInput(attrs={"autocomplete": "off"}),
            "smtp_host": forms.TextInput(attrs={"placeholder": "smtp.example.com"}),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kept_password = self.instance.smtp_password
        self.fields["smtp_host"].required = True
        self.fields["smtp_port"].min_value = 1
        if self.instance.pk:
            # Runs and approvals are bound to the address.
            self.fields["email"].disabled = True
            self.fields["email"].help_text = "Fixed: runs and approvals are bound to the address."
            if self.kept_password:
                self.fields["smtp_password"].help_text = "Leave empty to keep the one stored."

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip().lower()
        others = Mailbox.objects.within(self.instance.workspace).exclude(pk=self.instance.pk)
        if others.filter(email=email).exists():
            raise forms.ValidationError(f"{email} is connected already.")
        return email

    def clean_smtp_host(self) -> str:
        host = str(self.cleaned_data["smtp_host"]).strip().lower()
        if "/" in host or "@" in host or " " in host:
            raise forms.ValidationError("Write the server's name alone, like smtp.example.com.")
        return host

    def clean_smtp_port(self) -> int:
        port = int(self.cleaned_data["smtp_port"])
        if not 1 <= port <= 65_535:
            raise forms.ValidationError("A port is a number from 1 to 65535.")
        return port

    def clean_smtp_password(self) -> str:
        return str(self.cleaned_data.get("smtp_password") or self.kept_password)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        moved = "smtp_host" in self.changed_data and self.instance.pk
        if moved and self.kept_password and not self.data.get(self.add_prefix("smtp_password")):
            # Else whoever may edit could send the stored password to a server of their own.
            self.add_error("smtp_password", "Enter the password again for the new server.")
        return found

    @property
    def touches_server(self) -> bool:
        return not self.instance.pk or not set(self.changed_data).isdisjoint(SERVER)
