"""Workers killed with SIGKILL at the worst moments, and several of everything at once."""

import pytest
from django.conf import settings

from mailboxes.models import MailboxDay, SandboxMail
from outreach import times
from sequences.engine import draining, reconciling, sending
from sequences.models import Attempt, Enrollment, Sequence, Touch
from tests.factories import (
    copies_of,
    make_due_touch,
    make_mailbox,
    make_sequence,
    make_user,
    make_workspace,
)
from tests.processes import celery, clocks, run_python, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

SIGKILLED = -9


def kill_after(stage: str, touch: Touch) -> None:
    """Send the touch in a process that is killed as soon as this stage is done."""
    code = f"""
import os
from mailboxes.providers import provider_for
from sequences.engine import sending
from sequences.models import Touch
touch = Touch.objects.get(pk={touch.pk})
for stage in sending.sending(touch.pk, provider_for(touch.mailbox)):
    if stage == {stage!r}:
        os.kill(os.getpid(), 9)
"""
    assert run_python(code) == SIGKILLED


def let_the_lease_end() -> None:
    Touch.objects.filter(status=Touch.Status.SENDING).update(lease_until=times.now())
    Sequence.everywhere.update(next_free_at=None)


def accepted() -> list[str]:
    mails = SandboxMail.everywhere.exclude(accepted_at=None).order_by("pk")
    return list(mails.values_list("message_id", flat=True))


def test_killed_between_claim_and_gate_it_is_sent_once():
    touch = make_due_touch()
    kill_after("claimed", touch)
    assert accepted() == []

    let_the_lease_end()
    assert sending.reap() == 1
    assert draining.drain_all() == 1

    touch.refresh_from_db()
    assert accepted() == [touch.message_id]
    outcomes = list(touch.attempts.values_list("outcome", flat=True))
    assert outcomes == [Attempt.Outcome.ABANDONED, Attempt.Outcome.ACCEPTED]


@pytest.mark.parametrize("stage", ["on the wire", "answered"])
def test_killed_between_gate_and_result_it_is_uncertain_and_settled_by_asking(stage):
    touch = make_due_touch()
    kill_after(stage, touch)

    let_the_lease_end()
    sending.reap()
    touch.refresh_from_db()
    assert touch.status == Touch.Status.UNCERTAIN
    assert draining.drain_all() == 0

    Touch.objects.update(check_at=times.now())
    assert reconciling.tick() == 1
    Sequence.everywhere.update(next_free_at=None)
    draining.drain_all()

    touch.refresh_from_db()
    day = MailboxDay.objects.get()
    assert touch.status == Touch.Status.SENT
    assert accepted() == [touch.message_id]
    assert (day.sent, day.reserved) == (1, 0)


def two_hundred_due() -> list[Touch]:
    """Touches of 25 sequences on three mailboxes, all due at once."""
    workspace, approver = make_workspace(), make_user()
    mailboxes = [make_mailbox(workspace, daily_limit=1000) for _ in range(3)]
    for number in range(25):
        mailbox = mailboxes[number % 3]
        sequence = make_sequence(workspace, steps=1, mailbox=mailbox, name=f"Number {number}")
        copies_of(make_due_touch(sequence=sequence, by=approver), 7)
    return list(Touch.objects.all())


def all_settled() -> bool:
    return not Touch.objects.exclude(status=Touch.Status.SENT).exists()


def judge(touches: list[Touch]) -> None:
    """Every mail was accepted once, counted once, and its run is complete."""
    assert sorted(accepted()) == sorted(touch.message_id for touch in touches)
    accepted_attempts = Attempt.objects.filter(outcome=Attempt.Outcome.ACCEPTED)
    assert accepted_attempts.count() == len(touches)
    assert sum(day.sent for day in MailboxDay.objects.all()) == len(touches)
    assert not Enrollment.everywhere.exclude(status=Enrollment.Status.COMPLETE).exists()


def test_two_clocks_send_two_hundred_due_touches_once_each():
    touches = two_hundred_due()

    with clocks(2):
        wait_for(all_settled, what="200 mails")

    judge(touches)


@pytest.mark.skipif(not settings.REDIS_URL, reason="needs REDIS_URL: workers speak over Redis")
def test_two_workers_and_two_beats_send_two_hundred_due_touches_once_each():
    touches = two_hundred_due()

    with celery(workers=2, beats=2):
        wait_for(all_settled, what="200 mails")

    judge(touches)
