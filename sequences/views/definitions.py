"""A sequence itself: made, looked at, set up, started, held, copied and put away."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast
from outreach.transitions import IllegalTransition
from sequences.engine import counts, defining, drafting, listening, thresholds
from sequences.engine.enrolling import REASONS
from sequences.forms.definitions import NewSequenceForm, SettingsForm
from sequences.models import Batch, Enrollment, NotReady, Sequence, Touch
from sequences.readymade import BY_KEY, READY_MADE
from sequences.rules import places, schedule, tokens
from sequences.views.frame import find, frame, lacks
from sequences.views.pool import PoolRow, pool_of

BLANK_ROWS = 3
# What the overview counts: a chip of the table, what its rows are, and the colour of attention.
TILES = (
    ("active", "prospects", ""),
    ("pending_approval", "waiting for approval", "warn"),
    ("attention", "need attention", "bad"),
    ("replied", "replied", ""),
    ("complete", "complete, no reply", ""),
    ("archived", "archived", ""),
)
# Runs whose drafts one request writes again; the page offers to go on.
REDRAFTED_AT_ONCE = 300
HALF_HOURS = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 30)] + ["24:00"]


@require_http_methods(["GET", "POST"])
@needs("member")
def new(request: MemberRequest) -> HttpResponse:
    """Choose what to start from, then name it; POST makes the draft."""
    start = request.POST.get("start") or request.GET.get("start", "")
    if start != "empty" and start not in BY_KEY:
        return render(request, "sequences/definition/choose.html", {"choices": READY_MADE})
    ready = BY_KEY.get(start)
    form = NewSequenceForm(
        request.POST if request.method == "POST" else None,
        workspace=request.workspace,
        ready=ready,
        initial={"name": ready.name if ready else ""},
    )
    if form.is_valid():
        sequence = defining.create(
            request.workspace,
            name=form.cleaned_data["name"],
            mailbox=form.cleaned_data["mailbox"],
            variables=form.facts,
            mails=ready.mails if ready else (),
            by=request.user,
        )
        toast(request, f"Made {sequence.name}. Nothing is sent until you activate and approve.")
        return redirect("sequences:steps", sequence.pk)
    context = {"form": form, "ready": ready, "start": start}
    return render(request, "sequences/definition/new.html", context, status=_status(form))


@require_GET
@needs("viewer")
def overview(request: MemberRequest, pk: int) -> HttpResponse:
    return _overview(request, find(request, pk))


def _overview(
    request: MemberRequest, sequence: Sequence, problem: str = "", status: int = 200
) -> HttpResponse:
    batches = Batch.objects.within(request.workspace).filter(sequence=sequence)
    context = frame(request, sequence, "overview") | {
        "problem": problem,
        "lacks": lacks(sequence),
        "tiles": _tiles(counts.chips(request.workspace, sequence)),
        "sent": _sent(sequence),
        "steps": list(sequence.steps.all()),
        "window": _hours(sequence),
        "pool": (pool := pool_of(sequence)),
        "takes_turns": any(not row.is_out for row in pool),
        "pool_limit": sum(row.limit for row in pool if not row.is_out),
        "bounces": thresholds.of_sequence(sequence),
        "free_days": _free_days(sequence),
        "unheard": _unheard(sequence, pool),
        "batches": [(batch, _said(batch)) for batch in _recent(batches)],
        "is_unattended": sequence.approval_mode == Sequence.ApprovalMode.AUTOMATIC
        and not drafting.may_approve(sequence),
    }
    return render(request, "sequences/definition/overview.html", context, status=status)


def _unheard(sequence: Sequence, pool: list[PoolRow]) -> str:
    """Say why follow-ups of one of its mailboxes would wait for a person."""
    pooled = [listening.warning(row.member.mailbox) for row in pool]
    return next(filter(None, pooled or [listening.warning(sequence.mailbox)]), "")


def _recent(batches: Any) -> list[Batch]:
    rows = batches.select_related("created_by").defer("contact_ids", "variables")
    return list(rows.order_by("-pk")[:5])


def _said(batch: Batch) -> str:
    """Say in words whom a batch skipped."""
    parts = (f"{count:,} {REASONS[reason].lower()}" for reason, count in batch.skipped.items())
    return ", ".join(parts)


def _tiles(numbers: dict[str, int]) -> list[tuple[str, str, str, str]]:
    """Return chip, number, words and colour of each tile; its link shows exactly those rows."""
    return [
        (chip, counts.said(numbers[chip]), words, colour if numbers[chip] else "")
        for chip, words, colour in TILES
    ]


def _hours(sequence: Sequence) -> str:
    """Say when it sends, and on whose clock."""
    hours = schedule.describe(sequence.window)
    return f"{hours}, or the prospect's own time" if sequence.uses_prospect_zone else hours


def _free_days(sequence: Sequence) -> str:
    """Say on which days nothing leaves, whatever weekday they are."""
    parts = []
    if sequence.holiday_country:
        where = places.country_name(sequence.holiday_country)
        parts.append(f"on public holidays of {where}")
    if count := len(sequence.days_off):
        parts.append(f"on {count} day{'' if count == 1 else 's'} off of its own")
    return f"Not {' and '.join(parts)}" if parts else ""


def _sent(sequence: Sequence) -> int:
    sent = Touch.steps.filter(enrollment__sequence=sequence, status=Touch.Status.SENT)
    return sent.filter(enrollment__workspace=sequence.workspace_id).count()


@require_http_methods(["GET", "POST"])
@needs("viewer")
def settings(request: MemberRequest, pk: int) -> HttpResponse:
    """Show the settings to everybody; an admin changes them."""
    sequence = find(request, pk)
    if request.method == "POST":
        return _save_settings(request, pk)
    return _settings(request, sequence, _form(request, sequence))


@needs("admin")
def _save_settings(request: MemberRequest, pk: int) -> HttpResponse:
    sequence = find(request, pk)
    # The form writes into its record while it checks; the page keeps the stored one.
    form = _form(request, find(request, pk))
    if form.is_valid():
        try:
            defining.configure(sequence, form.changes, by=request.user, pool=form.chosen_pool)
        except NotReady as problem:
            form.add_error(None, str(problem))
        else:
            toast(request, f"Saved the settings of {sequence.name}.")
            return redirect("sequences:settings", pk)
    return _settings(request, sequence, form)


def _form(request: MemberRequest, sequence: Sequence) -> SettingsForm:
    posted = request.POST if request.method == "POST" else None
    return SettingsForm(posted, instance=sequence, workspace=request.workspace)


def _settings(request: MemberRequest, sequence: Sequence, form: SettingsForm) -> HttpResponse:
    rows = list(form.variables.items())
    rows += [(name, "") for name in _asked(sequence) if name not in form.variables]
    context = frame(request, sequence, "settings") | {
        "form": form,
        "rows": rows + [("", "")] * BLANK_ROWS,
        "zones": schedule.zones(),
        "times": HALF_HOURS,
        "fixed": defining.FIXED_THROTTLE if form.is_fixed else "",
    }
    template = "sequences/definition/settings.html"
    return render(request, template, context, status=_status(form))


def _asked(sequence: Sequence) -> list[str]:
    """Return the values that the steps need and that no contact field is known to give."""
    text = "\n".join(f"{step.subject}\n{step.body}" for step in sequence.steps.all())
    return [name for name in tokens.render(text, {}).missing if name not in tokens.KNOWN]


def _status(form: Any) -> int:
    return 422 if form.is_bound and form.errors else 200


# Verbs


@require_POST
@needs("member")
def activate(request: MemberRequest, pk: int) -> HttpResponse:
    return _do(request, pk, "activate", "{} is active. Enroll contacts to write drafts.")


@require_POST
@needs("approver")
def pause(request: MemberRequest, pk: int) -> HttpResponse:
    return _do(request, pk, "pause", "Paused {}. Nothing more of it leaves until you resume it.")


@require_POST
@needs("approver")
def resume(request: MemberRequest, pk: int) -> HttpResponse:
    return _do(request, pk, "resume", "Resumed {}. What is overdue leaves at its usual pace.")


def _do(request: MemberRequest, pk: int, verb: str, said: str) -> HttpResponse:
    sequence = find(request, pk)
    try:
        getattr(sequence, verb)(by=request.user)
    except IllegalTransition as problem:
        return _overview(request, find(request, pk), str(problem), status=409)
    except NotReady as problem:
        return _overview(request, find(request, pk), str(problem), status=422)
    toast(request, said.format(sequence.name))
    return redirect("sequences:overview", pk)


@require_http_methods(["GET", "POST"])
@needs("approver")
def archive(request: MemberRequest, pk: int) -> HttpResponse:
    """Say whose runs would end; POST ends them and puts the sequence away."""
    if request.method == "POST":
        return _do(request, pk, "archive", "Archived {}. Its unfinished runs were cancelled.")
    sequence = find(request, pk)
    runs = Enrollment.objects.within(request.workspace).filter(sequence=sequence)
    context = frame(request, sequence, "") | {"unfinished": runs.unfinished().count()}
    return render(request, "sequences/definition/archive.html", context)


@require_http_methods(["GET", "POST"])
@needs("member")
def delete(request: MemberRequest, pk: int) -> HttpResponse:
    """Ask first; POST deletes a draft for good."""
    sequence = find(request, pk)
    if request.method == "GET":
        context = frame(request, sequence, "") | {"steps": sequence.steps.count()}
        return render(request, "sequences/definition/delete.html", context)
    name = sequence.name
    try:
        sequence.discard(by=request.user)
    except IllegalTransition as problem:
        return _overview(request, find(request, pk), str(problem), status=409)
    toast(request, f"Deleted {name}.")
    return redirect("sequences:table")


@require_POST
@needs("member")
def duplicate(request: MemberRequest, pk: int) -> HttpResponse:
    copy = defining.duplicate(find(request, pk), by=request.user)
    toast(request, f"Made {copy.name}: the same steps and settings, nobody in it.")
    return redirect("sequences:overview", copy.pk)


@require_http_methods(["GET", "POST"])
@needs("member")
def redraft(request: MemberRequest, pk: int) -> HttpResponse:
    """Say how many drafts would be written again; POST writes them, a bounded number at once."""
    sequence = find(request, pk)
    waiting = drafting.to_redraft(sequence)
    context = frame(request, sequence, "steps")
    if request.method == "POST":
        after = request.POST.get("after", "0")
        waiting = waiting.filter(pk__gt=int(after) if after.isdecimal() else 0)
        runs = list(waiting[:REDRAFTED_AT_ONCE])
        changed = sum(drafting.redraft(run, by=request.user) for run in runs)
        last = runs[-1].pk if runs else 0
        rest = waiting.filter(pk__gt=last).count() if runs else 0
        if not rest:
            done = "Every unsent draft says what the steps say now. What changed needs approval."
            toast(request, done)
            return redirect("sequences:steps", pk)
        context |= {"after": last, "rest": rest, "changed": changed}
    context |= {
        "runs": waiting.count(),
        "approved": waiting.exclude(status=Enrollment.Status.PENDING_APPROVAL).count(),
        "edited": drafting.edited_by_hand(sequence),
    }
    return render(request, "sequences/definition/redraft.html", context)
