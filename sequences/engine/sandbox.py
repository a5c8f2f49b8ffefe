"""Playing the world in a sandbox workspace: prospects who answer, and time that moves on."""

from datetime import datetime, timedelta
from secrets import token_hex
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, Q, QuerySet

from mailboxes import answers, inbox
from mailboxes.models import InboundMail, Mailbox, SandboxMail
from outreach.models import Workspace
from outreach.times import now
from sequences.engine import draining, replies
from sequences.models import Enrollment, NotReady, Sequence, Touch
from sequences.rules import schedule

ABSENCE = timedelta(days=5)

# What a prospect of the sandbox answers at the press of a button.
TEXTS = {
    "interested": "Sounds interesting, thanks for writing. Could we talk on Thursday afternoon?",
    "objection": "Thanks, but we already use another tool for this, and it is too expensive to "
    "change now.",
    "out_of_office": "I am out of the office until {back:%d %B %Y} and will answer when I return.",
    "unsubscribe": "Please take me off your list and do not write to me again.",
}


class Skipped(NamedTuple):
    """How much waiting was left out, and how many mails leave because of it."""

    time: timedelta
    leaving: int


def answer(caught: SandboxMail, kind: str, text: str = "") -> InboundMail:
    """Let the prospect answer a caught mail, or let it bounce, and settle that at once.

    `kind` is one of TEXTS, or `bounce`; any other kind sends `text` as it is.
    """
    if kind == "bounce":
        raw = answers.bounce(caught)
    else:
        written = TEXTS[kind].format(back=now() + ABSENCE) if kind in TEXTS else text
        raw = answers.reply(caught, written, automatic=kind == "out_of_office")
    provider_id = f"play-{token_hex(16)}"
    mail, _ = inbox.deliver(caught.mailbox, raw, provider_id, thread_id=caught.thread_id)
    replies.settle(mail)
    mail.refresh_from_db()
    return mail


def fast_forward(workspace: Workspace) -> Skipped | None:
    """Leave out the waiting until the next send of a sandbox workspace; None: nothing waits.

    Every time that lies ahead comes nearer by the same span, so that all keeps its order. What
    is then due leaves at once: the window, which the real clock opens, does not hold it.
    """
    if not workspace.is_sandbox:
        raise NotReady("Time can be moved on in a sandbox workspace only.")
    at = now()
    with transaction.atomic():
        opens = {row.pk: leaves for row in running(workspace) if (leaves := next_send(row, at))}
        if not opens:
            return None
        first = min(opens.values())
        span = max(first - at, timedelta(0))
        bring_nearer(workspace, span)
        leaving = sum(hurry(pk, at) for pk, leaves in opens.items() if leaves == first)
    return Skipped(span, leaving)


def running(workspace: Workspace) -> list[Sequence]:
    sequences = Sequence.everywhere.running().filter(workspace=workspace)
    return list(sequences.select_related("mailbox"))


def waiting(sequence_id: int) -> QuerySet[Touch]:
    """Touches of a sequence that time alone holds back."""
    return Touch.steps.filter(
        status=Touch.Status.SCHEDULED,
        enrollment__sequence=sequence_id,
        enrollment__status__in=Enrollment.SENDING,
        is_hurried=False,
    )


def next_send(sequence: Sequence, at: datetime) -> datetime | None:
    """Return when the sequence sends next if nobody does anything; None: nothing is planned."""
    due = waiting(sequence.pk).order_by("due_at").values_list("due_at", flat=True).first()
    if due is None:
        return None
    held = sequence.mailbox.held_until if sequence.mailbox else None
    return schedule.next_open(max(due, at, held or at), sequence.window)


def bring_nearer(workspace: Workspace, span: timedelta) -> None:
    """Move every time of the workspace that lies ahead."""
    plans = Q(status=Touch.Status.SCHEDULED) | Q(status=Touch.Status.DRAFT)
    touches = Touch.objects.filter(plans, enrollment__workspace=workspace, due_at__isnull=False)
    touches.update(due_at=F("due_at") - span, updated_at=now())
    runs = Enrollment.everywhere.filter(workspace=workspace)
    runs.filter(paused_until__isnull=False).update(paused_until=F("paused_until") - span)
    runs.filter(undo_until__isnull=False).update(undo_until=F("undo_until") - span)
    throttled = Sequence.everywhere.filter(workspace=workspace, next_free_at__isnull=False)
    throttled.update(next_free_at=F("next_free_at") - span)
    mailboxes = Mailbox.everywhere.filter(workspace=workspace)
    mailboxes.filter(held_until__isnull=False).update(held_until=F("held_until") - span)
    mailboxes.filter(next_free_at__isnull=False).update(next_free_at=F("next_free_at") - span)


def hurry(sequence_id: int, at: datetime) -> int:
    """Let what is due now leave whatever the window says; how many."""
    due = waiting(sequence_id).filter(due_at__lte=at).values_list("pk", flat=True)
    rows = Touch.steps.filter(pk__in=list(due), status=Touch.Status.SCHEDULED)
    return rows.update(is_hurried=True, updated_at=now())


def send_now(workspace: Workspace, limit: int = 50) -> int:
    """Send what is due from the sandbox's mailboxes without waiting for the clock's next tick."""
    mine = Mailbox.everywhere.filter(workspace=workspace, provider=Mailbox.Provider.SANDBOX)
    return sum(draining.drain(pk, limit) for pk in mine.order_by("pk").values_list("pk", flat=True))
