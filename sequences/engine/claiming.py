"""Choose what leaves next from a mailbox, and reserve the right to send it: up to a hundred
touches in one transaction, each judged by `explain` and each with an attempt of its own."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, IntegerField, Max, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber

from mailboxes.models import Mailbox
from mailboxes.providers.base import Provider
from outreach import guards
from outreach.prepared import Prepared, update
from outreach.times import database_now, now
from sequences.engine import explain, listening, outcomes, pacing, pooling
from sequences.engine.suppressing import optout_urls
from sequences.models import Attempt, Enrollment, Reply, Sequence, Suppression, Touch

CANDIDATES = 20
LOOKED_AT = 1000
# The most that one transaction claims.
AT_ONCE = 100
# So many sequences are asked at least, even for a single mail.
LOOKED_AHEAD = 10
# Beyond the budget, after which the gate refuses a claim: nobody is at work on it any more.
GRACE = timedelta(seconds=30)


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
    # What an answer by hand answers.
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of looking for mails to send."""

    claims: list[Claim]
    refused: int = 0


# The due touches of each sequence, first to leave first.
Queues = dict[int, deque[int]]
# What was written by hand stands in a queue of its own: no sequence has this id.
WRITTEN = 0


def claim_due(mailbox: Mailbox, provider: Provider, limit: int) -> Claimed:
    """Claim up to `limit` due touches of a mailbox, one of each sequence that may send now.

    What no clock will ever let leave is refused on the way: its run ends, or asks for a new
    approval.
    """
    try:
        claims, refused = _claim(_queues(mailbox), provider, limit, mailbox)
    except pacing.GaveWay:
        # Somebody else was quicker for one of them; one alone may still leave.
        return Claimed([]) if limit == 1 else claim_due(mailbox, provider, 1)
    return Claimed(claims, sum(outcomes.refuse(touch, answer) for touch, answer in refused))


def claim_touch(touch_id: int, provider: Provider, mailbox: Mailbox | None = None) -> Claim | None:
    """Claim this touch; None when it may not leave now, or somebody else has it.

    What leaves from whichever mailbox of a pool is next needs the provider's mailbox to be it.
    """
    try:
        claims, _ = _claim({0: deque([touch_id])}, provider, 1, mailbox)
    except pacing.GaveWay:
        return None
    return next(iter(claims), None)


def anything_leaves(mailbox: Mailbox) -> bool:
    """Tell, without locking anything, whether there is something to claim or to refuse."""
    chosen, refused = _choose(_queues(mailbox), database_now(), mailbox, limit=1, lock=False)
    return bool(chosen or refused)


def _queues(mailbox: Mailbox) -> Queues:
    """Return what is due of each sequence whose throttle is open; nothing while it is held.

    Answers by hand come first, then follow-ups, then first steps: a conversation begun is kept.
    """
    at = database_now()
    mailbox.__dict__.update(FRESH.get(mailbox.pk).__dict__)
    if not mailbox.may_send_at(at):
        return {}
    queues: Queues = defaultdict(deque)
    if written := deque(pk for (pk,) in DUE_BY_HAND.rows(mailbox.pk, at)):
        queues[WRITTEN] = written
    known_until = listening.known_until(mailbox, at)
    for pk, sequence_id in DUE.rows(mailbox.pk, at, known_until):
        queues[sequence_id].append(pk)
    if mailbox.is_pooled:
        # What is bound to the mailbox comes first: follow-ups before first steps here too.
        for pk, sequence_id in POOLED.rows(mailbox.pk, at, known_until):
            queues[sequence_id].append(pk)
    return queues


def _due_from(mailbox_id: int, at: datetime, known_until: datetime) -> QuerySet[Touch]:
    """Return what is due from a mailbox, by its place in its sequence."""
    return _due(at, known_until, mailbox=mailbox_id)


def _due_in_pools(mailbox_id: int, at: datetime, known_until: datetime) -> QuerySet[Touch]:
    """Return what may leave from this mailbox if it is next in the pool, in the same way."""
    mine = Q(pool__mailbox=mailbox_id) | Q(mailbox=mailbox_id)
    in_pools = Sequence.everywhere.filter(mine)
    return _due(at, known_until, mailbox=None, enrollment__sequence__in=in_pools)


def _due(at: datetime, known_until: datetime, **whose: Any) -> QuerySet[Touch]:
    first_last = Case(When(position=1, then=1), default=0, output_field=IntegerField())
    order = [F("is_hurried").desc(), first_last.asc(), F("due_at").asc(), F("pk").asc()]
    sequence = "enrollment__sequence_id"
    due = (
        Touch.steps.filter(
            listening.may_be_known(known_until),
            status=Touch.Status.SCHEDULED,
            due_at__lte=at,
            enrollment__status__in=Enrollment.SENDING,
            enrollment__sequence__status=Sequence.Status.ACTIVE,
            **whose,
        )
        .exclude(enrollment__sequence__next_free_at__gt=at)
        .annotate(place=Window(RowNumber(), partition_by=[F(sequence)], order_by=order))
        .filter(place__lte=CANDIDATES)
        .order_by("place", *order)
    )
    return due.values_list("pk", sequence)[:LOOKED_AT]


# Served by answer_waiting.
DUE_BY_HAND = Prepared(
    lambda mailbox, at: (
        Touch.objects.filter(
            mailbox=mailbox,
            status=Touch.Status.SCHEDULED,
            in_reply_to__isnull=False,
            due_at__lte=at,
        )
        .order_by("due_at", "pk")
        .values_list("pk")[:LOOKED_AT]
    ),
    int,
    datetime,
    plans_anew=True,
)
DUE = Prepared(_due_from, int, datetime, datetime, plans_anew=True)
POOLED = Prepared(_due_in_pools, int, datetime, datetime, plans_anew=True)


Refused = list[tuple[Touch, explain.Answer]]


def _claim(
    queues: Queues, provider: Provider, limit: int, mailbox: Mailbox | None
) -> tuple[list[Claim], Refused]:
    """Claim what may leave, in one transaction; also returns what never may, with the reason."""
    with transaction.atomic():
        at = database_now()
        chosen, refused = _choose(queues, at, mailbox, limit=limit, lock=True)
        claims = _reserve(chosen, provider, at) if chosen else []
    _equip(claims)
    return claims, refused


def _choose(
    queues: Queues, at: datetime, mailbox: Mailbox | None, *, limit: int, lock: bool
) -> tuple[list[Touch], Refused]:
    """Choose the first of each queue that may leave, and what is in its way and never may.

    What leaves from whichever mailbox of a pool is next is chosen where that is this one.
    """
    chosen: list[Touch] = []
    refused: Refused = []
    facts = _Facts(at)
    while queues and len(chosen) < limit:
        wanted = max(limit - len(chosen), LOOKED_AHEAD)
        heads = {queues[key].popleft(): key for key in list(queues)[:wanted]}
        for touch in facts.read(list(heads), lock=lock):
            asked = facts.of(touch)
            answer = explain.leaving(asked, at)
            if answer.kind == explain.Kind.BLOCKED or answer.is_their_own:
                if answer.is_their_own or answer.code in outcomes.ENDING + outcomes.UNAPPROVING:
                    refused.append((touch, answer))
                continue
            # Taken; or the sequence's hours, pace or limits hold it, and the others as well.
            queues.pop(heads[touch.pk])
            if answer.may_leave and len(chosen) < limit and _is_its_turn(asked, mailbox):
                chosen.append(touch)
                facts.look.count(touch)
        queues = {key: queue for key, queue in queues.items() if queue}
    return chosen, refused


def _is_its_turn(asked: explain.Facts, mailbox: Mailbox | None) -> bool:
    """Tell whether it is this mailbox's to send; where a pool says so, it is from now on."""
    touch = asked.touch
    if not pooling.draws(touch, asked.run):
        return True
    if mailbox is None or asked.mailbox != mailbox:
        return False
    touch.mailbox = mailbox
    return True


FRESH = Prepared(lambda pk: Mailbox.everywhere.filter(pk=pk), int)
SUPPRESSED = Prepared(
    lambda workspaces, values: (
        Suppression.everywhere.filter(workspace__id__in=workspaces, value__in=values)
        .order_by()
        .values_list("workspace_id", "value")
    ),
    list[int],
    list[str],
)


class _Facts:
    """What `explain` asks about touches, read for many at once."""

    def __init__(self, at: datetime) -> None:
        self.look = pacing.Look(at)
        self.pools = pooling.Pools(self.look)
        self.hold = guards.hold()
        self.suppressed: dict[tuple[int, str], str] = {}

    def read(self, ids: list[int], *, lock: bool) -> list[Touch]:
        """Return those that still wait; locked with their runs, unless somebody else has them."""
        rows = TAKEN if lock else SEEN
        found = {touch.pk: touch for touch in rows.rows(ids)}
        touches = [found[pk] for pk in ids if pk in found]
        drawn = (touch for touch in touches if pooling.draws(touch, touch.enrollment))
        self.pools.read({touch.enrollment.sequence_id for touch in drawn})
        self._read_suppressed(touches)
        return touches

    def of(self, touch: Touch) -> explain.Facts:
        run = touch.enrollment
        draws = pooling.draws(touch, run)
        mailbox = None if draws else pacing.sender_of(run, touch)
        facts = explain.Facts(
            touch=touch,
            run=run,
            sequence=run.sequence,
            mailbox=mailbox,
            suppressed_by=self._suppressed_by(touch, run),
            hold=self.hold,
            full=self.look.full(run, mailbox, by_hand=touch.is_by_hand) if mailbox else (),
        )
        return self.pools.facts(facts) if draws else facts

    def _suppressed_by(self, touch: Touch, run: Enrollment) -> str:
        emails = explain.addresses_of(touch, run)
        values = (value for email in emails for value in (email, email.rpartition("@")[2]))
        found = (self.suppressed.get((run.workspace_id, value), "") for value in values)
        return next(filter(None, found), "")

    def _read_suppressed(self, touches: list[Touch]) -> None:
        emails = {
            (touch.enrollment.workspace_id, email)
            for touch in touches
            for email in explain.addresses_of(touch, touch.enrollment)
        }
        values = {value for _, email in emails for value in (email, email.rpartition("@")[2])}
        if not values:
            return
        workspaces = {workspace for workspace, _ in emails}
        for workspace_id, value in SUPPRESSED.rows(list(workspaces), list(values)):
            self.suppressed[workspace_id, value] = value


def _waiting(ids: list[int]) -> QuerySet[Touch]:
    return (
        Touch.objects.filter(pk__in=ids, status=Touch.Status.SCHEDULED)
        .select_related(
            "step",
            "enrollment__workspace",
            "enrollment__contact__company",
            "enrollment__mailbox",
            "enrollment__sequence__mailbox",
        )
        .order_by("enrollment_id")
    )


SEEN = Prepared(_waiting, list[int])
# Run first, then touch; what somebody else has is left to them.
TAKEN = Prepared(
    _waiting,
    list[int],
    lock='FOR UPDATE OF "sequences_enrollment", "sequences_touch" SKIP LOCKED',
)


def _reserve(touches: list[Touch], provider: Provider, at: datetime) -> list[Claim]:
    """Take the throttles' turns and the days' places for all of these, or raise pacing.GaveWay."""
    days = pacing.reserve(touches, at)
    pooling.take_turns(touches, at)
    lease = at + provider.budget + GRACE
    # The date is kept after an attempt whose outcome is unknown.
    dated = [touch.pk for touch in touches if touch.dated_at]
    undated = [touch.pk for touch in touches if not touch.dated_at]
    moved = sum(
        update(
            Touch,
            {"pk__in": ids, "status": Touch.Status.SCHEDULED},
            status=Touch.Status.SENDING,
            lease_token=F("lease_token") + 1,
            lease_until=lease,
            attempts_made=F("attempts_made") + 1,
            updated_at=now(),
            **date,
        )
        for ids, date in ((dated, {}), (undated, {"dated_at": at}))
        if ids
    )
    if moved != len(touches):
        raise pacing.GaveWay
    numbers = dict(LAST_NUMBERS.rows([touch.pk for touch in touches]))
    claims = []
    # One for all of them: what a fault of the mailbox is counted on.
    mailboxes: dict[int, Mailbox] = {}
    for touch in touches:
        run, reserved = touch.enrollment, days[touch.pk]
        touch.status, touch.lease_until = Touch.Status.SENDING, lease
        touch.lease_token += 1
        touch.attempts_made += 1
        touch.dated_at = touch.dated_at or at
        mailbox = mailboxes.setdefault(reserved.mailbox.pk, reserved.mailbox)
        attempt = Attempt(
            touch=touch,
            mailbox=mailbox,
            number=numbers.get(touch.pk, 0) + 1,
            round=touch.round,
            token=touch.lease_token,
            epoch=run.epoch,
            day=reserved.day,
            sequence_day=reserved.sequence_day,
            workspace_day=reserved.workspace_day,
            started_at=at,
        )
        claims.append(Claim(touch, run, mailbox, attempt, touch.lease_token, run.epoch, at))
    Attempt.objects.bulk_create(claim.attempt for claim in claims)
    return claims


LAST_NUMBERS = Prepared(
    lambda ids: (
        Attempt.objects.filter(touch__id__in=ids)
        .values_list("touch_id")
        .annotate(Max("number"))
        .order_by()
    ),
    list[int],
)


def _equip(claims: list[Claim]) -> None:
    """Give claims what their mails are built from: opt-out links, and the mails before them."""
    steps = [claim for claim in claims if not claim.touch.is_by_hand]
    urls = optout_urls({(claim.run.workspace_id, claim.touch.recipient) for claim in steps})
    later = [claim for claim in claims if claim.touch.position > 1]
    earlier: dict[int, list[Touch]] = defaultdict(list)
    if later:
        runs = [claim.run.pk for claim in later]
        for touch in Touch.steps.filter(enrollment__in=runs).order_by("position"):
            earlier[touch.enrollment_id].append(touch)
    if answers := [claim for claim in claims if claim.touch.is_by_hand]:
        replies = Reply.everywhere.select_related("mail__mailbox", "touch")
        found = replies.in_bulk([claim.touch.in_reply_to_id for claim in answers])
        for claim in answers:
            # One that is gone breaks here: without it the mail would be built as a step.
            claim.reply = found[claim.touch.in_reply_to_id]
    for claim in steps:
        claim.url = urls[claim.run.workspace_id, claim.touch.recipient]
        claim.before = [
            touch for touch in earlier[claim.run.pk] if touch.position < claim.touch.position
        ]
