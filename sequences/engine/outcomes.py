"""What becomes of a touch at its worker's hands: refused, put back, sent, failed or uncertain.

Each function is one transaction that takes the run's row first. A late "accepted" is always
taken: what happened is a fact, whoever claims to own the touch by then.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from mailboxes import outbox
from mailboxes.models import Mailbox
from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    ProviderError,
    Receipt,
    RecipientRefused,
    TryAgain,
    Unknown,
)
from outreach.desk import done_at_desk
from outreach.prepared import rows_of_each
from outreach.statements import written_together
from outreach.times import database_now, now
from sequences.engine import moves, thresholds
from sequences.engine.suppressing import covered_by, lock_runs, suppress
from sequences.models import Attempt, Enrollment, Event, Suppression, Touch
from sequences.models.plan import PLAN
from sequences.rules import retries

if TYPE_CHECKING:
    from sequences.engine.claiming import Claim
    from sequences.engine.explain import Answer


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
    moves.close(claim.attempt.pk, Attempt.Outcome.ABANDONED, words=why, at=at)
    moves.release(claim.attempt.pk)
    touch.move(
        "put back",
        allowed=[Touch.Status.SENDING],
        **moves.back_in_line(run, touch),
        when={"lease_token": claim.token},
        attempts_made=max(touch.attempts_made - 1, 0),
        lease_until=None,
        dated_at=moves.date_of(touch),
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
        read, plan = rows_of_each((moves.ANSWERED, claim.attempt.pk), (PLAN, claim.run.pk))
        attempt = moves.ANSWERED.one_of(read, claim.attempt.pk)
        moves.accept(attempt.touch.enrollment, attempt, receipt, plan=plan)

    written_together(accept)
    outbox.note_success(claim.mailbox, now())


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
            moves.become_uncertain(run, touch, claim.attempt.pk, problem.words, at)
        else:
            moves.close(claim.attempt.pk, Attempt.Outcome.REJECTED, words=problem.words, at=at)
            moves.release(claim.attempt.pk)
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
    kind = moves.KINDS[type(problem)]
    if isinstance(problem, RecipientRefused):
        if problem.hard:
            # Before the step fails, so that it is not cancelled with what waits behind it.
            source = f"Refused: {run.sequence}"
            suppress(run.workspace, touch.recipient, reason="bounced", source=source)
            run.refresh_from_db()
            moves.fail(run, touch, problem.words, kind, bounced_at=at)
            thresholds.judge(touch, run.sequence_id)
        else:
            moves.fail(run, touch, problem.words, kind)
            Event.log(run, "soft_bounce", touch=touch, words=problem.words)
    elif isinstance(problem, ContentRefused):
        moves.fail(run, touch, problem.words, kind)
    elif isinstance(problem, TryAgain):
        wait = retries.wait_after(touch.attempts_made, smtp=problem.smtp)
        if wait is None:
            moves.fail(run, touch, problem.words, kind)
        else:
            wait = max(wait, problem.retry_after or timedelta())
            moves.wait_again(run, touch, problem.words, kind, at + wait, touch.attempts_made)
    else:
        # The mailbox's fault: it is held, and the touch keeps its attempts.
        moves.wait_again(run, touch, problem.words, kind, at, max(touch.attempts_made - 1, 0))


def _give_up(attempt_id: int, touch: Touch, words: str, at: datetime) -> None:
    """Give back what an attempt reserved that nobody waits for any more."""
    forgotten = ["", Attempt.Outcome.UNKNOWN] if touch.status == Touch.Status.SENT else [""]
    if Attempt.objects.filter(pk=attempt_id, outcome__in=forgotten).exists():
        moves.close(attempt_id, Attempt.Outcome.REJECTED, words=words, at=at)
        moves.release(attempt_id)


def refresh_blocks_of(mailbox: Mailbox) -> None:
    """Let every live run of a mailbox say whether the mailbox needs a person."""
    runs = Enrollment.everywhere.filter(mailbox=mailbox).unfinished().order_by("pk")
    for pk in runs.values_list("pk", flat=True).iterator(chunk_size=500):
        with transaction.atomic():
            Enrollment.everywhere.get(pk=pk).lock().refresh_block()
