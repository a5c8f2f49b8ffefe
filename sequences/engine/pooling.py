"""Which mailbox a first mail leaves from where its sequence rotates over a pool.

Nobody is chosen before the claim: until then such a touch has no mailbox, and whichever of the
pool has its turn when the sequence has its own may take it. What was sent binds the run, so
every follow-up leaves from the same mailbox, in the thread.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, time

from mailboxes.models import Mailbox
from mailboxes.rotation import Member, Turn, next_turn
from sequences.engine.answers import Facts
from sequences.engine.pacing import Full, Look
from sequences.models import Enrollment, PoolMember, Sequence, Touch
from sequences.rules import schedule
from sequences.rules.reasons import Reason

HAS_A_SENDER = (Touch.Status.SCHEDULED, *Touch.IN_FLIGHT)


def draws(touch: Touch, run: Enrollment) -> bool:
    """Tell whether this touch leaves from whichever mailbox of the pool is next."""
    if run.mailbox_id is not None or (touch.status in HAS_A_SENDER and touch.mailbox_id):
        return False
    return touch.is_pooled if touch.is_approved else run.sequence.rotates


class Pools:
    """Whose turn it is in sequences that rotate, as one look at all limits sees it."""

    def __init__(self, look: Look, members: dict[int, list[PoolMember]] | None = None) -> None:
        self.look = look
        self._members = members or {}

    def read(self, sequence_ids: Collection[int]) -> None:
        """Read the pools of these sequences, and the days of their mailboxes, all at once."""
        wanted = set(sequence_ids) - self._members.keys()
        if not wanted:
            return
        self._members |= {pk: [] for pk in wanted}
        rows = PoolMember.objects.filter(sequence__in=wanted).select_related("mailbox")
        for member in rows.defer("mailbox__smtp_password"):
            self._members[member.sequence_id].append(member)
        self.look.read_days(
            {each.mailbox for pk in wanted for each in self._members[pk] if in_rotation(each)}
        )

    def next(self, sequence: Sequence) -> tuple[Mailbox | None, Turn | None]:
        """Return who sends next, with the turn; the sequence's own mailbox where nobody can."""
        self.read([sequence.pk])
        members = self._members[sequence.pk]
        turn = next_turn((self._seen(member) for member in members), self.look.at)
        if turn is None:
            return sequence.mailbox, None
        return next(each.mailbox for each in members if each.mailbox_id == turn.mailbox), turn

    def facts(self, facts: Facts) -> Facts:
        """Add what the pool says: from whom it leaves, or when the first of them may send."""
        mailbox, turn = self.next(facts.sequence)
        if mailbox is None:
            return facts
        if turn is None:
            return replace(facts, mailbox=mailbox, full=self.look.full(facts.run, mailbox))
        full = self.look.full_beside(facts.run, mailbox)
        if turn.at > self.look.at:
            full = (Full(Reason.POOL, mailbox, turn.among, turn.at), *full)
        return replace(facts, mailbox=mailbox, turn=turn, full=full)

    def note(self, sequence: Sequence, mailbox_id: int | None) -> None:
        """Take in that the mailbox has had its turn at this moment, without storing it."""
        for member in self._members[sequence.pk]:
            if member.mailbox_id == mailbox_id:
                member.last_used_at = self.look.at

    def _seen(self, member: PoolMember) -> Member:
        free_at = None
        if in_rotation(member):
            free_at = self.look.free_at(member.mailbox)
            free_at = max(free_at, back_from_vacation(member.mailbox, free_at))
        return Member(member.mailbox_id, member.position, member.last_used_at, free_at)


def spokesman(sequence: Sequence, members: Iterable[PoolMember]) -> Mailbox | None:
    """Return a mailbox that says what any of the pool would: may first mails leave at all?"""
    return next((each.mailbox for each in members if in_rotation(each)), sequence.mailbox)


def in_rotation(member: PoolMember) -> bool:
    """Tell whether a member takes turns at all; a full day only lets it wait."""
    mailbox = member.mailbox
    return mailbox.may_send and mailbox.out_since is None and mailbox.cold_stopped_at is None


def back_from_vacation(mailbox: Mailbox, at: datetime) -> datetime:
    """Return when the sender of a mailbox is back; `at` where nobody is away then."""
    if mailbox.away_until is None or not mailbox.is_away(schedule.local_day(at, mailbox.zone)):
        return at
    last = datetime.combine(mailbox.away_until, time(0))
    return schedule.next_midnight(schedule.instant(last, mailbox.zone), mailbox.zone)


def take_turns(touches: Iterable[Touch], at: datetime) -> None:
    """Write down from which mailbox the first mails among these leave; call it with the claim."""
    mine: dict[int, list[Touch]] = defaultdict(list)
    for touch in touches:
        if touch.is_pooled and touch.mailbox_id and touch.enrollment.mailbox_id is None:
            mine[touch.mailbox_id].append(touch)
    for mailbox_id, drawn in mine.items():
        Touch.objects.filter(pk__in=[each.pk for each in drawn]).update(mailbox=mailbox_id)
        # Their sequences' turns were taken before, so nobody else is at these rows.
        PoolMember.objects.filter(
            mailbox=mailbox_id, sequence__in=[each.enrollment.sequence_id for each in drawn]
        ).update(last_used_at=at)


def have_turns(sequence_ids: Collection[int], at: datetime) -> set[int]:
    """Return the mailboxes that may send now what no mailbox has yet of these sequences."""
    sequences = Sequence.everywhere.filter(pk__in=sequence_ids).select_related("mailbox")
    pools, found = Pools(Look(at)), set()
    pools.read(sequence_ids)
    for sequence in sequences.defer("mailbox__smtp_password") if sequence_ids else ():
        mailbox, turn = pools.next(sequence)
        if mailbox and mailbox.may_send_at(at) and (turn is None or turn.at <= at):
            found.add(mailbox.pk)
    return found
