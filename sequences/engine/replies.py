"""Answers: fetched, matched to what they answer, labelled, and acted on, each exactly once."""

from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from mailboxes import inbox
from mailboxes.models import InboundMail, Mailbox
from mailboxes.quoting import own_words, reply_text
from outreach.times import now
from sequences.engine import bouncing, colleagues, consequences
from sequences.engine.matching import is_own, match, match_report
from sequences.engine.suppressing import lock_runs
from sequences.models import Enrollment, Event, NotReady, Reply, Sequence, Touch
from sequences.writers import offline

logger = structlog.get_logger(__name__)

BATCH = 200
# Below this the rules have guessed.
UNSURE = 0.6
BY_MODEL = "The connected model reads it so"


def tick() -> int:
    """Fetch what is new and settle what waits, in order of arrival; returns how many."""
    inbox.fetch()
    return sum(bool(_settle_or_log(mail)) for mail in _waiting()[:BATCH])


def settle_all_of(mailbox: Mailbox) -> bool:
    """Settle what waits of one mailbox; False when a mail is left that could be an answer."""
    waiting = list(_waiting().filter(mailbox=mailbox)[: BATCH + 1])
    outcomes = [_settle_or_log(mail) for mail in waiting[:BATCH]]
    return None not in outcomes and len(waiting) <= BATCH


def _waiting() -> QuerySet[InboundMail]:
    waiting = InboundMail.everywhere.filter(settled_at__isnull=True)
    return waiting.select_related("mailbox").order_by("received_at", "pk")


def _settle_or_log(mail: InboundMail) -> str | None:
    """Return what `settle` does, or None where it fails.

    One mail that cannot be settled must not hold those behind it. It stays unsettled, so the
    next tick tries it again.
    """
    try:
        return settle(mail)
    except Exception:
        logger.exception("An inbound mail could not be settled", mail=mail.pk)
        return None


def settle(mail: InboundMail) -> str:
    """Deal with one inbound mail; returns what it was, or nothing if it must wait.

    One transaction: the rows of the prospect's runs first, then the mail itself, which only
    one caller can take; then everything that follows from it.
    """
    if is_own(mail):
        return _set_aside(mail, "own")
    found = match_report(mail) if mail.report else match(mail)
    if found is None:
        return _set_aside(mail, "unmatched")
    with transaction.atomic():
        run = _locked(found.touch)
        touch = run.touch(found.touch.pk)
        if mail.report and touch.status == Touch.Status.SENDING:
            return ""  # Its own worker writes down the acceptance first.
        if not _take(mail):
            return ""
        if mail.report:
            return _name(mail, bouncing.bounce(mail, touch, run))
        if mail.message_id and run.replies.filter(mail__message_id=mail.message_id).exists():
            return _name(mail, "copy")
        reply = _record(mail, run, touch)
        consequences.take_in(run, reply)
        return _name(mail, f"reply by {found.by}")


def relabel(reply: Reply, label: str, *, by: Any, expected: str = "") -> str:
    """Correct what an answer means and replay what follows from it; returns what happened.

    Where nobody does (`by` is None) a model has been sure; it comes too late for a label other
    than the `expected` one, which a person has given meanwhile.
    """
    with transaction.atomic():
        run = _locked(reply)
        before = Reply.everywhere.get(pk=reply.pk).label
        if expected and before != expected:
            return "Somebody has decided meanwhile."
        if before == label:
            return f"It is marked as {Reply.Label(label).label.lower()} already."
        Reply.everywhere.filter(pk=reply.pk).update(
            label=label, reason=BY_MODEL if by is None else "", corrected_by=by, is_unsure=False
        )
        reply.refresh_from_db()
        Event.log(run, "relabelled", touch=reply.touch, by=by, was=before, label=label)
        said = _replay(run, reply, before, by)
    return f"Marked as {reply.get_label_display().lower()}. {said}".strip()


def _replay(run: Enrollment, reply: Reply, before: str, by: Any) -> str:
    """Do what the corrected label does, and undo what the wrong one did."""
    answered = [Enrollment.Status.REPLIED_POSITIVE, Enrollment.Status.REPLIED_OBJECTION]
    was_out = run.end_reason == Enrollment.EndReason.UNSUBSCRIBED
    if reply.label == Reply.Label.UNSUBSCRIBE:
        consequences.opt_out(run, reply, by=by)
        if before in Reply.AUTOMATIC:
            colleagues.answered(run)
        return f"Nobody writes to {run.prospect} again."
    if reply.label in Reply.AUTOMATIC:
        return _not_an_answer(run, reply, by)
    to = consequences.end_for(reply.label)
    if run.status in answered or (was_out and before == Reply.Label.UNSUBSCRIBE):
        if run.status != to:
            run.conclude("stopped", to=to, by=by)
        run.refresh_from_db()
    else:
        Event.log(run, "replied", touch=reply.touch, by=by, label=reply.label, was=run.status)
        consequences.answered(run, reply, by=by)
        run.refresh_from_db()
    if run.status != to:
        return f"The run had ended before ({run.get_status_display().lower()}) and stays so."
    still = " The address stays on the suppression list." if was_out else ""
    if to == Enrollment.Status.REPLIED_POSITIVE:
        return f"The deal “{consequences.open_deal(run)}” is open.{still}"
    closed = consequences.close_deal(run)
    return ("The deal was removed." if closed else "") + still


def _not_an_answer(run: Enrollment, reply: Reply, by: Any) -> str:
    """No person had answered after all: another answer decides, or the run goes on."""
    others = Reply.everywhere.filter(enrollment=run).exclude(label__in=Reply.AUTOMATIC)
    other = others.exclude(pk=reply.pk).first()
    answered = [Enrollment.Status.REPLIED_POSITIVE, Enrollment.Status.REPLIED_OBJECTION]
    if run.status in answered:
        if other and other.label != Reply.Label.UNSUBSCRIBE:
            to = consequences.end_for(other.label)
            if to != run.status:
                run.conclude("stopped", to=to, by=by)
            if to == Enrollment.Status.REPLIED_OBJECTION:
                consequences.close_deal(run)
            return "Another answer decides how the run ended."
        if problem := _reopen(run, by):
            return problem
        consequences.close_deal(run)
        colleagues.release(run)
    elif run.is_finished:
        return f"The run stays {run.get_status_display().lower()}."
    if run.status == Enrollment.Status.COMPLETE:
        return "Every step had gone out, so the run is complete."
    if reply.label == Reply.Label.OUT_OF_OFFICE:
        consequences.postpone(run, reply.return_on)
    return "The run goes on."


def _reopen(run: Enrollment, by: Any) -> str:
    """Take the run back to where the answer had found it; says why where it cannot go on."""
    over = [Sequence.Status.COMPLETED, Sequence.Status.ARCHIVED]
    if run.sequence.status in over:
        status = run.sequence.get_status_display().lower()
        return f"The sequence is {status}, so the run is not taken up again."
    replied = Event.everywhere.filter(enrollment=run, kind="replied").order_by("-at", "-pk")
    found = [event.detail.get("was", "") for event in replied]
    was = next((status for status in found if status in Enrollment.UNFINISHED), "")
    if not was:
        run.conclude("reopened", to=Enrollment.Status.COMPLETE, by=by)
        return ""
    try:
        run.reopen(to=was, by=by)
    except NotReady as problem:
        return f"{problem} The run is not taken up again."
    return ""


def _locked(about: Touch | Reply) -> Enrollment:
    """Lock the run, the other unfinished runs of its prospect, and those of the colleagues that
    the sequence's rule reaches, in id order.
    """
    rows = Enrollment.everywhere.select_related("sequence", "contact__company")
    run = rows.get(pk=about.enrollment_id)
    which = Q(pk=run.pk)
    if run.contact_id:
        which |= Q(contact=run.contact_id, status__in=Enrollment.UNFINISHED)
    if (others := colleagues.of(run)) is not None:
        which |= others
    return next(each for each in lock_runs(run.workspace_id, which) if each.pk == run.pk)


def _take(mail: InboundMail) -> bool:
    """Take the mail; False when another caller has it."""
    waiting = InboundMail.everywhere.filter(pk=mail.pk, settled_at__isnull=True)
    return bool(waiting.update(settled_at=now()))


def _name(mail: InboundMail, outcome: str) -> str:
    InboundMail.everywhere.filter(pk=mail.pk).update(outcome=outcome)
    return outcome


def _set_aside(mail: InboundMail, outcome: str) -> str:
    """Settle a mail that concerns no run."""
    return _name(mail, outcome) if _take(mail) else ""


def _record(mail: InboundMail, run: Enrollment, touch: Touch) -> Reply:
    """Store the answer with the meaning that the rules give it."""
    text = reply_text(mail.text)
    day = mail.received_at.date()
    found = offline.label(own_words(text), subject=mail.subject, headers=mail.headers, today=day)
    return Reply.everywhere.create(
        workspace_id=run.workspace_id,
        enrollment=run,
        touch=touch,
        mail=mail,
        label=found.kind,
        reason=found.reason[:200],
        is_unsure=found.confidence < UNSURE,
        return_on=found.return_on,
        text=text,
        received_at=mail.received_at,
    )
