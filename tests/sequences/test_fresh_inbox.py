"""No follow-up leaves before it is known who has answered."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from mailboxes import connecting
from mailboxes.models import Mailbox
from mailboxes.providers import provider_for
from outreach import times
from outreach.models import AuditEntry
from sequences.engine import draining, explain, reading, sending
from sequences.engine.explain import Reason
from sequences.models import Enrollment, Sequence, Touch
from tests.factories import approve, make_enrollment, make_mailbox, make_sequence
from tests.fakes.smtp import Sink, running_sink
from tests.sequences.sent_world import Hands

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def hands() -> Iterator[Hands]:
    hands = Hands(times.now())
    with hands.hold():
        yield hands


@pytest.fixture
def mailbox(workspace, sink) -> Mailbox:
    """One with an IMAP server that nobody has asked yet."""
    return make_mailbox(
        workspace,
        provider="smtp",
        smtp_host=sink.host,
        smtp_port=sink.port,
        smtp_security="plain",
        imap_host="127.0.0.1",
    )


@pytest.fixture
def run(mailbox, alice, hands) -> Enrollment:
    """A run whose first step went out two days ago, and whose second falls due now."""
    run = approve(make_enrollment(sequence=make_sequence(mailbox.workspace, mailbox=mailbox)))
    hands.at -= timedelta(days=2)
    Touch.objects.filter(enrollment=run, position=1).update(due_at=hands.at)
    Enrollment.everywhere.filter(pk=run.pk).update(undo_until=hands.at)
    assert draining.drain_all() == 1, "a first step asks for no inbox"
    hands.at += timedelta(days=2)
    Touch.objects.filter(enrollment=run, position=2).update(due_at=hands.at)
    return Enrollment.everywhere.get(pk=run.pk)


def read(mailbox: Mailbox, at: datetime) -> None:
    Mailbox.everywhere.filter(pk=mailbox.pk).update(inbox_read_at=at)


def no_inbox(mailbox: Mailbox) -> Mailbox:
    Mailbox.everywhere.filter(pk=mailbox.pk).update(imap_host="")
    mailbox.refresh_from_db()
    return mailbox


def second(run: Enrollment) -> Touch:
    return run.touches.select_related("step").get(position=2)


def reason(run: Enrollment) -> Reason:
    return explain.touch(second(run), Enrollment.everywhere.get(pk=run.pk)).reason


def test_a_follow_up_waits_until_its_inbox_was_read_after_it_fell_due(run, mailbox, hands):
    read(mailbox, hands.at - timedelta(seconds=1))

    assert (reason(run), draining.drain_all()) == (Reason.INBOX, 0)

    read(mailbox, hands.at)
    assert (reason(run), draining.drain_all()) == (Reason.NOW, 1)


def test_a_reading_older_than_two_minutes_is_good_for_nothing(run, mailbox, hands):
    read(mailbox, hands.at)
    hands.at += 2 * MINUTE + timedelta(seconds=1)

    assert (reason(run), draining.drain_all()) == (Reason.INBOX, 0)


def test_an_inbox_that_cannot_be_read_holds_follow_ups_and_says_why(run, mailbox, hands):
    mailbox.could_not_be_read("[UNAVAILABLE] Down for the night", hands.at)

    answer = explain.touch(second(run), Enrollment.everywhere.get(pk=run.pk))

    assert answer.reason == Reason.UNREADABLE and answer.fix.url == "/mailboxes/"
    assert "[UNAVAILABLE] Down for the night" in answer.sentence
    assert draining.drain_all() == 0


def test_the_gate_asks_again(run, mailbox, hands):
    read(mailbox, hands.at)
    stages = sending.sending(second(run).pk, provider_for(mailbox))
    assert [next(stages), next(stages), next(stages)] == ["claimed", "built", "prepared"]
    # As if this one had been claimed long after the reading.
    read(mailbox, hands.at - 3 * MINUTE)

    assert next(stages) == "held back"

    assert second(run).status == Touch.Status.SCHEDULED
    assert second(run).attempts.latest("number").wire_at is None


def test_follow_ups_that_wait_for_their_inbox_keep_first_steps_of_the_sequence_going(
    run, mailbox, hands, sink
):
    before = len(sink.accepted)
    newcomer = approve(make_enrollment(sequence=run.sequence))
    for touch in newcomer.touches.all():
        assert touch.recipient != second(run).recipient
    Sequence.everywhere.update(next_free_at=None)

    assert draining.drain_all() == 1

    assert [mail.recipients for mail in sink.accepted[before:]] == [[newcomer.contact.email]]


def test_without_an_inbox_follow_ups_leave_once_a_person_watches_it(run, mailbox, alice, hands):
    no_inbox(mailbox)
    assert (reason(run), draining.drain_all()) == (Reason.UNWATCHED, 0)

    connecting.watch(mailbox, by=alice)

    assert (reason(run), draining.drain_all()) == (Reason.NOW, 1)
    entry = AuditEntry.everywhere.latest("pk")
    assert (entry.verb, entry.by, entry.record_id) == ("watch", alice, mailbox.pk)


def test_whoever_watched_may_take_it_back(run, mailbox, alice, hands):
    connecting.watch(no_inbox(mailbox), by=alice)

    connecting.unwatch(mailbox, by=alice)

    assert draining.drain_all() == 0
    assert AuditEntry.everywhere.latest("pk").verb == "unwatch"


def test_nobody_has_to_watch_an_inbox_that_is_read(mailbox, alice):
    with pytest.raises(connecting.IsRead, match="nobody has to watch it"):
        connecting.watch(mailbox, by=alice)


def test_a_promise_to_watch_ends_with_the_first_reading_that_succeeds(run, mailbox, alice, hands):
    mailbox.could_not_be_read("[UNAVAILABLE] Down for the night", hands.at)
    connecting.watch(mailbox, by=alice)

    mailbox.was_read(hands.at)
    hands.at += 3 * MINUTE

    assert (reason(run), draining.drain_all()) == (Reason.INBOX, 0)


def test_the_sequence_page_warns_while_nobody_would_notice_an_answer(client, run, mailbox, alice):
    client.force_login(alice)
    page = f"/sequences/{run.sequence_id}/"
    no_inbox(mailbox)

    assert "Follow-ups wait." in client.get(page).content.decode()
    connecting.watch(mailbox, by=alice)

    assert "Follow-ups wait." not in client.get(page).content.decode()


# How often an inbox is read


def tried(mailbox: Mailbox, at: datetime, **values: object) -> None:
    """A reading that began then and found nothing."""
    defaults = {"inbox_tried_at": at, "inbox_read_at": at, "next_read_at": at + 10 * MINUTE}
    Mailbox.everywhere.filter(pk=mailbox.pk).update(**(defaults | values))


def to_read(at: datetime) -> list[int]:
    return reading.mailboxes_to_read(at)


def test_an_inbox_with_follow_ups_due_soon_is_read_every_minute_the_others_seldom(
    run, mailbox, hands, workspace
):
    idle = make_mailbox(workspace, provider="smtp", imap_host="127.0.0.1")
    for each in (mailbox, idle):
        tried(each, hands.at)
    Touch.objects.filter(pk=second(run).pk).update(due_at=hands.at + 90 * timedelta(seconds=1))

    assert to_read(hands.at + timedelta(seconds=59)) == []
    assert to_read(hands.at + MINUTE) == [mailbox.pk]
    assert to_read(hands.at + 10 * MINUTE) == [mailbox.pk, idle.pk]


def test_an_inbox_is_read_at_once_when_a_follow_up_has_fallen_due_since(run, mailbox, hands):
    tried(mailbox, hands.at - timedelta(seconds=16))

    assert to_read(hands.at) == [mailbox.pk]


def test_a_follow_up_of_next_week_has_nobody_read_often(run, mailbox, hands):
    tried(mailbox, hands.at)
    Touch.objects.filter(pk=second(run).pk).update(due_at=hands.at + timedelta(days=7))

    assert to_read(hands.at + 2 * MINUTE) == []


def test_each_failure_in_a_row_is_waited_for_longer(run, mailbox, hands):
    for wait in (1, 2, 4, 8, 16, 30, 30):
        mailbox.refresh_from_db()
        mailbox.could_not_be_read("[UNAVAILABLE] Later", hands.at)
        assert to_read(hands.at + (wait * MINUTE) - timedelta(seconds=1)) == []
        assert to_read(hands.at + wait * MINUTE) == [mailbox.pk]


def test_one_inbox_is_read_by_one_worker_at_a_time(mailbox, hands):
    assert mailbox.begin_reading(hands.at)

    assert not mailbox.begin_reading(hands.at)
    assert to_read(hands.at) == []
    assert to_read(hands.at + 2 * MINUTE) == [mailbox.pk], "whoever began is gone by then"


def test_a_disconnected_mailbox_a_sandbox_and_one_without_a_server_are_not_read(
    mailbox, workspace, hands
):
    make_mailbox(workspace)
    make_mailbox(workspace, provider="smtp")
    mailbox.disconnect("Disconnected by Alice.")

    assert to_read(hands.at) == []
