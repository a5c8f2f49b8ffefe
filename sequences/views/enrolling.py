"""Take a list or a selection into a sequence: choose, see what will happen, watch it happen."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mailboxes.models import Mailbox
from outreach.access import needs
from outreach.htmx import page_or_part, wants_part
from outreach.requests import MemberRequest
from outreach.times import now
from outreach.toasts import toast
from outreach.transitions import IllegalTransition
from outreach.views.shell import STOP_POLLING
from sequences.engine import enrolling, pooling
from sequences.forms.definitions import AudienceForm
from sequences.models import Batch, Enrollment, NotReady, Sequence
from sequences.rules import schedule
from sequences.views.frame import lacks

SKIPS_SHOWN = 200
# Sending days: further ahead nobody plans.
LONGEST_OUTLOOK = 365


@require_http_methods(["GET", "POST"])
@needs("member")
def enroll_choose(request: MemberRequest) -> HttpResponse:
    """Choose who and into which sequence, and see what it would do; nothing happens yet.

    A selection comes as `contacts` (ids with commas), in the query or, when it is long, posted.
    """
    return _choose(request, _asked(request))


def _asked(request: MemberRequest) -> AudienceForm:
    """Read the choice; a table posts its selection as many fields of one name."""
    given = (request.POST if request.method == "POST" else request.GET).copy()
    given["contacts"] = ",".join(given.getlist("contacts"))
    return AudienceForm(given, workspace=request.workspace)


def _choose(
    request: MemberRequest, form: AudienceForm, problem: str = "", status: int = 200
) -> HttpResponse:
    form.is_valid()
    if not problem:
        # Not chosen yet is no mistake.
        form.errors.pop("sequence", None)
    chosen = form.cleaned_data
    sequence = chosen.get("sequence")
    context: dict[str, Any] = {
        "form": form,
        "picked": len(chosen.get("contacts") or ()),
        "sequence": sequence,
        "list": chosen.get("list"),
        "problem": problem,
        "limit": enrolling.LIMIT,
        "has_lists": form.fields["list"].queryset.exists(),
        "has_sequences": form.fields["sequence"].queryset.exists(),
    }
    if sequence and (ids := _contacts(form, sequence)):
        seen = enrolling.outlook(sequence, ids)
        context |= {
            "seen": seen,
            "skips": [(enrolling.REASONS[why], many) for why, many in seen.skips.most_common()],
            "lacking": seen.lacking.most_common(5),
            "lacks": lacks(sequence),
            "is_active": sequence.status == Sequence.Status.ACTIVE,
            "first_send": schedule.next_open(now(), sequence.window),
            "last_send": _last_first_send(sequence, len(seen.ready)),
            "pace": _pace(sequence),
            "is_empty": False,
        }
    elif sequence and (chosen.get("list") or chosen.get("contacts")):
        context["is_empty"] = True
    return page_or_part(
        request, "enrolling/choose.html", "enrolling/_choose.html", context, status=status
    )


def _contacts(form: AudienceForm, sequence: Sequence) -> list[int]:
    if ids := form.cleaned_data.get("contacts"):
        return list(ids)
    audience = form.cleaned_data.get("list")
    return enrolling.members(audience, sequence) if audience else []


def _pace(sequence: Sequence, day: int | None = None) -> int:
    """Return how many first mails can leave on a sending day, whichever limit is the smallest.

    `day` counts the sending days of a warm-up, as if it began today; None is after all of them.
    """
    opens, closes = next(schedule.openings(now(), sequence.window))
    start = schedule.next_open(closes, sequence.window)
    minutes = (schedule.closes_at(start, sequence.window) - start) / timedelta(minutes=1)
    most = [int(minutes * sequence.per_minute) or 1]
    most += filter(None, (sequence.daily_limit, sequence.workspace.daily_limit))
    if sequence.warm_up and day is not None:
        most.append(sequence.warm_up.on(day))
    if senders := _senders(sequence):
        most.append(sum(_pace_of(mailbox, minutes, day) for mailbox in senders))
    return min(most)


def _senders(sequence: Sequence) -> list[Mailbox]:
    """Return the mailboxes that first mails leave from: the pool, or the sequence's own."""
    pool = sequence.pool.select_related("mailbox") if sequence.rotates else ()
    within = [member.mailbox for member in pool if pooling.in_rotation(member)]
    return within or list(filter(None, [sequence.mailbox]))


def _pace_of(mailbox: Mailbox, minutes: float, day: int | None) -> int:
    most = [mailbox.daily_limit]
    if mailbox.gap_least and mailbox.gap_most:
        most.append(int(minutes * 120 / (mailbox.gap_least + mailbox.gap_most)) or 1)
    if mailbox.warm_up and day is not None:
        most.append(mailbox.warm_up.on(day))
    return min(most)


def _last_first_send(sequence: Sequence, count: int) -> datetime | None:
    """Return the day by which every first mail can have left, if all were approved now."""
    if not count:
        return None
    at, left = now(), count
    for day in range(LONGEST_OUTLOOK):
        left -= _pace(sequence, day)
        if left <= 0:
            break
        at = schedule.closes_at(at, sequence.window)
    return schedule.next_open(at, sequence.window)


@require_POST
@needs("member")
def enroll(request: MemberRequest) -> HttpResponse:
    """Begin: the batch works in the background, and its page shows how far it is."""
    form = _asked(request)
    if not form.is_valid():
        return _choose(request, form, "Choose a sequence.", status=422)
    sequence = form.cleaned_data["sequence"]
    try:
        if request.POST.get("activate"):
            _make_active(request, sequence)
        batch = enrolling.enroll(sequence, _contacts(form, sequence), by=request.user)
    except IllegalTransition as problem:
        return _choose(request, form, str(problem), status=409)
    except NotReady as problem:
        return _choose(request, form, str(problem), status=422)
    return redirect("sequences:batch", batch.pk)


def _make_active(request: MemberRequest, sequence: Sequence) -> None:
    if sequence.status == Sequence.Status.DRAFT:
        sequence.activate(by=request.user)
    elif sequence.status == Sequence.Status.PAUSED:
        sequence.resume(by=request.user)


@require_GET
@needs("viewer")
def batch(request: MemberRequest, pk: int) -> HttpResponse:
    """Show how far an enrollment is, and in the end whom it took and whom not."""
    found = _find(request, pk)
    runs = Enrollment.objects.within(request.workspace).filter(sequence_id=found.sequence_id)
    undrafted = runs.filter(
        status=Enrollment.Status.PENDING_APPROVAL, drafted_at__isnull=True
    ).count()
    is_running = found.status == Batch.Status.RUNNING
    rows = found.skips.order_by("reason", "pk")
    context = {
        "batch": found,
        "is_running": is_running,
        "is_interrupted": is_running and _is_interrupted(found),
        "undrafted": undrafted,
        "drafted": max(0, found.enrolled - undrafted),
        "waiting": runs.filter(chip="pending_approval").count(),
        "is_busy": is_running or undrafted,
        "skips": [(enrolling.REASONS[why], many) for why, many in found.skipped.items()],
        "skipped": sum(found.skipped.values()),
        "rows": [] if is_running else list(rows[:SKIPS_SHOWN]),
        "more": max(0, sum(found.skipped.values()) - SKIPS_SHOWN),
    }
    answer = page_or_part(request, "enrolling/batch.html", "enrolling/_batch.html", context)
    if wants_part(request) and not context["is_busy"]:
        answer.status_code = STOP_POLLING
    return answer


def _is_interrupted(batch: Batch) -> bool:
    """Tell whether nothing has moved for longer than a worker needs for a chunk."""
    return now() - batch.updated_at > 2 * enrolling.LEASE


@require_POST
@needs("member")
def batch_cancel(request: MemberRequest, pk: int) -> HttpResponse:
    found = _find(request, pk)
    try:
        enrolling.cancel(found)
    except NotReady as problem:
        toast(request, str(problem), level="error")
    else:
        found.refresh_from_db()
        toast(request, f"Cancelled. {found.enrolled:,} of {found.total:,} are enrolled and stay.")
    return redirect("sequences:batch", pk)


def _find(request: MemberRequest, pk: int) -> Batch:
    rows = Batch.objects.within(request.workspace).select_related("sequence", "created_by")
    return get_object_or_404(rows.defer("contact_ids"), pk=pk)
