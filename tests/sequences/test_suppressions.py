import pytest

from outreach.models import AuditEntry, Membership
from sequences.models import Enrollment, Suppression
from tests.factories import make_contact, make_enrollment, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def entry(workspace) -> Suppression:
    return Suppression.everywhere.create(
        workspace=workspace, value="gone@acme.test", reason="bounced", source="550 no such user"
    )


def test_the_list_shows_value_reason_and_source(bob, client, entry):
    client.force_login(bob)

    page = client.get("/suppressions/").content.decode()

    assert "gone@acme.test" in page and "Bounced" in page and "550 no such user" in page
    assert "Take off" not in page and "Never contact again" not in page


def test_the_search_finds_a_part_of_an_address(bob, client, workspace, entry):
    Suppression.everywhere.create(workspace=workspace, value="other.test")
    client.force_login(bob)

    answer = client.get("/suppressions/?q=ACME", headers={"HX-Request": "true"})

    assert b"gone@acme.test" in answer.content and b"other.test" not in answer.content


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ana@Acme.test ", "ana@acme.test"),
        ("acme.test", "acme.test"),
        ("@Acme.test", "acme.test"),
        ("https://www.acme.test/", "acme.test"),
    ],
)
def test_an_address_or_a_domain_ends_the_runs_it_covers(alice, client, workspace, typed, kept):
    run = make_enrollment(workspace, contact=make_contact(workspace, email="ana@acme.test"))
    client.force_login(alice)

    client.post("/suppressions/add/", {"value": typed})

    added = Suppression.everywhere.get()
    assert (added.value, added.reason, added.created_by) == (kept, "by_hand", alice)
    run.refresh_from_db()
    assert (run.status, run.end_reason) == (Enrollment.Status.ARCHIVED, "by_hand")
    assert AuditEntry.everywhere.get(verb="suppress").by == alice


@pytest.mark.parametrize("typed", ["", "acme", "a b@c", "<script>", "a@b@c.test"])
def test_what_is_neither_is_refused(alice, client, workspace, typed):
    client.force_login(alice)

    assert client.post("/suppressions/add/", {"value": typed}).status_code == 422
    assert not Suppression.everywhere.exists()


def test_adding_twice_keeps_the_first_entry(alice, client, entry):
    client.force_login(alice)

    client.post("/suppressions/add/", {"value": "gone@acme.test"})

    assert Suppression.everywhere.get().reason == "bounced"
    assert not AuditEntry.everywhere.filter(verb="suppress").exists()


def test_an_admin_takes_an_entry_off_and_it_is_written_down(alice, client, entry):
    client.force_login(alice)

    client.post(f"/suppressions/{entry.pk}/remove/")

    assert not Suppression.everywhere.exists()
    note = AuditEntry.everywhere.get(verb="unsuppress")
    assert (note.about, note.detail["reason"], note.by) == ("gone@acme.test", "bounced", alice)


def test_only_an_admin_takes_entries_off(bob, carol, client, workspace, entry):
    approver = make_user()
    Membership.objects.create(user=approver, workspace=workspace, role="approver")
    url = f"/suppressions/{entry.pk}/remove/"
    for person, status in ((bob, 403), (approver, 403), (carol, 404)):
        client.force_login(person)
        assert client.post(url).status_code == status
    assert Suppression.everywhere.get() == entry


def test_a_viewer_adds_nothing(bob, client, workspace):
    client.force_login(bob)

    assert client.post("/suppressions/add/", {"value": "a@b.test"}).status_code == 403


def test_a_stranger_sees_nothing_of_it(carol, client, entry):
    client.force_login(carol)

    assert b"gone@acme.test" not in client.get("/suppressions/").content


def test_changes_take_only_posts(alice, client, entry):
    client.force_login(alice)

    assert client.get("/suppressions/add/").status_code == 405
    assert client.get(f"/suppressions/{entry.pk}/remove/").status_code == 405


def test_the_list_says_what_it_is_for_and_who_put_an_address_on_it(alice, client, entry):
    client.force_login(alice)

    page = client.get("/suppressions/").content.decode()

    assert "Nothing is ever sent to an address or a domain on this list" in page
    assert '<span class="clip">Outreach</span>' in page
