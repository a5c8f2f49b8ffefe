"""The pool of a sequence as its page shows it."""

from dataclasses import dataclass

from mailboxes.models import Mailbox
from mailboxes.standing import Bounces
from mailboxes.views.cards import Card, cards_of
from outreach.times import now
from sequences.engine import thresholds
from sequences.engine.pooling import in_rotation
from sequences.models import PoolMember, Sequence

# A longer pool is cut; each of its mailboxes has its place on the mailboxes' page as well.
MOST_SHOWN = 50


@dataclass(frozen=True)
class PoolRow:
    """A mailbox of the pool as the sequence's page shows it."""

    member: PoolMember
    bounces: Bounces
    used: int
    limit: int
    state: str
    is_out: bool


def pool_of(sequence: Sequence) -> list[PoolRow]:
    """Return the mailboxes of the pool, in their order, with what each has sent today."""
    at = now()
    members = list(sequence.pool.select_related("mailbox")[:MOST_SHOWN])
    cards = cards_of([member.mailbox for member in members], at)
    return [
        PoolRow(
            member,
            thresholds.of_mailbox(member.mailbox, at),
            card.used,
            card.limit,
            _state(member.mailbox, card),
            not in_rotation(member),
        )
        for member, card in zip(members, cards, strict=True)
    ]


def _state(mailbox: Mailbox, card: Card) -> str:
    """Say whether a mailbox of the pool takes turns, and if not, why."""
    if not mailbox.may_send:
        return str(mailbox.get_status_display())
    if mailbox.out_since:
        return f"Out of the pool: {mailbox.out_note}"
    if card.held:
        return card.held
    return "Its day is full" if card.level == "full" else "Takes turns"
