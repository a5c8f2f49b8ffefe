"""What a person enters about a mailbox."""

from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django import forms

from mailboxes.models import USUAL_INCREMENT, DomainCheck, Mailbox
from mailboxes.models.inbox import Security
from mailboxes.standing import USUAL_MOST

PACE = ["daily_limit", "zone", "warm_up_start", "warm_up_increment"]
GAP = ["gap_least", "gap_most"]
AWAY = ["away_from", "away_until"]
SERVER = ["smtp_host", "smtp_port", "smtp_security", "smtp_username", "smtp_password"]
INBOX = ["imap_host", "imap_port", "imap_security", "imap_username", "imap_password"]
IMAP_PORT = 993
IMAP_SECURITY = [
    (Security.TLS, "TLS (usually port 993)"),
    (Security.STARTTLS, "STARTTLS (usually port 143)"),
    (Security.PLAIN, "None (local servers only)"),
]

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


class BounceRateField(forms.DecimalField):
    """A share of mails in per cent; left empty, the usual one."""

    def __init__(self, **options: Any) -> None:
        limits: dict[str, Any] = {"min_value": Decimal("0.1"), "max_value": 100}
        super().__init__(required=False, decimal_places=1, max_digits=4, **limits, **options)

    def clean(self, value: Any) -> Decimal:
        found = super().clean(value)
        return USUAL_MOST if found is None else found


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
    most_bounces = BounceRateField(
        label="Leaves its pools at more bounces than, in per cent",
        help_text="Counted over its last 7 days, from 20 mails on. Sequences that rotate over it "
        f"go on with their other mailboxes. Empty: {USUAL_MOST}. 100: never.",
    )

    class Meta:
        model = Mailbox
        fields = ["sender_name", *PACE, *GAP, *AWAY, "most_bounces", "signature"]
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
        fields = [
            *["email", "sender_name", *SERVER, *INBOX, *PACE, *GAP, *AWAY],
            *["most_bounces", "signature"],
        ]
        labels = {
            **MailboxForm.Meta.labels,
            "email": "E-mail address",
            "smtp_host": "Server",
            "smtp_port": "Port",
            "smtp_security": "Encryption",
            "smtp_username": "User name",
            "smtp_password": "Password",
            "imap_host": "Server",
            "imap_port": "Port",
            "imap_security": "Encryption",
            "imap_username": "User name",
            "imap_password": "Password",
        }
        help_texts = {
            **MailboxForm.Meta.help_texts,
            "imap_host": "Empty: nobody reads it, and follow-ups wait until a person watches it.",
            "imap_username": "Empty: the same as for sending.",
            "imap_password": "Empty: the same as for sending.",
        }
        widgets = {
            **MailboxForm.Meta.widgets,
            "smtp_password": forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            "smtp_username": forms.TextInput(attrs={"autocomplete": "off"}),
            "smtp_host": forms.TextInput(attrs={"placeholder": "smtp.example.com"}),
            "imap_password": forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            "imap_username": forms.TextInput(attrs={"autocomplete": "off"}),
            "imap_host": forms.TextInput(attrs={"placeholder": "imap.example.com"}),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kept_password = self.instance.smtp_password
        self.kept_imap_password = self.instance.imap_password
        self.fields["imap_security"].choices = IMAP_SECURITY
        # Without a server they mean nothing, and may be left out.
        self.fields["imap_port"].required = self.fields["imap_security"].required = False
        self.fields["smtp_host"].required = True
        self.fields["smtp_port"].min_value = 1
        if self.instance.pk:
            # Runs and approvals are bound to the address.
            self.fields["email"].disabled = True
            self.fields["email"].help_text = "Fixed: runs and approvals are bound to the address."
            if self.kept_password:
                self.fields["smtp_password"].help_text = "Leave empty to keep the one stored."
            if self.kept_imap_password:
                self.fields["imap_password"].help_text = "Leave empty to keep the one stored."

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip().lower()
        others = Mailbox.objects.within(self.instance.workspace).exclude(pk=self.instance.pk)
        if others.filter(email=email).exists():
            raise forms.ValidationError(f"{email} is connected already.")
        return email

    def clean_smtp_host(self) -> str:
        return clean_host(self.cleaned_data["smtp_host"], "smtp.example.com")

    def clean_imap_host(self) -> str:
        return clean_host(self.cleaned_data["imap_host"], "imap.example.com")

    def clean_smtp_port(self) -> int:
        return clean_port(self.cleaned_data["smtp_port"])

    def clean_imap_port(self) -> int:
        return clean_port(self.cleaned_data["imap_port"] or IMAP_PORT)

    def clean_imap_security(self) -> str:
        return str(self.cleaned_data["imap_security"] or Security.TLS)

    def clean_smtp_password(self) -> str:
        return str(self.cleaned_data.get("smtp_password") or self.kept_password)

    def clean_imap_password(self) -> str:
        return str(self.cleaned_data.get("imap_password") or self.kept_imap_password)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        moved = "smtp_host" in self.changed_data and self.instance.pk
        if moved and self.kept_password and not self.typed("smtp_password"):
            # Else whoever may edit could send the stored password to a server of their own.
            self.add_error("smtp_password", "Enter the password again for the new server.")
        if found.get("imap_host") and self.sends_kept_password_to_new_inbox:
            self.add_error("imap_password", "Enter the password again for the new server.")
        return found

    @property
    def sends_kept_password_to_new_inbox(self) -> bool:
        if "imap_host" not in self.changed_data or not self.instance.pk:
            return False
        if self.typed("imap_password"):
            return False
        return bool(
            self.kept_imap_password or (self.kept_password and not self.typed("smtp_password"))
        )

    def typed(self, name: str) -> str:
        """Return what was entered now, whatever is stored."""
        return str(self.data.get(self.add_prefix(name)) or "")

    @property
    def touches_server(self) -> bool:
        return not self.instance.pk or not set(self.changed_data).isdisjoint(SERVER)

    @property
    def touches_inbox(self) -> bool:
        if not self.instance.imap_host and "imap_host" not in self.changed_data:
            return False
        # A user name or a password for sending may be the one for reading too.
        shared = {*INBOX, "smtp_username", "smtp_password"} & set(self.changed_data)
        kept = {each for each in shared if each.endswith("password") and not self.typed(each)}
        return not self.instance.pk or bool(shared - kept)


def clean_host(entered: object, example: str) -> str:
    host = str(entered).strip().lower()
    if "/" in host or "@" in host or " " in host:
        raise forms.ValidationError(f"Write the server's name alone, like {example}.")
    return host


def clean_port(port: int) -> int:
    if not 1 <= port <= 65_535:
        raise forms.ValidationError("A port is a number from 1 to 65535.")
    return port


class SelectorForm(forms.ModelForm):
    """Under which name the DKIM key of a domain is looked for."""

    class Meta:
        model = DomainCheck
        fields = ["dkim_selector"]
