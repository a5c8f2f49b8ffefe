"""Drain the mailboxes that have work: send what is due from each until nothing may leave.

Workers do it where there is Redis, else threads of this process; workspaces take turns. A wake-up
that is lost, late or doubled changes nothing but when: the next tick finds what is due.
"""

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import cache
from time import monotonic

import structlog
from django.conf import settings
from django.db.models import Exists, F, OrderBy, OuterRef, Q, QuerySet

from mailboxes import outbox
from mailboxes.models import Mailbox
from mailboxes.providers.base import Provider
from outreach import guards, wake_ups
from outreach.desk import Desk, at, done_at_desk
from outreach.prepared import Prepared
from outreach.times import database_now, now
from sequences.engine import dispatching, pooling, sending
from sequences.engine.claiming import AT_ONCE, Claimed, anything_leaves, claim_due
from sequences.engine.dispatching import SLICE, Turns, Waiting
from sequences.models import Enrollment, Touch

logger = structlog.get_logger(__name__)

# The task that drains a mailbox; its wake-ups carry an id and nothing more.
DRAIN = "sequences.tasks.drain"
# Short, so that one that got lost is soon sent again.
WAKE_UP_EXPIRES = 5
TICK_WAITS = 20
LOOKS_AGAIN = 1
# A mailbox that had nothing to send so many seconds ago keeps no others from theirs.
LOOKED_LATELY = 5.0
MAILBOXES_AT_ONCE = 64
# With those of the timetable and of reading a worker has twenty. One is lent for longer than the
# database needs: for as long as other threads keep its thread from running, too.
CONNECTIONS = 9
# A server that never answers keeps this many workers waiting, and leaves the others alone.
MOST_IN_FLIGHT = 2
A_MOMENT = timedelta(seconds=10)
DUE_AT_ONCE = 500


def tick() -> int:
    """Have every mailbox with due mail drained: by the workers, or by threads of this process.

    Returns how many mails went out here and now.
    """
    # The longest silent first: where time runs out, it is not always for the same ones.
    waiting = _waiting(F("last_sent_at").asc(nulls_first=True))
    if settings.REDIS_URL:
        wake_ups.wake(DRAIN, dispatching.in_turns(waiting), expires=WAKE_UP_EXPIRES)
        return 0
    turns, until = Turns(waiting), monotonic() + TICK_WAITS
    hands = _set_to_work(turns, until)
    while wait(hands, timeout=LOOKS_AGAIN).not_done and monotonic() < until:
        # Who comes while the others are served takes part from now on.
        turns.join(_waiting())
        hands += _set_to_work(turns, until, busy=sum(not hand.done() for hand in hands))
    return sum(hand.result() for hand in hands if hand.done())


def _set_to_work(turns: Turns, until: float, busy: int = 0) -> list[Future[int]]:
    """Give as many threads work as there is for them, beside those that are busy."""
    more = min(len(turns), MAILBOXES_AT_ONCE - busy)
    return [_threads().submit(_serve_at_desk, turns, until) for _ in range(more)]


def _waiting(*order: OrderBy) -> list[Waiting]:
    """Return the mailboxes that have work and nobody at it."""
    at = database_now()
    idle = Mailbox.everywhere.filter(pk__in=mailboxes_with_work(at)).exclude(draining_until__gt=at)
    rows = idle.order_by(*order, "pk").values_list("workspace_id", "pk")
    return [Waiting(*row) for row in rows]


def _serve_at_desk(turns: Turns, until: float) -> int:
    """Be one of the threads of a tick; what a slow server still answers after it is no harm."""
    with at(desk()):
        return dispatching.serve(turns, _drain_or_log, lambda: monotonic() < until)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=MAILBOXES_AT_ONCE, thread_name_prefix="drain")


@cache
def desk() -> Desk:
    """Return where this process does the database work of sending."""
    return Desk(CONNECTIONS)


def drain_at_desk(mailbox_id: int) -> int:
    """Drain a mailbox in a thread that holds no connection while its server thinks."""
    with at(desk()):
        return drain(mailbox_id)


def drain_all(limit: int = DUE_AT_ONCE) -> int:
    """Send what is due from every mailbox, in this process; returns how many went out."""
    left: Counter[int] = Counter()

    def drain_on(mailbox_id: int) -> int:
        sent = _drain_or_log(mailbox_id, limit - left[mailbox_id])
        left[mailbox_id] += sent
        return sent

    return dispatching.serve(Turns(_waiting()), drain_on, lambda: True)


def _drain_or_log(mailbox_id: int, limit: int = DUE_AT_ONCE) -> int:
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
    found = {mailbox_id for (mailbox_id,) in MAILBOXES_WITH_DUE.rows(at)}
    sequences = {sequence_id for (sequence_id,) in POOLS_WITH_DUE.rows(at)}
    return sorted(found | pooling.have_turns(sequences, at))


# Asked of the mailboxes, not of the mails: ten thousand of one that are due count once.
HAS_DUE = Touch.steps.filter(
    mailbox=OuterRef("pk"),
    status=Touch.Status.SCHEDULED,
    enrollment__status__in=Enrollment.SENDING,
    enrollment__sequence__status="active",
    enrollment__workspace__stopped_at__isnull=True,
).order_by()


# Answers by hand: no run, no sequence and no 72 hours of a failing domain hold them.
HAS_WRITTEN = Touch.objects.filter(
    mailbox=OuterRef("pk"),
    status=Touch.Status.SCHEDULED,
    in_reply_to__isnull=False,
    enrollment__workspace__stopped_at__isnull=True,
).order_by()


def _with_due(at: datetime) -> QuerySet[Mailbox, tuple[int]]:
    ready = Mailbox.everywhere.filter(status=Mailbox.Status.CONNECTED)
    return ready.exclude(held_until__gt=at).values_list("pk").order_by()


MAILBOXES_WITH_DUE = Prepared(
    lambda at: _with_due(at).filter(
        Q(cold_stopped_at__isnull=True) & Exists(HAS_DUE.filter(due_at__lte=at))
        | Exists(HAS_WRITTEN.filter(due_at__lte=at))
    ),
    datetime,
    plans_anew=True,
)
# Those of other workspaces that nobody serves, and whose sequences have their turn.
OTHERS_WITH_DUE = Prepared(
    lambda workspace, at: (
        _with_due(at)
        .exclude(workspace=workspace)
        .exclude(draining_until__gt=at)
        .filter(
            Q(cold_stopped_at__isnull=True)
            & Exists(
                HAS_DUE.filter(due_at__lte=at).exclude(enrollment__sequence__next_free_at__gt=at)
            )
            | Exists(HAS_WRITTEN.filter(due_at__lte=at))
        )
    ),
    int,
    datetime,
    plans_anew=True,
)
POOLS_WITH_DUE = Prepared(
    lambda at: (
        Touch.steps.filter(
            mailbox=None,
            status=Touch.Status.SCHEDULED,
            due_at__lte=at,
            enrollment__status__in=Enrollment.SENDING,
            enrollment__sequence__status="active",
            enrollment__workspace__stopped_at__isnull=True,
        )
        .exclude(enrollment__sequence__next_free_at__gt=at)
        .order_by()
        .values_list("enrollment__sequence")
        .distinct()
    ),
    datetime,
    plans_anew=True,
)


# When this process last found that nothing may leave from a mailbox, on the monotonic clock.
_fruitless: dict[int, float] = {}


def drain(mailbox_id: int, limit: int = DUE_AT_ONCE) -> int:
    """Send what is due from one mailbox until nothing may leave; returns how many went out.

    After a slice it makes room where another workspace waits for somebody to serve it.
    """
    mailbox = _begin(mailbox_id)
    if mailbox is None:
        _fruitless[mailbox_id] = monotonic()
        return 0
    sent, batch = 0, 1
    try:
        with outbox.opened(mailbox) as provider:
            while sent < limit:
                began = now()
                most = limit - sent if sent >= SLICE else min(limit, SLICE) - sent
                found = _go_on(mailbox, provider, min(batch, most))
                left = sending.carry_all(found.claims, provider)
                sent += left
                if not left and not found.refused:
                    break
                if sent >= SLICE and _others_wait(mailbox):
                    break
                batch = _next_batch(batch, now() - began)
    finally:
        _end(mailbox_id)
    return sent


@done_at_desk
def _begin(mailbox_id: int) -> Mailbox | None:
    """Take the mailbox's turn; None where nothing may leave, or others are at work on it."""
    mailbox = Mailbox.everywhere.get(pk=mailbox_id)
    # Looked at first: a mailbox that only waits for its hours costs no commits.
    if not anything_leaves(mailbox) or _hangs(mailbox):
        return None
    return mailbox if outbox.take_turn(mailbox_id, database_now()) else None


@done_at_desk
def _go_on(mailbox: Mailbox, provider: Provider, limit: int) -> Claimed:
    """Keep the turn, and claim what leaves next."""
    outbox.keep_turn(mailbox.pk, database_now())
    return claim_due(mailbox, provider, limit)


@done_at_desk
def _others_wait(mailbox: Mailbox) -> bool:
    """Tell whether another workspace has something due that nobody is at work on.

    What was looked at a moment ago and could not leave, for its hours or its limits, waits for
    something else.
    """
    at = database_now()
    ready = {pk for (pk,) in OTHERS_WITH_DUE.rows(mailbox.workspace_id, at)}
    if pools := {sequence_id for (sequence_id,) in POOLS_WITH_DUE.rows(at)}:
        drawn = Mailbox.everywhere.filter(pk__in=pooling.have_turns(pools, at))
        others = drawn.exclude(workspace=mailbox.workspace_id).exclude(draining_until__gt=at)
        ready.update(others.values_list("pk", flat=True))
    since = monotonic() - LOOKED_LATELY
    return any(_fruitless.get(pk, 0.0) < since for pk in ready)


@done_at_desk
def _end(mailbox_id: int) -> None:
    outbox.end_turn(mailbox_id)


def _next_batch(batch: int, took: timedelta) -> int:
    """Return how many to claim next: as many as leave in a moment, so that none waits long."""
    return min(batch * 2, AT_ONCE) if took < A_MOMENT else max(batch // 2, 1)


def _hangs(mailbox: Mailbox) -> bool:
    """Tell whether so many mails of this mailbox wait for an answer that no worker should join."""
    held = Touch.objects.filter(
        mailbox=mailbox, status=Touch.Status.SENDING, lease_until__gt=database_now()
    )
    return held.count() >= MOST_IN_FLIGHT
