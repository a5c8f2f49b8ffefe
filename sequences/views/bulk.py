"""Verbs for a selection: the reader sees what and how many first, and one line per item after."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast
from outreach.transitions import IllegalTransition
from sequences.filters import is_id
from sequences.models import Enrollment, NotReady, TextChanged, Touch
from sequences.rules import footer, texts
from sequences.views.enrollments import back
from sequences.views.pausing import PauseForm
from sequences.views.selection import MOST, Selection

Status = Enrollment.Status
# So many names stand on the page that asks; bulk_confirm.html cuts the list there.
NAMED = 12
UNREAD = (Touch.Status.SKIPPED, Touch.Status.CANCELLED)


@dataclass(frozen=True)
class Item:
    """What became of one run of a selection."""

    run: Enrollment
    problem: str = ""
    changed: bool = False


@require_http_methods(["GET", "POST"])
@needs("approver")
def approve_many(request: MemberRequest) -> HttpResponse:
    """Show every text of a selection in full; with `go`, approve the runs that were ticked."""
    if "go" in request.POST:
        return _approve(request)
    selection = Selection.read(request)
    waiting = selection.able([Status.PENDING_APPROVAL])
    ready = waiting.filter(drafted_at__isnull=False)
    after = request.POST.get("after", "")
    runs = list(_with_texts(ready.filter(pk__gt=int(after) if is_id(after) else 0))[: MOST + 1])
    more, runs = len(runs) > MOST, runs[:MOST]
    context = {
        "readings": [_reading(run) for run in runs],
        "people": _people(len(runs)),
        "more": more,
        "after": runs[-1].pk if more else "",
        "most": MOST,
        "left_out": _left_out(selection, ready.count()),
        "fields": selection.fields,
        "next": back(request),
    }
    return render(request, "sequences/bulk_approve.html", context)


@require_POST
@needs("member")
def pause_many(request: MemberRequest) -> HttpResponse:
    """Hold the selected runs."""
    form = PauseForm(request.POST if "go" in request.POST else None)
    valid = form.is_bound and form.is_valid()
    until = form.cleaned_data["until"] if valid else None
    verb = Verb(
        "Pause",
        "paused",
        Enrollment.SENDING,
        lambda run: run.pause(by=request.user, until=until),
        "Nothing of these runs leaves while they are paused. They can be resumed at any time.",
        form=form,
    )
    return _carry_out(request, verb)


@require_POST
@needs("member")
def resume_many(request: MemberRequest) -> HttpResponse:
    """Let the selected runs go on."""
    verb = Verb(
        "Resume",
        "resumed",
        [Status.PAUSED],
        lambda run: run.resume(by=request.user),
        "What is overdue leaves at the pace of its sequence, never all at once.",
    )
    return _carry_out(request, verb)


@require_POST
@needs("approver")
def stop_many(request: MemberRequest) -> HttpResponse:
    """End the selected runs for good."""
    verb = Verb(
        "Stop",
        "stopped",
        Enrollment.UNFINISHED,
        lambda run: run.stop(by=request.user, reason="by_hand"),
        "What is not sent yet is cancelled, and the runs are archived.",
        danger=True,
        undo=True,
    )
    return _carry_out(request, verb)


@require_POST
@needs("approver")
def undo_many(request: MemberRequest) -> HttpResponse:
    """Take back what was just done to several runs; says for which it was too late."""
    runs = Selection.read(request).rows.select_related("contact").order_by("pk")[:MOST]
    items = [_try(run, lambda run: run.undo(by=request.user)) for run in runs]
    late = [item for item in items if item.problem]
    if undone := len(items) - len(late):
        toast(request, f"Undone for {_people(undone)}.")
    if late:
        names = ", ".join(item.run.prospect for item in late[:3])
        rest = f" and {len(late) - 3:,} more" if len(late) > 3 else ""
        toast(request, f"{late[0].problem} Not undone for {names}{rest}.", level="error")
    if not request.htmx:
        return redirect(back(request))
    answer = HttpResponse()
    answer["HX-Redirect"] = back(request)
    return answer


@dataclass(frozen=True)
class Verb:
    """What is done to a selection, in the words that pages use."""

    name: str
    done: str
    allowed: Collection[str]
    act: Callable[[Enrollment], Any]
    effect: str
    form: PauseForm | None = None
    danger: bool = False
    undo: bool = False


def _carry_out(request: MemberRequest, verb: Verb) -> HttpResponse:
    """Ask first, naming the number; with `go`, do it and list what became of each."""
    selection = Selection.read(request)
    runs = list(selection.able(verb.allowed).select_related("contact", "workspace")[: MOST + 1])
    more, runs = len(runs) > MOST, runs[:MOST]
    invalid = verb.form is not None and verb.form.is_bound and not verb.form.is_valid()
    if "go" not in request.POST or invalid or not runs:
        context = {
            "verb": verb,
            "people": _people(len(runs)),
            "runs": runs,
            "others": max(len(runs) - NAMED, 0),
            "more": more,
            "most": MOST,
            "left_out": _left_out(selection, selection.able(verb.allowed).count()),
            "fields": selection.fields,
            "next": back(request),
        }
        status = 422 if invalid else 200
        return render(request, "sequences/bulk_confirm.html", context, status=status)
    items = [_try(run, verb.act) for run in runs]
    again = selection.fields if more else []
    return _report(request, items, verb.name, verb.done, undo=verb.undo, again=again)


def _approve(request: MemberRequest) -> HttpResponse:
    shown = dict(text.partition(":")[::2] for text in request.POST.getlist("approve")[:MOST])
    ids = [int(pk) for pk in shown if is_id(pk)]
    runs = Enrollment.objects.within(request.workspace).filter(pk__in=ids, dropped_at=None)

    def act(run: Enrollment) -> None:
        run.approve(by=request.user, shown=shown[str(run.pk)])

    runs = runs.select_related("contact", "workspace").order_by("pk")
    items = [_try(run, act) for run in runs]
    after = request.POST.get("after", "")
    again = [*Selection.read(request).fields, ("after", after)] if is_id(after) else []
    return _report(request, items, "Approve", "approved", undo=True, again=again)


def _try(run: Enrollment, act: Callable[[Enrollment], Any]) -> Item:
    try:
        act(run)
    except TextChanged:
        return Item(run, "Changed meanwhile; read the new text first.", changed=True)
    except (IllegalTransition, NotReady) as error:
        return Item(run, str(error))
    return Item(run)


def _report(
    request: MemberRequest,
    items: list[Item],
    name: str,
    done: str,
    *,
    undo: bool,
    again: list[tuple[str, str]],
) -> HttpResponse:
    """List what became of each; a part that failed is never reported as success."""
    good = [item for item in items if not item.problem]
    bad = [item for item in items if item.problem]
    window = request.workspace.undo_seconds
    if good:
        ids = urlencode([*(("ids", item.run.pk) for item in good), ("next", back(request))])
        toast(
            request,
            f"{done.capitalize()} {_people(len(good))}.",
            undo_url=f"{reverse('sequences:undo_many')}?{ids}" if undo and window else "",
            seconds=max(10, window),
        )
    context = {
        "good": good,
        "bad": bad,
        "name": name,
        "most": MOST,
        "heading": _heading(len(good), len(bad), done),
        "again": again,
        "again_url": request.path,
        "next": back(request),
    }
    return render(request, "sequences/bulk_result.html", context)


def _heading(good: int, bad: int, done: str) -> str:
    if not good + bad:
        return f"Nothing was {done}"
    if not bad:
        return f"{_people(good)} {done}"
    return f"{good:,} of {good + bad:,} {done}, {bad:,} not"


def _with_texts(rows: Any) -> Any:
    touches = Prefetch("touches", Touch.steps.select_related("step").order_by("position"))
    return rows.select_related(
        "workspace", "contact__company", "mailbox", "sequence__mailbox"
    ).prefetch_related(touches)


def _reading(run: Enrollment) -> dict[str, Any]:
    """Return one run as it is read before it is approved: every text, to the last line."""
    _, sender_name, sender, signature, address = run.envelope()
    readings: list[dict[str, Any]] = []
    thread = ""
    for touch in run.touches.all():
        subject = touch.subject.strip() or (texts.reply_subject(thread) if thread else "")
        thread = touch.subject or thread
        if touch.status not in UNREAD:
            readings.append({"touch": touch, "subject": subject, "body": touch.body.strip()})
    missing = sorted({name for reading in readings for name in reading["touch"].missing})
    return {
        "run": run,
        "texts": readings,
        "foot": footer.full_text("", signature, address).strip(),
        "missing": missing,
        "sender": _written(sender_name, sender),
        "value": f"{run.pk}:{run.approval_token()}",
    }


def _left_out(selection: Selection, able: int) -> int:
    """Count what was selected and cannot take part; a filter leaves nothing out."""
    return 0 if selection.is_filter else max(0, len(selection.ids) - able)


def _people(number: int) -> str:
    return f"{number:,} prospect" if number == 1 else f"{number:,} prospects"


def _written(name: str, sender: str) -> str:
    """Write a sender as mail programs do; in a pool it is not one address."""
    if not name or sender == Touch.ANY_OF_POOL:
        return ", ".join(filter(None, [name, sender]))
    return f"{name} <{sender}>"
