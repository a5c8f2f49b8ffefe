"""What people set for themselves."""

import pytest
from django.test import Client

from outreach.models import User
from tests.factories import make_user, make_workspace


@pytest.fixture
def signed_in(client: Client, alice: User, workspace) -> Client:
    client.force_login(alice)
    return client


def test_a_person_changes_name_zone_and_shortcuts(signed_in, alice):
    answer = signed_in.post("/account/", {"name": "Alice R.", "zone": "Europe/Lisbon"})

    alice.refresh_from_db()
    assert answer.status_code == 302
    assert (alice.name, alice.zone, alice.shortcuts) == ("Alice R.", "Europe/Lisbon", False)


def test_a_zone_that_does_not_exist_is_refused_and_what_was_typed_stays(signed_in, alice):
    answer = signed_in.post("/account/", {"name": "Other", "zone": "Atlantis/Center"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "is not a time zone" in page and 'value="Other"' in page
    assert "Account of Alice Reyes" in page
    alice.refresh_from_db()
    assert alice.zone == "UTC"


def test_saving_the_profile_leaves_the_rest_of_the_account_alone(signed_in, alice, monkeypatch):
    User.objects.filter(pk=alice.pk).update(theme="dark")
    saved = {}
    monkeypatch.setattr(User, "save", lambda self, **options: saved.update(options))

    signed_in.post("/account/", {"name": "A", "zone": "UTC"})

    assert set(saved["update_fields"]) == {"name", "zone", "shortcuts"}


def test_zones_are_offered_while_typing(signed_in):
    page = signed_in.get("/account/").content.decode()

    assert 'list="zones"' in page and '<option value="Europe/Lisbon">' in page


def test_somebody_without_a_workspace_has_a_profile_too(client, db):
    client.force_login(make_user())

    assert client.get("/account/").status_code == 200


def test_the_theme_is_kept_and_htmx_gets_no_page(signed_in, alice):
    answer = signed_in.post("/account/theme/", {"theme": "dark"}, headers={"hx-request": "true"})

    alice.refresh_from_db()
    assert answer.status_code == 204 and alice.theme == "dark"


def test_without_scripts_the_theme_returns_to_the_page_it_was_chosen_on(signed_in):
    from_us = {"referer": "http://testserver/contacts/"}
    from_them = {"referer": "https://evil.test/"}

    ours = signed_in.post("/account/theme/", {"theme": "light"}, headers=from_us)
    theirs = signed_in.post("/account/theme/", {"theme": "light"}, headers=from_them)

    assert ours.url == "http://testserver/contacts/"
    assert theirs.url == "/"


def test_an_unknown_theme_is_refused(signed_in, alice):
    assert signed_in.post("/account/theme/", {"theme": "neon"}).status_code == 400
    assert signed_in.get("/account/theme/").status_code == 405


def test_the_profile_lists_ones_own_workspaces(signed_in, alice, carol):
    make_workspace(alice, name="Second home")

    page = signed_in.get("/account/").content.decode()

    assert "Second home" in page and "Elsewhere" not in page
