"""What becomes of a claimed touch: sent, back in line, failed, uncertain or cancelled.

Each function is one transaction that takes the run's row first. A late "accepted" is always
taken: what happened is a fact, whoever claims to own the touch by then.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Q

from mailboxes import outbox
from mailboxes.models import Mailbox
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
from outreach.desk import done_at_desk
from outreach.prepared import Prepared, rows_of_each, update
from outreach.statements import written_together
from outreach.times import database_now, now
from sequences.engine import pacing, thresholds
from sequences.engine.suppressing import covered_by, lock_runs, suppress
from sequences.models import Attempt, Contact, Enrollment, Event, Reply, Suppression, Touch
from sequences.models.enrollment import PLAN
from sequences.rules import retries

if TYPE_CHECKING:
    from sequences.engine.claiming import Claim
    from sequences.engine.explain import Answer

CRASHES_UNTIL_QUARANTINE = 3

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


# Before a claim


# What no clock will lift: the run ends, or a person has to approve again.
ENDING = ("suppressed", "opted_out", "deleted")
UNAPPROVING = ("changed", "recipient", "sender")


def refuse(touch: Touch, answer: "Answer") -> bool:
    """End the run, or ask for a new approval; False when somebody else was first.

    An answer by hand is withheld. What only the prospect's own clock holds is put off, so that
    it keeps no others waiting.
    """
    with transaction.atomic():
        run = touch.enrollment.lock()
        fresh = run.touch(touch.pk)
        if fresh.status != Touch.Status.SCHEDULED:
            return False
        if fresh.is_by_hand:
            fresh.withhold(run, answer.sentence)
            return True
        if run.is_finished:
            return False
        if answer.is_their_own:
            Touch.objects.filter(pk=fresh.pk).update(due_at=answer.at, updated_at=now())
        elif answer.code in ENDING:
            run.stop(reason=_end_reason(run, answer), note=answer.sentence)
        else:
            Touch.objects.filter(pk=fresh.pk).update(
                status=Touch.Status.DRAFT, approved_at=None, approved_by=None, approved_hash=""
            )
            Event.log(run, "approval_withdrawn", touch=fresh, why=answer.sentence)
            run.text_changed(by=None)
    return True


def _end_reason(run: Enrollment, answer: "Answer") -> str:
    if answer.code == "suppressed":
        entries = Suppression.everywhere.filter(workspace_id=run.workspace_id)
        entry = entries.covering(run.contact.email).first()
        return entry.reason if entry and entry.reason != "imported" else "by_hand"
    return "unsubscribed" if answer.code == "opted_out" else "cancelled"


# Before the wire


def put_back(claim: "Claim", run: Enrollment, touch: Touch, why: str, at: datetime) -> None:
    """Undo a claim that nothing has left for; call it inside the run's lock."""
    _close(claim.attempt.pk, Attempt.Outcome.ABANDONED, words=why, at=at)
    _release(claim.attempt.pk)
    touch.move(
        "put back",
        allowed=[Touch.Status.SENDING],
        **_back_in_line(run, touch),
        when={"lease_token": claim.token},
        attempts_made=max(touch.attempts_made - 1, 0),
        lease_until=None,
        dated_at=_date_of(touch),
    )


@done_at_desk
def take_back(claim: "Claim", why: str) -> None:
    """Undo a claim whose mail was never handed over, while the claim is still one's own."""
    with transaction.atomic():
        run = claim.run.lock()
        touch = run.touch(claim.touch.pk)
        if touch.status == Touch.Status.SENDING and touch.lease_token == claim.token:
            Attempt.objects.filter(pk=claim.attempt.pk).update(wire_at=None)
            put_back(claim, run, touch, why, database_now())


@done_at_desk
def fail_unbuilt(claim: "Claim", words: str) -> None:
    """Fail a touch whose mail cannot be built: trying again would change nothing."""
    settle_refusal(claim, ContentRefused(words))


# After the provider's answer


@done_at_desk
def settle_accepted(claim: "Claim", receipt: Receipt) -> None:
    """Record that the provider took the mail, count it, and give the next step its time."""

    def accept() -> None:
        # Read before anything is changed, so that all changes can go together.
        read, plan = rows_of_each((ANSWERED, claim.attempt.pk), (PLAN, claim.run.pk))
        attempt = ANSWERED.one_of(read, claim.attempt.pk)
        _accept(attempt.touch.enrollment, attempt, receipt, plan=plan)

    written_together(accept)
    outbox.note_success(claim.mailbox, now())


def _accept(
    run: Enrollment,
    attempt: Attempt,
    receipt: Receipt,
    by: Any = None,
    plan: list[Touch] | None = None,
) -> None:
    touch, attempt_id = attempt.touch, attempt.pk
    if attempt.outcome == Attempt.Outcome.ACCEPTED:
        return
    at = now()
    pacing.count_sent(attempt, run)
    if touch.status == Touch.Status.SENT:
        # Nobody could tell, a person sent it again, and now both were taken.
        outcome = attempt.outcome or Attempt.Outcome.UNKNOWN
        _close(attempt_id, outcome, words=f"Taken as well: {receipt.words}", at=at)
        Event.log(run, "sent_twice", touch=touch, by=by, once=f"sent twice:{attempt_id}")
        return
    _close(attempt_id, Attempt.Outcome.ACCEPTED, words=receipt.words, at=at, by=by)
    if attempt.outcome or attempt.token != touch.lease_token:
        for other in touch.attempts.filter(outcome="").exclude(pk=attempt_id):
            if other.wire_at:
                # Sent again meanwhile; whatever becomes of it, nobody has to decide any more.
                _close(other.pk, Attempt.Outcome.UNKNOWN, words="It had been sent before.", at=at)
            else:
                # Begun again meanwhile; its worker passes no gate any more.
                _close(other.pk, Attempt.Outcome.ABANDONED, words="It had been sent.", at=at)
                _release(other.pk)
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


@done_at_desk
def settle_refusal(claim: "Claim", problem: ProviderError) -> None:
    """Record what the provider said no to, or that nobody knows, and what follows from it."""
    at = database_now()
    with transaction.atomic():
        run = _locked_for(claim, problem)
        touch = run.touch(claim.touch.pk)
        if touch.status != Touch.Status.SENDING or touch.lease_token != claim.token:
            # The reaper was here first, and the reconciler asks the provider; or news of an
            # earlier attempt was, and this one only gives back what it reserved.
            if not isinstance(problem, Unknown):
                _give_up(claim.attempt.pk, touch, problem.words, at)
            return
        if isinstance(problem, Unknown):
            _become_uncertain(run, touch, claim.attempt.pk, problem.words, at)
        else:
            _close(claim.attempt.pk, Attempt.Outcome.REJECTED, words=problem.words, at=at)
            _release(claim.attempt.pk)
            _refused(run, touch, problem, at)
    mailbox = claim.mailbox
    outbox.note_fault(mailbox, problem, at)
    if isinstance(problem, Disconnected):
        refresh_blocks_of(mailbox)


def _locked_for(claim: "Claim", problem: ProviderError) -> Enrollment:
    """Lock the run; where a refusal ends other runs too, all of them at once, in their order."""
    if isinstance(problem, RecipientRefused) and problem.hard:
        also = covered_by(claim.touch.recipient) | Q(pk=claim.run.pk)
        lock_runs(claim.run.workspace_id, also)
    return claim.run.lock()


def _refused(run: Enrollment, touch: Touch, problem: ProviderError, at: datetime) -> None:
    kind = KINDS[type(problem)]
    if isinstance(problem, RecipientRefused):
        if problem.hard:
            # Before the step fails, so that it is not cancelled with what waits behind it.
            source = f"Refused: {run.sequence}"
            suppress(run.workspace, touch.recipient, reason="bounced", source=source)
            run.refresh_from_db()
            _fail(run, touch, problem.words, kind, bounced_at=at)
            thresholds.judge(touch, run.sequence_id)
        else:
            _fail(run, touch, problem.words, kind)
            Event.log(run, "soft_bounce", touch=touch, words=problem.words)
    elif isinstance(problem, ContentRefused):
        _fail(run, touch, problem.words, kind)
    elif isinstance(problem, TryAgain):
        wait = retries.wait_after(touch.attempts_made, smtp=problem.smtp)
        if wait is None:
            _fail(run, touch, problem.words, kind)
        else:
            wait = max(wait, problem.retry_after or timedelta())
            _wait_again(run, touch, problem.words, kind, at + wait, touch.attempts_made)
    else:
        # The mailbox's fault: it is held, and the touch keeps its attempts.
        _wait_again(run, touch, problem.words, kind, at, max(touch.attempts_made - 1, 0))


def _wait_again(
    run: Enrollment, touch: Touch, words: str, kind: str, due_at: datetime, attempts: int
) -> None:
    touch.move(
        "requeued",
        allowed=Touch.IN_FLIGHT,
        **_back_in_line(run, touch, may_have_left=kind == KINDS[Unknown]),
        due_at=due_at,
        attempts_made=attempts,
        error=words,
        error_kind=kind,
        lease_until=None,
        check_at=None,
        decide=False,
        # After an unknown outcome the Date stays: receivers then drop a second copy.
        dated_at=touch.dated_at if kind == KINDS[Unknown] else _date_of(touch),
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


def _fail(run: Enrollment, touch: Touch, words: str, kind: str, **changes: Any) -> None:
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
        dated_at=_date_of(touch),
        draft_id="",
    )
    Event.log(run, "failed", touch=touch, words=words)
    _ask_for(touch)
    run.refresh_block()


def _ask_for(touch: Touch) -> None:
    """Let a reply wait for a person again, where its answer by hand does not get on alone."""
    if touch.in_reply_to_id:
        reply = Reply.everywhere.get(pk=touch.in_reply_to_id)
        reply.reopen()
        reply.wake()


def _become_uncertain(
    run: Enrollment, touch: Touch, attempt_id: int, words: str, at: datetime
) -> None:
    _close(attempt_id, Attempt.Outcome.UNKNOWN, words=words, at=at)
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
            _become_uncertain(run, touch, attempt.pk, words, at)
            return True
        _close(attempt.pk, Attempt.Outcome.ABANDONED, words="The worker was lost.", at=at)
        _release(attempt.pk)
        crashes = touch.crashes + (1 if _was_at_work_on(attempt, touch.lease_until) else 0)
        Touch.objects.filter(pk=touch.pk).update(crashes=crashes)
        if crashes >= CRASHES_UNTIL_QUARANTINE and (touch.is_by_hand or not run.is_finished):
            _fail(run, touch, f"It crashed the worker {crashes} times.", "crash")
        else:
            touch.move(
                "put back",
                allowed=[Touch.Status.SENDING],
                **_back_in_line(run, touch),
                attempts_made=max(touch.attempts_made - 1, 0),
                lease_until=None,
                dated_at=_date_of(touch),
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
        _accept(run, ANSWERED.get(_unknown_attempt(touch_id).pk), receipt, by=by)
    return True


def was_not_sent(touch_id: int, *, by: Any = None) -> bool:
    """Settle an uncertain touch that never left: it is tried again from the start.

    False when it was settled before.
    """
    at = database_now()
    with transaction.atomic():
        run = Touch.objects.get(pk=touch_id).enrollment.lock()
        touch = run.touch(touch_id)
        if touch.status != Touch.Status.UNCERTAIN:
            return False
        attempt = _unknown_attempt(touch_id)
        _close(attempt.pk, Attempt.Outcome.REJECTED, words=attempt.words, at=at, by=by)
        _release(attempt.pk)
        if run.is_finished and not touch.is_by_hand:
            touch.move("cancelled", allowed=Touch.IN_FLIGHT, **_back_in_line(run, touch))
        elif by is None and retries.wait_after(touch.attempts_made) is None:
            _fail(run, touch, touch.error, "unknown")
        else:
            _wait_again(run, touch, touch.error, "unknown", at, touch.attempts_made)
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
            _ask_for(touch)
            run.refresh_block()
        else:
            mark = max(since + wait, at + timedelta(seconds=5))
            Touch.objects.filter(pk=touch.pk).update(checks=checks, check_at=mark)


def refresh_blocks_of(mailbox: Mailbox) -> None:
    """Let every live run of a mailbox say whether the mailbox needs a person."""
    runs = Enrollment.everywhere.filter(mailbox=mailbox).unfinished().order_by("pk")
    for pk in runs.values_list("pk", flat=True).iterator(chunk_size=500):
        with transaction.atomic():
            Enrollment.everywhere.get(pk=pk).lock().refresh_block()


# Small parts


def _unknown_attempt(touch_id: int) -> Attempt:
    return Attempt.objects.filter(touch_id=touch_id, outcome=Attempt.Outcome.UNKNOWN).latest(
        "number"
    )


def _back_in_line(run: Enrollment, touch: Touch, *, may_have_left: bool = False) -> dict[str, Any]:
    """Return where a mail that did not leave goes back to; in a pool any mailbox may be next."""
    if touch.is_by_hand:
        removed = run.dropped_at is not None
        return {"to": Touch.Status.CANCELLED if removed else Touch.Status.SCHEDULED}
    changes = _place_in_line(run)
    keeps_its_mailbox = may_have_left or touch.was_sent_again()
    if touch.is_pooled and run.mailbox_id is None and not keeps_its_mailbox:
        changes["mailbox"] = None
    return changes


def _date_of(touch: Touch) -> datetime | None:
    """Return the Date of a mail that is not tried at once; a second copy has that of the first."""
    return touch.dated_at if touch.was_sent_again() else None


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


def _give_up(attempt_id: int, touch: Touch, words: str, at: datetime) -> None:
    """Give back what an attempt reserved that nobody waits for any more."""
    forgotten = ["", Attempt.Outcome.UNKNOWN] if touch.status == Touch.Status.SENT else [""]
    if Attempt.objects.filter(pk=attempt_id, outcome__in=forgotten).exists():
        _close(attempt_id, Attempt.Outcome.REJECTED, words=words, at=at)
        _release(attempt_id)


def _close(attempt_id: int, outcome: str, *, words: str, at: datetime, by: Any = None) -> None:
    """Write down how an attempt ended; who decided about it before stays named."""
    changes: dict[str, Any] = {"outcome": outcome, "words": words, "finished_at": at}
    if by is not None:
        changes["decided_by"] = by
    update(Attempt, {"pk": attempt_id}, **changes)


def _release(attempt_id: int) -> None:
    attempt = Attempt.objects.select_related("touch__enrollment").get(pk=attempt_id)
    pacing.release(attempt, attempt.touch.enrollment)
