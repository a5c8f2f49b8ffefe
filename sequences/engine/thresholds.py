"""Too many bounces: a mailbox leaves its pools, and a sequence pauses itself.

Both are judged in the transaction that records a bounce, after the runs are locked. The
sequence's row is locked before anything is counted, then the mailbox's, so that of two bounces
at once the later one counts the earlier one too, and only one of them acts.
"""

from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from mailboxes.models import Mailbox
from mailboxes.standing import Bounces
from outreach.models import AuditEntry
from outreach.times import now
from sequences.models import Attempt, PoolMember, Sequence, Touch

# What a mailbox sent before says little about how it is received now.
LATELY = timedelta(days=7)


def judge(touch: Touch, sequence_id: int) -> None:
    """Judge the mailbox and the sequence of a mail that has just bounced.

    The mailbox first: what one that leaves the pool has sent is no longer the sequence's.
    """
    sequence = _locked_sequence(sequence_id)
    if touch.mailbox_id and PoolMember.objects.filter(mailbox=touch.mailbox_id).exists():
        _judge_mailbox(Mailbox.everywhere.select_for_update(no_key=True).get(pk=touch.mailbox_id))
    if sequence.status != Sequence.Status.ACTIVE:
        return
    bounces = of_sequence(sequence)
    if bounces.exceed(sequence.auto_pause_bounce_rate):
        most = sequence.auto_pause_bounce_rate
        sequence.pause_itself(f"{bounces.said()}, more than {most} %.")


def _judge_mailbox(mailbox: Mailbox) -> None:
    at = now()
    bounces = of_mailbox(mailbox, at)
    if not bounces.exceed(mailbox.most_bounces):
        return
    note = f"{bounces.said()} within {LATELY.days} days, more than {mailbox.most_bounces} %."
    if mailbox.leave_pools(note, at):
        AuditEntry.note(mailbox.workspace, "leave_pools", about=mailbox, why=note)


def of_sequence(sequence: Sequence) -> Bounces:
    """Count what was sent since the sequence was last resumed, and what bounced of it.

    In a pool without what was sent by mailboxes that have left it, up to when they were put back.
    """
    mine = Touch.steps.filter(enrollment__sequence=sequence)
    moment = Q(sent_at__isnull=False) | Q(bounced_at__isnull=False)
    if since := sequence.resumed_at:
        moment = Q(sent_at__gte=since) | _refused() & Q(bounced_at__gte=since)
    if sequence.rotates:
        out = Mailbox.everywhere.filter(workspace=sequence.workspace_id, out_since__isnull=False)
        mine = mine.exclude(mailbox__in=out.values("pk"))
        back = Mailbox.everywhere.filter(workspace=sequence.workspace_id)
        for pk, at in back.exclude(put_back_at=None).values_list("pk", "put_back_at"):
            before = Q(sent_at__lt=at) | _refused() & Q(bounced_at__lt=at)
            mine = mine.exclude(before, mailbox=pk)
    return _counted(mine.filter(moment))


def of_mailbox(mailbox: Mailbox, at: datetime) -> Bounces:
    """Count what left from a mailbox lately, since it was last put back, and what bounced."""
    since = max(at - LATELY, mailbox.put_back_at or at - LATELY)
    accepted = Attempt.objects.filter(mailbox=mailbox, outcome=Attempt.Outcome.ACCEPTED)
    sent = accepted.filter(wire_at__gte=since).count()
    bounced = Touch.objects.filter(mailbox=mailbox, bounced_at__gte=since)
    refused = bounced.filter(sent_at__isnull=True).count()
    return Bounces(sent + refused, bounced.filter(sent_at__gte=since).count() + refused)


def _refused() -> Q:
    """Keep the mails whose address was refused before they were sent: they bounced as well."""
    return Q(sent_at__isnull=True, bounced_at__isnull=False)


def _counted(touches: QuerySet[Touch]) -> Bounces:
    bounced = Count("pk", filter=Q(bounced_at__isnull=False))
    found = touches.aggregate(sent=Count("pk"), bounced=bounced)
    return Bounces(found["sent"], found["bounced"])


def _locked_sequence(pk: int) -> Sequence:
    return Sequence.everywhere.select_for_update(no_key=True).get(pk=pk)
