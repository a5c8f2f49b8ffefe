"""Choosing a file, and saying which of its columns is which."""

from collections import Counter
from typing import Any

from django import forms

from sequences.models import Import
from sequences.rules.people import FREE, free_name

FIELD_LABELS = {
    "email": "E-mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "full_name": "Full name",
    "title": "Job title",
    "company": "Company",
    "domain": "Company website",
    "industry": "Industry",
    "phone": "Phone",
    "linkedin_url": "LinkedIn",
    "city": "City",
    "country": "Country",
    "zone": "Time zone",
    "score": "Score (0 to 100)",
    "status": "Status",
    "stage": "Stage",
}


class UploadForm(forms.Form):
    """A CSV file; what is in it is looked at by the engine."""

    file = forms.FileField(
        label="CSV file",
        allow_empty_file=True,
        help_text="Up to 20 MB and 100,000 rows, with a comma, semicolon or tab between columns.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/plain"}),
    )


class MappingForm(forms.Form):
    """One select for each column of the file, and what the import should do."""

    list_name = forms.CharField(
        label="Add the contacts to the list",
        max_length=120,
        required=False,
        help_text="Made if there is none of this name. Empty adds them to no list.",
    )
    update_existing = forms.BooleanField(
        label="Update contacts that are here already",
        required=False,
        help_text="Empty cells never erase anything.",
    )
    has_header = forms.BooleanField(label="The first row names the columns", required=False)

    def __init__(self, job: Import, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.job = job
        self.initial = {
            "list_name": job.list_name,
            "update_existing": job.update_existing,
            "has_header": job.has_header,
        }
        self.keep = self._names_to_keep()
        for column in range(len(job.header)):
            name = self.keep[column]
            choices = [
                ("", "Leave out"),
                (FREE + name, f"Keep as {{{{ {name} }}}}"),
                ("Fields", list(FIELD_LABELS.items())),
            ]
            self.fields[f"column_{column}"] = forms.ChoiceField(
                label=self.label_of(column),
                choices=choices,
                required=False,
                initial=job.mapping.get(str(column), ""),
            )

    def _names_to_keep(self) -> list[str]:
        """Name each column as a free field; those named already keep their names."""
        names: list[str] = []
        for column, header in enumerate(self.job.header):
            mapped = self.job.mapping.get(str(column), "")
            title = header if self.job.has_header else f"Column {column + 1}"
            given = mapped.removeprefix(FREE) if mapped.startswith(FREE) else ""
            names.append(given if given and given not in names else free_name(title, names))
        return names

    def label_of(self, column: int) -> str:
        header = self.job.header[column].strip() if self.job.has_header else ""
        return header or f"Column {column + 1}"

    @property
    def columns(self) -> list[dict[str, Any]]:
        """Each column with its select and up to three values of it that are not empty."""
        rows = self.job.samples if self.job.has_header else [self.job.header, *self.job.samples]
        found = []
        for column in range(len(self.job.header)):
            values = [row[column] for row in rows if column < len(row) and row[column].strip()]
            field = self[f"column_{column}"]
            found.append({"label": self.label_of(column), "field": field, "samples": values[:3]})
        return found

    @property
    def options(self) -> list[forms.BoundField]:
        return [self[name] for name in ("list_name", "update_existing", "has_header")]

    def clean_list_name(self) -> str:
        return " ".join(self.cleaned_data["list_name"].split())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        mapping = {
            str(column): cleaned.get(f"column_{column}", "")
            for column in range(len(self.job.header))
        }
        cleaned["mapping"] = {column: field for column, field in mapping.items() if field}
        used = Counter(cleaned["mapping"].values())
        if not self.errors and "email" not in used:
            raise forms.ValidationError("Say which column holds the e-mail address.")
        for column, field in cleaned["mapping"].items():
            if used[field] > 1:
                label = FIELD_LABELS.get(field, field.removeprefix(FREE))
                self.add_error(f"column_{column}", f"Two columns are the {label.lower()}.")
        return cleaned
