"""What happens to runs and sequences by the clock alone: pauses end, failures are given up,
launched sequences complete, blocks follow their mailbox."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from mailboxes.models import Mailbox
from outreach.models import Workspace
from outreach.times import now
from outreach.transitions import IllegalTransition
from sequences.models import Enrollment, Sequence, Touch

AT_ONCE = 200


def tick() -> int:
    """Do what is due; returns how many runs and sequences changed."""
    return end_pauses() + give_up_failed() + complete_sequences() + follow_mailboxes()


def end_pauses() -> int:
    """Resume runs that were paused until now."""
    over = Enrollment.everywhere.filter(status="paused", paused_until__lte=now())
    return sum(_resume(run) for run in over.order_by("paused_until")[:AT_ONCE])


def _resume(run: Enrollment) -> bool:
    with transaction.atomic():
        fresh = run.lock()
        if fresh.paused_until is None or fresh.paused_until > now():
            return False  # a person was first
        fresh.resume()
    return True


def give_up_failed() -> int:
    """Archive runs whose failed step nobody has retried or skipped for as long as the
    workspace waits."""
    at, given_up = now(), 0
    blocked = Enrollment.everywhere.filter(blocked_by=Enrollment.Block.FAILED_TOUCH).unfinished()
    waits = Workspace.objects.order_by().values_list("failed_after_days", flat=True).distinct()
    for days in waits:
        since = at - timedelta(days=days)
        failed = _failed_before(since).filter(enrollment=OuterRef("pk"))
        over = blocked.filter(Exists(failed), workspace__failed_after_days=days)
        given_up += sum(_give_up(run, since) for run in over.order_by("pk")[:AT_ONCE])
    return given_up


def _failed_before(since: datetime) -> QuerySet[Touch]:
    return Touch.steps.filter(status=Touch.Status.FAILED, updated_at__lte=since)


def _give_up(run: Enrollment, since: datetime) -> bool:
    with transaction.atomic():
        fresh = run.lock()
        if fresh.is_finished or not _failed_before(since).filter(enrollment=run).exists():
            return False  # a person was first
        fresh.stop(reason="failed", note="Nobody retried the failed step.")
    return True


def complete_sequences() -> int:
    """Complete launched sequences whose every run has ended."""
    unfinished = Enrollment.everywhere.filter(sequence=OuterRef("pk")).unfinished()
    over = Sequence.everywhere.running().filter(
        ~Exists(unfinished), launched_at__isnull=False, enrollments__isnull=False
    )
    done = 0
    for sequence in over.distinct()[:AT_ONCE]:
        try:
            sequence.complete()
        except IllegalTransition:
            continue  # paused a moment ago
        done += 1
    return done


def follow_mailboxes() -> int:
    """Show on each live run, paused ones too, whether its mailbox needs a person."""
    live = Q(status__in=[*Enrollment.SENDING, Enrollment.Status.PAUSED])
    blocked = Q(blocked_by=Enrollment.Block.MAILBOX)
    lost = Q(mailbox__status=Mailbox.Status.DISCONNECTED)
    lost |= Q(mailbox__cold_stopped_at__isnull=False)
    stale = Enrollment.everywhere.filter(live).filter((lost & Q(blocked_by="")) | (blocked & ~lost))
    pks = list(stale.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    for pk in pks:
        with transaction.atomic():
            Enrollment.everywhere.get(pk=pk).lock().refresh_block()
    return len(pks)
