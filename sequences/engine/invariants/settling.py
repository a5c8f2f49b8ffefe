"""The invariants about what settles by itself: nothing stays on its way, is forgotten, or waits
to be dealt with for longer than `Look.older_than`."""

from collections.abc import Iterator
from itertools import islice

from django.db.models import Exists, OuterRef, Q, QuerySet

from mailboxes.models import InboundMail, Mailbox, SandboxMail
from outreach.models import AuditEntry
from sequences.engine import explain
from sequences.engine.invariants.looking import Look, invariant
from sequences.models import Batch, Enrollment, Import, PoolMember, Sequence, Touch
from sequences.rules import schedule

# Sequences, and of each the longest overdue steps, whose reasons are asked for.
MOST_SEQUENCES = 500
MOST_OF_EACH = 20


def _names(noun: str, rows: QuerySet) -> Iterator[str]:
    ids = rows.order_by("pk").values_list("pk", flat=True)
    return (f"{noun} {pk}" for pk in ids.iterator())


@invariant("I07", "Nothing stays on its way.")
def nothing_stuck(look: Look) -> Iterator[str]:
    """A lease that is over is settled, and an unknown outcome is asked about until it is known
    or a person must say; the Sandbox always knows. Served by touch_lease and touch_check."""
    sending = Q(status=Touch.Status.SENDING) & (
        Q(lease_until__lte=look.before) | Q(lease_until__isnull=True, updated_at__lte=look.before)
    )
    unknown = Q(status=Touch.Status.UNCERTAIN) & (
        Q(unknown_since__lte=look.before)
        | Q(unknown_since__isnull=True, updated_at__lte=look.before)
    )
    asked = Q(decide=False) | Q(mailbox__provider=Mailbox.Provider.SANDBOX)
    return _names("touch", look.touches().filter(sending | (unknown & asked)))


@invariant("I08", "Nothing that is due is forgotten.")
def nothing_forgotten(look: Look) -> Iterator[str]:
    """Not sent although it is long due and its own explanation finds nothing that holds it,
    neither now nor then; or approved and next in line without a time; or still paused although
    the pause is over."""
    paused = Enrollment.everywhere.filter(
        status=Enrollment.Status.PAUSED, paused_until__lte=look.before
    )
    yield from _names("enrollment", look.within(paused))
    running = look.touches().filter(
        in_reply_to__isnull=True,
        enrollment__status__in=Enrollment.SENDING,
        enrollment__updated_at__lte=look.before,
    )
    earlier = Touch.steps.filter(
        enrollment=OuterRef("enrollment"),
        position__lt=OuterRef("position"),
        status__in=Touch.OPEN,
    )
    next_in_line = running.filter(~Exists(earlier), status=Touch.Status.DRAFT)
    yield from _names("touch", next_in_line.filter(approved_at__isnull=False))
    scheduled = running.filter(status=Touch.Status.SCHEDULED)
    yield from _names("touch", scheduled.filter(due_at__isnull=True))
    overdue = _overdue(look, scheduled)
    ids = overdue.order_by().values_list("enrollment__sequence", flat=True).distinct()
    sequences = Sequence.everywhere.filter(pk__in=list(ids)).order_by("pk")
    for sequence in islice(_open_throughout(look, sequences), MOST_SEQUENCES):
        mine = overdue.filter(enrollment__sequence=sequence).order_by("due_at", "pk")
        for touch in mine.select_related("step")[:MOST_OF_EACH]:
            if _could_have_left(touch, look):
                yield f"touch {touch.pk}"
    yield from _answers_forgotten(look)


def _answers_forgotten(look: Look) -> Iterator[str]:
    """Yield the answers by hand that are long due and that nothing holds."""
    waiting = look.touches().filter(status=Touch.Status.SCHEDULED, in_reply_to__isnull=False)
    due = waiting.filter(due_at__lte=look.before, updated_at__lte=look.before)
    free = due.filter(mailbox__in=_able(look)).order_by("due_at", "pk")
    for touch in free.select_related("mailbox")[:MOST_OF_EACH]:
        if _could_have_left(touch, look):
            yield f"touch {touch.pk}"


def _overdue(look: Look, scheduled: QuerySet[Touch]) -> QuerySet[Touch]:
    """Long due, in sequences whose turn it has long been, from mailboxes that nothing holds.

    Served by touch_due, one range for each mailbox. A sequence's next turn moves on with every
    send, so one that is sending is left out.
    """
    turn = Sequence.everywhere.filter(
        Q(next_free_at__isnull=True) | Q(next_free_at__lte=look.before),
        status=Sequence.Status.ACTIVE,
        updated_at__lte=look.before,
    )
    able = _able(look)
    # A first mail of a pool has no mailbox yet: each that takes turns was able to send it.
    within = PoolMember.objects.filter(mailbox__status="connected", mailbox__out_since=None)
    unable = within.exclude(mailbox__in=able).values("sequence")
    drawn = Q(mailbox=None, enrollment__sequence__mailbox__in=able)
    return scheduled.filter(
        Q(mailbox__in=able) | drawn & ~Q(enrollment__sequence__in=unable),
        due_at__lte=look.before,
        updated_at__lte=look.before,
        enrollment__sequence__in=turn,
    )


def _able(look: Look) -> list[int]:
    """Return the mailboxes that nothing has held for long."""
    resumed = AuditEntry.everywhere.filter(verb="resume_sending", at__gt=look.before)
    hanging = Touch.objects.filter(
        mailbox=OuterRef("pk"), status=Touch.Status.SENDING, lease_until__gt=look.at
    )
    free = Mailbox.everywhere.filter(
        ~Exists(hanging),
        ~Exists(resumed.filter(workspace=OuterRef("workspace"))),
        Q(held_until__isnull=True) | Q(held_until__lte=look.before),
        status=Mailbox.Status.CONNECTED,
        updated_at__lte=look.before,
        workspace__stopped_at__isnull=True,
    )
    return list(look.within(free).values_list("pk", flat=True))


def _open_throughout(look: Look, sequences: QuerySet[Sequence]) -> Iterator[Sequence]:
    """Keep the sequences whose hours began before, and have not ended since."""
    for sequence in sequences.iterator():
        opens, closes = next(schedule.openings(look.before, sequence.window))
        if opens <= look.before and look.at < closes:
            yield sequence


def _could_have_left(touch: Touch, look: Look) -> bool:
    run = Enrollment.everywhere.select_related(
        "workspace", "sequence__mailbox", "mailbox", "contact"
    ).get(pk=touch.enrollment_id)
    facts = explain.read_facts(touch, run, look.at)
    zones = [run.sequence.zone, facts.mailbox.zone if facts.mailbox else "UTC"]
    same_day = all(
        schedule.local_day(look.before, zone) == schedule.local_day(look.at, zone) for zone in zones
    )
    moments = (look.before, look.at)
    return same_day and all(explain.leaving(facts, moment).may_leave for moment in moments)


@invariant("I24", "Nothing that came in or was asked for waits to be dealt with.")
def nothing_left_undone(look: Look) -> Iterator[str]:
    """Answers, bounces, drafts, imports and enrollments; webhooks will join them.

    Served by inbound_unsettled, sandbox_bounces, to_be_drafted and batch_waiting.
    """
    came_in = InboundMail.everywhere.filter(settled_at__isnull=True, received_at__lte=look.before)
    yield from _names("inbound mail", look.within(came_in))
    bounces = SandboxMail.everywhere.caught().filter(accepted_at__lte=look.before)
    yield from _names("sandbox mail", look.within(bounces.exclude(bounce="")))
    drafts = Enrollment.everywhere.filter(
        status=Enrollment.Status.PENDING_APPROVAL,
        drafted_at__isnull=True,
        updated_at__lte=look.before,
    )
    yield from _names("enrollment", look.within(drafts))
    idle = Q(lease_until__isnull=True) | Q(lease_until__lte=look.before)
    imports = Import.everywhere.filter(idle, status__in=Import.WORKING)
    yield from _names("import", look.within(imports.filter(updated_at__lte=look.before)))
    batches = Batch.everywhere.filter(idle, status=Batch.Status.RUNNING)
    yield from _names("batch", look.within(batches.filter(updated_at__lte=look.before)))
