"""What a delivery report does: a dead address, or one that complained, is not written to again."""

from datetime import timedelta

from django.db.models import Q

from mailboxes.bounces import Bounce, failure_of, kind_of
from mailboxes.models import InboundMail
from outreach.times import now
from sequences.engine import thresholds
from sequences.engine.suppressing import suppress
from sequences.models import Enrollment, Event, Suppression, Touch

SOFT_PERIOD = timedelta(days=30)
SOFT_LIMIT = 3  # the third soft bounce of an address within the period counts as a hard one


def judge(mail: InboundMail, touch: Touch) -> Bounce:
    """Say what the report means for the address that we wrote to."""
    failure = failure_of(mail.report, touch.recipient)
    kind = kind_of(failure)
    named = {failure.get("recipient", ""), failure.get("final", "")} - {""}
    if kind == Bounce.HARD and named - {touch.recipient.lower()}:
        # The mail was forwarded, and it is the other address that does not exist.
        return Bounce.SOFT
    return kind


def bounce(mail: InboundMail, touch: Touch, run: Enrollment) -> str:
    """Note the bounce on the touch and act on it; call it inside the run's lock."""
    kind = judge(mail, touch)
    words = failure_of(mail.report, touch.recipient).get("words", "") or mail.subject
    if kind == Bounce.NONE:
        Event.log(run, "delayed", touch=touch, words=words)
        return "delay"
    if kind == Bounce.COMPLAINT:
        return complain(touch, run, words)
    if kind == Bounce.SOFT:
        Event.log(run, "soft_bounced", touch=touch, words=words)
        if soft_bounces(run) < SOFT_LIMIT:
            return "soft bounce"
        words = f"{words} (the third time within {SOFT_PERIOD.days} days)"
    Touch.objects.filter(pk=touch.pk).update(
        bounced_at=mail.received_at, error=words, error_kind="bounced", updated_at=now()
    )
    Event.log(run, "bounced", touch=touch, words=words, policy=kind == Bounce.POLICY)
    if kind == Bounce.POLICY:
        # It is about us, not about the prospect.
        thresholds.judge(touch, run.sequence_id)
        return "policy bounce"
    suppress(run.workspace, touch.recipient, reason=Suppression.Reason.BOUNCED, source=words)
    if not touch.is_by_hand:
        # The reader of an answer may be somebody else; suppressing ended what is the prospect's.
        finish(run, Enrollment.EndReason.BOUNCED)
    thresholds.judge(touch, run.sequence_id)
    return "bounce"


def complain(touch: Touch, run: Enrollment, words: str) -> str:
    """Never write again to who called our mail spam; the mail itself had arrived."""
    Event.log(run, "complained", touch=touch, words=words)
    reason = Suppression.Reason.COMPLAINED
    suppress(run.workspace, touch.recipient, reason=reason, source=words)
    if not touch.is_by_hand:
        finish(run, Enrollment.EndReason.COMPLAINED)
    return "complaint"


def finish(run: Enrollment, reason: str) -> None:
    """Archive the run for this reason, also where its last step had gone out already."""
    run.refresh_from_db()
    if run.status == Enrollment.Status.COMPLETE:
        run.conclude("stopped", to=Enrollment.Status.ARCHIVED, reason=reason)
    elif run.status in run.UNFINISHED:
        run.stop(reason=reason)


def soft_bounces(run: Enrollment) -> int:
    """Count the soft bounces of this prospect within the period, this one included."""
    whose = Q(enrollment=run) | Q(enrollment__contact=run.contact_id, enrollment__contact__gt=0)
    recent = Event.everywhere.filter(whose, kind="soft_bounced", at__gte=now() - SOFT_PERIOD)
    return recent.count()
