"""Choose what leaves next from a mailbox, and reserve the right to send it: up to a hundred
touches in one transaction, each judged by `explain` and each with an attempt of its own."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Case, F, IntegerField, Max, Value, When, Window
from django.db.models.functions import Coalesce, RowNumber

from mailboxes.models import Mailbox
from mailboxes.providers.base import Provider
from outreach import guards
from outreach.times import database_now, now
from sequences.engine import explain, outcomes, pacing
from sequences.engine.suppressing import optout_urls
from sequences.models import Attempt, Enrollment, Sequence, Suppression, Touch

CANDIDATES = 20
LOOKED_AT = 1000
AT_ONCE = 100
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
    except pacing.GaveWay:
        # Somebody else was quicker for one of them; one alone may still leave.
        return Claimed([]) if limit == 1 else claim_due(mailbox, provider, 1)
    return Claimed(claims, sum(outcomes.refuse(touch, answer) for touch, answer in refused))


def claim_touch(touch_id: int, provider: Provider) -> Claim | None:
    """Claim this touch; None when it may not leave now, or somebody else has it."""
    try:
        claims, _ = _claim({0: deque([touch_id])}, provider, 1)
    except pacing.GaveWay:
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
    if not mailbox.may_send_at(at):
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
            if answer.kind == explain.Kind.BLOCKED or answer.is_their_own:
                if answer.is_their_own or answer.code in outcomes.ENDING + outcomes.UNAPPROVING:
                    refused.append((touch, answer))
                continue
            # Taken; or the sequence's hours, pace or limits hold it, and the others as well.
            queues.pop(heads[touch.pk])
            if answer.may_leave and len(chosen) < limit:
                chosen.append(touch)
                facts.look.count(touch)
        queues = {key: queue for key, queue in queues.items() if queue}
    return chosen, refused


class _Facts:
    """What `explain` asks about touches, read for many at once."""

    def __init__(self, at: datetime) -> None:
        self.look = pacing.Look(at)
        self.hold = guards.hold()
        self.suppressed: dict[tuple[int, str], str] = {}

    def read(self, ids: list[int], *, lock: bool) -> list[Touch]:
        """Return those that still wait; locked with their runs, unless somebody else has them."""
        rows = (
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
        if lock and connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(of=("enrollment", "self"), skip_locked=True)
        found = {touch.pk: touch for touch in rows}
        touches = [found[pk] for pk in ids if pk in found]
        self._read_suppressed(touches)
        return touches

    def of(self, touch: Touch) -> explain.Facts:
        run = touch.enrollment
        mailbox = pacing.sender_of(run)
        return explain.Facts(
            touch=touch,
            run=run,
            sequence=run.sequence,
            mailbox=mailbox,
            suppressed_by=self._suppressed_by(run),
            hold=self.hold,
            full=self.look.full(run, mailbox) if mailbox else (),
        )

    def _suppressed_by(self, run: Enrollment) -> str:
        email = run.contact.email.strip().lower() if run.contact else ""
        values = (email, email.rpartition("@")[2])
        found = (self.suppressed.get((run.workspace_id, value), "") for value in values)
        return next(filter(None, found), "")

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


def _reserve(touches: list[Touch], provider: Provider, at: datetime) -> list[Claim]:
    """Take the throttles' turns and the days' places for all of these, or raise pacing.GaveWay."""
    days = pacing.reserve(touches, at)
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
        raise pacing.GaveWay
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
