"""The checklist of a young workspace."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from outreach.models import Membership, User, Workspace
from outreach.times import now
from sequences.engine import first_run
from sequences.models import Enrollment
from tests.factories import (
    approve,
    make_contact,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

TABLE = "/sequences/"


@pytest.fixture(autouse=True)
def no_memory():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def empty(alice: User) -> Workspace:
    return make_workspace(alice, postal_address="")


@pytest.fixture
def page(alice: User, empty: Workspace, client: Client):
    client.force_login(alice)
    return lambda: client.get(TABLE).content.decode()


def ticked(workspace: Workspace) -> list[bool]:
    return [item.is_done for item in first_run.items(Workspace.objects.get(pk=workspace.pk))]


def test_each_item_ticks_itself_when_its_thing_is_done(empty):
    assert ticked(empty) == [False] * 6

    mailbox = make_mailbox(empty)
    assert ticked(empty) == [True, False, False, False, False, False]
    Workspace.objects.filter(pk=empty.pk).update(postal_address="1 Main Street")
    assert ticked(empty) == [True, True, False, False, False, False]
    contact = make_contact(empty)
    assert ticked(empty) == [True, True, True, False, False, False]
    sequence = make_sequence(empty, mailbox=mailbox)
    assert ticked(empty) == [True, True, True, True, False, False]
    run = make_enrollment(empty, sequence=sequence, contact=contact)
    assert ticked(empty) == [True, True, True, True, True, False]
    approve(Enrollment.everywhere.get(pk=run.pk))
    assert ticked(empty) == [True] * 6


def test_another_workspace_ticks_nothing_here(empty, carol):
    approve(make_enrollment(carol.memberships.get().workspace))

    assert ticked(empty) == [False] * 6


def test_a_new_workspace_sees_it_above_the_table_with_the_exact_places(page):
    text = page()

    assert "0 of 6 done" in text
    for place in ("/mailboxes/connect/", "/settings/", "/contacts/import/", "/sequences/new/"):
        assert f'<a class="link" href="{place}">' in text


def test_every_item_leads_to_a_page_that_opens(alice, empty, client):
    client.force_login(alice)

    for item in first_run.items(empty):
        assert client.get(reverse(item.url_name)).status_code == 200, item.title


def test_it_costs_one_query(empty, django_assert_num_queries):
    with django_assert_num_queries(1):
        first_run.items(empty)


def test_once_complete_it_is_gone_and_costs_nothing(page, empty, monkeypatch):
    empty.postal_address = "1 Main Street"
    empty.save(update_fields=["postal_address"])
    approve(make_enrollment(empty))
    assert "first-run-title" not in page()

    monkeypatch.setattr(first_run, "items", _must_not_run)
    assert "first-run-title" not in page()


def test_put_away_it_stays_away_and_the_account_menu_brings_it_back(page, client, monkeypatch):
    client.post("/first-run/dismiss/")
    with monkeypatch.context() as patch:
        patch.setattr(first_run, "items", _must_not_run)
        assert "first-run-title" not in page()
    assert 'action="/first-run/show/"' in page()

    client.post("/first-run/show/")

    assert "0 of 6 done" in page()


def test_one_person_puts_it_away_for_one_workspace_only(page, alice, empty, client):
    other = make_workspace(alice, name="Second home")
    client.post("/first-run/dismiss/")

    client.post(f"/workspaces/{other.pk}/switch/")

    assert "first-run-title" in page()


def test_an_old_workspace_is_left_alone_until_it_is_asked_for(page, empty, client):
    Workspace.objects.filter(pk=empty.pk).update(created_at=now() - timedelta(days=31))
    assert "first-run-title" not in page()

    client.post("/first-run/show/")

    assert "0 of 6 done" in page()


def test_it_names_the_role_where_ones_own_does_not_do(page, alice, empty):
    Membership.objects.filter(user=alice, workspace=empty).update(role="member")

    text = page()

    assert "Takes the role admin." in text
    assert 'class="link" href="/mailboxes/connect/"' not in text


def test_a_viewer_who_can_do_none_of_it_does_not_see_it(alice, bob, workspace, client):
    client.force_login(bob)

    assert "first-run-title" not in client.get(TABLE).content.decode()


def test_a_part_of_the_table_does_not_carry_it(page, client):
    part = client.get(TABLE, headers={"hx-request": "true"}).content.decode()

    assert "first-run-title" not in part


def test_putting_away_takes_a_post(page, client):
    assert client.get("/first-run/dismiss/").status_code == 405
    assert client.get("/first-run/show/").status_code == 405


def _must_not_run(workspace: Workspace) -> list[first_run.Item]:
    raise AssertionError("asked although nothing is shown")
