"""A second opinion on replies of which the rules are unsure, where a model is connected.

The rules have acted by then: the run has stopped in the second the reply came in. No connection
is held open inside a transaction, and a model that fails changes nothing.
"""

from datetime import timedelta

import structlog

from mailboxes.quoting import own_words
from outreach.times import now
from sequences.engine import replies
from sequences.models import Reply
from sequences.writers import chat

logger = structlog.get_logger(__name__)

BATCH = 10
# What a person has not seen by then is no longer news.
PERIOD = timedelta(days=1)
# Below this a person decides.
SURE = 0.8


def tick() -> int:
    """Ask about the replies that wait for it; returns how many were asked about."""
    if not chat.is_connected():
        return 0
    waiting = Reply.everywhere.filter(
        is_unsure=True, asked_at__isnull=True, received_at__gte=now() - PERIOD
    )
    asked = 0
    for reply in waiting.order_by("received_at", "pk")[:BATCH]:
        try:
            ask(reply)
        except chat.Unavailable as problem:
            logger.warning("The model cannot be asked", problem=str(problem))
            break
        asked += 1
    return asked


def ask(reply: Reply) -> None:
    """Ask about one reply, once, and take over what the model is sure of."""
    try:
        found = chat.opinion(own_words(reply.text))
    except chat.Unavailable:
        raise
    except chat.NoOpinion as problem:
        logger.warning("The model gave no opinion", reply=reply.pk, problem=str(problem))
        found = None
    # Only one caller can note it, and none after a person has decided.
    open_one = Reply.everywhere.filter(pk=reply.pk, is_unsure=True, asked_at__isnull=True)
    if not open_one.update(asked_at=now()) or found is None or found.confidence < SURE:
        return
    if found.kind != reply.label:
        replies.relabel(reply, found.kind, by=None, expected=reply.label)
    else:
        Reply.everywhere.filter(pk=reply.pk).update(is_unsure=False)
