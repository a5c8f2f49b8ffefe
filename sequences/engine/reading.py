"""Read the inboxes: every minute where follow-ups are due soon, at once where a provider says
that something came in, seldom elsewhere.

An inbox counts as read up to the moment its reading began, once all that had come in is settled.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import cache

import structlog
from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from mailboxes import inbox
from mailboxes.models import Mailbox
from mailboxes.providers.base import ProviderError
from outreach import wake_ups
from outreach.desk import Desk, at, done_at_desk
from outreach.times import database_now
from sequences.engine import replies
from sequences.engine.listening import OFTEN
from sequences.models import Enrollment, Sequence, Touch

logger = structlog.get_logger(__name__)

# Ahead of a follow-up, so that its inbox is known by the time that it falls due.
SOON = timedelta(seconds=90)
# One has fallen due since the last reading, so nothing of it may leave before the next.
AT_ONCE = timedelta(seconds=15)
MAILBOXES_AT_ONCE = 32
CONNECTIONS = 3
MOST_A_TICK = 500
TICK_WAITS = 20
# The task that reads an inbox.
READ = "sequences.tasks.read"
WAKE_UP_EXPIRES = 25
BROKEN = "The program failed on a mail that came in; its log says why."


def tick() -> int:
    """Have every inbox read whose turn it is: by the workers, or by threads of this process.

    Returns how many mails came in here and now.
    """
    waiting = mailboxes_to_read(database_now())
    if settings.REDIS_URL:
        wake_ups.wake(READ, waiting, expires=WAKE_UP_EXPIRES)
        return 0
    started = [_threads().submit(read_at_desk, mailbox_id) for mailbox_id in waiting]
    done, _ = wait(started, timeout=TICK_WAITS)
    return sum(each.result() for each in done)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=MAILBOXES_AT_ONCE, thread_name_prefix="read")


@cache
def desk() -> Desk:
    """Return where this process does the database work of reading."""
    return Desk(CONNECTIONS)


def read_at_desk(mailbox_id: int) -> int:
    """Read an inbox in a thread that holds no connection while its server thinks."""
    try:
        with at(desk()):
            return read(mailbox_id)
    except Exception:
        # One inbox that breaks must not keep the others waiting; it is tried again.
        logger.exception("An inbox could not be read", mailbox=mailbox_id)
        return 0


def mailboxes_to_read(at: datetime) -> list[int]:
    """Return the mailboxes whose inbox is to be read now, the longest unread first."""
    due = _follow_ups()
    falls_due = Exists(due.filter(due_at__lte=at + SOON))
    unknown = Q(mailbox__inbox_read_at__isnull=True) | Q(due_at__gt=F("mailbox__inbox_read_at"))
    fell_due = Exists(due.filter(unknown, due_at__lte=at))
    often = Q(inbox_tried_at__lte=at - OFTEN) & falls_due
    at_once = Q(inbox_tried_at__lte=at - AT_ONCE) & fell_due
    # Something came in after the last reading began; a failing inbox keeps its waits even so.
    woken = Q(woken_at__gt=F("inbox_tried_at"))
    turn = Q(next_read_at__isnull=True) | Q(next_read_at__lte=at)
    free = Q(reading_until__isnull=True) | Q(reading_until__lte=at)
    rows = Mailbox.everywhere.filter(inbox.readable(), free).filter(
        turn | (Q(inbox_faults=0) & (often | at_once | woken))
    )
    in_line = rows.order_by(F("inbox_tried_at").asc(nulls_first=True), "pk")
    return list(in_line.values_list("pk", flat=True)[:MOST_A_TICK])


def _follow_ups() -> QuerySet[Touch]:
    return Touch.steps.filter(
        mailbox=OuterRef("pk"),
        status=Touch.Status.SCHEDULED,
        enrollment__last_sent_at__isnull=False,
        enrollment__status__in=Enrollment.SENDING,
        enrollment__sequence__status=Sequence.Status.ACTIVE,
        enrollment__workspace__stopped_at__isnull=True,
    )


def read(mailbox_id: int) -> int:
    """Read one inbox and settle what came; returns how many mails were new."""
    mailbox, began = _begin(mailbox_id)
    if mailbox is None:
        return 0
    try:
        found = inbox.read(mailbox)
    except ProviderError as problem:
        _fail(mailbox, problem.words)
        return 0
    except Exception:
        _fail(mailbox, BROKEN)
        raise
    _end(mailbox, found, began)
    return found.new


@done_at_desk
def _begin(mailbox_id: int) -> tuple[Mailbox | None, datetime]:
    """Take the turn to read an inbox, and note the time; no mailbox where others read it."""
    mailbox, began = Mailbox.everywhere.get(pk=mailbox_id), database_now()
    return (mailbox if mailbox.begin_reading(began) else None), began


@done_at_desk
def _fail(mailbox: Mailbox, words: str) -> None:
    mailbox.could_not_be_read(words, database_now())


@done_at_desk
def _end(mailbox: Mailbox, found: inbox.Reading, began: datetime) -> None:
    """Settle what came in; only then the inbox counts as read."""
    if not replies.settle_all_of(mailbox):
        mailbox.could_not_be_read(BROKEN, database_now())
    elif found.is_whole:
        mailbox.was_read(began)
    else:
        mailbox.was_read_in_part()
