"""What people type about contacts, lists and suppressed addresses."""

from typing import Any

from django import forms

from outreach.models import Workspace
from sequences.models import Contact, ContactList
from sequences.rules.addresses import check_address
from sequences.rules.people import MAX_FREE, domain_of_website, free_name, zone_of
from sequences.rules.suppressed import Unusable, read_value

FREE_PREFIX = "free_"


class ContactForm(forms.ModelForm):
    """A contact, its company, and one field for each free field it has."""

    company_name = forms.CharField(label="Company", max_length=200, required=False)
    website = forms.CharField(
        label="Company website",
        max_length=253,
        required=False,
        help_text="Companies are told apart by it. Left empty, the address says it.",
    )

    class Meta:
        model = Contact
        fields = [
            "email",
            "first_name",
            "last_name",
            "title",
            "company_name",
            "website",
            "phone",
            "linkedin_url",
            "city",
            "country",
            "zone",
            "status",
            "stage",
            "score",
            "opted_out",
        ]
        help_texts = {
            "zone": "As in Europe/Lisbon.",
            "opted_out": "Nothing is ever sent to this person.",
            "score": "0 to 100, as your team rates it.",
            "stage": "Where they stand with you, in your team's words.",
        }

    def __init__(self, workspace: Workspace, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.workspace = workspace
        company = self.instance.company if self.instance.company_id else None
        if company is not None:
            self.initial = {
                **self.initial,
                "company_name": company.name,
                "website": company.domain,
            }
        for name, value in sorted(self.instance.fields.items()):
            self.fields[FREE_PREFIX + name] = forms.CharField(
                label=name.replace("_", " ").capitalize(),
                initial=value,
                required=False,
                max_length=MAX_FREE,
                help_text=f"In texts: {{{{ {name} }}}}",
            )
        if self.instance.pk:
            self.fields["new_name"] = forms.CharField(
                label="One more field", max_length=50, required=False, help_text="As in Team size."
            )
            self.fields["new_value"] = forms.CharField(
                label="Its value", max_length=MAX_FREE, required=False
            )

    def clean_email(self) -> str:
        found = check_address(self.cleaned_data["email"])
        if not found.ok:
            raise forms.ValidationError(found.problem)
        others = Contact.objects.within(self.workspace).filter(email=found.normal)
        other = others.exclude(pk=self.instance.pk).first()
        if other is not None:
            raise forms.ValidationError(f"{other.name} has this address already.")
        return found.normal

    def clean_zone(self) -> str:
        text = self.cleaned_data["zone"].strip()
        zone = zone_of(text) if text else ""
        if zone is None:
            raise forms.ValidationError("This time zone is not known. Write it as Europe/Lisbon.")
        return zone

    def clean_website(self) -> str:
        text = self.cleaned_data["website"].strip()
        domain = domain_of_website(text)
        if text and not domain:
            raise forms.ValidationError("This is no company's website. Write it as acme.com.")
        return domain

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("new_value") and not cleaned.get("new_name"):
            self.add_error("new_name", "Say what the field is called.")
        fields = {
            name: cleaned.get(FREE_PREFIX + name, value)
            for name, value in self.instance.fields.items()
        }
        if cleaned.get("new_name"):
            fields[free_name(cleaned["new_name"], list(fields))] = cleaned.get("new_value", "")
        # A field that was emptied is gone.
        self.instance.fields = {name: value for name, value in fields.items() if value}
        return cleaned


class ListForm(forms.ModelForm):
    """The name of a list."""

    class Meta:
        model = ContactList
        fields = ["name"]

    def __init__(self, workspace: Workspace, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.workspace = workspace

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        others = ContactList.objects.within(self.workspace).filter(name=name)
        if others.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Another list has this name already.")
        return name


class AddToListForm(forms.Form):
    """A list that exists, or the name of a new one."""

    list: Any = forms.ModelChoiceField(
        label="List", queryset=None, required=False, empty_label="A new list"
    )
    name = forms.CharField(
        label="Name of the new list",
        max_length=120,
        required=False,
        help_text="Only for a new list.",
    )

    def __init__(self, workspace: Workspace, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["list"].queryset = ContactList.objects.within(workspace).order_by("name")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["name"] = " ".join(cleaned.get("name", "").split())
        if not self.errors and not cleaned.get("list") and not cleaned["name"]:
            self.add_error("name", "Choose a list or name a new one.")
        return cleaned


class SuppressForm(forms.Form):
    """An address or a whole domain that must never be written to again."""

    value = forms.CharField(
        label="Address or domain",
        max_length=254,
        help_text="ana@example.com, or example.com for everyone there.",
    )

    def clean_value(self) -> str:
        try:
            return read_value(self.cleaned_data["value"])
        except Unusable as problem:
            raise forms.ValidationError(str(problem)) from None


class SuppressionFileForm(forms.Form):
    """A CSV file of addresses and domains; what is in it is looked at by the engine."""

    file = forms.FileField(
        label="CSV file",
        allow_empty_file=True,
        help_text="Up to 2 MB and 10,000 rows. Only the column with addresses or domains is read.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/plain"}),
    )
