"""Choose what leaves next from a mailbox, and reserve the right to send it: up to a hundred
touches in one transaction, each judged by `explain` and each with an attempt of its own."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, IntegerField, Max, Value, When, Window
from django.db.models.functions import Coalesce, RowNumber

from mailboxes.models import Ledger, Mailbox, MailboxDay
from mailboxes.providers.base import Provider
from outreach.times import database_now, now
from sequences.engine import explain, outcomes
from sequences.engine.suppressing import optout_urls
from sequences.models import Attempt, Enrollment, Sequence, SequenceDay, Suppression, Touch
from sequences.rules import schedule

CANDIDATES = 20
LOOKED_AT = 1000
AT_ONCE = 100
# Beyond the budget, after which the gate refuses a claim: nobody is at work on it any more.
GRACE = timedelta(seconds=30)


class GaveWay(Exception):
    """A limit was reached between looking and reserving; nothing was claimed."""


@dataclass(slots=True)
class Claim:
    """One worker's right to send one touch once, and what it was claimed under."""

    touch: Touch
    run: Enrollment
    mailbox: Mailbox
    attempt: Attempt
    token: int
    epoch: int
    claimed_at: datetime
    # What the mail is built from, beside the touch: its opt-out link and the mails before it.
    url: str = ""
    before: list[Touch] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of looking for mails to send."""

    claims: list[Claim]
    refused: int = 0


# The due touches of each sequence, first to leave first.
Queues = dict[int, deque[int]]


def claim_due(mailbox: Mailbox, provider: Provider, limit: int) -> Claimed:
    """Claim up to `limit` due touches of a mailbox, one of each sequence that may send now.

    What no clock will ever let leave is refused on the way: its run ends, or asks for a new
    approval.
    """
    try:
        claims, refused = _claim(_queues(mailbox), provider, limit)
    except GaveWay:
        # Somebody else was quicker for one of them; one alone may still leave.
        return Claimed([]) if limit == 1 else claim_due(mailbox, provider, 1)
    return Claimed(claims, sum(outcomes.refuse(touch, answer) for touch, answer in refused))


def claim_touch(touch_id: int, provider: Provider) -> Claim | None:
    """Claim this touch; None when it may not leave now, or somebody else has it."""
    try:
        claims, _ = _claim({0: deque([touch_id])}, provider, 1)
    except GaveWay:
        return None
    return next(iter(claims), None)


def anything_leaves(mailbox: Mailbox) -> bool:
    """Tell, without locking anything, whether there is something to claim or to refuse."""
    chosen, refused = _choose(_queues(mailbox), database_now(), limit=1, lock=False)
    return bool(chosen or refused)


def _queues(mailbox: Mailbox) -> Queues:
    """Return what is due of each sequence whose throttle is open; nothing while it is held.

    Follow-ups come before first steps: a conversation begun is kept.
    """
    at = database_now()
    mailbox.refresh_from_db()
    if not mailbox.may_send or (mailbox.held_until and mailbox.held_until > at):
        return {}
    first_last = Case(When(position=1, then=1), default=0, output_field=IntegerField())
    order = [F("is_hurried").desc(), first_last.asc(), F("due_at").asc(), F("pk").asc()]
    sequence = "enrollment__sequence_id"
    due = (
        Touch.objects.filter(
            status=Touch.Status.SCHEDULED,
            mailbox=mailbox,
            due_at__lte=at,
            enrollment__status__in=Enrollment.SENDING,
            enrollment__sequence__status=Sequence.Status.ACTIVE,
        )
        .exclude(enrollment__sequence__next_free_at__gt=at)
        .annotate(place=Window(RowNumber(), partition_by=[F(sequence)], order_by=order))
        .filter(place__lte=CANDIDATES)
        .order_by("place", *order)
    )
    queues: Queues = defaultdict(deque)
    for pk, sequence_id in due.values_list("pk", sequence)[:LOOKED_AT]:
        queues[sequence_id].append(pk)
    return queues


Refused = list[tuple[Touch, explain.Answer]]


def _claim(queues: Queues, provider: Provider, limit: int) -> tuple[list[Claim], Refused]:
    """Claim what may leave, in one transaction; also returns what never may, with the reason."""
    with transaction.atomic():
        at = database_now()
        chosen, refused = _choose(queues, at, limit=limit, lock=True)
        claims = _reserve(chosen, provider, at) if chosen else []
    _equip(claims)
    return claims, refused


def _choose(queues: Queues, at: datetime, *, limit: int, lock: bool) -> tuple[list[Touch], Refused]:
    """Choose the first of each queue that may leave, and what is in its way and never may."""
    chosen: list[Touch] = []
    refused: Refused = []
    facts = _Facts(at)
    while queues and len(chosen) < limit:
        heads = {queues[key].popleft(): key for key in list(queues)[:AT_ONCE]}
        for touch in facts.read(list(heads), lock=lock):
            answer = explain.leaving(facts.of(touch), at)
            if answer.kind == explain.Kind.BLOCKED:
                if answer.code in outcomes.ENDING + outcomes.UNAPPROVING:
                    refused.append((touch, answer))
                continue
            # Taken; or the sequence's hours, pace or limits hold it, and the others as well.
            queues.pop(heads[touch.pk])
            if answer.may_leave and len(chosen) < limit:
                chosen.append(touch)
                facts.count(touch)
        queues = {key: queue for key, queue in queues.items() if queue}
    return chosen, refused


class _Facts:
    """What `explain` asks about touches, read for many at once."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.suppressed: dict[tuple[int, str], str] = {}
        self.used: Counter[tuple[type[Ledger], int]] = Counter()
        self.known: set[tuple[type[Ledger], int]] = set()

    def read(self, ids: list[int], *, lock: bool) -> list[Touch]:
        """Return those that still wait; locked with their runs, unless somebody else has them."""
        rows = (
            Touch.objects.filter(pk__in=ids, status=Touch.Status.SCHEDULED)
            .select_related(
                "step",
                "enrollment__workspace",
                "enrollment__contact",
                "enrollment__mailbox",
                "enrollment__sequence__mailbox",
            )
            .order_by("enrollment_id")
        )
        if lock and connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(of=("enrollment", "self"), skip_locked=True)
        found = {touch.pk: touch for touch in rows}
        touches = [found[pk] for pk in ids if pk in found]
        self._read_suppressed(touches)
        self._read_used(touches)
        return touches

    def of(self, touch: Touch) -> explain.Facts:
        run = touch.enrollment
        mailbox = sender_of(run)
        email = run.contact.email.strip().lower() if run.contact else ""
        found = [
            self.suppressed.get((run.workspace_id, value), "")
            for value in (email, email.rpartition("@")[2])
        ]
        return explain.Facts(
            touch=touch,
            run=run,
            sequence=run.sequence,
            mailbox=mailbox,
            suppressed_by=next(filter(None, found), ""),
            mailbox_used=self.used[MailboxDay, mailbox.pk] if mailbox else 0,
            sequence_used=self.used[SequenceDay, run.sequence_id],
        )

    def count(self, touch: Touch) -> None:
        """Take in that this one will leave."""
        run = touch.enrollment
        mailbox = sender_of(run)
        if mailbox:
            self.used[MailboxDay, mailbox.pk] += 1
        self.used[SequenceDay, run.sequence_id] += 1

    def _read_suppressed(self, touches: list[Touch]) -> None:
        emails = {
            (touch.enrollment.workspace_id, touch.enrollment.contact.email.strip().lower())
            for touch in touches
            if touch.enrollment.contact
        }
        values = {value for _, email in emails for value in (email, email.rpartition("@")[2])}
        entries = Suppression.everywhere.filter(
            workspace_id__in={workspace for workspace, _ in emails}, value__in=values
        )
        for workspace_id, value in entries.values_list("workspace_id", "value"):
            self.suppressed[workspace_id, value] = value

    def _read_used(self, touches: list[Touch]) -> None:
        for touch in touches:
            sequence, mailbox = touch.enrollment.sequence, sender_of(touch.enrollment)
            owners: list[tuple[type[Ledger], int, str]] = []
            if mailbox:
                owners.append((MailboxDay, mailbox.pk, mailbox.zone))
            if sequence.daily_limit:
                owners.append((SequenceDay, sequence.pk, sequence.zone))
            for ledger, pk, zone in owners:
                if (ledger, pk) not in self.known:
                    self.known.add((ledger, pk))
                    day = schedule.local_day(self.at, zone)
                    self.used[ledger, pk] += ledger.used_on(pk, day)


def sender_of(run: Enrollment) -> Mailbox | None:
    """Return the mailbox that a run's mails leave from."""
    return run.mailbox or run.sequence.mailbox


def _reserve(touches: list[Touch], provider: Provider, at: datetime) -> list[Claim]:
    """Take the throttles' turns and the days' places for all of these, or raise GaveWay."""
    sequences = {touch.enrollment.sequence_id: touch.enrollment.sequence for touch in touches}
    if not Sequence.take_turns(sequences.values(), at):
        raise GaveWay
    places = {touch.pk: _places_of(touch, at) for touch in touches}
    for place, count in Counter(chain.from_iterable(places.values())).items():
        if not place.ledger.reserve(place.owner, place.day, count):
            raise GaveWay
    lease = at + provider.budget + GRACE
    waiting = Touch.objects.filter(
        pk__in=[touch.pk for touch in touches], status=Touch.Status.SCHEDULED
    )
    moved = waiting.update(
        status=Touch.Status.SENDING,
        lease_token=F("lease_token") + 1,
        lease_until=lease,
        attempts_made=F("attempts_made") + 1,
        # Kept after an attempt whose outcome is unknown.
        dated_at=Coalesce("dated_at", Value(at)),
        updated_at=now(),
    )
    if moved != len(touches):
        raise GaveWay
    numbers = dict(
        Attempt.objects.filter(touch__in=touches)
        .values_list("touch_id")
        .annotate(Max("number"))
        .order_by()
    )
    claims = []
    # One for all of them: what a fault of the mailbox is counted on.
    mailboxes: dict[int, Mailbox] = {}
    for touch in touches:
        of_mailbox, *of_sequence = places[touch.pk]
        touch.status, touch.lease_until = Touch.Status.SENDING, lease
        touch.lease_token += 1
        touch.attempts_made += 1
        touch.dated_at = touch.dated_at or at
        run = touch.enrollment
        mailbox = mailboxes.setdefault(of_mailbox.owner.pk, of_mailbox.owner)
        attempt = Attempt(
            touch=touch,
            mailbox=mailbox,
            number=numbers.get(touch.pk, 0) + 1,
            round=touch.round,
            token=touch.lease_token,
            epoch=run.epoch,
            day=of_mailbox.day,
            sequence_day=of_sequence[0].day if of_sequence else None,
            started_at=at,
        )
        claims.append(Claim(touch, run, mailbox, attempt, touch.lease_token, run.epoch, at))
    Attempt.objects.bulk_create(claim.attempt for claim in claims)
    return claims


@dataclass(frozen=True, slots=True)
class _Place:
    """A day whose limit a mail counts on."""

    ledger: type[Ledger]
    owner: Any
    day: date


def _places_of(touch: Touch, at: datetime) -> list[_Place]:
    """Return the mailbox's day, and the sequence's where it has a limit of its own."""
    run, mailbox = touch.enrollment, sender_of(touch.enrollment)
    if mailbox is None:
        raise GaveWay
    places = [_Place(MailboxDay, mailbox, schedule.local_day(at, mailbox.zone))]
    if run.sequence.daily_limit:
        day = schedule.local_day(at, run.sequence.zone)
        places.append(_Place(SequenceDay, run.sequence, day))
    return places


def _equip(claims: list[Claim]) -> None:
    """Give claims what their mails are built from: opt-out links, and the mails before them."""
    people = {(claim.run.workspace_id, claim.touch.recipient) for claim in claims}
    urls = optout_urls(people)
    later = [claim for claim in claims if claim.touch.position > 1]
    earlier: dict[int, list[Touch]] = defaultdict(list)
    if later:
        runs = [claim.run.pk for claim in later]
        for touch in Touch.objects.filter(enrollment__in=runs).order_by("position"):
            earlier[touch.enrollment_id].append(touch)
    for claim in claims:
        claim.url = urls[claim.run.workspace_id, claim.touch.recipient]
        claim.before = [
            touch for touch in earlier[claim.run.pk] if touch.position < claim.touch.position
        ]
