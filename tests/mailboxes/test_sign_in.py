"""Connecting mailboxes at Google and Microsoft, there and back, with their own libraries."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from django.db import connection
from django.test import Client

from mailboxes import connecting, signing_in
from mailboxes.models import Mailbox
from mailboxes.providers import provider_for
from outreach import times
from outreach.models import AuditEntry, Membership
from sequences.engine import draining
from sequences.models import Touch
from tests.factories import make_due_touch, make_mailbox, make_sequence, make_workspace
from tests.fakes.google import error

pytestmark = pytest.mark.django_db(transaction=True)

ALEX, SAM = "alex@brightline.test", "sam@brightline.test"
BOTH = pytest.mark.parametrize(
    ("provider", "page"),
    [("gmail", "/mailboxes/connect/google/"), ("microsoft", "/mailboxes/connect/microsoft/")],
    ids=["google", "microsoft"],
)


@pytest.fixture(autouse=True)
def reachable(far_side, settings, monkeypatch) -> None:
    settings.BASE_URL = "http://testserver"
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def admin(alice, workspace) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def side_of(far_side, provider: str):
    return far_side.google if provider == "gmail" else far_side.microsoft


def leave(client: Client, page: str) -> str:
    """Press the button; the address at the provider."""
    answer = client.post(page)
    assert answer.status_code == 302, answer.content.decode()
    return answer.headers["Location"]


def answered(there: str, **said: str) -> str:
    """What the provider sends the browser back to."""
    said = {"account": ALEX} | said
    url, query = there.split("?", 1)
    answer = requests.get(f"{url}/answer?{query}", params=said, allow_redirects=False, timeout=5)
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == "http://testserver"
    return f"{back.path}?{back.query}"


def connect(client: Client, page: str, **said: str):
    """There and back, as a person does it."""
    return client.get(answered(leave(client, page), **said), follow=True)


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


# The usual way


@pytest.mark.once
@BOTH
def test_what_is_asked_for_is_explained_before_anybody_is_asked(admin, provider, page):
    text = text_of(admin.get(page))

    for each in {
        "gmail": ["gmail.compose", "gmail.readonly", "Continue to Google"],
        "microsoft": ["Mail.ReadWrite", "Mail.Send", "User.Read", "Continue to Microsoft"],
    }[provider]:
        assert each in text


@BOTH
def test_a_mailbox_is_connected_and_sends_a_test_mail(
    admin, alice, workspace, far_side, provider, page
):
    answer = connect(admin, page)

    mailbox = Mailbox.objects.within(workspace).get()
    assert (mailbox.provider, mailbox.email, mailbox.status) == (provider, ALEX, "connected")
    assert answer.redirect_chain == [(f"/mailboxes/{mailbox.pk}/connected/", 302)]
    assert "Send a test mail to me" in text_of(answer)

    sent = admin.post(f"/mailboxes/{mailbox.pk}/test/", {"then": "connected"}, follow=True)

    assert "A test mail is on its way to alice@brightline.test." in text_of(sent)
    assert [each.recipient for each in far_side.journal] == [alice.email]


@pytest.mark.once
@BOTH
def test_the_answer_is_bound_by_pkce_and_state(admin, far_side, provider, page):
    there = parse_qs(urlsplit(leave(admin, page)).query)

    assert there["code_challenge_method"] == ["S256"]
    assert len(there["state"][0]) >= 16
    assert there["redirect_uri"] == [f"http://testserver{page}back/"]


@BOTH
def test_tokens_are_unreadable_in_the_database(admin, workspace, far_side, provider, page):
    connect(admin, page)

    with connection.cursor() as cursor:
        cursor.execute("SELECT sign_in FROM mailboxes_mailbox")
        (stored,) = cursor.fetchone()
    assert "refresh" not in stored
    assert "refresh" in Mailbox.objects.within(workspace).get().sign_in


@BOTH
def test_a_mailbox_that_is_connected_sends_what_was_approved(
    admin, workspace, far_side, provider, page
):
    connect(admin, page)
    mailbox = Mailbox.objects.within(workspace).get()
    make_due_touch(sequence=make_sequence(workspace, mailbox=mailbox))

    assert draining.drain_all() == 1
    assert len(far_side.journal) == 1


# Coming back without a mailbox: each with its own message


@pytest.mark.once
@BOTH
def test_who_cancels_reads_that_nothing_was_connected(admin, workspace, provider, page):
    answer = connect(admin, page, answer="cancel")

    assert answer.redirect_chain == [(page, 302)], "the address with the code is left"
    assert "You cancelled at" in text_of(answer)
    assert "You cancelled at" not in text_of(admin.get(page)), "said once"
    assert not Mailbox.objects.within(workspace).exists()


@pytest.mark.once
@BOTH
def test_a_permission_that_was_left_out_is_named(admin, workspace, provider, page):
    left_out = {
        "gmail": "https://www.googleapis.com/auth/gmail.readonly",
        "microsoft": "https://graph.microsoft.com/Mail.Send",
    }[provider]

    answer = connect(admin, page, leave_out=left_out)

    assert "A permission was left out at" in text_of(answer)
    assert left_out.rpartition("/")[2] in text_of(answer)
    assert not Mailbox.objects.within(workspace).exists()


@BOTH
def test_another_account_than_the_one_to_be_connected_again_changes_nothing(
    admin, workspace, far_side, provider, page
):
    connect(admin, page)
    mailbox = Mailbox.objects.within(workspace).get()

    answer = connect(admin, f"{page}?mailbox={mailbox.pk}", account=SAM)

    assert f"You signed in as {SAM}, but this mailbox is {ALEX}." in text_of(answer)
    assert Mailbox.objects.within(workspace).get().sign_in == mailbox.sign_in


@BOTH
def test_an_address_that_is_connected_another_way_stays_one_mailbox(
    admin, workspace, provider, page
):
    make_mailbox(workspace, provider="smtp", email=ALEX)

    assert f"{ALEX} is connected already, by SMTP." in text_of(connect(admin, page))
    assert Mailbox.objects.within(workspace).get().provider == "smtp"


@BOTH
def test_an_answer_counts_once(admin, far_side, provider, page):
    back = answered(leave(admin, page))
    admin.get(back)

    again = admin.get(back, follow=True)

    assert "finished before" in text_of(again)


@BOTH
def test_an_answer_to_somebody_elses_sign_in_connects_nothing(
    admin, workspace, far_side, provider, page
):
    back = answered(leave(admin, page))
    leave(admin, page)  # the session now waits for another answer

    answer = admin.get(back, follow=True)

    assert "another sign-in" in text_of(answer)
    assert not Mailbox.objects.within(workspace).exists()


@BOTH
def test_an_answer_in_another_browser_connects_nothing(alice, admin, workspace, provider, page):
    back = answered(leave(admin, page))
    other = Client()
    other.force_login(alice)

    assert "not begun in this browser" in text_of(other.get(back, follow=True))
    assert not Mailbox.objects.within(workspace).exists()


@BOTH
def test_an_answer_after_ten_minutes_is_too_late(admin, workspace, provider, page):
    there = leave(admin, page)
    back = answered(there)

    with time_machine.travel(times.now() + timedelta(minutes=11), tick=False):
        answer = admin.get(back, follow=True)

    assert "longer than 10 minutes" in text_of(answer)
    assert not Mailbox.objects.within(workspace).exists()


@BOTH
def test_an_answer_that_comes_back_in_another_workspace_connects_nothing(
    admin, alice, workspace, provider, page
):
    back = answered(leave(admin, page))
    other = make_workspace(alice, name="Other")
    admin.post(f"/workspaces/{other.pk}/switch/")

    assert "changed to another workspace" in text_of(admin.get(back, follow=True))
    assert not Mailbox.everywhere.exists()


@BOTH
def test_who_may_not_connect_may_not_come_back_either(admin, alice, workspace, provider, page):
    back = answered(leave(admin, page))
    Membership.objects.filter(user=alice).update(role="member")

    assert admin.get(back).status_code == 403
    assert not Mailbox.everywhere.exists()


@BOTH
def test_a_sandbox_workspace_takes_no_real_mailbox(alice, provider, page):
    Membership.objects.filter(user=alice).delete()
    make_workspace(alice, is_sandbox=True)
    client = Client()
    client.force_login(alice)

    answer = client.post(page)

    assert answer.status_code == 409
    assert "takes Sandbox mailboxes only" in text_of(answer)


@pytest.mark.once
@BOTH
def test_an_app_secret_that_is_wrong_is_the_operators(admin, workspace, far_side, provider, page):
    side_of(far_side, provider).grants.client_secret = "another"

    answer = connect(admin, page)

    assert "does not accept this installation" in text_of(answer)
    assert {"gmail": "GOOGLE_CLIENT_SECRET", "microsoft": "MICROSOFT_CLIENT_SECRET"}[
        provider
    ] in text_of(answer)
    assert not Mailbox.objects.within(workspace).exists()


@pytest.mark.once
@BOTH
@pytest.mark.parametrize("fault", [{"status": 503, "body": "<html>"}, {"line": "drop"}])
def test_a_provider_that_does_not_answer_is_said_and_not_a_broken_page(
    admin, workspace, far_side, provider, page, fault
):
    name = "google.token" if provider == "gmail" else "microsoft.token"
    there = leave(admin, page)
    back = answered(there)
    far_side.fail(name, times=None, **fault)

    answer = admin.get(back, follow=True)

    assert "could not be asked" in text_of(answer)
    assert not Mailbox.objects.within(workspace).exists()


@pytest.mark.once
def test_an_installation_where_gmail_is_switched_off_reads_googles_words(admin, far_side):
    words = "Gmail API has not been used in project 12 before or it is disabled."
    far_side.fail("gmail.profile", status=403, body=error(403, "accessNotConfigured", words))

    assert words in text_of(connect(admin, "/mailboxes/connect/google/"))


@pytest.mark.once
def test_an_error_that_the_provider_made_up_is_shown_as_text(admin):
    there = leave(admin, "/mailboxes/connect/google/")
    state = parse_qs(urlsplit(there).query)["state"][0]

    answer = admin.get(
        "/mailboxes/connect/google/back/",
        {"state": state, "error": "<script>alert(1)</script>"},
        follow=True,
    )

    assert "&lt;script&gt;" in text_of(answer)
    assert "<script>alert(1)" not in text_of(answer)


@pytest.mark.once
@BOTH
def test_a_page_at_another_address_than_the_registered_one_says_where_to_begin(
    admin, settings, provider, page
):
    settings.BASE_URL = "https://outreach.example.com"

    answer = admin.post(page)

    assert answer.status_code == 409
    assert "Open this page at https://outreach.example.com" in text_of(answer)


@pytest.mark.once
@BOTH
def test_what_is_missing_on_this_installation_is_said_with_the_address_to_register(
    admin, settings, provider, page
):
    settings.GOOGLE_CLIENT_ID = settings.MICROSOFT_CLIENT_SECRET = ""

    text = text_of(admin.get(page))

    assert {"gmail": "GOOGLE_CLIENT_ID", "microsoft": "MICROSOFT_CLIENT_SECRET"}[provider] in text
    assert f"http://testserver{page}back/" in text
    assert "Continue to" not in text
    assert admin.post(page).status_code == 409


# Connecting again


@BOTH
def test_a_mailbox_that_is_connected_again_keeps_its_identity_and_history(
    admin, workspace, far_side, provider, page
):
    connect(admin, page)
    mailbox = Mailbox.objects.within(workspace).get()
    mailbox.daily_limit, mailbox.signature = 7, "Alex"
    mailbox.save(update_fields=["daily_limit", "signature"])
    touch = make_due_touch(sequence=make_sequence(workspace, mailbox=mailbox))
    side_of(far_side, provider).grants.revoke_all(ALEX)
    mailbox.disconnect("Token has been expired or revoked.")

    there = admin.post(f"/mailboxes/{mailbox.pk}/reconnect/").headers["Location"]
    assert "Token has been expired or revoked." in text_of(admin.get(there))
    connect(admin, there)

    again = Mailbox.objects.within(workspace).get()
    assert (again.pk, again.status) == (mailbox.pk, "connected")
    assert (again.daily_limit, again.signature, again.last_error) == (7, "Alex", "")
    assert Touch.objects.get(pk=touch.pk).mailbox_id == again.pk
    provider_for(again).check()
    verbs = AuditEntry.objects.within(workspace).values_list("verb", flat=True)
    assert "reconnect" in list(verbs)


@BOTH
def test_signing_in_anew_to_a_known_address_connects_that_mailbox(
    admin, workspace, far_side, provider, page
):
    connect(admin, page)
    mailbox = Mailbox.objects.within(workspace).get()
    connecting.disconnect(mailbox, by=workspace.memberships.get().user)

    connect(admin, page, account=ALEX)

    assert Mailbox.objects.within(workspace).get().status == "connected"


@BOTH
def test_a_mailbox_that_was_disconnected_keeps_no_tokens(
    admin, alice, workspace, far_side, provider, page
):
    connect(admin, page)
    mailbox = Mailbox.objects.within(workspace).get()
    busy = provider_for(Mailbox.everywhere.get(pk=mailbox.pk))
    side_of(far_side, provider).grants.end_access_tokens()

    connecting.disconnect(mailbox, by=alice)
    busy.check()  # a worker that was at it renews its token just now

    assert Mailbox.everywhere.get(pk=mailbox.pk).sign_in == ""


@pytest.mark.once
@BOTH
def test_the_guide_for_operators_names_what_they_have_to_enter(settings, provider, page):
    far = signing_in.BY_PROVIDER[provider]

    guide = (settings.BASE_DIR / far.guide).read_text()

    assert f"BASE_URL{page}back/" in guide
    assert far.redirect_uri == f"http://testserver{page}back/"
    for name in [*far.settings, *(each.short for each in far.permissions)]:
        assert name in guide
