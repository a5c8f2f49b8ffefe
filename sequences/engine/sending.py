"""Send each approved, due touch once: claim, build, prepare, gate, wire, result.

Every stage is a short transaction or a call to the provider, never both. `sending` yields the
name of each stage after it: whoever drives it can stop between any two of them, as a killed
worker does, and `reap` and `engine.reconciling` finish what was left. See ARCHITECTURE.md.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

import structlog
from celery import current_app
from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models import Case, IntegerField, QuerySet, When

from mailboxes import outbox
from mailboxes.compose import RefusedMail, compose
from mailboxes.models import Mailbox
from mailboxes.providers.base import Mail, Provider, ProviderError
from outreach.times import database_now, now
from outreach.transitions import hold_still
from sequences.engine import clocks, explain, outcomes, pacing
from sequences.engine.suppressing import optout_url
from sequences.models import Attempt, Enrollment, Touch
from sequences.rules import footer

logger = structlog.get_logger(__name__)

WAKE_UP_EXPIRES = 25
TICK_WAITS = 20
MAILBOXES_AT_ONCE = 8
# A server that never answers keeps this many workers waiting, and leaves the others alone.
MOST_IN_FLIGHT = 2
CANDIDATES = 20
DUE_AT_ONCE = 500
REAPED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """One worker's right to send one touch once, and what it was claimed under."""

    touch_id: int
    run_id: int
    mailbox_id: int
    token: int
    epoch: int
    attempt_id: int
    claimed_at: datetime


# Driving


def tick() -> int:
    """Have every mailbox with due mail drained: by the workers, or by threads of this process.

    Returns how many mails went out here and now.
    """
    waiting = mailboxes_with_work(database_now())
    if settings.REDIS_URL:
        for mailbox_id in waiting:
            # A wake-up and nothing more: one that is lost is sent again by the next tick.
            current_app.send_task("sequences.tasks.drain", [mailbox_id], expires=WAKE_UP_EXPIRES)
        return 0
    started = [_threads().submit(_drain_in_thread, mailbox_id) for mailbox_id in waiting]
    done, _ = wait(started, timeout=TICK_WAITS)
    return sum(each.result() for each in done)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=MAILBOXES_AT_ONCE, thread_name_prefix="drain")


def _drain_in_thread(mailbox_id: int) -> int:
    try:
        return drain(mailbox_id)
    finally:
        connections.close_all()


def drain_all(limit: int = DUE_AT_ONCE) -> int:
    """Send what is due from every mailbox, in this process; returns how many went out."""
    at = database_now()
    return sum(_drain_or_log(mailbox_id, limit) for mailbox_id in mailboxes_with_work(at))


def _drain_or_log(mailbox_id: int, limit: int) -> int:
    try:
        return drain(mailbox_id, limit)
    except Exception:
        # One mailbox that cannot be drained must not keep the others waiting.
        logger.exception("A mailbox could not be drained", mailbox=mailbox_id)
        return 0


def mailboxes_with_work(at: datetime) -> list[int]:
    """Return the mailboxes that may send and have something due."""
    due = Touch.objects.filter(
        status=Touch.Status.SCHEDULED,
        due_at__lte=at,
        enrollment__status__in=Enrollment.SENDING,
        enrollment__sequence__status="active",
        enrollment__workspace__stopped_at__isnull=True,
        mailbox__status=Mailbox.Status.CONNECTED,
    ).exclude(mailbox__held_until__gt=at)
    return list(due.order_by("mailbox_id").values_list("mailbox_id", flat=True).distinct())


def drain(mailbox_id: int, limit: int = DUE_AT_ONCE) -> int:
    """Send what is due from one mailbox until nothing may leave; returns how many went out."""
    mailbox = Mailbox.everywhere.get(pk=mailbox_id)
    # Looked at first: a mailbox that only waits for its hours costs no commits.
    leaving = next_due(mailbox)
    if not leaving or _hangs(mailbox) or not outbox.take_turn(mailbox_id, database_now()):
        return 0
    sent = 0
    try:
        with outbox.opened(mailbox) as provider:
            while leaving and sent < limit:
                results = [send_one(touch_id, provider) for touch_id in leaving]
                sent += sum(results)
                if not any(results):
                    break
                outbox.keep_turn(mailbox_id, database_now())
                leaving = next_due(mailbox)
    finally:
        outbox.end_turn(mailbox_id)
    return sent


def _hangs(mailbox: Mailbox) -> bool:
    """Tell whether so many mails of this mailbox wait for an answer that no worker should join."""
    held = Touch.objects.filter(
        mailbox=mailbox, status=Touch.Status.SENDING, lease_until__gt=database_now()
    )
    return held.count() >= MOST_IN_FLIGHT


def next_due(mailbox: Mailbox) -> list[int]:
    """Return one due touch of each sequence that may send from this mailbox now.

    Follow-ups come before first steps: a conversation begun is kept.
    """
    at = database_now()
    mailbox.refresh_from_db()
    if not mailbox.may_send or (mailbox.held_until and mailbox.held_until > at):
        return []
    due = Touch.objects.filter(
        status=Touch.Status.SCHEDULED,
        mailbox=mailbox,
        due_at__lte=at,
        enrollment__status__in=Enrollment.SENDING,
        enrollment__sequence__status="active",
    ).exclude(enrollment__sequence__next_free_at__gt=at)
    first_last = Case(When(position=1, then=1), default=0, output_field=IntegerField())
    chosen = []
    for pk in due.order_by().values_list("enrollment__sequence_id", flat=True).distinct():
        mine = due.filter(enrollment__sequence_id=pk)
        if touch := _first_leaving(mine.order_by("-is_hurried", first_last, "due_at", "pk"), at):
            chosen.append(touch)
    return chosen


def _first_leaving(due: QuerySet, at: datetime) -> int | None:
    for touch in due.select_related("step")[:CANDIDATES]:
        run = Enrollment.everywhere.select_related(
            "workspace", "sequence__mailbox", "mailbox", "contact__company"
        ).get(pk=touch.enrollment_id)
        answer = explain.touch(touch, run, at)
        if answer.may_leave:
            return touch.pk
        if answer.kind != explain.Kind.BLOCKED and not answer.is_their_own:
            return None  # the sequence's hours, pace or limits: the others wait for them too
        outcomes.refuse(touch, answer)
    return None


def send_one(touch_id: int, provider: Provider) -> bool:
    """Send one touch now if it may leave; True when the provider took it."""
    stages = list(sending(touch_id, provider))
    return bool(stages) and stages[-1] == "accepted"


def sending(touch_id: int, provider: Provider) -> Iterator[str]:
    """Take one touch through every stage, yielding the name of each once it is done."""
    claim = claim_touch(touch_id, provider)
    if claim is None:
        return
    yield "claimed"
    try:
        mail = build(claim, provider)
    except RefusedMail as problem:
        outcomes.fail_unbuilt(claim, str(problem))
        yield "refused"
        return
    yield "built"
    try:
        prepared = provider.prepare(mail)
    except ProviderError as problem:
        outcomes.settle_refusal(claim, problem)
        yield "refused"
        return
    yield "prepared"
    if not pass_gate(claim, provider, draft_id=prepared.draft_id, thread_id=prepared.thread_id):
        prepared.abandon()
        yield "held back"
        return
    yield "on the wire"
    try:
        receipt = prepared.commit()
    except ProviderError as problem:
        yield "answered"
        outcomes.settle_refusal(claim, problem)
        yield "refused"
        return
    yield "answered"
    outcomes.settle_accepted(claim, receipt)
    yield "accepted"


# Stages


def claim_touch(touch_id: int, provider: Provider) -> Claim | None:
    """Reserve the right to send this touch; None when it may not leave now.

    One transaction: the run's row first, then the touch, the throttle and the day's limits.
    """
    try:
        with transaction.atomic():
            return _claim(touch_id, provider)
    except pacing.GaveWay:
        return None


def _claim(touch_id: int, provider: Provider) -> Claim | None:
    run_id = Touch.objects.values_list("enrollment_id", flat=True).get(pk=touch_id)
    run = _lock_unless_taken(run_id)
    if run is None:
        return None
    at = database_now()
    touch = run.touches.select_related("step").get(pk=touch_id)
    if touch.status != Touch.Status.SCHEDULED:
        return None
    if not explain.touch(touch, run, at).may_leave:
        return None
    mailbox = run.mailbox or run.sequence.mailbox
    if mailbox is None:
        return None
    reserved = pacing.reserve([touch], at)[touch.pk]
    token, number = touch.lease_token + 1, touch.attempts.count() + 1
    touch.move(
        "claimed",
        allowed=[Touch.Status.SCHEDULED],
        to=Touch.Status.SENDING,
        when={"lease_token": touch.lease_token},
        lease_token=token,
        lease_until=at + provider.lease,
        attempts_made=touch.attempts_made + 1,
        mailbox=mailbox,
    )
    attempt = Attempt.objects.create(
        touch=touch,
        mailbox=mailbox,
        number=number,
        round=touch.round,
        token=token,
        epoch=run.epoch,
        day=reserved.day,
        sequence_day=reserved.sequence_day,
        workspace_day=reserved.workspace_day,
        started_at=at,
    )
    return Claim(touch.pk, run.pk, mailbox.pk, token, run.epoch, attempt.pk, at)


def _lock_unless_taken(run_id: int) -> Enrollment | None:
    rows = Enrollment.everywhere.filter(pk=run_id).select_related(
        "workspace", "sequence__mailbox", "mailbox", "contact__company"
    )
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(of=("self",), skip_locked=True)
    return rows.first()


def build(claim: Claim, provider: Provider) -> Mail:
    """Build exactly the approved mail; raises RefusedMail rather than anything else."""
    touch = Touch.objects.select_related("enrollment__contact", "enrollment__workspace").get(
        pk=claim.touch_id
    )
    run = touch.enrollment
    dated_at = touch.dated_at or now()
    if touch.dated_at is None:
        Touch.objects.filter(pk=touch.pk, lease_token=claim.token).update(dated_at=dated_at)
    before = list(
        run.touches.filter(position__lt=touch.position, status=Touch.Status.SENT).order_by(
            "position"
        )
    )
    thread = before if touch.in_thread else []
    ids = [each.wire_message_id for each in thread if each.wire_message_id]
    url = optout_url(run.workspace, touch.recipient)
    mail = compose(
        sender_email=touch.sender,
        sender_name=touch.sender_name,
        recipient=touch.recipient,
        recipient_name=_name_of(run),
        subject=touch.effective_subject(),
        text=footer.with_opt_out(touch.full_text, url),
        message_id=touch.message_id,
        date=dated_at,
        in_reply_to=ids[-1] if ids else "",
        references=ids,
        reference=reference(touch),
        unsubscribe_url=url if provider.can_unsubscribe_header else "",
    )
    return replace(mail, thread_id=thread[-1].thread_id if thread else "")


def reference(touch: Touch) -> str:
    """Return what our X-Outreach-Ref header says about a touch."""
    return f"t{touch.pk}"


def _name_of(run: Enrollment) -> str:
    contact = run.contact
    return f"{contact.first_name} {contact.last_name}".strip() if contact else ""


def pass_gate(claim: Claim, provider: Provider, *, draft_id: str, thread_id: str) -> bool:
    """Commit the wire mark if everything still holds: the point of no return.

    False when it does not, or when the claim is no longer this worker's; the touch is then
    put back, or cancelled with its run.
    """
    with transaction.atomic():
        held = Enrollment.everywhere.get(pk=claim.run_id).lock()
        # Pausing the sequence or the mailbox and stopping the workspace wait for the gate, or
        # the gate for them. What the run's own lock waited for is read again.
        hold_still(held.workspace, held.sequence, held.mailbox or held.sequence.mailbox)
        run = held.lock()
        at = database_now()
        touch = run.touches.select_related("step").get(pk=claim.touch_id)
        if touch.status != Touch.Status.SENDING or touch.lease_token != claim.token:
            return False
        if code := _closed(claim, run, touch, provider, at):
            outcomes.put_back(claim, run, touch, code, at)
            return False
        Attempt.objects.filter(pk=claim.attempt_id).update(wire_at=at)
        Touch.objects.filter(pk=touch.pk).update(draft_id=draft_id, thread_id=thread_id)
    return True


def _closed(claim: Claim, run: Enrollment, touch: Touch, provider: Provider, at: datetime) -> str:
    """Name the guard that holds the touch back at the gate, or nothing."""
    guards = {
        "too_late": at <= claim.claimed_at + provider.budget,
        "epoch": same_epoch(claim, run),
        "run": run.may_send,
        "day": same_day(claim, touch, run, at),
        "facts": still_allowed(touch, run, at),
    }
    return next((name for name, holds in guards.items() if not holds), "")


def same_epoch(claim: Claim, run: Enrollment) -> bool:
    """Nobody paused, stopped or answered the run since it was claimed."""
    return run.epoch == claim.epoch


def same_day(claim: Claim, touch: Touch, run: Enrollment, at: datetime) -> bool:
    """The days whose limits were reserved are still today where mailbox and sequence are."""
    attempt = Attempt.objects.get(pk=claim.attempt_id)
    mailbox = Mailbox.everywhere.get(pk=claim.mailbox_id)
    return pacing.is_still_the_day(attempt, run, mailbox, at)


def still_allowed(touch: Touch, run: Enrollment, at: datetime) -> bool:
    """Workspace, sequence, text, prospect, mailbox and window still let it leave."""
    facts = explain.read_facts(touch, run, at)
    if any(rule(facts, at) for rule in explain.STANDING):
        return False
    return clocks.are_open(facts, at)


# Recovery


def reap() -> int:
    """Settle claims whose worker is gone; returns how many.

    Without a wire mark nothing can have left: the touch goes back. With one the outcome is
    unknown, and the provider is asked. Never anything else.
    """
    at = database_now()
    stale = Touch.objects.filter(status=Touch.Status.SENDING, lease_until__lt=at)
    oldest = stale.order_by("lease_until").values_list("pk", flat=True)[:REAPED_AT_ONCE]
    return sum(_reap_or_log(pk, at) for pk in oldest)


def _reap_or_log(touch_id: int, at: datetime) -> bool:
    try:
        return outcomes.reap(touch_id, at)
    except Exception:
        # One that cannot be settled must not keep the others waiting.
        logger.exception("A lost claim could not be settled", touch=touch_id)
        return False
