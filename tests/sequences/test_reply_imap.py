"""An answer that lies in a real IMAP server's inbox stops what would have followed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from itertools import count

import pytest

from mailboxes.models import InboundMail, Mailbox
from outreach import times
from sequences.engine import draining, explain, reading, replies
from sequences.engine.explain import Reason
from sequences.models import Enrollment, Reply, Sequence, Touch
from tests.factories import approve, make_contact, make_enrollment, make_mailbox, make_sequence
from tests.fakes import dovecot
from tests.fakes.dovecot import PASSWORD, Dovecot, running_dovecot
from tests.fakes.smtp import Sink, running_sink
from tests.sequences import ways_to_match
from tests.sequences.sent_world import Hands

pytestmark = [
    pytest.mark.skipif(dovecot.PROGRAM is None, reason=dovecot.MISSING),
    pytest.mark.django_db(transaction=True),
]
_numbers = count(1)
A_SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@pytest.fixture
def hands() -> Iterator[Hands]:
    hands = Hands(times.now())
    with hands.hold():
        yield hands


@pytest.fixture
def mailbox(workspace, server, sink) -> Mailbox:
    return make_mailbox(
        workspace,
        provider="smtp",
        email="alex@brightline.test",
        smtp_host=sink.host,
        smtp_port=sink.port,
        smtp_security="plain",
        imap_host=server.host,
        imap_port=server.port,
        imap_security="plain",
        imap_username=f"alex{next(_numbers)}",
        imap_password=PASSWORD,
    )


@pytest.fixture
def run(mailbox, hands) -> Enrollment:
    """A run whose first step went out an hour ago, and whose second falls due in a second."""
    contact = make_contact(mailbox.workspace, email="jordan@globex.test")
    sequence = make_sequence(mailbox.workspace, steps=3, mailbox=mailbox)
    run = approve(make_enrollment(sequence=sequence, contact=contact))
    hands.at -= timedelta(hours=1)
    Touch.objects.filter(enrollment=run, position=1).update(due_at=hands.at)
    Enrollment.everywhere.filter(pk=run.pk).update(undo_until=hands.at)
    assert draining.drain_all() == 1
    hands.at += timedelta(hours=1)
    Touch.objects.filter(enrollment=run, position=2).update(due_at=hands.at + A_SECOND)
    Sequence.everywhere.update(next_free_at=None)
    return Enrollment.everywhere.get(pk=run.pk)


def answer(run: Enrollment, sender: str = "jordan@globex.test", **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, "alex@brightline.test"
    mail["Subject"] = "Re: Quick question about Globex"
    mail["Message-ID"] = f"<answer{next(_numbers)}@globex.test>"
    mail["Date"] = datetime.now(UTC)
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Sounds interesting, let's talk on Thursday.")
    return mail.as_bytes()


def first_id(run: Enrollment) -> str:
    return run.touches.get(position=1).wire_message_id


def reason(run: Enrollment) -> Reason:
    touch = run.touches.select_related("step").get(position=2)
    return explain.touch(touch, Enrollment.everywhere.get(pk=run.pk)).reason


def read(mailbox: Mailbox) -> int:
    return reading.read(mailbox.pk)


def test_an_answer_one_second_before_the_follow_up_is_due_holds_it_for_ever(
    run, mailbox, server, sink, hands
):
    read(mailbox)  # and nobody has answered yet
    server.put(mailbox.imap_username, answer(run, In_Reply_To=first_id(run)))
    sent = len(sink.accepted)
    hands.at += A_SECOND

    assert draining.drain_all() == 0, "the last reading knows nothing of that second"
    assert reading.mailboxes_to_read(hands.at + timedelta(seconds=15)) == [mailbox.pk]
    hands.at += timedelta(seconds=15)
    assert read(mailbox) == 1
    assert draining.drain_all() == 0

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE
    assert [touch.status for touch in run.touches.all()] == ["sent", "cancelled", "cancelled"]
    assert len(sink.accepted) == sent


def test_without_an_answer_it_leaves_as_soon_as_the_inbox_was_read(run, mailbox, sink, hands):
    hands.at += A_SECOND
    assert draining.drain_all() == 0

    read(mailbox)

    assert draining.drain_all() == 1
    assert sink.accepted[-1].recipients == ["jordan@globex.test"]


def test_an_answer_in_the_junk_folder_counts(run, mailbox, server, hands):
    server.put(mailbox.imap_username, answer(run, In_Reply_To=first_id(run)), "Junk")

    read(mailbox)

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE


@pytest.mark.parametrize("sender", ["pat.colleague@globex.test", "jordan.private@gmail.com"])
def test_a_colleague_or_another_address_of_theirs_counts_in_the_thread(
    run, mailbox, server, sender
):
    references = f"<somebody@elsewhere.test> {first_id(run)} <between@globex.test>"
    mail = answer(run, sender, In_Reply_To="<between@globex.test>", References=references)
    server.put(mailbox.imap_username, mail)

    read(mailbox)

    assert Reply.everywhere.get().mail.outcome == "reply by references"


def test_each_way_of_matching_finds_the_mail_and_the_subject_alone_does_not(run, mailbox, server):
    sent = ways_to_match.answers(run, by_thread=False)
    for raw in sent.values():
        server.put(mailbox.imap_username, raw)

    assert read(mailbox) == len(sent)

    found = InboundMail.everywhere.values_list("message_id", "outcome")
    assert dict(found) == {message_from_bytes(raw)["Message-ID"]: by for by, raw in sent.items()}


def test_the_same_subject_alone_is_no_answer(run, mailbox, server, hands):
    server.put(mailbox.imap_username, answer(run, "somebody@elsewhere.test"))
    hands.at += A_SECOND

    read(mailbox)

    assert InboundMail.everywhere.get().outcome == "unmatched"
    assert draining.drain_all() == 1


def test_our_own_mail_in_the_inbox_is_no_answer(run, mailbox, server, hands):
    ours = answer(run, "alex@brightline.test", In_Reply_To=first_id(run))
    server.put(mailbox.imap_username, ours)
    hands.at += A_SECOND

    read(mailbox)

    assert InboundMail.everywhere.get().outcome == "own"
    assert draining.drain_all() == 1


def test_one_answer_in_two_folders_counts_once(run, mailbox, server):
    mail = answer(run, In_Reply_To=first_id(run))
    server.put(mailbox.imap_username, mail)
    server.put(mailbox.imap_username, mail, "Junk")

    read(mailbox)

    assert Reply.everywhere.count() == 1


def test_an_inbox_does_not_count_as_read_while_a_mail_of_it_is_not_settled(
    run, mailbox, server, hands, monkeypatch
):
    def breaks(mail: InboundMail) -> str:
        raise RuntimeError("a fault of the program")

    server.put(mailbox.imap_username, answer(run, In_Reply_To=first_id(run)))
    hands.at += A_SECOND
    with monkeypatch.context() as patch:
        patch.setattr(replies, "settle", breaks)
        read(mailbox)

    assert (reason(run), draining.drain_all()) == (Reason.UNREADABLE, 0)
    mailbox.refresh_from_db()
    assert (mailbox.inbox_read_at, mailbox.inbox_error) == (None, reading.BROKEN)


def test_a_server_that_refuses_us_is_quoted_and_asked_again_later(run, mailbox, hands):
    Mailbox.everywhere.filter(pk=mailbox.pk).update(imap_password="wrong")
    hands.at += A_SECOND

    read(mailbox)

    mailbox.refresh_from_db()
    assert mailbox.inbox_error == "[AUTHENTICATIONFAILED] Authentication failed."
    assert mailbox.next_read_at == hands.at + timedelta(minutes=1)
    assert reason(run) == Reason.UNREADABLE
