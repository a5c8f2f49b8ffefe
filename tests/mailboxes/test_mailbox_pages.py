import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from mailboxes import connecting
from mailboxes.forms import MailboxForm
from mailboxes.models import Mailbox, MailboxDay
from mailboxes.providers import provider_for
from outreach import times
from outreach.models import AuditEntry, Membership, User, Workspace
from tests.factories import make_mailbox, make_user, make_workspace
from tests.fakes.smtp import Sink, running_sink

pytestmark = pytest.mark.django_db(transaction=True)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def playground(alice) -> Workspace:
    """A sandbox workspace of its own person."""
    Membership.objects.filter(user=alice).delete()
    return make_workspace(alice, name="Bright & Line", is_sandbox=True)


@pytest.fixture
def smtp_server() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


def smtp_values(server_port: int = 2, **values: object) -> dict[str, object]:
    return {
        "email": "Alex@Brightline.test",
        "sender_name": "Alex Morgan",
        "smtp_host": "127.0.0.1",
        "smtp_port": server_port,
        "smtp_security": "plain",
        "smtp_username": "",
        "smtp_password": "",
        "daily_limit": 40,
        "zone": "Europe/Lisbon",
        "signature": "Alex",
    } | values


def test_a_card_shows_todays_use_on_the_mailboxs_own_day(alice, workspace):
    mailbox = make_mailbox(workspace, zone="Pacific/Kiritimati", daily_limit=50)
    today = times.now().astimezone(ZoneInfo(mailbox.zone)).date()
    MailboxDay.objects.create(mailbox=mailbox, day=today, quota=50, sent=11, reserved=1)

    page = signed_in(alice).get("/mailboxes/").content.decode()

    assert "12 of 50 today" in page
    assert mailbox.email in page


def test_a_card_repeats_the_providers_own_words(alice, workspace):
    mailbox = make_mailbox(workspace)
    mailbox.disconnect("535 5.7.8 Bad credentials")

    page = signed_in(alice).get("/mailboxes/").content.decode()

    assert "535 5.7.8 Bad credentials" in page
    assert "Reconnect" in page


def test_the_page_asks_no_more_of_the_database_for_more_mailboxes(
    alice, workspace, django_assert_max_num_queries
):
    for _ in range(12):
        make_mailbox(workspace)
    client = signed_in(alice)
    client.get("/mailboxes/")

    with django_assert_max_num_queries(12):
        client.get("/mailboxes/")


def test_a_sandbox_mailbox_is_made_with_one_click(alice, playground):
    client = signed_in(alice)

    answer = client.post("/mailboxes/connect/sandbox/")
    client.post("/mailboxes/connect/sandbox/")

    assert answer.status_code == 302
    emails = Mailbox.everywhere.filter(workspace=playground).values_list("email", flat=True)
    assert sorted(emails) == ["alice2@bright-line.test", "alice@bright-line.test"]
    provider_for(Mailbox.everywhere.filter(workspace=playground).first()).check()


def test_a_workspace_that_sends_takes_no_sandbox_mailbox_and_says_why(alice, workspace):
    answer = signed_in(alice).post("/mailboxes/connect/sandbox/")

    assert answer.status_code == 409
    assert "takes no Sandbox mailbox" in answer.content.decode()
    assert not Mailbox.everywhere.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_sandbox_workspace_takes_no_real_mailbox_and_says_why(alice, playground, method):
    client = signed_in(alice)

    answer = getattr(client, method)("/mailboxes/connect/smtp/", smtp_values())

    assert answer.status_code == 409
    assert "takes Sandbox mailboxes only" in answer.content.decode()
    assert not Mailbox.everywhere.exists()


def test_a_preset_fills_in_the_server(alice, workspace):
    page = signed_in(alice).get("/mailboxes/connect/smtp/?preset=fastmail").content.decode()

    assert 'value="smtp.fastmail.com"' in page
    assert "app password" in page


def test_a_mailbox_whose_server_does_not_answer_is_not_kept(alice, workspace):
    answer = signed_in(alice).post("/mailboxes/connect/smtp/", smtp_values(server_port=1))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Server answers: failed" in page
    assert not Mailbox.everywhere.exists()


def test_a_mailbox_that_works_is_kept_and_written_down(alice, workspace, smtp_server):
    answer = signed_in(alice).post("/mailboxes/connect/smtp/", smtp_values(smtp_server.port))

    mailbox = Mailbox.everywhere.get()
    assert answer.status_code == 302
    assert (mailbox.email, mailbox.status) == ("alex@brightline.test", "connected")
    assert mailbox.created_by == alice
    assert AuditEntry.everywhere.get().verb == "connect"


def test_testing_alone_keeps_nothing(alice, workspace, smtp_server):
    values = smtp_values(smtp_server.port, do="test")

    answer = signed_in(alice).post("/mailboxes/connect/smtp/", values)

    assert answer.status_code == 200
    assert "The connection works" in answer.content.decode()
    assert not Mailbox.everywhere.exists()


def test_the_password_is_never_shown_again_and_an_empty_one_keeps_it(alice, workspace, smtp_server):
    mailbox = make_mailbox(
        workspace,
        provider="smtp",
        smtp_host="127.0.0.1",
        smtp_port=smtp_server.port,
        smtp_security="plain",
        smtp_password="hunter2-hunter2",
    )
    client = signed_in(alice)
    path = f"/mailboxes/{mailbox.pk}/edit/"

    page = client.get(path).content.decode()
    answer = client.post(path, smtp_values(smtp_server.port, signature="New"))

    mailbox.refresh_from_db()
    assert "hunter2" not in page
    assert answer.status_code == 302
    assert (mailbox.smtp_password, mailbox.signature) == ("hunter2-hunter2", "New")


def test_a_stored_password_is_not_sent_to_another_server(alice, workspace):
    mailbox = make_mailbox(
        workspace, provider="smtp", smtp_host="mail.brightline.test", smtp_password="secret"
    )

    answer = signed_in(alice).post(f"/mailboxes/{mailbox.pk}/edit/", smtp_values())

    assert answer.status_code == 422
    assert "Enter the password again" in answer.content.decode()


def test_the_same_address_is_not_connected_twice(alice, workspace):
    make_mailbox(workspace, email="alex@brightline.test")

    answer = signed_in(alice).post("/mailboxes/connect/smtp/", smtp_values())

    assert answer.status_code == 422
    assert "is connected already" in answer.content.decode()


def test_what_a_worker_noted_meanwhile_is_not_overwritten_by_an_edit(alice, workspace):
    mailbox = make_mailbox(workspace)
    values = {"sender_name": "Alex", "daily_limit": 20, "zone": "UTC", "signature": ""}
    form = MailboxForm(values, instance=Mailbox.everywhere.get(pk=mailbox.pk))
    assert form.is_valid()
    mailbox.disconnect("535 Bad credentials")

    connecting.keep(form.instance, form.fields, by=alice)

    mailbox.refresh_from_db()
    assert (mailbox.status, mailbox.daily_limit) == ("disconnected", 20)


def test_a_disconnected_mailbox_comes_back_once_its_server_lets_it_in(
    alice, workspace, smtp_server
):
    mailbox = make_mailbox(workspace, provider="smtp", email="alex@brightline.test")
    mailbox.disconnect("535 Bad credentials")

    signed_in(alice).post(f"/mailboxes/{mailbox.pk}/edit/", smtp_values(smtp_server.port))

    mailbox.refresh_from_db()
    assert (mailbox.status, mailbox.last_error) == ("connected", "")


def test_a_mailbox_is_paused_resumed_disconnected_and_connected_again(alice, playground):
    mailbox = make_mailbox(playground)
    client = signed_in(alice)

    for verb, status in (
        ("pause", "paused"),
        ("resume", "connected"),
        ("disconnect", "disconnected"),
        ("reconnect", "connected"),
    ):
        assert client.post(f"/mailboxes/{mailbox.pk}/{verb}/").status_code == 302
        mailbox.refresh_from_db()
        assert mailbox.status == status


def test_disconnecting_forgets_the_password(alice, workspace):
    mailbox = make_mailbox(workspace, provider="smtp", smtp_password="secret")

    signed_in(alice).post(f"/mailboxes/{mailbox.pk}/disconnect/")

    mailbox.refresh_from_db()
    assert mailbox.smtp_password == ""


def test_a_test_mail_goes_to_whoever_asks(alice, workspace, smtp_server):
    mailbox = make_mailbox(
        workspace,
        provider="smtp",
        smtp_host="127.0.0.1",
        smtp_port=smtp_server.port,
        smtp_security="plain",
    )

    answer = signed_in(alice).post(f"/mailboxes/{mailbox.pk}/test/", follow=True)

    assert [mail.recipients for mail in smtp_server.accepted] == [["alice@brightline.test"]]
    assert "A test mail is on its way to alice@brightline.test" in answer.content.decode()


def test_a_test_mail_that_is_refused_says_so_in_the_servers_words(alice, workspace):
    mailbox = make_mailbox(
        workspace, provider="smtp", smtp_host="127.0.0.1", smtp_port=1, smtp_security="plain"
    )

    answer = signed_in(alice).post(f"/mailboxes/{mailbox.pk}/test/", follow=True)

    assert "The test mail was not sent" in answer.content.decode()


VERBS = ["pause", "resume", "disconnect", "reconnect", "test", "watch", "unwatch"]


@pytest.mark.parametrize("verb", [*VERBS, "edit"])
def test_a_stranger_finds_nothing(carol, workspace, verb):
    mailbox = make_mailbox(workspace)

    assert signed_in(carol).post(f"/mailboxes/{mailbox.pk}/{verb}/").status_code == 404


@pytest.mark.parametrize("verb", [*VERBS, "edit"])
@pytest.mark.parametrize("role", ["viewer", "member", "approver"])
def test_only_an_admin_changes_a_mailbox(workspace, verb, role):
    mailbox = make_mailbox(workspace)
    person = make_user()
    Membership.objects.create(user=person, workspace=workspace, role=role)

    assert signed_in(person).post(f"/mailboxes/{mailbox.pk}/{verb}/").status_code == 403


@pytest.mark.parametrize("verb", VERBS)
def test_a_link_changes_nothing(alice, workspace, verb):
    mailbox = make_mailbox(workspace)

    assert signed_in(alice).get(f"/mailboxes/{mailbox.pk}/{verb}/").status_code == 405


def test_a_viewer_sees_the_mailboxes_and_no_buttons(bob, workspace):
    make_mailbox(workspace, email="alex@brightline.test")

    page = signed_in(bob).get("/mailboxes/").content.decode()

    assert "alex@brightline.test" in page
    assert "/pause/" not in page


def test_a_full_day_says_when_it_goes_on(alice, workspace):
    mailbox = make_mailbox(workspace, zone="Europe/Lisbon", daily_limit=5)
    today = times.now().astimezone(ZoneInfo(mailbox.zone)).date()
    MailboxDay.objects.create(mailbox=mailbox, day=today, quota=5, sent=5)

    page = signed_in(alice).get("/mailboxes/").content.decode()

    assert "Its day is full. It goes on at midnight in Lisbon, as far as" in page


def test_an_address_that_cannot_change_says_why(alice, workspace):
    mailbox = make_mailbox(workspace, provider="smtp", smtp_host="smtp.example.com")

    page = signed_in(alice).get(f"/mailboxes/{mailbox.pk}/edit/").content.decode()

    assert "Fixed: runs and approvals are bound to the address." in page
    assert re.search(r'name="email"[^>]*aria-describedby="id_email_helptext"', page)
