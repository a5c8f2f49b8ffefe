"""Ask providers what became of mails whose outcome is unknown; never guess."""

from datetime import timedelta

import structlog

from mailboxes import outbox
from mailboxes.providers.base import ProviderError, Receipt, Verdict
from outreach.times import database_now
from sequences.engine import sending, settling
from sequences.models import Touch

ASKED_AT_ONCE = 50

log = structlog.get_logger(__name__)


def tick() -> int:
    """Ask about every uncertain touch whose time has come; returns how many were settled."""
    at = database_now()
    waiting = Touch.objects.filter(status=Touch.Status.UNCERTAIN, check_at__lte=at, decide=False)
    oldest = waiting.order_by("check_at").values_list("pk", flat=True)[:ASKED_AT_ONCE]
    return sum(_ask_or_log(touch_id) for touch_id in oldest)


def _ask_or_log(touch_id: int) -> bool:
    try:
        return ask(touch_id)
    except Exception:
        # One that cannot be asked about must not keep the others waiting; it is asked again.
        log.exception("An unknown outcome could not be asked about", touch=touch_id)
        return False


def ask(touch_id: int) -> bool:
    """Ask the provider about one touch, outside any transaction; True when that settled it."""
    touch = Touch.objects.select_related("mailbox").get(pk=touch_id)
    if touch.status != Touch.Status.UNCERTAIN:
        return False
    try:
        verdict = _look_up(touch)
    except ProviderError as problem:
        # A look-up that fails proves nothing, not even that the provider cannot tell.
        log.warning("look-up failed", touch=touch_id, words=problem.words)
        settling.still_unknown(touch_id, database_now(), asked_in_vain=True)
        return False
    if isinstance(verdict, Receipt):
        settling.was_sent(touch_id, verdict)
    elif verdict == Verdict.SENT:
        settling.was_sent(touch_id, Receipt(touch.message_id, touch.thread_id))
    elif verdict == Verdict.NOT_SENT:
        settling.was_not_sent(touch_id)
    else:
        settling.still_unknown(touch_id, database_now())
    return verdict != Verdict.UNKNOWN


def _look_up(touch: Touch) -> Verdict | Receipt:
    if touch.mailbox is None:
        return Verdict.UNKNOWN
    with outbox.opened(touch.mailbox) as provider:
        return provider.look_up(
            message_id=touch.message_id,
            recipient=touch.recipient,
            draft_id=touch.draft_id,
            thread_id=touch.thread_id,
            reference=sending.reference(touch),
            age=database_now() - touch.unknown_since if touch.unknown_since else timedelta(),
        )
