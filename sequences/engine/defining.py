"""Make and change the definition of a sequence: its steps, its settings, copies of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from mailboxes.models import Mailbox
from outreach.models import AuditEntry, Workspace
from outreach.times import now
from sequences.models import NotReady, Sequence, Step
from sequences.readymade import Mail

MAX_STEPS = 20
NEW_STEP_DAYS = 3

# What a sequence that was active once keeps: people were enrolled on these terms.
THROTTLE = (
    "window_start",
    "window_end",
    "weekdays",
    "zone",
    "per_minute",
    "business_days",
    "uses_prospect_zone",
)
COPIED = (
    "description",
    "mailbox",
    "sender_name",
    "variables",
    "daily_limit",
    "warm_up_start",
    "warm_up_increment",
    "holiday_country",
    "days_off",
    *THROTTLE,
)

FIXED_STEPS = (
    "Steps can be added, removed and reordered only while the sequence is a draft: "
    "people who are in it were promised these. Duplicate it to change its shape."
)
FIXED_THROTTLE = (
    "Sending times and pace are fixed once a sequence has been active. "
    "Duplicate it to use other ones."
)


def create(
    workspace: Workspace,
    *,
    name: str,
    by: Any,
    mailbox: Mailbox | None = None,
    variables: Mapping[str, str] | None = None,
    mails: Iterable[Mail] = (),
) -> Sequence:
    """Make a draft sequence; without mails it has one empty step to begin with."""
    with transaction.atomic():
        sequence = Sequence.everywhere.create(
            workspace=workspace,
            name=name,
            mailbox=mailbox,
            variables={key: value for key, value in (variables or {}).items() if value},
            zone=mailbox.zone if mailbox else workspace.zone,
            created_by=by,
        )
        Step.objects.bulk_create(
            Step(
                sequence=sequence,
                position=position,
                subject=mail.subject,
                body=mail.text,
                angle=mail.angle,
                delay_days=mail.delay_days,
            )
            for position, mail in enumerate(list(mails) or [Mail(angle="", body="")], start=1)
        )
        AuditEntry.note(workspace, "create", by=by, about=sequence)
    return sequence


def duplicate(sequence: Sequence, *, by: Any) -> Sequence:
    """Copy the definition into a new draft, without anybody in it; a person approves its mail."""
    with transaction.atomic():
        copy = Sequence.everywhere.create(
            workspace=sequence.workspace,
            name=f"{sequence.name[:190]} (copy)",
            created_by=by,
            **{name: getattr(sequence, name) for name in COPIED},
        )
        for step in sequence.steps.all():
            step.pk, step.sequence = None, copy
            step.save(force_insert=True)
        AuditEntry.note(sequence.workspace, "duplicate", by=by, about=sequence, copy=copy.pk)
    return copy


def configure(sequence: Sequence, changes: Mapping[str, Any], *, by: Any) -> None:
    """Change settings; raises NotReady for sending times and pace once it has been active."""
    with transaction.atomic():
        me = _locked(sequence)
        changed = {name: value for name, value in changes.items() if getattr(me, name) != value}
        if me.status != Sequence.Status.DRAFT and changed.keys() & set(THROTTLE):
            raise NotReady(FIXED_THROTTLE)
        if "approval_mode" in changed:
            automatic = changed["approval_mode"] == Sequence.ApprovalMode.AUTOMATIC
            changed["approver"] = by if automatic else None
        if not changed:
            return
        if "warm_up_start" in changed:
            me.warm_up_start = changed["warm_up_start"]
            changed["warm_up_since"] = me.warm_up_since_now()
        Sequence.everywhere.filter(pk=me.pk).update(**changed, updated_at=now())
        AuditEntry.note(me.workspace, "configure", by=by, about=me, changed=sorted(changed))
    sequence.refresh_from_db()


def add_step(sequence: Sequence) -> Step:
    """Put an empty step at the end of a draft sequence."""
    with transaction.atomic():
        me = _draft(sequence)
        count = me.steps.count()
        if count >= MAX_STEPS:
            raise NotReady(f"A sequence has at most {MAX_STEPS} steps.")
        return me.steps.create(position=count + 1, delay_days=NEW_STEP_DAYS if count else 0)


def remove_step(step: Step) -> None:
    """Take a step out of a draft sequence; the ones after it move up."""
    with transaction.atomic():
        me = _draft(step.sequence)
        gone = me.steps.get(pk=step.pk).position
        step.delete()
        # One by one and in order: no two steps may have one position, not even for a moment.
        for later in me.steps.filter(position__gt=gone):
            me.steps.filter(pk=later.pk).update(position=F("position") - 1)


def move_step(step: Step, by_places: int) -> Step:
    """Exchange a step of a draft sequence with its neighbour; at the ends nothing happens."""
    with transaction.atomic():
        me = _draft(step.sequence)
        here = me.steps.get(pk=step.pk)
        neighbour = me.steps.filter(position=here.position + by_places).first()
        if neighbour is None:
            return here
        aside = me.steps.count() + 1
        here_was, there_was = here.position, neighbour.position
        for pk, position in ((here.pk, aside), (neighbour.pk, here_was), (here.pk, there_was)):
            me.steps.filter(pk=pk).update(position=position)
        here.position = there_was
        return here


def correct_step(step: Step, texts: Mapping[str, Any], *, by: Any) -> None:
    """Change what a step says; its delay only while the sequence is a draft."""
    with transaction.atomic():
        me = _locked(step.sequence)
        delays = {"delay_days", "delay_hours"} & texts.keys()
        stored = me.steps.get(pk=step.pk)
        moved = any(getattr(stored, name) != texts[name] for name in delays)
        if moved and me.status != Sequence.Status.DRAFT:
            raise NotReady("Delays are fixed once a sequence has been active.")
        me.steps.filter(pk=step.pk).update(**texts)
        AuditEntry.note(me.workspace, "edit_step", by=by, about=me, step=step.position)
    step.refresh_from_db()


def _draft(sequence: Sequence) -> Sequence:
    """Return the sequence, locked, if its steps may still change their number and order."""
    me = _locked(sequence)
    if me.status != Sequence.Status.DRAFT:
        raise NotReady(FIXED_STEPS)
    return me


def _locked(sequence: Sequence) -> Sequence:
    rows = Sequence.everywhere.select_related("workspace", "mailbox")
    if connection.features.has_select_for_update:
        rows = rows.select_for_update(of=("self",), no_key=True)
    return rows.get(pk=sequence.pk)
