"""Reading mailboxes at Google and Microsoft, against HTTP servers that act as them."""

import pytest

from mailboxes import inbox
from mailboxes.models import Folder, InboundMail, Mailbox
from mailboxes.providers.base import ProviderError
from mailboxes.reading import gmail, graph
from outreach import times
from sequences.engine import reading
from tests.factories import make_mailbox
from tests.fakes.far_side import FarSide
from tests.mailboxes.far_mailboxes import ADDRESS

pytestmark = pytest.mark.django_db(transaction=True)
PROVIDERS = ["gmail", "microsoft"]
# Google's history is that of the whole mailbox, and its cursors are numbers.
AT_MICROSOFT = pytest.mark.parametrize("mailbox", ["microsoft"], indirect=True)


@pytest.fixture(params=PROVIDERS)
def mailbox(request, far_side, workspace) -> Mailbox:
    sign_in = far_side.sign_in(request.param, ADDRESS)
    return make_mailbox(
        workspace, provider=request.param, email=ADDRESS, sign_in=sign_in, watched_at=None
    )


def raw(subject: str, text: str = "Hi") -> bytes:
    head = f"From: Jordan <jordan@globex.test>\r\nSubject: {subject}\r\n"
    return f"{head}Message-ID: <{subject.replace(' ', '')}@globex.test>\r\n\r\n{text}\r\n".encode()


def put(far_side: FarSide, mailbox: Mailbox, subject: str) -> str:
    return far_side.deliver(mailbox.provider, mailbox.email, raw(subject))


def put_into_spam(far_side: FarSide, mailbox: Mailbox, subject: str) -> None:
    with far_side.lock:
        if mailbox.provider == "gmail":
            far_side.google.deliver(mailbox.email, raw(subject), labels=("SPAM", "UNREAD"))
        else:
            far_side.microsoft.deliver(mailbox.email, raw(subject), folder="junkemail")


def forget(far_side: FarSide, mailbox: Mailbox) -> None:
    """Let every cursor that was handed out expire."""
    with far_side.lock:
        if mailbox.provider == "gmail":
            far_side.google.mailbox(mailbox.email).forget_history()
        else:
            far_side.microsoft.mailbox(mailbox.email).forget_deltas()


def subjects() -> list[str]:
    return sorted(InboundMail.everywhere.values_list("subject", flat=True))


def read(mailbox: Mailbox) -> inbox.Reading:
    mailbox.refresh_from_db()
    return inbox.read(mailbox)


def test_each_reading_takes_in_what_is_new_and_nothing_twice(far_side, mailbox):
    put(far_side, mailbox, "First")
    assert read(mailbox) == inbox.Reading(1, is_whole=True)

    put(far_side, mailbox, "Second")
    put(far_side, mailbox, "Third")

    assert read(mailbox).new == 2
    assert read(mailbox).new == 0
    assert subjects() == ["First", "Second", "Third"]


def test_a_mail_keeps_its_conversation_and_what_the_provider_calls_it(far_side, mailbox):
    name = put(far_side, mailbox, "First")

    read(mailbox)

    kept = InboundMail.everywhere.get()
    assert kept.provider_id == name and kept.thread_id
    assert kept.text == "Hi"


def test_spam_is_read_too(far_side, mailbox):
    read(mailbox)
    put_into_spam(far_side, mailbox, "Taken for spam")

    assert read(mailbox).new == 1


@AT_MICROSOFT
def test_a_rule_that_moves_mail_hides_none_of_it(far_side, mailbox):
    with far_side.lock:
        far_side.microsoft.deliver(mailbox.email, raw("Moved"), folder="clients")

    assert read(mailbox).new == 1


def test_a_cursor_that_has_expired_begins_anew_and_doubles_nothing(far_side, mailbox):
    put(far_side, mailbox, "Before")
    read(mailbox)
    forget(far_side, mailbox)
    put(far_side, mailbox, "After")

    assert read(mailbox) == inbox.Reading(1, is_whole=True)
    assert read(mailbox).new == 0
    assert subjects() == ["After", "Before"]


def test_a_reading_that_was_cut_short_goes_on(far_side, mailbox, monkeypatch):
    monkeypatch.setattr(gmail, "AT_ONCE", 2)
    monkeypatch.setattr(graph, "AT_ONCE", 2)
    monkeypatch.setattr(inbox, "MOST_MAILS", 4)
    for number in range(7):
        put(far_side, mailbox, f"Number {number}")

    assert read(mailbox) == inbox.Reading(4, is_whole=False)
    assert read(mailbox).new == 3
    put(far_side, mailbox, "One more")
    assert read(mailbox).new == 1
    assert len(subjects()) == 8


def test_a_refusal_is_told_in_the_providers_words(far_side, mailbox):
    put(far_side, mailbox, "First")
    name = "gmail.messages.list" if mailbox.provider == "gmail" else "graph.folders.delta"
    far_side.fail(name, status=503)

    with pytest.raises(ProviderError, match="503"):
        read(mailbox)

    far_side.heal()
    assert read(mailbox).new == 1


@AT_MICROSOFT
def test_a_token_is_sent_to_no_other_host(far_side, mailbox):
    link = "https://elsewhere.test/v1.0/me/mailFolders/inbox/messages/delta?$deltatoken=1"
    Folder.objects.create(mailbox=mailbox, name="inbox", cursor=link)

    with pytest.raises(ProviderError, match="leads elsewhere"):
        read(mailbox)


def test_of_a_mail_that_is_too_large_the_head_is_read(far_side, mailbox, monkeypatch):
    large = raw("Large", "x" * 60_000)
    far_side.deliver(mailbox.provider, mailbox.email, large)
    monkeypatch.setattr("mailboxes.providers.web.LARGEST_ANSWER", 20_000)

    assert read(mailbox) == inbox.Reading(1, is_whole=True)
    kept = InboundMail.everywhere.get()
    assert (kept.subject, kept.message_id, kept.text) == ("Large", "<Large@globex.test>", "")


def test_a_mailbox_that_is_connected_again_is_read_at_once(far_side, mailbox):
    mailbox.could_not_be_read("401 The token was revoked", times.now())
    mailbox.disconnect("401 The token was revoked")

    mailbox.reconnect()

    mailbox.refresh_from_db()
    assert (mailbox.inbox_error, mailbox.next_read_at) == ("", None)
    assert reading.mailboxes_to_read(times.now()) == [mailbox.pk]
