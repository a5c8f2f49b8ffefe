"""Pause a run, for good or until a time on the reader's clock."""

import json
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from outreach import localtime
from outreach.access import needs
from outreach.htmx import page_or_part
from outreach.requests import MemberRequest
from outreach.times import now
from sequences import rows
from sequences.models import Enrollment
from sequences.views.enrollments import back, carry_out, find

LOCAL = "%Y-%m-%dT%H:%M"


class PauseForm(forms.Form):
    """Until when to pause; empty means until somebody resumes it."""

    until = forms.DateTimeField(
        label="Until",
        required=False,
        input_formats=[LOCAL, f"{LOCAL}:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        zone = localtime.place(timezone.get_current_timezone_name())
        self.fields["until"].help_text = f"{zone} time. Empty: until somebody resumes it."

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if until is not None and until <= now():
            raise forms.ValidationError("Choose a time in the future.")
        return until


@require_http_methods(["GET", "POST"])
@needs("member")
def pause(request: MemberRequest, pk: int) -> HttpResponse:
    """Hold a run; GET shows the small form that asks until when."""
    if request.method == "GET":
        return _ask(request, pk, PauseForm(initial={"until": rows.monday(now())}), 200)
    form = PauseForm(request.POST)
    if not form.is_valid():
        return _ask(request, pk, form, 422)
    until = form.cleaned_data["until"]

    def act(run: Enrollment) -> str:
        run.pause(by=request.user, until=until)
        return f"Paused {run.prospect}{f' until {localtime.when(until)}' if until else ''}."

    response = carry_out(request, pk, act)
    if request.htmx and response.status_code < 400:
        focus = {"focus": f"#row-{pk} [data-open]"}
        response["HX-Trigger-After-Settle"] = json.dumps({"dialog:close": focus})
    return response


def _ask(request: MemberRequest, pk: int, form: PauseForm, status: int) -> HttpResponse:
    run = find(request, pk)
    context = {"run": run, "form": form, "next": back(request)}
    if status == 422 and request.htmx:
        # The answer to the form goes back into its dialog, not into the row it was meant for.
        answer = render(request, "sequences/_pause.html", context, status=status)
        answer["HX-Retarget"] = "#pause-body"
        answer["HX-Reswap"] = "innerHTML"
        return answer
    return page_or_part(request, "sequences/pause.html", "sequences/_pause.html", context, status)
