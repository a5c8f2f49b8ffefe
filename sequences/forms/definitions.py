"""What a person types into a sequence: its name, its steps, its settings."""

from datetime import time
from typing import Any

from django import forms

from mailboxes.forms import BounceRateField, warm_up_increment_field
from mailboxes.models import USUAL_INCREMENT, Mailbox
from mailboxes.standing import USUAL_MOST
from outreach.models import Workspace
from sequences.engine.defining import THROTTLE
from sequences.models import ContactList, Sequence, Step
from sequences.readymade import ReadyMade
from sequences.rules import calendars, places, schedule, tokens

MAX_VARIABLES = 50
MAX_VALUE = 500
MAX_BODY = 20_000
WARM_UP_HELP = (
    "Begin with few and send more each day. The first day is the first one on which something is "
    "sent. Empty: no warm-up of its own; that of the mailbox holds all the same."
)
DAYS = list(enumerate(schedule.DAY_NAMES, start=1))
TOKEN_HELP = "Letters, digits and underscores, like product_name."


def mailboxes_of(workspace: Workspace) -> Any:
    return Mailbox.objects.within(workspace).order_by("email")


def label_of_mailbox(mailbox: Mailbox) -> str:
    name = f"{mailbox.sender_name} <{mailbox.email}>" if mailbox.sender_name else mailbox.email
    if mailbox.status != Mailbox.Status.CONNECTED:
        return f"{name} ({mailbox.get_status_display().lower()})"
    return name


class MailboxField(forms.ModelChoiceField):
    """A mailbox of the workspace, and how it is, where that matters."""

    def label_from_instance(self, mailbox: Mailbox) -> str:
        return label_of_mailbox(mailbox)


class PoolField(forms.ModelMultipleChoiceField):
    """The mailboxes that a sequence rotates over, in the order they have; new ones come last."""

    def label_from_instance(self, mailbox: Mailbox) -> str:
        said = label_of_mailbox(mailbox)
        return f"{said}, out for its bounces" if mailbox.out_since else said


class NewSequenceForm(forms.Form):
    """A name, a mailbox, and the facts that a ready-made sequence asks for."""

    name = forms.CharField(max_length=200)

    def __init__(self, *args: Any, workspace: Workspace, ready: ReadyMade | None, **options: Any):
        super().__init__(*args, **options)
        self.ready = ready
        self.fields["name"].widget.attrs["data-autofocus"] = ""
        boxes = mailboxes_of(workspace)
        self.fields["mailbox"] = MailboxField(
            boxes,
            label="Send from",
            required=False,
            empty_label="Choose later",
            initial=boxes.filter(status=Mailbox.Status.CONNECTED).first(),
        )
        for fact in ready.facts if ready else ():
            self.fields[f"fact_{fact.name}"] = forms.CharField(
                label=fact.label,
                initial=fact.value,
                required=bool(fact.value),
                max_length=MAX_VALUE,
                help_text=fact.help,
            )

    @property
    def facts(self) -> dict[str, str]:
        return {
            fact.name: tokens.one_line(self.cleaned_data[f"fact_{fact.name}"])
            for fact in (self.ready.facts if self.ready else ())
        }


class StepForm(forms.ModelForm):
    """What one step says and how long it waits."""

    class Meta:
        model = Step
        fields = ["angle", "delay_days", "delay_hours", "subject", "body"]
        labels = {"delay_days": "days", "delay_hours": "hours", "body": "Text"}
        widgets = {"body": forms.Textarea(attrs={"rows": 14, "maxlength": MAX_BODY})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        first = self.instance.position == 1
        self.is_draft = self.instance.sequence.status == Sequence.Status.DRAFT
        self.fields[
            "angle"
        ].help_text = (
            "The reason this mail gives to answer. Your team sees it, the prospect does not."
        )
        self.fields["angle"].widget.attrs["placeholder"] = "timely trigger"
        self.fields["subject"].required = first
        self.fields["subject"].help_text = (
            "" if first else "Empty: it continues the thread of the mail before, as people do."
        )
        self.fields["body"].required = True
        for name in ("delay_days", "delay_hours"):
            self.fields[name].disabled = not self.is_draft
        self.fields["delay_days"].widget.attrs |= {"min": 0, "max": 365}
        self.fields["delay_hours"].widget.attrs |= {"min": 0, "max": 23}

    def only_to_read(self) -> None:
        """Show the step to somebody who may not change it."""
        for name in ("angle", "subject", "body"):
            self.fields[name].widget.attrs["readonly"] = True
        for name in ("delay_days", "delay_hours"):
            self.fields[name].disabled = True

    def clean_angle(self) -> str:
        return " ".join(self.cleaned_data["angle"].split())

    def clean_subject(self) -> str:
        subject = tokens.one_line(self.cleaned_data["subject"]).strip()
        return self._checked(subject)

    def clean_body(self) -> str:
        body = self.cleaned_data["body"].replace("\r\n", "\n").strip()
        if len(body) > MAX_BODY:
            raise forms.ValidationError(f"A mail has at most {MAX_BODY:,} characters.")
        return self._checked(body)

    def _checked(self, text: str) -> str:
        if wrong := tokens.problems(text):
            raise forms.ValidationError(wrong)
        return text


class TimeField(forms.CharField):
    """A time of day as HH:MM; 24:00 is the end of the day."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, time):
            return "24:00" if value == schedule.END_OF_DAY else f"{value:%H:%M}"
        return value

    def clean(self, value: Any) -> time:
        if isinstance(value, time):
            return value
        text = super().clean(value)
        try:
            return schedule.parse_time(text.zfill(5))
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.prepare_value(initial) != data


def holiday_countries() -> list[tuple[str, str]]:
    """The countries whose public holidays are known, by name."""
    named = ((code, places.country_name(code)) for code in calendars.countries())
    return [("", "None"), *sorted(named, key=lambda country: country[1])]


class DaysOffField(forms.CharField):
    """Dates, one a line; kept as they are written, in order."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        if isinstance(value, list):
            return value
        try:
            return [day.isoformat() for day in calendars.parse_days_off(super().clean(value))]
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.prepare_value(initial) != data


class SettingsForm(forms.ModelForm):
    """Who it is from, when it may send, who approves, and what tokens fall back on."""

    window_start = TimeField(label="From")
    window_end = TimeField(label="Until", help_text="24:00 is the end of the day.")
    weekdays = forms.TypedMultipleChoiceField(
        choices=DAYS, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    zone = forms.CharField(label="Time zone", max_length=64)
    holiday_country = forms.ChoiceField(
        label="Public holidays of",
        required=False,
        choices=holiday_countries,
        help_text="Nothing leaves on them. Holidays of single regions are not known: name them.",
    )
    days_off = DaysOffField(
        label="Own days off",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "2026-12-24"}),
        help_text="Dates like 2026-12-24, one a line. Nothing leaves on them.",
    )
    mailbox = MailboxField(
        Mailbox.objects.none(), label="Send from", required=False, empty_label="None yet"
    )
    pool = PoolField(
        Mailbox.objects.none(),
        label="Rotate over",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Each prospect gets all of their mail from one of them, in turns. Every mail "
        "carries the name and the signature of the mailbox above, which sends itself while none "
        "of these can. None: everything leaves from the mailbox above.",
    )
    warm_up_increment = warm_up_increment_field()
    auto_pause_bounce_rate = BounceRateField(
        label="Pause at more bounces than, in per cent",
        help_text="Counted from 20 mails on, since it was last resumed. What mailboxes that left "
        f"the pool have sent is not counted. Empty: {USUAL_MOST}. 100: never.",
    )

    class Meta:
        model = Sequence
        fields = [
            "name",
            "description",
            "mailbox",
            "sender_name",
            "window_start",
            "window_end",
            "weekdays",
            "zone",
            "holiday_country",
            "days_off",
            "business_days",
            "uses_prospect_zone",
            "per_minute",
            "daily_limit",
            "warm_up_start",
            "warm_up_increment",
            "auto_pause_bounce_rate",
            "approval_mode",
            "company_rule",
        ]
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "approval_mode": forms.RadioSelect,
            "company_rule": forms.RadioSelect,
        }
        labels = {
            "per_minute": "Mails a minute",
            "daily_limit": "Mails a day",
            "warm_up_start": "Mails on the first day of a warm-up",
            "approval_mode": "Approval",
            "company_rule": "When somebody answers",
        }
        help_texts = {
            "per_minute": "1 to 60. What is due at once leaves one after the other, at this pace.",
            "daily_limit": "Empty: the mailbox's own limit.",
            "warm_up_start": WARM_UP_HELP,
        }

    def __init__(self, *args: Any, workspace: Workspace, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["mailbox"].queryset = mailboxes_of(workspace)
        self.fields["pool"].queryset = mailboxes_of(workspace)
        self.fields["company_rule"].required = False
        self.members = list(self.instance.pool.values_list("mailbox_id", flat=True))
        self.initial["pool"] = self.members
        self.fields["zone"].widget.attrs |= {"list": "zones", "autocomplete": "off"}
        for name in ("window_start", "window_end"):
            self.fields[name].widget.attrs |= {"list": "times", "size": 6, "placeholder": "09:00"}
        self.is_fixed = self.instance.status != Sequence.Status.DRAFT
        for name in THROTTLE if self.is_fixed else ():
            self.fields[name].disabled = True
            self.fields[name].widget.attrs["aria-describedby"] = "fixed"
        self.variables = dict(self.instance.variables)
        self.variable_errors: list[str] = []

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean_company_rule(self) -> str:
        return str(self.cleaned_data["company_rule"] or self.initial["company_rule"])

    def clean_warm_up_increment(self) -> int:
        return int(self.cleaned_data["warm_up_increment"] or USUAL_INCREMENT)

    def clean_zone(self) -> str:
        try:
            return schedule.check_zone(self.cleaned_data["zone"].strip())
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        start, end = cleaned.get("window_start"), cleaned.get("window_end")
        if start is not None and start == end:
            self.add_error("window_end", "The window cannot start and end at the same time.")
        if cleaned.get("warm_up_start") and not cleaned.get("daily_limit"):
            self.add_error("daily_limit", "Enter the mails a day that the warm-up leads up to.")
        if cleaned.get("pool") and not cleaned.get("mailbox"):
            self.add_error("mailbox", "Choose one: its name and signature stand under every mail.")
        self._clean_variables()
        return cleaned

    def _clean_variables(self) -> None:
        """Read the rows of names and values; a row without a name and a value is no row."""
        self.variables = {}
        rows = zip(
            self.data.getlist("variable_name"), self.data.getlist("variable_value"), strict=False
        )
        for name, value in rows:
            name, value = name.strip(), tokens.one_line(value).strip()
            if not name and not value:
                continue
            self.variables[name] = value
            if not tokens.PLAIN_NAME.fullmatch(name):
                self.variable_errors.append(f"“{name[:40]}” is not a name. {TOKEN_HELP}")
            elif len(value) > MAX_VALUE:
                self.variable_errors.append(f"The value of {name} is too long.")
        if len(self.variables) > MAX_VARIABLES:
            self.variable_errors.append(f"At most {MAX_VARIABLES} values can be kept.")
        for problem in self.variable_errors:
            self.add_error(None, problem)

    @property
    def changes(self) -> dict[str, Any]:
        """What to store; a value that was emptied is no default any more."""
        values = {name: value for name, value in self.variables.items() if value}
        kept = {name: value for name, value in self.cleaned_data.items() if name != "pool"}
        return {**kept, "variables": values}

    @property
    def chosen_pool(self) -> list[Mailbox]:
        """The mailboxes of the pool: those that were in it keep their order."""
        last = len(self.members)
        places = {pk: place for place, pk in enumerate(self.members)}
        return sorted(self.cleaned_data["pool"], key=lambda each: places.get(each.pk, last))


class AudienceForm(forms.Form):
    """Who goes into which sequence: a list, or contacts that were picked in a table."""

    sequence = forms.ModelChoiceField(Sequence.objects.none(), empty_label="Choose a sequence")
    list = forms.ModelChoiceField(ContactList.objects.none(), required=False, empty_label=None)
    contacts = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, workspace: Workspace, **options: Any) -> None:
        super().__init__(*args, **options)
        usable = (Sequence.Status.ACTIVE, Sequence.Status.PAUSED, Sequence.Status.DRAFT)
        sequences = Sequence.objects.within(workspace).listed().filter(status__in=usable)
        self.fields["sequence"].queryset = sequences
        self.fields["sequence"].label_from_instance = label_of
        self.fields["list"].queryset = ContactList.objects.within(workspace).order_by("name", "pk")
        self.fields["list"].empty_label = "Choose a list"

    def clean_contacts(self) -> tuple[int, ...]:
        words = self.cleaned_data["contacts"].replace(",", " ").split()
        return tuple(int(word) for word in words if word.isdecimal() and len(word) < 19)


def label_of(sequence: Sequence) -> str:
    if sequence.status == Sequence.Status.ACTIVE:
        return sequence.name
    return f"{sequence.name} ({sequence.get_status_display().lower()})"
