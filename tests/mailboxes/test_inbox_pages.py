"""What the mailbox pages say about inboxes: read, not read, watched by somebody."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from mailboxes.models import Folder, Mailbox
from outreach import times
from outreach.models import AuditEntry
from tests.factories import make_mailbox
from tests.fakes import dovecot
from tests.fakes.dovecot import PASSWORD, Dovecot, running_dovecot
from tests.fakes.smtp import Sink, running_sink
from tests.mailboxes.test_mailbox_pages import smtp_values

pytestmark = pytest.mark.django_db(transaction=True)
CONNECT = "/mailboxes/connect/smtp/"


@pytest.fixture
def page(alice) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    if dovecot.PROGRAM is None:
        pytest.skip(dovecot.MISSING)
    with running_dovecot() as server:
        yield server


def both(sink: Sink, server: Dovecot, **values: object) -> dict[str, object]:
    """What is entered for a mailbox that sends and is read."""
    inbox = {
        "imap_host": server.host,
        "imap_port": server.port,
        "imap_security": "plain",
        "imap_username": "alex",
        "imap_password": PASSWORD,
    }
    return smtp_values(sink.port, **(inbox | values))


def listed(page: Client) -> str:
    return page.get("/mailboxes/").content.decode()


def unread(workspace, **values: object) -> Mailbox:
    return make_mailbox(workspace, provider="smtp", watched_at=None, **values)


class TestConnecting:
    def test_sending_and_inbox_are_tested_step_by_step(self, page, workspace, sink, server):
        answer = page.post(CONNECT, both(sink, server, do="test")).content.decode()

        assert "The connection works" in answer
        for step in ("Server found", "Inbox: server found", "Inbox: sign-in", "Inbox: folders"):
            assert f"<strong>{step}</strong>" in answer
        assert "Answers are looked for in INBOX, Junk, Trash" in answer
        assert not Mailbox.everywhere.exists()

    def test_an_inbox_that_does_not_open_keeps_the_mailbox_from_being_saved(
        self, page, workspace, sink, server
    ):
        answer = page.post(CONNECT, both(sink, server, imap_password="wrong"))

        assert answer.status_code == 422
        assert "Inbox: sign-in: failed" in answer.content.decode()
        assert "[AUTHENTICATIONFAILED] Authentication failed." in answer.content.decode()
        assert not Mailbox.everywhere.exists()

    def test_a_mailbox_with_its_inbox_is_kept(self, page, workspace, sink, server):
        assert page.post(CONNECT, both(sink, server)).status_code == 302

        mailbox = Mailbox.everywhere.get()
        assert mailbox.can_read_inbox and not mailbox.needs_watching

    def test_without_an_inbox_it_is_kept_too_and_says_what_that_means(self, page, workspace, sink):
        assert page.post(CONNECT, smtp_values(sink.port)).status_code == 302

        assert Mailbox.everywhere.get().needs_watching
        assert "Its inbox is not read." in listed(page)

    def test_name_and_password_for_sending_do_for_the_inbox(self, page, workspace, server):
        with running_sink(user="alex", password=PASSWORD) as own:
            values = {"smtp_username": "alex", "smtp_password": PASSWORD, "do": "test"}
            same = both(own, server, imap_username="", imap_password="", **values)

            assert "The connection works" in page.post(CONNECT, same).content.decode()

    def test_a_preset_fills_in_the_inbox_as_well(self, page, workspace):
        shown = page.get(f"{CONNECT}?preset=fastmail").content.decode()

        assert 'value="imap.fastmail.com"' in shown and 'value="993"' in shown


class TestEditing:
    def test_an_edit_of_something_else_forgets_nothing(self, page, workspace, sink, server):
        page.post(CONNECT, both(sink, server))
        mailbox = Mailbox.everywhere.get()
        mailbox.was_read(times.now())
        Folder.objects.create(mailbox=mailbox, name="INBOX", cursor="1:1")

        values = both(sink, server, imap_password="", signature="New")
        assert page.post(f"/mailboxes/{mailbox.pk}/edit/", values).status_code == 302

        mailbox.refresh_from_db()
        assert (mailbox.signature, mailbox.imap_password) == ("New", PASSWORD)
        assert mailbox.inbox_read_at and mailbox.folders.count() == 1

    def test_another_account_is_read_from_the_beginning(self, page, workspace, sink, server):
        page.post(CONNECT, both(sink, server))
        mailbox = Mailbox.everywhere.get()
        mailbox.was_read(times.now())
        Folder.objects.create(mailbox=mailbox, name="INBOX", cursor="1:1")

        page.post(f"/mailboxes/{mailbox.pk}/edit/", both(sink, server, imap_username="another"))

        mailbox.refresh_from_db()
        assert mailbox.inbox_read_at is None and not mailbox.folders.exists()

    @pytest.mark.parametrize("stored", ["smtp_password", "imap_password"])
    def test_a_stored_password_is_not_sent_to_another_inbox(self, page, workspace, sink, stored):
        mailbox = make_mailbox(
            workspace,
            provider="smtp",
            email="alex@brightline.test",
            smtp_host="127.0.0.1",
            imap_host="imap.brightline.test",
            **{stored: "secret"},
        )
        values = smtp_values(sink.port, imap_host="imap.elsewhere.test")

        answer = page.post(f"/mailboxes/{mailbox.pk}/edit/", values)

        assert answer.status_code == 422
        assert "Enter the password again for the new server." in answer.content.decode()

    def test_disconnecting_forgets_both_passwords(self, page, workspace):
        mailbox = unread(workspace, smtp_password="secret", imap_password="secret")

        page.post(f"/mailboxes/{mailbox.pk}/disconnect/")

        mailbox.refresh_from_db()
        assert (mailbox.smtp_password, mailbox.imap_password) == ("", "")


class TestCard:
    def test_says_when_it_was_last_read(self, page, workspace):
        mailbox = unread(workspace, imap_host="imap.brightline.test")
        assert "Last read</dt><dd>not yet" in listed(page)

        mailbox.was_read(times.now() - timedelta(minutes=2))

        shown = listed(page)
        assert "2 min ago" in shown and "cannot be read" not in shown

    def test_repeats_why_it_cannot_be_read(self, page, workspace):
        mailbox = unread(workspace, imap_host="imap.brightline.test")
        mailbox.could_not_be_read("[AUTHENTICATIONFAILED] Authentication failed.", times.now())

        shown = listed(page)

        assert "Its inbox cannot be read." in shown
        assert "[AUTHENTICATIONFAILED] Authentication failed." in shown

    def test_somebody_watches_and_is_named_and_takes_it_back(self, page, workspace, alice):
        mailbox = unread(workspace)

        page.post(f"/mailboxes/{mailbox.pk}/watch/")
        assert "Alice Reyes watches this inbox," in listed(page)

        page.post(f"/mailboxes/{mailbox.pk}/unwatch/")
        assert "Its inbox is not read." in listed(page)
        verbs = AuditEntry.everywhere.order_by("pk").values_list("verb", "by")
        assert list(verbs) == [("watch", alice.pk), ("unwatch", alice.pk)]

    def test_a_sandbox_has_nothing_to_watch(self, page, workspace):
        mailbox = make_mailbox(workspace)

        answer = page.post(f"/mailboxes/{mailbox.pk}/watch/", follow=True).content.decode()

        assert "nobody has to watch it" in answer
        assert "Its inbox is not read." not in answer
