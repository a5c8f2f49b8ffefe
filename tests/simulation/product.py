"""All that the simulation calls of the product's send path, in one place.

A change of how mails are claimed or sent is followed here and nowhere else.
"""

import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

from mailboxes import inbox
from mailboxes.models import Mailbox
from mailboxes.providers import PROVIDERS, provider_for
from mailboxes.providers.base import Provider, Receipt
from mailboxes.reading import READERS
from outreach.prepared import Prepared
from sequences.engine import (
    claiming,
    draining,
    lifecycle,
    reading,
    reconciling,
    replies,
    sending,
    settling,
)
from sequences.models import Touch

# What a send yields, in the order of a send.
BEFORE_WIRE = ("claimed", "built", "prepared")
ON_THE_WIRE = "on the wire"
ANSWERED = "answered"
LAST = ("accepted", "refused", "held back")
# Claimed in one transaction: enough for a batch of which one mail stalls, dies or is refused.
AT_ONCE = 4

FAR_SIDE = {
    "gmail": "tests.simulation.far_side.Gmail",
    "microsoft": "tests.simulation.far_side.Graph",
    "smtp": "tests.simulation.far_side.SMTP",
}
MAILBOX = Prepared(lambda pk: Mailbox.everywhere.filter(pk=pk), int)
# Of the others what comes in is known at once.
INBOXES = {"smtp": "tests.simulation.inboxes.Reader"}


class Ear:
    """Stands in for the loggers of ticks, which log what goes wrong and go on."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def exception(self, event: str, **_: Any) -> None:
        self.heard.append(f"{event}: {traceback.format_exc(limit=-3)}")

    def warning(self, event: str, **_: Any) -> None:
        """A look-up that failed is a fault of the simulation, not of the product."""


@contextmanager
def connected(ear: Ear) -> Iterator[None]:
    """Let mailboxes send through the simulated providers, and listen for swallowed errors."""
    with ExitStack() as patches:
        patches.enter_context(patch.dict(PROVIDERS, FAR_SIDE))
        patches.enter_context(patch.dict(READERS, INBOXES, clear=True))
        for module in (sending, replies, inbox):
            patches.enter_context(patch.object(module, "logger", ear))
        patches.enter_context(patch.object(reconciling, "log", ear))
        yield


def mailboxes_with_work(at: datetime) -> list[int]:
    return draining.mailboxes_with_work(at)


def anything_leaves(mailbox_id: int) -> bool:
    """Ask what a drain asks before it begins."""
    return claiming.anything_leaves(MAILBOX.get(mailbox_id))


def begin(mailbox_id: int) -> list[tuple[int, Iterator[str]]]:
    """Claim what may leave, as a drain does; whoever sends it has only heard of its claim."""
    mailbox = MAILBOX.get(mailbox_id)
    provider = provider_of(mailbox)
    claims = claiming.claim_due(mailbox, provider, AT_ONCE).claims
    return [(claim.touch.pk, carry(claim, provider)) for claim in claims]


def carry(claim: claiming.Claim, provider: Provider) -> Iterator[str]:
    yield "claimed"
    yield from sending.carry(claim, provider)


def again(touch_id: int, mailbox_id: int) -> Iterator[str]:
    """Offer one touch to another worker, as a wake-up that comes twice does."""
    return send(touch_id, MAILBOX.get(mailbox_id))


def send(touch_id: int, mailbox: Mailbox) -> Iterator[str]:
    return sending.sending(touch_id, provider_of(mailbox), mailbox)


def provider_of(mailbox: Mailbox) -> Provider:
    return provider_for(mailbox)


def reap() -> int:
    return sending.reap()


def reconcile() -> int:
    return reconciling.tick()


def by_the_clock() -> int:
    return lifecycle.tick()


def deliver(mailbox: Mailbox, raw: bytes, provider_id: str, thread_id: str) -> None:
    inbox.deliver(mailbox, raw, provider_id, thread_id=thread_id)


def inboxes_to_read(at: datetime) -> list[int]:
    return reading.mailboxes_to_read(at)


def read_inbox(mailbox_id: int) -> int:
    return reading.read(mailbox_id)


def settle_inbox() -> int:
    return replies.tick()


def decide(touch: Touch, *, was_sent: bool, by: Any) -> bool:
    """Answer for a provider that cannot tell, as the drawer's form does."""
    if not touch.decide:
        return False
    if was_sent:
        receipt = Receipt(message_id=touch.message_id, thread_id=touch.thread_id)
        return settling.was_sent(touch.pk, receipt, by=by)
    return settling.was_not_sent(touch.pk, by=by)
