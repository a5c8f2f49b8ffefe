import pytest

from sequences.models import Contact, ContactList
from tests.factories import make_contact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def spring(workspace) -> ContactList:
    spring = ContactList.everywhere.create(workspace=workspace, name="Spring")
    spring.contacts.add(make_contact(workspace), make_contact(workspace))
    return spring


def test_lists_show_how_many_are_in_them(alice, client, spring):
    client.force_login(alice)

    page = client.get("/lists/").content.decode()

    assert "Spring" in page and "2 contacts" in page and f"/enroll/?list={spring.pk}" in page


def test_a_list_is_made_and_its_name_is_taken_once(alice, client, workspace):
    client.force_login(alice)

    assert client.post("/lists/new/", {"name": "  Trade  fair "}).status_code == 302
    again = client.post("/lists/new/", {"name": "Trade fair"})

    assert again.status_code == 422 and b"has this name already" in again.content
    assert ContactList.everywhere.get().name == "Trade fair"


def test_a_list_is_renamed(alice, client, spring):
    client.force_login(alice)

    client.post(f"/lists/{spring.pk}/rename/", {"name": "Autumn"})

    spring.refresh_from_db()
    assert spring.name == "Autumn"


def test_deleting_a_list_keeps_its_contacts(alice, client, spring):
    client.force_login(alice)

    client.post(f"/lists/{spring.pk}/delete/")

    assert not ContactList.everywhere.exists() and Contact.everywhere.count() == 2


@pytest.mark.parametrize("verb", ["rename", "delete"])
def test_only_those_who_may_change_a_list(bob, carol, client, spring, verb):
    url = f"/lists/{spring.pk}/{verb}/"
    for person, status in ((bob, 403), (carol, 404)):
        client.force_login(person)
        assert client.post(url, {"name": "Mine"}).status_code == status
    spring.refresh_from_db()
    assert spring.name == "Spring"


def test_a_viewer_makes_no_list(bob, client, workspace):
    client.force_login(bob)

    assert client.post("/lists/new/", {"name": "Mine"}).status_code == 403
    assert not ContactList.everywhere.exists()


def test_deleting_takes_only_posts(alice, client, spring):
    client.force_login(alice)

    assert client.get(f"/lists/{spring.pk}/delete/").status_code == 405
    assert client.get("/lists/new/").status_code == 405


def test_the_number_of_a_list_leads_to_its_contacts(alice, client, spring):
    client.force_login(alice)

    page = client.get("/lists/").content.decode()
    there = client.get(f"/contacts/?list={spring.pk}").context["page"]

    assert f'<a class="link" href="/contacts/?list={spring.pk}">2 contacts</a>' in page
    assert len(there.rows) == 2
