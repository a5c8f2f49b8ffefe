"""The steps of a sequence: one is written at a time, the others stand beside it."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from outreach.access import needs
from outreach.requests import MemberRequest
from outreach.toasts import toast
from sequences.engine import defining, drafting
from sequences.forms.definitions import StepForm
from sequences.models import Contact, NotReady, Sequence, Step
from sequences.rules import footer, texts, tokens
from sequences.views.frame import find, frame

# People to preview for, newest first.
PEOPLE = 30
# Statuses in which the texts of a sequence can be corrected.
WRITABLE = (Sequence.Status.DRAFT, Sequence.Status.ACTIVE, Sequence.Status.PAUSED)
BUTTONS = ("first_name", "company", "title", "industry", "city", "domain", "sender_name")


@dataclass(frozen=True)
class Place:
    """A step as the list beside the editor names it."""

    step: Step
    day: int

    @property
    def name(self) -> str:
        return self.step.angle.capitalize() if self.step.angle else f"Step {self.step.position}"

    @property
    def wait(self) -> str:
        parts = []
        if self.step.delay_days:
            day = "business day" if self.step.sequence.business_days else "day"
            parts.append(f"{self.step.delay_days} {day}{'s' * (self.step.delay_days != 1)}")
        if self.step.delay_hours:
            parts.append(f"{self.step.delay_hours} h")
        if self.step.position == 1:
            return f"{' '.join(parts)} after enrollment" if parts else "right after approval"
        thread = "same thread" if self.step.in_thread else "new thread"
        return f"{' '.join(parts)} later, {thread}" if parts else f"at once, {thread}"


def places(steps: list[Step]) -> list[Place]:
    day, found = 0, []
    for step in steps:
        day += step.delay_days
        found.append(Place(step, day))
    return found


@require_GET
@needs("viewer")
def steps(request: MemberRequest, pk: int) -> HttpResponse:
    """Open the first step; a draft that has none offers to add one."""
    sequence = find(request, pk)
    if sequence.steps.exists():
        return redirect("sequences:step", pk, 1)
    return render(request, "sequences/definition/no_steps.html", frame(request, sequence, "steps"))


@require_http_methods(["GET", "POST"])
@needs("viewer")
def step(request: MemberRequest, pk: int, position: int) -> HttpResponse:
    """Show one step to everybody; a member changes it."""
    if request.method == "POST":
        return _save(request, pk, position)
    sequence, found = _find(request, pk, position)
    return _page(request, sequence, StepForm(instance=found))


@needs("member")
def _save(request: MemberRequest, pk: int, position: int) -> HttpResponse:
    sequence, found = _find(request, pk, position)
    form = StepForm(request.POST, instance=found)
    if not form.is_valid():
        return _page(request, sequence, form)
    if sequence.status not in WRITABLE:
        form.add_error(None, "This sequence has ended; duplicate it to go on with its texts.")
        return _page(request, sequence, form)
    changed = form.has_changed()
    try:
        defining.correct_step(found, form.cleaned_data, by=request.user)
        if request.POST.get("then") == "add":
            found = defining.add_step(sequence)
    except NotReady as problem:
        form.add_error(None, str(problem))
        return _page(request, sequence, form)
    _say_saved(request, sequence, position, changed=changed)
    return redirect(_next(request, found))


def _say_saved(request: MemberRequest, sequence: Sequence, position: int, *, changed: bool) -> None:
    runs = drafting.to_redraft(sequence).count() if changed else 0
    if not runs:
        return toast(request, f"Saved step {position}.")
    return toast(
        request,
        f"Saved step {position}. Drafts that are written already keep their text.",
        link_url=reverse("sequences:redraft", args=[sequence.pk]),
        link_text="Re-draft what is unsent",
    )


def _next(request: MemberRequest, step: Step) -> str:
    position = step.position
    if request.POST.get("then") == "next":
        position = min(position + 1, step.sequence.steps.count())
    url = reverse("sequences:step", args=[step.sequence_id, position])
    contact = request.POST.get("contact", "")
    return f"{url}?contact={contact}" if contact.isdecimal() else url


@require_POST
@needs("viewer")
def preview(request: MemberRequest, pk: int, position: int) -> HttpResponse:
    """Show the text that is being typed as one contact would read it; stores nothing."""
    sequence, found = _find(request, pk, position)
    subject = request.POST.get("subject", found.subject)[:300]
    body = request.POST.get("body", found.body)[:20_000]
    context = _preview(request, sequence, found, subject=subject, body=body)
    context |= {"live": True, "sequence": sequence, "step": found}
    return render(request, "sequences/definition/_preview.html", context)


@require_POST
@needs("member")
def add(request: MemberRequest, pk: int) -> HttpResponse:
    sequence = find(request, pk)
    try:
        made = defining.add_step(sequence)
    except NotReady as problem:
        return _refused(request, sequence, problem)
    toast(request, f"Added step {made.position}.")
    return redirect("sequences:step", pk, made.position)


@require_POST
@needs("member")
def remove(request: MemberRequest, pk: int, position: int) -> HttpResponse:
    sequence, found = _find(request, pk, position)
    try:
        defining.remove_step(found)
    except NotReady as problem:
        return _refused(request, sequence, problem)
    toast(request, f"Removed step {position}.")
    left = sequence.steps.count()
    if not left:
        return redirect("sequences:steps", pk)
    return redirect("sequences:step", pk, min(position, left))


@require_POST
@needs("member")
def move_up(request: MemberRequest, pk: int, position: int) -> HttpResponse:
    return _move(request, pk, position, -1)


@require_POST
@needs("member")
def move_down(request: MemberRequest, pk: int, position: int) -> HttpResponse:
    return _move(request, pk, position, 1)


def _move(request: MemberRequest, pk: int, position: int, by_places: int) -> HttpResponse:
    sequence, found = _find(request, pk, position)
    try:
        moved = defining.move_step(found, by_places)
    except NotReady as problem:
        return _refused(request, sequence, problem)
    return redirect("sequences:step", pk, moved.position)


def _refused(request: MemberRequest, sequence: Sequence, problem: NotReady) -> HttpResponse:
    first = sequence.steps.first()
    if first is None:
        context = frame(request, sequence, "steps") | {"problem": str(problem)}
        return render(request, "sequences/definition/no_steps.html", context, status=422)
    return _page(request, sequence, StepForm(instance=first), problem=str(problem))


def _find(request: MemberRequest, pk: int, position: int) -> tuple[Sequence, Step]:
    sequence = find(request, pk)
    found = get_object_or_404(sequence.steps.select_related("sequence"), position=position)
    return sequence, found


def _page(
    request: MemberRequest, sequence: Sequence, form: StepForm, problem: str = ""
) -> HttpResponse:
    # The record of a refused form holds what was typed; the list shows what is stored.
    found = sequence.steps.get(pk=form.instance.pk)
    rows = places(list(sequence.steps.all()))
    bound = form.data if form.is_bound else {}
    context = frame(request, sequence, "steps")
    context |= _preview(
        request,
        sequence,
        found,
        subject=bound.get("subject", found.subject),
        body=bound.get("body", found.body),
    )
    may_edit = context["may_write"] and sequence.status in WRITABLE
    if not may_edit:
        form.only_to_read()
    context |= {
        "form": form,
        "step": found,
        "places": rows,
        "place": rows[found.position - 1],
        "is_first": found.position == 1,
        "is_last": found.position == len(rows),
        "is_full": len(rows) >= defining.MAX_STEPS,
        "may_edit": may_edit,
        "problem": problem,
        "fixed": "" if context["is_draft"] else defining.FIXED_STEPS,
        "unsent": 0 if context["is_draft"] else drafting.to_redraft(sequence).count(),
        "buttons": _buttons(sequence),
    }
    status = 422 if problem or (form.is_bound and form.errors) else 200
    return render(request, "sequences/definition/steps.html", context, status=status)


def _buttons(sequence: Sequence) -> list[tuple[str, str]]:
    """Return the tokens to insert: the sequence's own first, with what each stands for."""
    own = [(name, f"“{value}”") for name, value in sequence.variables.items()]
    return own[:8] + [(name, tokens.KNOWN[name]) for name in BUTTONS]


def _preview(
    request: MemberRequest, sequence: Sequence, step: Step, *, subject: str, body: str
) -> dict[str, Any]:
    people = _people(request)
    chosen = request.POST.get("contact") or request.GET.get("contact", "")
    person = _person(request, people, chosen)
    values = tokens.look_up(
        person.values() if person else {},
        sequence.variables,
        {"sender_name": sequence.from_name},
    )
    said = tokens.render(subject, values, single_line=True)
    text = tokens.render(body.replace("\r\n", "\n").strip(), values)
    mailbox = sequence.mailbox
    address = sequence.workspace.postal_address
    return {
        "people": people,
        "person": person,
        "mail_subject": _parts(said.text.strip() or _thread(step, values)),
        "mail_text": _parts(text.text),
        "mail_foot": footer.full_text("", mailbox.signature if mailbox else "", address).strip(),
        "mail_from": f"{sequence.from_name} <{mailbox.email}>" if mailbox else "",
        "lacking": list(dict.fromkeys(said.missing + text.missing)),
        "words": texts.word_count(text.text),
        "subject_problems": tokens.problems(subject),
        "body_problems": tokens.problems(body),
    }


def _people(request: MemberRequest) -> list[Contact]:
    rows = Contact.objects.within(request.workspace).select_related("company")
    return list(rows.order_by("-pk")[:PEOPLE])


def _person(request: MemberRequest, people: list[Contact], chosen: str) -> Contact | None:
    """Return the chosen contact, whom a link may name too, else the newest."""
    if chosen.isdecimal() and len(chosen) < 19:
        rows = Contact.objects.within(request.workspace).select_related("company")
        if person := rows.filter(pk=int(chosen)).first():
            if person not in people:
                people.insert(0, person)
            return person
    return people[0] if people else None


def _thread(step: Step, values: dict[str, str]) -> str:
    """Return the subject of a mail that has none of its own."""
    before = step.sequence.steps.filter(position__lt=step.position).exclude(subject="").last()
    if before is None:
        return ""
    return texts.reply_subject(tokens.render(before.subject, values, single_line=True).text)


def _parts(text: str) -> list[tuple[str, bool]]:
    """Cut a text at the tokens that are left in it: each part, and whether it is one."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in tokens.TOKEN.finditer(text):
        parts += [(text[end : match.start()], False), (match[0].strip("{} "), True)]
        end = match.end()
    return [*parts, (text[end:], False)]
