"""Send each approved, due touch once: claim, build, prepare, gate, wire, result.

Every stage is a short transaction or a call to the provider, never both. `sending` yields the
name of each stage after it: whoever drives it can stop between any two of them, as a killed
worker does, and `reap` and `engine.reconciling` finish what was left. See ARCHITECTURE.md.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import structlog
from celery import current_app
from django.conf import settings
from django.db import connections, transaction

from mailboxes import outbox
from mailboxes.compose import RefusedMail, compose
from mailboxes.models import Mailbox
from mailboxes.providers.base import Mail, Provider, ProviderError
from outreach import guards
from outreach.prepared import Prepared
from outreach.times import database_now, now
from sequences.engine import clocks, explain, outcomes, pacing
from sequences.engine.claiming import Claim, anything_leaves, claim_due, claim_touch
from sequences.models import Attempt, Contact, Enrollment, Touch
from sequences.rules import footer

logger = structlog.get_logger(__name__)

WAKE_UP_EXPIRES = 25
TICK_WAITS = 20
MAILBOXES_AT_ONCE = 8
# A server that never answers keeps this many workers waiting, and leaves the others alone.
MOST_IN_FLIGHT = 2
MOST_CLAIMED = 100
A_MOMENT = timedelta(seconds=2)
DUE_AT_ONCE = 500
REAPED_AT_ONCE = 200


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
    """Return the mailboxes that may send and have something due; none while sending is held."""
    if guards.hold():
        return []
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
    if not anything_leaves(mailbox) or _hangs(mailbox):
        return 0
    if not outbox.take_turn(mailbox_id, database_now()):
        return 0
    sent, batch = 0, 1
    try:
        with outbox.opened(mailbox) as provider:
            while sent < limit:
                began = database_now()
                found = claim_due(mailbox, provider, min(batch, limit - sent))
                left = carry_all(found.claims, provider)
                sent += left
                if not left and not found.refused:
                    break
                ended = database_now()
                outbox.keep_turn(mailbox_id, ended)
                batch = _next_batch(batch, ended - began)
    finally:
        outbox.end_turn(mailbox_id)
    return sent


def _next_batch(batch: int, took: timedelta) -> int:
    """Return how many to claim next: as many as leave in a moment, so that none waits long."""
    return min(batch * 2, MOST_CLAIMED) if took < A_MOMENT else max(batch // 2, 1)


def _hangs(mailbox: Mailbox) -> bool:
    """Tell whether so many mails of this mailbox wait for an answer that no worker should join."""
    held = Touch.objects.filter(
        mailbox=mailbox, status=Touch.Status.SENDING, lease_until__gt=database_now()
    )
    return held.count() >= MOST_IN_FLIGHT


def send_one(touch_id: int, provider: Provider) -> bool:
    """Send one touch now if it may leave; True when the provider took it."""
    claim = claim_touch(touch_id, provider)
    return claim is not None and _carry(claim, provider)


def carry_all(claims: list[Claim], provider: Provider) -> int:
    """Carry one claim after the other; returns how many mails went out.

    Once the mailbox is held or disconnected the others go back in line, unharmed.
    """
    sent = 0
    for claim in claims:
        if claim.mailbox.may_send_at(database_now()):
            sent += _carry_or_log(claim, provider)
        else:
            outcomes.take_back(claim, "mailbox")
    return sent


def _carry_or_log(claim: Claim, provider: Provider) -> bool:
    try:
        return _carry(claim, provider)
    except Exception:
        # One that breaks must not keep the others waiting; the reaper settles it.
        logger.exception("A mail could not be carried", touch=claim.touch.pk)
        return False


def _carry(claim: Claim, provider: Provider) -> bool:
    return list(carry(claim, provider))[-1] == "accepted"


def sending(touch_id: int, provider: Provider) -> Iterator[str]:
    """Take one touch through every stage, yielding the name of each once it is done."""
    claim = claim_touch(touch_id, provider)
    if claim is None:
        return
    yield "claimed"
    yield from carry(claim, provider)


def carry(claim: Claim, provider: Provider) -> Iterator[str]:
    """Take a claimed touch through the other stages, yielding the name of each once it is done."""
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
    passed_at = now()
    yield "on the wire"
    if now() - passed_at > provider.budget:
        # The worker slept: what the gate saw is long past, and the lease may be somebody else's.
        prepared.abandon()
        outcomes.take_back(claim, "asleep")
        yield "held back"
        return
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


def build(claim: Claim, provider: Provider) -> Mail:
    """Build exactly the approved mail; raises RefusedMail rather than anything else."""
    touch, run = claim.touch, claim.run
    sent = [each for each in claim.before if each.status == Touch.Status.SENT]
    thread = sent if touch.in_thread else []
    ids = [each.wire_message_id for each in thread if each.wire_message_id]
    mail = compose(
        sender_email=touch.sender,
        sender_name=touch.sender_name,
        recipient=touch.recipient,
        recipient_name=_name_of(run),
        subject=touch.subject_after(claim.before),
        text=footer.with_opt_out(touch.full_text, claim.url),
        message_id=touch.message_id,
        date=touch.dated_at or claim.claimed_at,
        in_reply_to=ids[-1] if ids else "",
        references=ids,
        reference=reference(touch),
        unsubscribe_url=claim.url if provider.can_unsubscribe_header else "",
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
        touch = ON_THE_WIRE.get(claim.touch.pk)
        run = touch.enrollment
        _take_along(run)
        at = database_now()
        if touch.status != Touch.Status.SENDING or touch.lease_token != claim.token:
            return False
        if code := _closed(claim, run, touch, provider, at):
            outcomes.put_back(claim, run, touch, code, at)
            return False
        Attempt.objects.filter(pk=claim.attempt.pk).update(wire_at=at)
        Touch.objects.filter(pk=touch.pk).update(
            draft_id=draft_id, thread_id=thread_id, lease_until=at + provider.lease
        )
    return True


# Pausing the sequence or the mailbox and stopping the workspace wait for the gate, or the gate
# for them; a run that is being changed is read as it is afterwards.
ON_THE_WIRE = Prepared(
    lambda pk: (
        Touch.objects.filter(pk=pk)
        .order_by()
        .select_related("enrollment__sequence", "enrollment__workspace")
    ),
    int,
    lock='FOR UPDATE OF "sequences_enrollment", "sequences_touch" '
    'FOR SHARE OF "outreach_workspace", "sequences_sequence"',
)
STILL_MAILBOX = Prepared(
    lambda pk: Mailbox.everywhere.filter(pk=pk), int, lock='FOR SHARE OF "mailboxes_mailbox"'
)
CONTACT = Prepared(lambda pk: Contact.everywhere.filter(pk=pk).select_related("company"), int)


def _take_along(run: Enrollment) -> None:
    """Give a locked run its prospect and its mailbox, the mailbox held still as well."""
    if run.contact_id:
        run.contact = CONTACT.first(run.contact_id)
    owner = run if run.mailbox_id else run.sequence
    if owner.mailbox_id:
        owner.mailbox = STILL_MAILBOX.first(owner.mailbox_id)


def _closed(claim: Claim, run: Enrollment, touch: Touch, provider: Provider, at: datetime) -> str:
    """Name the guard that holds the touch back at the gate, or nothing."""
    guards = {
        "too_late": at <= claim.claimed_at + provider.budget,
        "epoch": same_epoch(claim, run),
        "run": run.may_send,
        "day": same_day(claim, run, at),
        "facts": still_allowed(touch, run, at),
    }
    return next((name for name, holds in guards.items() if not holds), "")


def same_epoch(claim: Claim, run: Enrollment) -> bool:
    """Nobody paused, stopped or answered the run since it was claimed."""
    return run.epoch == claim.epoch


def same_day(claim: Claim, run: Enrollment, at: datetime) -> bool:
    """The days whose limits were reserved are still today where mailbox and sequence are."""
    mailbox = pacing.sender_of(run)
    return mailbox is not None and pacing.is_still_the_day(claim.attempt, run, mailbox, at)


def still_allowed(touch: Touch, run: Enrollment, at: datetime) -> bool:
    """Workspace, sequence, text, prospect, mailbox and window still let it leave."""
    facts = explain.read_standing(touch, run)
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
