"""An answer that lies in a mailbox at Google or Microsoft stops what would have followed."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes

import pytest

from mailboxes.models import InboundMail, Mailbox
from outreach import times
from sequences.engine import answering, draining, reading
from sequences.models import Enrollment, Reply, Sequence, Touch
from tests.factories import approve, make_enrollment, make_mailbox, make_sequence, make_user
from tests.mailboxes.far_mailboxes import ADDRESS
from tests.sequences import ways_to_match
from tests.sequences.sent_world import Hands

pytestmark = pytest.mark.django_db(transaction=True)
A_SECOND = timedelta(seconds=1)


@pytest.fixture
def hands() -> Iterator[Hands]:
    hands = Hands(times.now())
    with hands.hold():
        yield hands


@pytest.fixture(params=["gmail", "microsoft"])
def mailbox(request, far_side, workspace) -> Mailbox:
    sign_in = far_side.sign_in(request.param, ADDRESS)
    return make_mailbox(
        workspace, provider=request.param, email=ADDRESS, sign_in=sign_in, watched_at=None
    )


@pytest.fixture
def run(mailbox, hands) -> Enrollment:
    """A run whose first step has gone out, and whose second falls due in a second."""
    sequence = make_sequence(mailbox.workspace, steps=3, mailbox=mailbox)
    run = approve(make_enrollment(sequence=sequence))
    assert draining.drain_all() == 1
    hands.at += timedelta(minutes=1)
    Touch.objects.filter(enrollment=run, position=2).update(due_at=hands.at + A_SECOND)
    Sequence.everywhere.update(next_free_at=None)
    return Enrollment.everywhere.get(pk=run.pk)


def test_an_answer_one_second_before_the_follow_up_is_due_holds_it_for_ever(
    run, mailbox, far_side, hands
):
    reading.read(mailbox.pk)  # and nobody has answered yet
    far_side.answer_as_prospect(far_side.journal[0], "Sounds interesting, let's talk.")
    hands.at += A_SECOND

    assert draining.drain_all() == 0, "the last reading knows nothing of that second"
    reading.read(mailbox.pk)
    assert draining.drain_all() == 0

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE
    assert Reply.everywhere.get().mail.outcome == "reply by in_reply_to"
    assert len(far_side.journal) == 1


def test_without_an_answer_it_leaves_as_soon_as_the_inbox_was_read(run, mailbox, far_side, hands):
    hands.at += A_SECOND
    assert draining.drain_all() == 0

    reading.read(mailbox.pk)

    assert draining.drain_all() == 1
    assert len(far_side.journal) == 2


def test_each_way_of_matching_finds_the_mail_and_the_subject_alone_does_not(run, mailbox, far_side):
    sent = ways_to_match.answers(run, by_thread=True)
    for raw in sent.values():
        far_side.deliver(mailbox.provider, mailbox.email, raw)

    assert reading.read(mailbox.pk) == len(sent)

    found = InboundMail.everywhere.values_list("message_id", "outcome")
    assert dict(found) == {message_from_bytes(raw)["Message-ID"]: by for by, raw in sent.items()}
    assert Reply.everywhere.filter(enrollment=run).count() == len(sent) - 1


def test_an_answer_by_hand_goes_out_in_their_thread(run, mailbox, far_side, hands):
    far_side.answer_as_prospect(far_side.journal[0], "How much is it?")
    reading.read(mailbox.pk)
    reply = Reply.everywhere.get()
    alice = make_user()
    touch = answering.write(reply, text="It is 40.", token="t" * 20, seen=0, by=alice)
    hands.at += timedelta(seconds=11)

    assert draining.drain_all() == 1

    touch.refresh_from_db()
    mine = message_from_bytes(far_side.journal[1].raw)
    assert mine["In-Reply-To"] == reply.mail.message_id and mine["List-Unsubscribe"] is None
    assert touch.thread_id == reply.mail.thread_id == reply.touch.thread_id
    far_side.answer_as_prospect(far_side.journal[1], "Good, let us talk.")
    reading.read(mailbox.pk)
    assert Reply.everywhere.latest("pk").touch == touch
