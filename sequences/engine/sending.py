"""Send each approved, due touch once: claim, build, prepare, gate, wire, result.

Every stage is a short transaction or a call to the provider, never both. `sending` yields the
name of each stage after it: whoever drives it can stop between any two of them, as a killed
worker does, and `reap` and `engine.reconciling` finish what was left. See ARCHITECTURE.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic, sleep

import structlog
from django.db import InterfaceError, OperationalError

from mailboxes.compose import RefusedMail, compose
from mailboxes.models import Mailbox
from mailboxes.providers.base import Mail, Provider, ProviderError
from outreach.times import database_now, now
from sequences.engine import answering, gate, outcomes, settling
from sequences.engine.claiming import Claim, claim_touch
from sequences.models import Enrollment, Touch
from sequences.rules import footer

logger = structlog.get_logger(__name__)

# An answer that the database could not take is offered to it again after so many seconds.
WRITES_AGAIN = 1.0
REAPED_AT_ONCE = 200


def send_one(touch_id: int, provider: Provider, mailbox: Mailbox | None = None) -> bool:
    """Send one touch now if it may leave; True when the provider took it."""
    claim = claim_touch(touch_id, provider, mailbox)
    return claim is not None and _carry(claim, provider)


def carry_all(claims: list[Claim], provider: Provider) -> int:
    """Carry one claim after the other; returns how many mails went out.

    Once the mailbox is held or disconnected the others go back in line, unharmed.
    """
    sent = 0
    for claim in claims:
        if claim.mailbox.may_send_at(now()):
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


def sending(touch_id: int, provider: Provider, mailbox: Mailbox | None = None) -> Iterator[str]:
    """Take one touch through every stage, yielding the name of each once it is done."""
    claim = claim_touch(touch_id, provider, mailbox)
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
    if not gate.pass_gate(
        claim, provider, draft_id=prepared.draft_id, thread_id=prepared.thread_id
    ):
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
        write_down(partial(outcomes.settle_refusal, claim, problem), provider.lease)
        yield "refused"
        return
    yield "answered"
    write_down(partial(outcomes.settle_accepted, claim, receipt), provider.lease)
    yield "accepted"


# Stages


def build(claim: Claim, provider: Provider) -> Mail:
    """Build exactly the approved mail; raises RefusedMail rather than anything else."""
    touch, run = claim.touch, claim.run
    if claim.reply:
        date = touch.dated_at or claim.claimed_at
        written = answering.mail_of(touch, claim.reply, date=date, reference=reference(touch))
        thread_id = answering.thread_of(claim.reply)
        return replace(written, thread_id=thread_id, is_again=claim.attempt.number > 1)
    sent = [each for each in claim.before if each.status == Touch.Status.SENT]
    thread = sent if touch.in_thread else []
    ids = [each.wire_message_id for each in thread if each.wire_message_id]
    mail = compose(
        sender_email=claim.mailbox.email if touch.is_pooled else touch.sender,
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
    thread_id = thread[-1].thread_id if thread else ""
    return replace(mail, thread_id=thread_id, is_again=claim.attempt.number > 1)


def write_down(outcome: Callable[[], None], lease: timedelta) -> None:
    """Record what the provider answered, which nobody else knows.

    While the database is away or full it is tried again for as long as the claim is this worker's,
    and no other mail leaves through it.
    """
    until = monotonic() + lease.total_seconds()
    while True:
        try:
            outcome()
        except (OperationalError, InterfaceError):
            if monotonic() >= until:
                raise
            logger.warning("An answer could not be written down yet", exc_info=True)
            sleep(WRITES_AGAIN)
        else:
            return


def reference(touch: Touch) -> str:
    """Return what our X-Outreach-Ref header says about a touch."""
    return f"t{touch.pk}"


def _name_of(run: Enrollment) -> str:
    contact = run.contact
    return f"{contact.first_name} {contact.last_name}".strip() if contact else ""


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
        return settling.reap(touch_id, at)
    except Exception:
        # One that cannot be settled must not keep the others waiting.
        logger.exception("A lost claim could not be settled", touch=touch_id)
        return False
