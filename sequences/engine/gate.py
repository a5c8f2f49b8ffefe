"""The point of no return: a claimed mail leaves only if all that let it be claimed still holds.

`pass_gate` is one transaction: it holds still whatever could change its mind, asks every guard
again, and commits the wire mark. A pause, stop or answer is before it or after it, never between.
"""

from datetime import datetime

from django.db.models import OuterRef, Subquery

from mailboxes.models import Mailbox
from mailboxes.providers.base import Provider
from outreach.desk import done_at_desk
from outreach.prepared import Prepared, rows_of_each, update
from outreach.statements import written_together
from outreach.times import DatabaseClock, database_now
from sequences.engine import clocks, explain, listening, outcomes, pacing
from sequences.engine.claiming import Claim
from sequences.models import Attempt, Enrollment, Suppression, Touch


@done_at_desk
def pass_gate(claim: Claim, provider: Provider, *, draft_id: str, thread_id: str) -> bool:
    """Commit the wire mark if everything still holds: the point of no return.

    False when it does not, or when the claim is no longer this worker's; the touch is then
    put back, or cancelled with its run.
    """
    email, domain = explain.suppressible(claim.touch.recipient)

    def passes() -> bool:
        # First held still, then read: whoever had them before has changed what is read.
        asked = claim.attempt.pk, email, domain
        _, read = rows_of_each((HELD_STILL, claim.attempt.pk), (AT_THE_GATE, *asked))
        found = AT_THE_GATE.one_of(read, *asked)
        touch, run, at = found.touch, found.touch.enrollment, database_now(found.at)
        if touch.status != Touch.Status.SENDING or touch.lease_token != claim.token:
            return False
        _take_along(run, touch, found.mailbox)
        is_theirs = explain.addresses_of(touch, run) == [email]
        covering = (found.suppressed_by or "") if is_theirs else None
        if code := _closed(claim, run, touch, provider, at, covering):
            outcomes.put_back(claim, run, touch, code, at)
            return False
        update(Attempt, {"pk": claim.attempt.pk}, wire_at=at)
        handed_over = {"draft_id": draft_id, "thread_id": thread_id}
        update(Touch, {"pk": touch.pk}, **handed_over, lease_until=at + provider.lease)
        return True

    return written_together(passes)


# Pausing the sequence or the mailbox and stopping the workspace wait for the gate, or the gate
# for them.
HELD_STILL = Prepared(
    lambda attempt: (
        Attempt.objects.filter(pk=attempt)
        .order_by()
        .values_list(
            "touch__lease_token",
            "touch__enrollment__epoch",
            "touch__enrollment__workspace__zone",
            "touch__enrollment__sequence__zone",
            "mailbox__zone",
        )
    ),
    int,
    lock='FOR UPDATE OF "sequences_enrollment", "sequences_touch" '
    'FOR SHARE OF "outreach_workspace", "sequences_sequence", "mailboxes_mailbox"',
)
# What the guards of the gate look at, and nothing else: it is read for every mail.
AT_THE_GATE = Prepared(
    lambda attempt, email, domain: (
        Attempt.objects.filter(pk=attempt)
        .order_by()
        .annotate(
            at=DatabaseClock(),
            suppressed_by=Subquery(
                Suppression.everywhere.filter(
                    workspace=OuterRef("touch__enrollment__workspace"), value__in=[email, domain]
                ).values("value")[:1]
            ),
        )
        .select_related(
            "mailbox",
            "touch__enrollment__sequence",
            "touch__enrollment__workspace",
            "touch__enrollment__contact__company",
        )
        .only(
            *_each("", "touch", "mailbox"),
            *_each("touch", "enrollment", "mailbox", "position", "status", "lease_token"),
            *_each("touch", "approved_at", "approved_hash", "recipient", "sender_name", "sender"),
            *_each("touch", "subject", "full_text", "missing", "due_at", "is_hurried"),
            *_each("touch", "attempts_made", "in_reply_to"),
            *_each(RUN, "workspace", "sequence", "contact", "mailbox", "status", "epoch"),
            *_each(RUN, "drafted_at", "paused_until", "pause_note", "last_sent_at", "dropped_at"),
            *_each(f"{RUN}__workspace", "zone", "stopped_at"),
            *_each(f"{RUN}__sequence", "name", "status", "mailbox", "zone", "window_start"),
            *_each(f"{RUN}__sequence", "window_end", "weekdays", "holiday_country", "days_off"),
            *_each(f"{RUN}__sequence", "uses_prospect_zone", "pause_note"),
            *_each(f"{RUN}__contact", "email", "opted_out", "zone", "country", "company"),
            *_each(f"{RUN}__contact__company", "country"),
            *_each("mailbox", "provider", "status", "email", "zone", "cold_stopped_at"),
            *_each("mailbox", "away_from", "away_until", "imap_host", "inbox_read_at"),
            *_each("mailbox", "watched_at"),
        )
    ),
    int,
    str,
    str,
)
RUN = "touch__enrollment"
STILL_MAILBOX = Prepared(
    lambda pk: Mailbox.everywhere.filter(pk=pk), int, lock='FOR SHARE OF "mailboxes_mailbox"'
)


def _each(owner: str, *names: str) -> list[str]:
    return [f"{owner}__{name}" if owner else name for name in names]


def _take_along(run: Enrollment, touch: Touch, mailbox: Mailbox) -> None:
    """Give a locked run the mailbox that it leaves from by now, held still as well."""
    is_its_own = touch.is_by_hand or (touch.is_pooled and not run.mailbox_id)
    owner = touch if is_its_own else run if run.mailbox_id else run.sequence
    if owner.mailbox_id == mailbox.pk:
        owner.mailbox = mailbox
    elif owner.mailbox_id:
        owner.mailbox = STILL_MAILBOX.first(owner.mailbox_id)


def _closed(
    claim: Claim,
    run: Enrollment,
    touch: Touch,
    provider: Provider,
    at: datetime,
    covering: str | None = None,
) -> str:
    """Name the guard that holds the touch back at the gate, or nothing."""
    guards = {
        "too_late": at <= claim.claimed_at + provider.budget,
        "epoch": touch.is_by_hand or same_epoch(claim, run),
        "run": touch.is_by_hand or run.may_send,
        "day": same_day(claim, run, at),
        "facts": still_allowed(touch, run, at, covering),
    }
    return next((name for name, holds in guards.items() if not holds), "")


def same_epoch(claim: Claim, run: Enrollment) -> bool:
    """Nobody paused, stopped or answered the run since it was claimed."""
    return run.epoch == claim.epoch


def same_day(claim: Claim, run: Enrollment, at: datetime) -> bool:
    """The days whose limits were reserved are still today where mailbox and sequence are."""
    mailbox = pacing.sender_of(run, claim.touch)
    return mailbox is not None and pacing.is_still_the_day(claim.attempt, run, mailbox, at)


def still_allowed(touch: Touch, run: Enrollment, at: datetime, covering: str | None = None) -> bool:
    """Workspace, sequence, text, prospect, mailbox and window still let it leave."""
    facts = explain.read_standing(touch, run, covering)
    if any(rule(facts, at) for rule in explain.standing(touch)):
        return False
    return clocks.are_open(facts, at) and listening.is_heard(facts, at)
