"""Signing in, up and out, and forgotten passwords."""

import re
from pathlib import Path

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from outreach.models import Invitation, User, Workspace
from tests.factories import make_user

NEW = {"name": "Dana Ito", "email": "dana@brightline.test", "password1": "a-long-pass-phrase"}
PAGES = (
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-bad/",
    "/accounts/password/reset/key/done/",
    "/accounts/confirm-email/",
    "/accounts/confirm-email/bad/",
    "/accounts/inactive/",
)
SIGNED_IN_PAGES = ("/accounts/password/change/", "/accounts/email/", "/accounts/logout/")


@pytest.fixture
def invitation(alice: User, workspace: Workspace) -> Invitation:
    return Invitation.objects.create(
        workspace=workspace, email=NEW["email"], role="member", invited_by=alice
    )


def sign_in(client: Client, password: str = "alice-password", **values: str):
    fields = {"login": "alice@brightline.test", "password": password} | values
    return client.post("/accounts/login/", fields)


def check_look(page: str) -> None:
    assert page.count("<h1") == 1
    assert 'class="plain"' in page
    assert not re.search(r"\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page)
    assert "placeholder=" not in page


@pytest.mark.parametrize("address", PAGES)
def test_every_page_of_sign_in_wears_our_look(client, db, address):
    check_look(client.get(address, follow=True).content.decode())


@pytest.mark.parametrize("address", SIGNED_IN_PAGES)
def test_every_page_of_an_account_wears_our_look(client, alice, address):
    client.force_login(alice)

    check_look(client.get(address).content.decode())


def test_a_signed_out_visitor_comes_back_to_the_page_after_signing_in(client, alice, workspace):
    asked = client.get("/settings/members/?from=mail")
    assert asked.url == "/accounts/login/?next=/settings/members/%3Ffrom%3Dmail"

    answer = sign_in(client, next="/settings/members/?from=mail")

    assert answer.status_code == 302 and answer.url == "/settings/members/?from=mail"


def test_signing_in_never_leads_to_another_site(client, alice):
    assert sign_in(client, next="https://evil.test/").url == "/"


def test_a_wrong_password_is_refused_without_telling_whether_the_address_is_known(client, alice):
    wrong = sign_in(client, password="not-it").content.decode()
    unknown = sign_in(client, login="nobody@brightline.test").content.decode()

    said = "This address and this password do not belong together."
    assert said in wrong and said in unknown
    assert "_auth_user_id" not in client.session


def test_signing_in_when_signed_in_already_leads_on(client, alice):
    client.force_login(alice)

    assert client.get("/accounts/login/").status_code == 302


def test_many_wrong_passwords_are_held(client, alice, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/ip"}
    cache.clear()

    answers = [sign_in(client, password="not-it").content.decode() for _ in range(5)]

    assert "Too many failed login attempts" in answers[-1]
    cache.clear()


def test_too_many_requests_get_a_page_of_ours(client, db, settings):
    settings.ACCOUNT_RATE_LIMITS = {"signup": "1/m/ip"}
    cache.clear()

    client.post("/accounts/signup/", {})
    answer = client.post("/accounts/signup/", {})

    assert answer.status_code == 429
    assert "<h1>Too many tries</h1>" in answer.content.decode()
    cache.clear()


def test_who_signs_up_is_asked_to_make_a_workspace(client, db):
    answer = client.post("/accounts/signup/", NEW, follow=True)

    assert answer.redirect_chain[-1][0] == "/workspaces/new/"
    assert User.objects.get(email=NEW["email"]).name == "Dana Ito"


def test_a_password_like_the_address_or_too_short_is_refused(client, db):
    for password in ("short", "dana@brightline.test", "1234567890"):
        client.post("/accounts/signup/", NEW | {"password1": password})

    assert not User.objects.exists()


def test_closed_sign_up_says_how_to_come_in(client, db, settings):
    settings.SIGN_UP_OPEN = False

    page = client.get("/accounts/signup/").content.decode()
    client.post("/accounts/signup/", NEW)

    assert "<h1>Sign-up is closed</h1>" in page and "invitation" in page
    assert not User.objects.exists()
    assert "Create an account" not in client.get("/accounts/login/").content.decode()


def test_an_invitation_opens_closed_sign_up_for_its_address_only(client, invitation, settings):
    settings.SIGN_UP_OPEN = False
    client.get(f"/invitations/{invitation.token}/")

    page = client.get("/accounts/signup/").content.decode()
    other = client.post("/accounts/signup/", NEW | {"email": "eve@elsewhere.test"})
    assert NEW["email"] in page and "Brightline" in page
    assert "This invitation is for dana@brightline.test" in other.content.decode()
    assert not User.objects.filter(email="eve@elsewhere.test").exists()

    answer = client.post("/accounts/signup/", NEW)

    assert answer.url == f"/invitations/{invitation.token}/"
    assert User.objects.filter(email=NEW["email"]).exists()


def test_a_withdrawn_invitation_opens_nothing(client, invitation, settings):
    settings.SIGN_UP_OPEN = False
    client.get(f"/invitations/{invitation.token}/")
    invitation.delete()

    assert "<h1>Sign-up is closed</h1>" in client.get("/accounts/signup/").content.decode()


def test_with_outgoing_mail_an_address_is_confirmed_before_the_first_sign_in(client, db, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"

    answer = client.post("/accounts/signup/", NEW, follow=True)
    assert "<h1>Confirm your address</h1>" in answer.content.decode()
    assert client.get("/account/").status_code == 302

    link = re.search(r"https?://testserver(/accounts/confirm-email/\S+)", mail.outbox[0].body)[1]
    assert "Is <strong>dana@brightline.test</strong>" in client.get(link).content.decode()
    client.post(link)
    client.post("/accounts/login/", {"login": NEW["email"], "password": NEW["password1"]})

    assert client.get("/account/").status_code == 200


def test_a_forgotten_password_is_replaced_through_the_mailed_link(client, alice):
    client.post("/accounts/password/reset/", {"email": alice.email})
    link = re.search(r"https?://testserver(/accounts/\S+)", mail.outbox[0].body)[1]
    form = client.get(link, follow=True)
    assert "<h1>Choose a new password</h1>" in form.content.decode()

    new = {"password1": "another-long-phrase", "password2": "another-long-phrase"}
    client.post(form.redirect_chain[-1][0], new)

    alice.refresh_from_db()
    assert alice.check_password("another-long-phrase")


def test_asking_for_an_unknown_address_tells_nothing(client, alice):
    known = client.post("/accounts/password/reset/", {"email": alice.email}, follow=True)
    unknown = client.post("/accounts/password/reset/", {"email": "no@one.test"}, follow=True)

    assert known.redirect_chain == unknown.redirect_chain


def test_signing_out_takes_a_post_with_a_token(alice, workspace):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post("/accounts/logout/").status_code == 403
    client.get("/accounts/logout/")
    assert "_auth_user_id" in client.session


def test_the_demo_sign_in_is_told_on_ones_own_machine_only(client, db, settings, tmp_path: Path):
    settings.DEMO_PASSWORD_FILE = tmp_path / "demo-password"
    settings.DEMO_PASSWORD_FILE.write_text("the-secret-itself")
    settings.ALLOWED_HOSTS = ["localhost", "outreach.example"]
    make_user(settings.DEMO_EMAIL)

    def page(host: str) -> str:
        return client.get("/accounts/login/", headers={"host": host}).content.decode()

    settings.LOCAL = True
    assert settings.DEMO_EMAIL in page("localhost:8000")
    assert "the-secret-itself" not in page("localhost:8000")
    assert settings.DEMO_EMAIL not in page("outreach.example")
    settings.LOCAL = False
    assert settings.DEMO_EMAIL not in page("localhost:8000")


def test_without_a_demo_workspace_nothing_is_told(client, db, settings, tmp_path: Path):
    settings.LOCAL, settings.ALLOWED_HOSTS = True, ["localhost"]
    settings.DEMO_PASSWORD_FILE = tmp_path / "demo-password"

    page = client.get("/accounts/login/", headers={"host": "localhost"}).content.decode()

    assert settings.DEMO_EMAIL not in page


def test_without_outgoing_mail_the_reset_page_says_where_the_link_goes(client, db, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

    page = client.get("/accounts/password/reset/").content.decode()

    assert "printed where Outreach was started" in page


def test_mail_about_an_account_speaks_as_the_product_does(client, alice):
    client.post("/accounts/password/reset/", {"email": alice.email})
    client.post("/accounts/password/reset/", {"email": "nobody@brightline.test"})

    known, unknown = mail.outbox
    assert known.subject == "Choose a new password"
    assert "/accounts/password/reset/key/" in known.body
    assert unknown.subject == "There is no account with this address"
    for sent in (known, unknown):
        assert "Outreach" in sent.body and "Thank you for using" not in sent.body


def test_an_address_is_added_to_an_account_and_taken_off_again(client, alice):
    client.force_login(alice)

    client.post("/accounts/email/", {"action_add": "1", "email": "second@brightline.test"})
    added = client.get("/accounts/email/").content.decode()
    client.post("/accounts/email/", {"action_remove": "1", "email": "second@brightline.test"})

    client.get("/accounts/email/")
    later = client.get("/accounts/email/").content.decode()

    assert 'aria-label="Remove second@brightline.test"' in added
    assert alice.email in later and "second@brightline.test" not in later


def test_a_form_of_sign_in_does_not_talk_about_saving(client, db):
    page = client.post("/accounts/login/", {}).content.decode()

    assert "Please correct this" in page and "Nothing was saved" not in page
