"""What people type about a deal."""

import re
from typing import Any

from django import forms

CURRENCY = re.compile(r"[A-Z]{3}")


class WorthForm(forms.Form):
    """What a deal is worth; left empty, nobody knows yet."""

    value = forms.DecimalField(
        max_digits=12,
        decimal_places=2,
        min_value=0,
        required=False,
        error_messages={
            "invalid": "Write the value as a number, as 12000 or 12000.50.",
            "min_value": "A deal is worth nothing or more.",
            "max_digits": "A deal is worth less than ten thousand million.",
            "max_whole_digits": "A deal is worth less than ten thousand million.",
            "max_decimal_places": "Write at most two digits after the point.",
        },
    )
    currency = forms.CharField(required=False)

    def clean_currency(self) -> str:
        currency = str(self.cleaned_data["currency"]).upper()
        if currency and not CURRENCY.fullmatch(currency):
            raise forms.ValidationError("Write the currency as three letters, as EUR.")
        return currency

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("value") is not None and given.get("currency") == "":
            self.add_error("currency", "Say in which currency, as EUR.")
        return given

    @property
    def problem(self) -> str:
        """Say the first thing that is wrong."""
        return next((str(words[0]) for words in self.errors.values()), "")
