"""Settle what its own worker does not: claims of lost workers, and outcomes that nobody knew.

Each function is one transaction that takes the run's row first; what somebody else has settled
meanwhile stays. A mail is tried again only if it never left, or if a person says so.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from mailboxes.providers.base import Receipt
from outreach.times import database_now
from sequences.engine import moves
from sequences.models import Attempt, Event, Touch
from sequences.rules import retries

CRASHES_UNTIL_QUARANTINE = 3


# After a worker was lost


def reap(touch_id: int, at: datetime) -> bool:
    """Settle one claim whose lease is over; False when somebody else did."""
    with transaction.atomic():
        run = Touch.objects.get(pk=touch_id).enrollment.lock()
        touch = run.touch(touch_id)
        if touch.status != Touch.Status.SENDING or touch.lease_until is None:
            return False
        if touch.lease_until >= at:
            return False
        attempt = touch.attempts.get(outcome="")
        Touch.objects.filter(pk=touch.pk).update(lease_token=F("lease_token") + 1)
        if attempt.wire_at:
            words = "The worker was lost after the mail was handed over."
            moves.become_uncertain(run, touch, attempt.pk, words, at)
            return True
        moves.close(attempt.pk, Attempt.Outcome.ABANDONED, words="The worker was lost.", at=at)
        moves.release(attempt.pk)
        crashes = touch.crashes + (1 if _was_at_work_on(attempt, touch.lease_until) else 0)
        Touch.objects.filter(pk=touch.pk).update(crashes=crashes)
        if crashes >= CRASHES_UNTIL_QUARANTINE and (touch.is_by_hand or not run.is_finished):
            moves.fail(run, touch, f"It crashed the worker {crashes} times.", "crash")
        else:
            touch.move(
                "put back",
                allowed=[Touch.Status.SENDING],
                **moves.back_in_line(run, touch),
                attempts_made=max(touch.attempts_made - 1, 0),
                lease_until=None,
                dated_at=moves.date_of(touch),
            )
        return True


def _was_at_work_on(attempt: Attempt, lease_until: datetime) -> bool:
    """Tell whether this is the mail of its batch that the worker was lost with.

    Those claimed with it come in the order of their ids: the first that nobody had finished.
    """
    earlier = Attempt.objects.filter(
        mailbox_id=attempt.mailbox_id, started_at=attempt.started_at, pk__lt=attempt.pk
    )
    unfinished = Q(finished_at__isnull=True) | Q(finished_at__gt=lease_until)
    return not earlier.filter(unfinished).exists()


# After asking the provider, or a person


def was_sent(touch_id: int, receipt: Receipt, *, by: Any = None) -> bool:
    """Settle an uncertain touch that did go out; False when it was settled before."""
    with transaction.atomic():
        run = Touch.objects.get(pk=touch_id).enrollment.lock()
        if run.touch(touch_id).status != Touch.Status.UNCERTAIN:
            return False
        moves.accept(run, moves.ANSWERED.get(_unknown_attempt(touch_id).pk), receipt, by=by)
    return True


def was_not_sent(touch_id: int, *, by: Any = None) -> bool:
    """Settle an uncertain touch that never left: it is tried again from the start.

    Where a person says so, who cannot know, what may have left from one mailbox of a pool is
    followed from no other. False when it was settled before.
    """
    at = database_now()
    with transaction.atomic():
        run = Touch.objects.get(pk=touch_id).enrollment.lock()
        touch = run.touch(touch_id)
        if touch.status != Touch.Status.UNCERTAIN:
            return False
        attempt = _unknown_attempt(touch_id)
        moves.close(attempt.pk, Attempt.Outcome.REJECTED, words=attempt.words, at=at, by=by)
        moves.release(attempt.pk)
        if by is not None and touch.is_pooled:
            run.bind(touch.mailbox)
        if run.is_finished and not touch.is_by_hand:
            touch.move("cancelled", allowed=Touch.IN_FLIGHT, **moves.back_in_line(run, touch))
        elif by is None and retries.wait_after(touch.attempts_made) is None:
            moves.fail(run, touch, touch.error, "unknown")
        else:
            moves.wait_again(run, touch, touch.error, "unknown", at, touch.attempts_made)
        run.refresh_block()
    return True


def still_unknown(touch_id: int, at: datetime, *, asked_in_vain: bool = False) -> None:
    """Ask again at the next mark, or ask a person after the last one.

    A provider that could not even be asked at the last mark is given a few minutes more.
    """
    with transaction.atomic():
        run = Touch.objects.get(pk=touch_id).enrollment.lock()
        touch = run.touch(touch_id)
        if touch.status != Touch.Status.UNCERTAIN or touch.decide:
            return
        checks = touch.checks + 1
        wait = retries.next_check(checks)
        since = touch.unknown_since or at
        if wait is None and asked_in_vain and at < since + retries.LAST_CHECK_AT:
            Touch.objects.filter(pk=touch.pk).update(check_at=at + retries.CHECKS_AT[0])
        elif wait is None:
            Touch.objects.filter(pk=touch.pk).update(checks=checks, check_at=None, decide=True)
            Event.log(run, "needs_decision", touch=touch)
            moves.ask_for(touch)
            run.refresh_block()
        else:
            mark = max(since + wait, at + timedelta(seconds=5))
            Touch.objects.filter(pk=touch.pk).update(checks=checks, check_at=mark)


def _unknown_attempt(touch_id: int) -> Attempt:
    return Attempt.objects.filter(touch_id=touch_id, outcome=Attempt.Outcome.UNKNOWN).latest(
        "number"
    )
