"""What becomes of a claimed touch and what hangs on it: sent, tried again, failed, uncertain.

Each move takes along the attempt, what it reserved, the run and the reply that was answered. Call
it inside the run's lock; `outcomes` and `settling` decide which one it is.
"""

from datetime import datetime, timedelta
from typing import Any

from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    Misconfigured,
    ProviderError,
    QuotaReached,
    RateLimited,
    Receipt,
    RecipientRefused,
    TryAgain,
    Unknown,
)
from outreach.prepared import Prepared, update
from outreach.times import now
from sequences.engine import pacing
from sequences.models import Attempt, Contact, Enrollment, Event, Reply, Touch
from sequences.rules import retries

# Why a touch failed or waits, for the card's cause and fix.
KINDS: dict[type[ProviderError], str] = {
    RecipientRefused: "recipient",
    ContentRefused: "content",
    Disconnected: "token",
    QuotaReached: "quota",
    RateLimited: "rate",
    Misconfigured: "settings",
    TryAgain: "passing",
    Unknown: "unknown",
}


def accept(
    run: Enrollment,
    attempt: Attempt,
    receipt: Receipt,
    by: Any = None,
    plan: list[Touch] | None = None,
) -> None:
    """Record that the provider took the mail, however late it is known.

    `plan` is the steps of the run as they were before, where somebody has read them.
    """
    touch, attempt_id = attempt.touch, attempt.pk
    if attempt.outcome == Attempt.Outcome.ACCEPTED:
        return
    at = now()
    pacing.count_sent(attempt, run)
    if touch.status == Touch.Status.SENT:
        # Nobody could tell, a person sent it again, and now both were taken.
        outcome = attempt.outcome or Attempt.Outcome.UNKNOWN
        close(attempt_id, outcome, words=f"Taken as well: {receipt.words}", at=at)
        Event.log(run, "sent_twice", touch=touch, by=by, once=f"sent twice:{attempt_id}")
        return
    close(attempt_id, Attempt.Outcome.ACCEPTED, words=receipt.words, at=at, by=by)
    if attempt.outcome or attempt.token != touch.lease_token:
        for other in touch.attempts.filter(outcome="").exclude(pk=attempt_id):
            if other.wire_at:
                # Sent again meanwhile; whatever becomes of it, nobody has to decide any more.
                close(other.pk, Attempt.Outcome.UNKNOWN, words="It had been sent before.", at=at)
            else:
                # Begun again meanwhile; its worker passes no gate any more.
                close(other.pk, Attempt.Outcome.ABANDONED, words="It had been sent.", at=at)
                release(other.pk)
    touch.move(
        "sent",
        allowed=[status for status in Touch.Status.values if status != Touch.Status.SENT],
        to=Touch.Status.SENT,
        sent_at=attempt.wire_at or at,
        wire_message_id=receipt.message_id or touch.message_id,
        thread_id=receipt.thread_id or touch.thread_id,
        lease_until=None,
        check_at=None,
        decide=False,
        error="",
        error_kind="",
    )
    over = run.is_finished or run.status == Enrollment.Status.PAUSED
    raced = over and not touch.is_by_hand
    Event.log(run, "sent", touch=touch, by=by, once=f"sent:{touch.pk}", raced=raced)
    if run.contact and run.contact.status == Contact.Status.NEW:
        was_new = {"pk": run.contact.pk, "status": Contact.Status.NEW}
        update(Contact, was_new, status=Contact.Status.CONTACTED)
    if touch.in_reply_to_id:
        # Read anew: nothing of the reply is locked.
        Reply.everywhere.get(pk=touch.in_reply_to_id).handle(by=touch.approved_by)
    else:
        run.touch_was_sent(touch, touch.sent_at or at, run.plan() if plan is None else plan)


# Run first, then touch: the order of all locks.
ANSWERED = Prepared(
    lambda pk: (
        Attempt.objects.filter(pk=pk)
        .order_by()
        .select_related(
            "touch__mailbox", "touch__enrollment__sequence", "touch__enrollment__contact"
        )
        # Without the texts, which nobody looks at any more.
        .defer(
            "touch__subject",
            "touch__body",
            "touch__full_text",
            "touch__missing",
            "touch__mailbox__smtp_password",
            "touch__mailbox__imap_password",
            "touch__mailbox__sign_in",
            "touch__enrollment__variables",
            "touch__enrollment__metadata",
            "touch__enrollment__sequence__variables",
            "touch__enrollment__sequence__description",
        )
    ),
    int,
    lock='FOR UPDATE OF "sequences_enrollment", "sequences_touch", "sequences_attempt"',
)


def wait_again(
    run: Enrollment, touch: Touch, words: str, kind: str, due_at: datetime, attempts: int
) -> None:
    """Let a mail that did not leave, or of which nobody knows, be tried again at `due_at`."""
    touch.move(
        "requeued",
        allowed=Touch.IN_FLIGHT,
        **back_in_line(run, touch, may_have_left=kind == KINDS[Unknown]),
        due_at=due_at,
        attempts_made=attempts,
        error=words,
        error_kind=kind,
        lease_until=None,
        check_at=None,
        decide=False,
        # After an unknown outcome the Date stays: receivers then drop a second copy.
        dated_at=touch.dated_at if kind == KINDS[Unknown] else date_of(touch),
        draft_id="",
    )
    if run.is_finished and not touch.is_by_hand:
        return
    Event.log(
        run,
        "held" if kind in ("token", "quota", "rate", "settings") else "deferred",
        touch=touch,
        words=words,
    )


def fail(run: Enrollment, touch: Touch, words: str, kind: str, **changes: Any) -> None:
    """Record that a mail is not tried again, unless a person wants it."""
    touch.move(
        "failed",
        allowed=Touch.IN_FLIGHT,
        **_at_its_end(run, touch, **changes),
        **changes,
        error=words,
        error_kind=kind,
        lease_until=None,
        check_at=None,
        decide=False,
        dated_at=date_of(touch),
        draft_id="",
    )
    Event.log(run, "failed", touch=touch, words=words)
    ask_for(touch)
    run.refresh_block()


def become_uncertain(
    run: Enrollment, touch: Touch, attempt_id: int, words: str, at: datetime
) -> None:
    """Record that nobody knows whether the mail left; the provider is asked from now on."""
    close(attempt_id, Attempt.Outcome.UNKNOWN, words=words, at=at)
    touch.move(
        "uncertain",
        allowed=[Touch.Status.SENDING],
        to=Touch.Status.UNCERTAIN,
        error=words,
        error_kind=KINDS[Unknown],
        lease_until=None,
        unknown_since=at,
        checks=0,
        check_at=at + (retries.next_check(0) or timedelta()),
        decide=False,
    )
    Event.log(run, "uncertain", touch=touch, words=words)


def ask_for(touch: Touch) -> None:
    """Let a reply wait for a person again, where its answer by hand does not get on alone."""
    if touch.in_reply_to_id:
        reply = Reply.everywhere.get(pk=touch.in_reply_to_id)
        reply.reopen()
        reply.wake()


def back_in_line(run: Enrollment, touch: Touch, *, may_have_left: bool = False) -> dict[str, Any]:
    """Return where a mail that did not leave goes back to; in a pool any mailbox may be next."""
    if touch.is_by_hand:
        removed = run.dropped_at is not None
        return {"to": Touch.Status.CANCELLED if removed else Touch.Status.SCHEDULED}
    changes = _place_in_line(run)
    if touch.is_pooled and run.mailbox_id is None and not may_have_left:
        changes["mailbox"] = None
    return changes


def _place_in_line(run: Enrollment) -> dict[str, Any]:
    if run.is_finished:
        # With its run; an undo of the stop finds it again.
        return {"to": Touch.Status.CANCELLED, "cancelled_from": Touch.Status.SCHEDULED}
    if run.status == Enrollment.Status.PENDING_APPROVAL:
        return {"to": Touch.Status.DRAFT}
    return {"to": Touch.Status.SCHEDULED}


def _at_its_end(
    run: Enrollment, touch: Touch, bounced_at: datetime | None = None
) -> dict[str, Any]:
    """Return what becomes of a mail that is not tried again."""
    if run.is_finished and bounced_at is None and not touch.is_by_hand:
        # With its run; an undo of the stop finds it failed.
        return {"to": Touch.Status.CANCELLED, "cancelled_from": Touch.Status.FAILED}
    return {"to": Touch.Status.FAILED}


def date_of(touch: Touch) -> datetime | None:
    """Return the Date of a mail that is not tried at once; a second copy has that of the first."""
    return touch.dated_at if touch.was_sent_again() else None


def close(attempt_id: int, outcome: str, *, words: str, at: datetime, by: Any = None) -> None:
    """Write down how an attempt ended; who decided about it before stays named."""
    changes: dict[str, Any] = {"outcome": outcome, "words": words, "finished_at": at}
    if by is not None:
        changes["decided_by"] = by
    update(Attempt, {"pk": attempt_id}, **changes)


def release(attempt_id: int) -> None:
    """Give back what an attempt reserved."""
    attempt = Attempt.objects.select_related("touch__enrollment").get(pk=attempt_id)
    pacing.release(attempt, attempt.touch.enrollment)
