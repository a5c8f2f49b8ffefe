"""Importing contacts: choose a file, say what its columns are, look at the check, import."""

import json
from datetime import timedelta
from math import ceil
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.db.models.functions import Left, StrIndex
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from outreach.access import needs
from outreach.htmx import page_or_part, wants_part
from outreach.requests import MemberRequest
from outreach.times import now
from outreach.toasts import toast
from outreach.transitions import IllegalTransition
from outreach.views.shell import STOP_POLLING
from sequences.engine import importing
from sequences.forms.importing import MappingForm, UploadForm
from sequences.models import Import
from sequences.views.files import csv_file

RECENT = 10
PROBLEMS_SHOWN = 10
# A job that nobody has worked on for so long is said to be interrupted.
SILENCE = timedelta(seconds=10)
STAGES = ("Upload", "Columns", "Check", "Import")
STAGE_OF = {
    Import.Status.UPLOADED: 2,
    Import.Status.CHECKING: 3,
    Import.Status.CHECKED: 3,
    Import.Status.RUNNING: 4,
    Import.Status.DONE: 5,
    Import.Status.FAILED: 4,
    Import.Status.CANCELLED: 4,
}
REMARKS = {
    "suppressed": "on the suppression list: imported, and never written to",
    "role": "with a role address such as info@: imported, and not enrolled",
    "zone": "with a time zone that is not known: imported without it",
    "score": "with a score that is no number from 0 to 100: imported without it",
    "status": "with a status that is not known here: imported without it",
    "kept": "here already: left as they are, and added to the list",
}
SAMPLE = [
    ["First name", "Last name", "E-mail", "Company", "Website", "Job title", "City", "Time zone"],
    ["Ana", "Silva", "ana@northwind.example", "Northwind", "northwind.example", "COO", "Lisbon"]
    + ["Europe/Lisbon"],
    ["Søren", "Kjær", "soren@fjord.example", "Fjord", "fjord.example", "Head of Sales", "Aarhus"]
    + ["Europe/Copenhagen"],
]


@require_http_methods(["GET", "POST"])
@needs("member")
def new(request: MemberRequest) -> HttpResponse:
    """Take a file, and go on to its columns."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            # One byte more tells that it is too large, without reading the rest.
            content = upload.read(importing.MAX_BYTES + 1)
            job = importing.read_file(request.workspace, upload.name, content, by=request.user)
        except importing.Unreadable as problem:
            form.add_error("file", str(problem))
        else:
            return redirect("sequences:import", job.pk)
    mine = Import.objects.within(request.workspace).defer("content", "samples")
    context = {"form": form, "recent": mine.order_by("-pk")[:RECENT]}
    status = 422 if request.method == "POST" else 200
    return render(request, "contacts/import_new.html", context, status=status)


@require_GET
@needs("member")
def sample(request: MemberRequest) -> StreamingHttpResponse:
    """Give a small file to start from."""
    return csv_file("contacts-sample.csv", iter(SAMPLE))


@never_cache
@require_GET
@needs("viewer")
def show(request: MemberRequest, pk: int) -> HttpResponse:
    """Show where the import is; asked again every second while it works."""
    job = _find(request, pk)
    answer = _show(request, job)
    if wants_part(request) and not job.is_working:
        # What asked was the progress; what comes takes the place of the whole stage.
        answer.status_code = STOP_POLLING
        answer["HX-Retarget"] = "#import"
        answer["HX-Reswap"] = "outerHTML"
        said = f"{job.name}: {job.get_status_display().lower()}"
        answer["HX-Trigger"] = json.dumps({"announce": said})
    return answer


@require_POST
@needs("member")
def check(request: MemberRequest, pk: int) -> HttpResponse:
    """Take in what the columns are, and have every row checked."""
    job = _find(request, pk)
    form = MappingForm(job, request.POST)
    if not form.is_valid():
        return _show(request, job, form=form, status=422)
    names = ("mapping", "has_header", "list_name", "update_existing")
    try:
        importing.check(job, **{name: form.cleaned_data[name] for name in names})
    except IllegalTransition as problem:
        return _show(request, _find(request, pk), problem=str(problem), status=409)
    return redirect("sequences:import", pk)


def _verb(request: MemberRequest, pk: int, verb: str) -> HttpResponse:
    job = _find(request, pk)
    try:
        getattr(job, verb)()
    except IllegalTransition as problem:
        return _show(request, _find(request, pk), problem=str(problem), status=409)
    return redirect("sequences:import", pk)


@require_POST
@needs("member")
def start(request: MemberRequest, pk: int) -> HttpResponse:
    """Import the rows that the check let through."""
    return _verb(request, pk, "start")


@require_POST
@needs("member")
def map_again(request: MemberRequest, pk: int) -> HttpResponse:
    """Go back from the check to the columns."""
    return _verb(request, pk, "map_again")


@require_POST
@needs("member")
def retry(request: MemberRequest, pk: int) -> HttpResponse:
    """Go on after a failure."""
    return _verb(request, pk, "retry")


@require_POST
@needs("member")
def cancel(request: MemberRequest, pk: int) -> HttpResponse:
    """Stop an import; what it has taken over is kept."""
    answer = _verb(request, pk, "cancel")
    if answer.status_code == 302:
        toast(request, "Cancelled the import. Contacts that were imported already are kept.")
    return answer


@require_GET
@needs("viewer")
def problems(request: MemberRequest, pk: int) -> StreamingHttpResponse:
    """Give the rows that were not taken, each with its reason, as a file to mend and import."""
    job = _find(request, pk)
    stem = job.name.rpartition(".")[0] or job.name
    delimiter = job.delimiter if len(job.delimiter) == 1 else ","
    return csv_file(f"{stem}-problems.csv", importing.problem_rows(job), delimiter)


def _find(request: MemberRequest, pk: int) -> Import:
    rows = Import.objects.within(request.workspace).select_related("workspace", "list")
    return get_object_or_404(rows.defer("content"), pk=pk)


def _show(
    request: MemberRequest,
    job: Import,
    *,
    form: MappingForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "job": job,
        "problem": problem,
        "may_write": request.membership.may("member"),
        "stages": _stages(job),
        "to_import": job.created + job.updated,
        "not_done": job.rows_total - job.position,
    }
    if job.status == Import.Status.UPLOADED:
        context["form"] = form or MappingForm(job)
    elif job.is_working:
        context |= _progress(job)
    else:
        context |= {
            "reasons": _reasons(job),
            "remarks": [
                (count, REMARKS[name]) for name, count in job.notes.items() if name in REMARKS
            ],
            "first_problems": job.problems.order_by("row")[:PROBLEMS_SHOWN],
            "more_problems": job.problems.count() - PROBLEMS_SHOWN,
        }
    part = "contacts/_progress.html" if job.is_working else "contacts/_import.html"
    return page_or_part(request, "contacts/import.html", part, context, status=status)


def _stages(job: Import) -> list[tuple[str, str]]:
    current = STAGE_OF[Import.Status(job.status)]
    if job.status in (Import.Status.FAILED, Import.Status.CANCELLED) and not job.started_at:
        current = 3
    words = []
    for number, name in enumerate(STAGES, 1):
        words.append((name, "done" if number < current else "now" if number == current else ""))
    return words


def _progress(job: Import) -> dict[str, Any]:
    left = ""
    begun = job.started_at
    if job.status == Import.Status.RUNNING and begun and job.position >= importing.CHUNK:
        seconds = (now() - begun).total_seconds() / job.position * (job.rows_total - job.position)
        left = "less than a minute left" if seconds < 60 else f"about {ceil(seconds / 60)} min left"
    return {"left": left, "is_interrupted": now() - job.updated_at > SILENCE}


def _reasons(job: Import) -> QuerySet:
    """Count the problems by their kind, which is what stands before the colon."""
    kind = Left("reason", StrIndex("reason", Value(":")) - 1)
    kinds = job.problems.order_by().values(kind=kind).annotate(count=Count("pk"))
    return kinds.order_by("-count", "kind")
