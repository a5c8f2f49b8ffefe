"""Write the drafts of runs: steps with the values of one contact put in."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from outreach.models import Membership
from outreach.times import now
from outreach.transitions import IllegalTransition
from sequences.models import (
    Enrollment,
    Event,
    NotReady,
    Sequence,
    Step,
    TextChanged,
    Touch,
)
from sequences.models.touch import digest_of
from sequences.rules import tokens

# Runs in one transaction: short enough for SQLite's other writers, long enough to be cheap.
CHUNK = 200
# Runs that one tick approves in automatic mode.
APPROVALS = 100
MAX_SUBJECT = 300
# A day's delay is at most this much shorter where the clock is put forward.
CLOCK_CHANGE = timedelta(hours=3)


def draft(enrollment: Enrollment) -> None:
    """Write the drafts of one run; a run that has them keeps them."""
    with transaction.atomic():
        _write([_for_drafting().get(pk=enrollment.pk)])
    enrollment.refresh_from_db()


def tick() -> int:
    """Write the drafts of the runs that wait longest, approve what automatic mode may."""
    written = 0
    # Asked first without a transaction: on SQLite beginning one locks out every writer.
    if _waiting().exists():
        with transaction.atomic():
            written = _write(_claimed(CHUNK))
    return written + approve_due()


def values_of(run: Enrollment) -> dict[str, str]:
    """Return what tokens of this run say: run, metadata, contact, sequence, in that order."""
    return tokens.look_up(
        run.variables,
        run.metadata,
        run.contact.values() if run.contact else {},
        run.sequence.variables,
        {"sender_name": run.from_name},
    )


def edit(touch: Touch, *, subject: str, body: str, by: Any, shown: str = "") -> None:
    """Change a draft's text; tokens that the person typed are filled in first.

    Raises NotReady when the text cannot be a mail, TextChanged and IllegalTransition as
    Touch.edit does.
    """
    with transaction.atomic():
        run = touch.enrollment.lock()
        values = values_of(run)
        subject = _checked_subject(tokens.render(subject, values, single_line=True).text)
        body = tokens.render(body.replace("\r\n", "\n"), values).text
        if not body.strip():
            raise NotReady("Write a text; to leave the step out, skip it.")
        if wrong := tokens.problems(f"{subject}\n{body}"):
            raise NotReady(" ".join(wrong))
        touch.edit(subject=subject, body=body, by=by, shown=shown)


def fill(enrollment: Enrollment, values: dict[str, str], *, by: Any) -> None:
    """Set values of one run and put them into its drafts that lack some.

    What a person wrote into a draft stays; an approval of what changes is revoked.
    """
    given = {name: tokens.one_line(str(value)).strip() for name, value in values.items()}
    given = {name: value for name, value in given.items() if value}
    if not given:
        raise NotReady("Type a value to fill in.")
    with transaction.atomic():
        run = enrollment.lock()
        if run.is_finished:
            raise IllegalTransition(run, "filled in", Enrollment.UNFINISHED)
        run.variables = run.variables | given
        run.save(update_fields=["variables", "updated_at"])
        found = values_of(run)
        for touch in run.touches.filter(status__in=Touch.EDITABLE).exclude(missing=[]):
            subject = tokens.render(touch.subject, found, single_line=True).text
            _rewrite(run, touch, subject=subject[:MAX_SUBJECT], body=touch.body, values=found)
        Event.log(run, "filled", by=by, names=sorted(given))
        run.text_changed(by=by)
    enrollment.refresh_from_db()


def redraft(enrollment: Enrollment, *, by: Any) -> int:
    """Write again, from the steps as they are now, the drafts that have not left.

    Drafts that somebody edited stay. Approvals of what changes are revoked. Returns how many
    drafts changed.
    """
    changed = 0
    with transaction.atomic():
        run = enrollment.lock()
        if run.is_finished or run.drafted_at is None:
            return 0
        values = values_of(run)
        waiting = run.touches.filter(status__in=Touch.EDITABLE, edited_at__isnull=True)
        for touch in waiting.filter(step__isnull=False).select_related("step"):
            subject = tokens.render(touch.step.subject, values, single_line=True).text
            subject = subject[:MAX_SUBJECT].strip()
            changed += _rewrite(run, touch, subject=subject, body=touch.step.body, values=values)
        if changed:
            Event.log(run, "redrafted", by=by, drafts=changed)
            run.text_changed(by=by)
    return changed


def to_redraft(sequence: Sequence) -> QuerySet[Enrollment]:
    """Return the runs that have drafts which `redraft` may write again."""
    drafts = Touch.steps.filter(
        enrollment=OuterRef("pk"), status__in=Touch.EDITABLE, edited_at__isnull=True
    )
    runs = Enrollment.everywhere.filter(sequence=sequence, drafted_at__isnull=False)
    return runs.unfinished().filter(Exists(drafts)).order_by("pk")


def edited_by_hand(sequence: Sequence) -> int:
    """Count the unsent drafts that somebody edited, which `redraft` leaves alone."""
    drafts = Touch.steps.filter(
        enrollment__sequence=sequence,
        enrollment__status__in=Enrollment.UNFINISHED,
        status__in=Touch.EDITABLE,
    )
    return drafts.filter(edited_at__isnull=False).count()


def approve_due() -> int:
    """Approve, in the name of who switched it on, the runs of automatic sequences that are due.

    A run that lacks a value waits for a person, and so does one whose approval a person undid,
    or a colleague of which has answered where the sequence's rule is to pause.
    """
    automatic = Sequence.everywhere.running().filter(
        approval_mode=Sequence.ApprovalMode.AUTOMATIC, approver__isnull=False
    )
    done = 0
    for sequence in automatic.select_related("approver").order_by("pk"):
        if may_approve(sequence):
            done += _approve_due(sequence, APPROVALS - done)
        if done >= APPROVALS:
            break
    return done


def may_approve(sequence: Sequence) -> bool:
    """Tell whether the person who switched automatic mode on may still approve here."""
    if sequence.approver_id is None:
        return False
    member = Membership.objects.filter(
        user_id=sequence.approver_id, user__is_active=True, workspace_id=sequence.workspace_id
    ).first()
    return member is not None and member.may(Membership.Role.APPROVER)


def _approve_due(sequence: Sequence, limit: int) -> int:
    first = sequence.steps.first()
    if first is None:
        return 0
    at = now()
    done = 0
    for run in _approvable(sequence, first, at)[:limit]:
        due = run.touches.select_related("step").open().first()
        if due is None or due.planned(run, at) > at:
            continue
        try:
            run.approve(by=sequence.approver, shown=run.approval_token())
        except (NotReady, TextChanged, IllegalTransition):
            # Somebody edits or stops it at this moment; the next tick looks again.
            continue
        done += 1
    return done


def _approvable(sequence: Sequence, first: Step, at: datetime) -> QuerySet[Enrollment]:
    delay = timedelta(days=first.delay_days, hours=first.delay_hours)
    if first.delay_days:
        delay -= CLOCK_CHANGE
    drafts = Touch.steps.filter(enrollment=OuterRef("pk"), status=Touch.Status.DRAFT)
    # A person took it back, or a colleague has answered: a person decides.
    by_hand = ["approval_undone", "colleague_answered"]
    undone = Event.everywhere.filter(enrollment=OuterRef("pk"), kind__in=by_hand)
    runs = Enrollment.everywhere.filter(
        sequence=sequence,
        status=Enrollment.Status.PENDING_APPROVAL,
        dropped_at__isnull=True,
        drafted_at__isnull=False,
        contact__isnull=False,
        created_at__lte=at - delay,
    )
    lacking = Exists(drafts.filter(~Q(missing=[]) | Q(body="") | Q(position=1, subject="")))
    return (
        runs.filter(~lacking, ~Exists(undone))
        .select_related("workspace", "sequence__mailbox", "mailbox", "contact__company")
        .order_by("pk")
    )


def _for_drafting() -> QuerySet[Enrollment]:
    return Enrollment.everywhere.select_related(
        "sequence__mailbox", "mailbox", "contact__company"
    ).prefetch_related("sequence__steps")


def _waiting() -> QuerySet[Enrollment]:
    return _for_drafting().filter(
        status=Enrollment.Status.PENDING_APPROVAL, drafted_at__isnull=True
    )


def _claimed(limit: int) -> list[Enrollment]:
    """Return runs without drafts; where the database can, those no other worker is at."""
    rows = _waiting()
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(of=("self",), skip_locked=True)
    return list(rows.order_by("pk")[:limit])


def _write(runs: list[Enrollment]) -> int:
    """Write all touches of these runs; a run that another worker was faster at is left alone."""
    at = now()
    touches: list[Touch] = []
    written = 0
    for run in runs:
        drafts = _drafts(run, at)
        # The condition decides between two workers, and the row stays locked until the commit.
        mine = Enrollment.everywhere.filter(
            pk=run.pk, status=Enrollment.Status.PENDING_APPROVAL, drafted_at__isnull=True
        )
        if mine.update(
            drafted_at=at,
            updated_at=at,
            steps_total=len(drafts),
            digest=digest_of((draft.position, draft.subject, draft.body) for draft in drafts),
        ):
            touches += drafts
            written += 1
    Touch.objects.bulk_create(touches, batch_size=500)
    return written


def _drafts(run: Enrollment, at: datetime) -> list[Touch]:
    values = values_of(run)
    return [_draft(run, step, values, at) for step in run.sequence.steps.all()]


def _draft(run: Enrollment, step: Step, values: dict[str, str], at: datetime) -> Touch:
    subject = tokens.render(step.subject, values, single_line=True)
    body = tokens.render(step.body, values)
    return Touch(
        enrollment=run,
        step=step,
        position=step.position,
        kind=step.kind,
        status=Touch.Status.DRAFT,
        subject=subject.text[:MAX_SUBJECT].strip(),
        body=body.text.strip(),
        angle=step.angle,
        missing=list(dict.fromkeys(subject.missing + body.missing)),
        created_at=at,
        updated_at=at,
    )


def _rewrite(
    run: Enrollment, touch: Touch, *, subject: str, body: str, values: dict[str, str]
) -> bool:
    """Put a program's text into a draft, leaving the marks of who edited it as they are."""
    text = tokens.render(body, values).text.strip()
    if (subject, text) == (touch.subject, touch.body):
        return False
    marks = {"edited_by": touch.edited_by, "edited_at": touch.edited_at}
    touch.rewrite(run, subject=subject, body=text, by=None)
    Touch.objects.filter(pk=touch.pk).update(**marks)
    return True


def _checked_subject(subject: str) -> str:
    subject = subject.strip()
    if len(subject) > MAX_SUBJECT:
        raise NotReady(f"The subject is longer than {MAX_SUBJECT} characters.")
    return subject
