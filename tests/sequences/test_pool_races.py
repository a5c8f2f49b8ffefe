"""Workers and bounces at one pool in the same moment, on real connections."""

from collections import Counter

import pytest

from mailboxes import answers, inbox, outbox
from mailboxes.models import Mailbox, MailboxDay, SandboxMail
from outreach.models import AuditEntry
from sequences.engine import claiming, defining, draining, replies, sending
from sequences.models import PoolMember, Sequence, Touch
from tests.factories import copies_of, make_due_touch, make_mailbox, make_sequence
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

LIMITS = (2, 3, 4)


def claim_and_send(mailbox: Mailbox) -> int:
    """Do what a drain does, without waiting for its turn at the mailbox."""
    fresh = Mailbox.everywhere.get(pk=mailbox.pk)
    with outbox.opened(fresh) as provider:
        return sending.carry_all(claiming.claim_due(fresh, provider, 4).claims, provider)


def open_throttles() -> None:
    """Let every sequence send again: one after the other, as no claim waits for two of them."""
    for pk in Sequence.everywhere.order_by("pk").values_list("pk", flat=True):
        Sequence.everywhere.filter(pk=pk).update(next_free_at=None)


def test_eight_claimers_over_a_pool_keep_the_limit_of_each_mailbox(workspace):
    """Eight sequences share three mailboxes that may send nine mails; eight workers want all."""
    pool = [make_mailbox(workspace, daily_limit=limit) for limit in LIMITS]
    own = make_mailbox(workspace, daily_limit=1)
    for _ in range(8):
        sequence = make_sequence(workspace, steps=1, mailbox=own)
        defining.configure(sequence, {}, by=None, pool=pool)
        copies_of(make_due_touch(sequence=sequence), 1)

    def work(begin: int) -> int:
        order = [*pool[begin % 3 :], *pool[: begin % 3]]
        sent = 0
        for _ in range(5):
            sent += sum(claim_and_send(mailbox) for mailbox in order)
            open_throttles()
        return sent

    sent = together(*[lambda begin=begin: work(begin) for begin in range(8)])

    taken = SandboxMail.everywhere.caught()
    assert sum(sent) == taken.count() == sum(LIMITS)
    assert Counter(taken.values_list("mailbox", flat=True)) == {
        mailbox.pk: mailbox.daily_limit for mailbox in pool
    }
    assert taken.values("message_id").distinct().count() == sum(LIMITS)
    days = MailboxDay.objects.filter(mailbox__in=pool)
    assert {(day.mailbox_id, day.sent, day.reserved) for day in days} == {
        (mailbox.pk, mailbox.daily_limit, 0) for mailbox in pool
    }
    assert not MailboxDay.objects.filter(mailbox=own).exists()
    runs = Touch.objects.filter(status=Touch.Status.SENT).select_related("enrollment")
    assert all(touch.mailbox_id == touch.enrollment.mailbox_id for touch in runs)


def test_a_pool_that_changes_under_its_workers_sends_each_mail_once(workspace):
    pool = [make_mailbox(workspace, daily_limit=50) for _ in range(3)]
    sequence = make_sequence(workspace, steps=1)
    defining.configure(sequence, {}, by=None, pool=pool)
    touches = [make_due_touch(sequence=sequence)]
    touches += copies_of(touches[0], 11)
    mailboxes = [*pool, sequence.mailbox]

    def work() -> int:
        sent = 0
        for _ in range(8):
            sent += sum(claim_and_send(mailbox) for mailbox in mailboxes)
            open_throttles()
        return sent

    def change() -> int:
        for members in ([], pool[:1], pool, pool[1:], []):
            defining.configure(sequence, {}, by=None, pool=members)
        return 0

    together(work, work, work, change)
    while draining.drain_all():
        open_throttles()

    taken = SandboxMail.everywhere.caught()
    ids = sorted(taken.values_list("message_id", flat=True))
    assert ids == sorted(touch.message_id for touch in touches)
    for touch in Touch.objects.filter(pk__in=[each.pk for each in touches]):
        assert taken.get(message_id=touch.message_id).mailbox_id == touch.mailbox_id
    days = MailboxDay.objects.filter(mailbox__in=mailboxes)
    assert sum(day.sent for day in days) == len(touches)
    assert not any(day.reserved for day in days)


def sent_mails(sequence: Sequence, count: int) -> list[SandboxMail]:
    """Send so many mails of this sequence."""
    copies_of(make_due_touch(sequence=sequence), count - 1)
    while draining.drain_all():
        open_throttles()
    taken = list(SandboxMail.everywhere.caught())
    assert len(taken) == count
    return taken


def report(mail: SandboxMail) -> str:
    """Let the report of a dead address come back; returns what became of it."""
    raw = answers.bounce(mail, "5.1.1")
    arrived, _ = inbox.deliver(mail.mailbox, raw, f"bounce {mail.pk}")
    return replies.settle(arrived)


def test_bounces_at_once_pause_the_sequence_once(workspace):
    sequence = make_sequence(workspace, steps=1)
    mails = sent_mails(sequence, 20)

    said = together(*[lambda mail=mail: report(mail) for mail in mails[:4]])

    assert said == ["bounce"] * 4
    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.PAUSED
    # The second bounce is one too many, whichever two come first.
    assert sequence.pause_note == "2 of 20 mails bounced (10.0 %), more than 5.0 %."
    assert AuditEntry.everywhere.filter(verb="pause_itself").count() == 1


def test_bounces_at_once_take_a_mailbox_out_of_its_pools_once(workspace):
    own = make_mailbox(workspace)
    pool = [make_mailbox(workspace)]
    one, other = (make_sequence(workspace, steps=1, mailbox=own) for _ in range(2))
    for sequence in (one, other):
        defining.configure(sequence, {}, by=None, pool=pool)
        copies_of(make_due_touch(sequence=sequence), 9)
    while draining.drain_all():
        open_throttles()
    mails = list(SandboxMail.everywhere.caught().order_by("pk"))
    assert len(mails) == 20

    together(*[lambda mail=mail: report(mail) for mail in (*mails[:2], *mails[-2:])])

    mailbox = Mailbox.everywhere.get(pk=pool[0].pk)
    assert mailbox.out_note.startswith("2 of 20 mails bounced (10.0 %) within 7 days")
    assert AuditEntry.everywhere.filter(verb="leave_pools").count() == 1
    assert PoolMember.objects.filter(mailbox=mailbox).count() == 2
    assert {each.status for each in Sequence.everywhere.all()} == {Sequence.Status.ACTIVE}
