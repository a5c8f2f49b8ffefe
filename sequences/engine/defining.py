"""Make and change the definition of a sequence: its steps, its settings, copies of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from mailboxes.models import Mailbox
from outreach.models import AuditEntry, Workspace
from outreach.times import now
from sequences.models import NotReady, PoolMember, Sequence, Step, Touch
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
    "auto_pause_bounce_rate",
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
        _fill_pool(copy, [each.mailbox for each in sequence.pool.select_related("mailbox")])
        AuditEntry.note(sequence.workspace, "duplicate", by=by, about=sequence, copy=copy.pk)
    return copy


def configure(
    sequence: Sequence,
    changes: Mapping[str, Any],
    *,
    by: Any,
    pool: Iterable[Mailbox] | None = None,
) -> None:
    """Change settings; raises NotReady for sending times and pace once it has been active.

    With a `pool` the sequence rotates over these mailboxes, in this order; over none it sends
    from its own. Who has an approved text keeps the sender of it.
    """
    with transaction.atomic():
        if pool is not None:
            # The runs before the sequence, as a worker locks them.
            waiting = sequence.enrollments.filter(status="pending_approval", last_sent_at=None)
            list(waiting.locked().values_list("pk"))
        me = _locked(sequence)
        _configure(me, changes, by)
        if pool is not None:
            _set_pool(_locked(sequence), list(pool), by)
        elif "mailbox" in changes and (me.rotates or _has_drawn(me)):
            _note_its_own(_locked(sequence))
    sequence.refresh_from_db()


def _configure(me: Sequence, changes: Mapping[str, Any], by: Any) -> None:
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


def _set_pool(me: Sequence, mailboxes: list[Mailbox], by: Any) -> None:
    before = list(me.pool.values_list("mailbox_id", flat=True))
    if before == [mailbox.pk for mailbox in mailboxes]:
        return
    if any(mailbox.workspace_id != me.workspace_id for mailbox in mailboxes):
        raise NotReady("A pool holds mailboxes of the sequence's own workspace.")
    _fill_pool(me, mailboxes)
    waiting = me.enrollments.filter(status="pending_approval", last_sent_at=None)
    if me.rotates and not before:
        waiting.update(mailbox=None)
    elif not me.rotates:
        waiting.filter(mailbox=None).update(mailbox=me.mailbox)
    names = [mailbox.email for mailbox in mailboxes]
    AuditEntry.note(me.workspace, "change_pool", by=by, about=me, mailboxes=names)


def _fill_pool(me: Sequence, mailboxes: list[Mailbox]) -> None:
    """Rewrite the pool; who stays in it keeps its place in line."""
    used = dict(me.pool.values_list("mailbox_id", "last_used_at"))
    me.pool.all().delete()
    PoolMember.objects.bulk_create(
        PoolMember(
            sequence=me, mailbox=mailbox, position=position, last_used_at=used.get(mailbox.pk)
        )
        for position, mailbox in enumerate(mailboxes)
    )
    me.rotates = bool(mailboxes)
    Sequence.everywhere.filter(pk=me.pk).update(rotates=me.rotates, updated_at=now())
    if me.rotates:
        _note_its_own(me)
        members = Mailbox.everywhere.filter(pk__in=[mailbox.pk for mailbox in mailboxes])
        members.filter(is_pooled=False).update(is_pooled=True)


def _has_drawn(me: Sequence) -> bool:
    """Tell whether mails of it still leave from whichever mailbox is next, pool or not."""
    drawn = Touch.steps.filter(enrollment__sequence=me, enrollment__mailbox=None)
    return drawn.filter(sender=Touch.ANY_OF_POOL).exists()


def _note_its_own(me: Sequence) -> None:
    """Let its own mailbox look for what no other sends; a pool must have one to speak for it."""
    if me.mailbox is None and me.rotates:
        raise NotReady(
            "Choose the mailbox it sends from too: its name and signature stand under every "
            "mail, and it sends while nobody is left in the pool."
        )
    own = Mailbox.everywhere.filter(sequences=me, is_pooled=False)
    own.update(is_pooled=True)


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
