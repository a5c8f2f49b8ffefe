import re

import pytest
from django.test import Client
from django.urls import reverse

from outreach.models import AuditEntry, Membership
from sequences.models import Company, Contact, ContactList, Enrollment
from tests.factories import make_company, make_contact, make_enrollment, make_user, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member(workspace, client) -> Client:
    user = make_user()
    Membership.objects.create(user=user, workspace=workspace, role="member")
    client.force_login(user)
    return client


def htmx(client: Client, url: str):
    return client.get(url, headers={"HX-Request": "true"})


def typed(contact: Contact, **changes) -> dict:
    values = {
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "email": contact.email,
        "title": contact.title,
        "company_name": contact.company.name if contact.company else "",
        "website": contact.company.domain if contact.company else "",
        "status": contact.status,
        "score": contact.score,
    }
    return values | changes


def test_contacts_are_shown_newest_first(workspace, member):
    make_contact(workspace, first_name="Old", last_name="One")
    make_contact(workspace, first_name="New", last_name="Two")

    page = member.get("/contacts/").content.decode()

    assert page.index("New Two") < page.index("Old One")


def test_the_search_looks_into_name_address_company_and_title(workspace, member):
    acme = make_company(workspace, "Société Générale")
    make_contact(workspace, first_name="Ana", email="ana@acme.test", title="COO", company=acme)
    make_contact(workspace, first_name="Bo")

    for words in ("ana", "ACME.TEST", "société", "coo ana"):
        answer = htmx(member, f"/contacts/?q={words}")
        assert b"Ana" in answer.content and b">Bo " not in answer.content, words
        assert b"<html" not in answer.content
        assert "1 contact, newest first" in answer["HX-Trigger"]


def test_list_and_status_narrow_the_table(workspace, member):
    inside = make_contact(workspace, first_name="Inside", status="won")
    make_contact(workspace, first_name="Outside", status="won")
    spring = ContactList.everywhere.create(workspace=workspace, name="Spring")
    spring.contacts.add(inside, make_contact(workspace, first_name="Fresh"))

    page = member.get(f"/contacts/?list={spring.pk}&status=won").content.decode()

    assert "Inside" in page and "Outside" not in page and "Fresh" not in page


def test_mistyped_values_show_everything(workspace, member):
    make_contact(workspace, first_name="Ana")

    for query in ("list=x", "list=999999", "list=²", "status=zzz", "after=x", "q=%00", "before=-1"):
        page = member.get(f"/contacts/?{query}")
        assert page.status_code == 200 and b"Ana" in page.content, query


def test_pages_by_key_neither_repeat_nor_skip(workspace, member):
    company = make_company(workspace)
    ids = {make_contact(workspace, company=company).pk for _ in range(120)}
    seen, url = [], "/contacts/"
    while url:
        page = member.get(url).context["page"]
        seen += [contact.pk for contact in page.rows]
        last, url = url, page.next_url
    assert len(seen) == 120 and set(seen) == ids
    assert (page.first, page.last, page.total) == (101, 120, 120)

    back = member.get(member.get(last).context["page"].previous_url).context["page"]

    assert [contact.pk for contact in back.rows] == seen[50:100]
    assert (back.first, back.last) == (51, 100)


def test_nothing_matches_offers_to_clear_the_filters(workspace, member):
    make_contact(workspace)

    page = member.get("/contacts/?q=nobodyhere").content.decode()

    assert "Nobody matches “nobodyhere”" in page and "Clear filters" in page


def test_an_empty_workspace_offers_the_import(workspace, member):
    page = member.get("/contacts/").content.decode()

    assert "No contacts yet" in page and reverse("sequences:import_new") in page


def test_a_contact_is_added_by_hand(workspace, member):
    answer = member.post(
        "/contacts/new/",
        {"first_name": "Ana", "email": " Ana@Acme.test ", "company_name": "Acme", "score": 10}
        | {"status": "new", "zone": "europe/lisbon"},
    )

    ana = Contact.everywhere.get()
    assert answer.url == f"/contacts/{ana.pk}/"
    assert (ana.email, ana.zone, ana.source) == ("ana@acme.test", "Europe/Lisbon", "manual")
    assert (ana.company.name, ana.company.domain) == ("Acme", "acme.test")
    assert "acme" in ana.search


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"email": "bad@@acme"}, "email address"),
        ({"email": "known@acme.test"}, "has this address already"),
        ({"zone": "Mars"}, "This time zone is not known"),
        ({"score": "101"}, "less than or equal to 100"),
        ({"website": "gmail.com"}, "This is no company&#x27;s website"),
        ({"new_value": "12"}, "Say what the field is called"),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_kept(workspace, member, changes, sentence):
    make_contact(workspace, email="known@acme.test")
    ana = make_contact(workspace, email="ana@acme.test", first_name="Ana")

    answer = member.post(f"/contacts/{ana.pk}/edit/", typed(ana, first_name="Anna", **{}) | changes)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert sentence in page and 'value="Anna"' in page
    ana.refresh_from_db()
    assert ana.first_name == "Ana"


def test_an_edit_changes_fields_company_and_free_fields(workspace, member):
    company = make_company(workspace, "Acme", domain="acme.test")
    colleague = make_contact(workspace, email="bo@acme.test", company=company)
    ana = make_contact(workspace, email="ana@acme.test", company=company, fields={"seats": "3"})

    member.post(
        f"/contacts/{ana.pk}/edit/",
        typed(ana, company_name="Apex", free_seats="", new_name="Team size", new_value="12"),
    )

    ana.refresh_from_db()
    colleague.refresh_from_db()
    assert ana.fields == {"team_size": "12"}
    assert Company.everywhere.get().name == "Apex"
    assert "apex" in ana.search and "apex" in colleague.search


def test_a_contact_shows_its_runs_and_lists(workspace, member):
    run = make_enrollment(workspace)
    spring = ContactList.everywhere.create(workspace=workspace, name="Spring fair")
    spring.contacts.add(run.contact)

    page = member.get(f"/contacts/{run.contact_id}/").content.decode()

    assert f"/enrollments/{run.pk}/" in page and "Pending approval" in page
    assert run.sequence.name in page and "Spring fair" in page


def test_hostile_values_are_shown_as_text(workspace, member):
    ana = make_contact(workspace, first_name="<script>x</script>", title='"><img src=x>')
    ContactList.everywhere.create(workspace=workspace, name="<b>L</b>").contacts.add(ana)

    for url in ("/contacts/", f"/contacts/{ana.pk}/", "/lists/"):
        page = member.get(url).content.decode()
        assert "<script>x" not in page and "<img src=x" not in page and "<b>L" not in page


def test_deleting_asks_first_and_says_what_is_stopped(workspace, member):
    run = make_enrollment(workspace)

    page = member.post("/contacts/delete/", {"ids": [run.contact_id]}).content.decode()

    assert "Delete 1 contact?" in page and "1 unfinished run is stopped" in page
    assert Contact.everywhere.filter(pk=run.contact_id).exists()


def test_a_deleted_contact_leaves_its_stopped_run(workspace, member):
    run = make_enrollment(workspace)

    member.post("/contacts/delete/", {"ids": [run.contact_id], "confirmed": "1"})

    assert not Contact.everywhere.exists()
    run.refresh_from_db()
    assert run.contact is None
    assert (run.status, run.end_reason) == (Enrollment.Status.ARCHIVED, "cancelled")
    assert {touch.status for touch in run.touches.all()} == {"cancelled"}
    assert AuditEntry.everywhere.get(verb="delete_contact").about == "Jordan Lee"


def test_everything_that_matches_can_be_selected(workspace, member):
    for name in ("Ana", "Anabel", "Bo"):
        make_contact(workspace, first_name=name, email=f"{name}@x.test", company=None)

    member.post("/contacts/delete/", {"matching": "1", "filter": "q=ana", "confirmed": "1"})

    assert [contact.first_name for contact in Contact.everywhere.all()] == ["Bo"]


def test_a_selection_is_put_into_a_list_old_or_new(workspace, member):
    ana, bo = make_contact(workspace), make_contact(workspace)
    old = ContactList.everywhere.create(workspace=workspace, name="Old")
    old.contacts.add(ana)

    asked = member.post("/contacts/add-to-list/", {"ids": [ana.pk, bo.pk]})
    assert "Add 2 contacts to a list" in asked.content.decode()
    chosen = {"ids": [ana.pk, bo.pk], "chosen": "1"}
    assert member.post("/contacts/add-to-list/", chosen).status_code == 422
    member.post("/contacts/add-to-list/", chosen | {"list": old.pk})
    member.post("/contacts/add-to-list/", chosen | {"name": " New  one "})

    assert old.contacts.count() == 2
    assert ContactList.everywhere.get(name="New one").contacts.count() == 2


def test_enrolling_a_selection_goes_on_to_the_choice_of_a_sequence(workspace, member):
    ids = [make_contact(workspace).pk for _ in range(2)]
    spring = ContactList.everywhere.create(workspace=workspace, name="Spring")

    some = member.post("/contacts/enroll/", {"ids": ids})
    whole = member.post("/contacts/enroll/", {"matching": "1", "filter": f"list={spring.pk}"})

    choose = reverse("sequences:enroll_choose")
    assert set(some.url.removeprefix(f"{choose}?contacts=").split(",")) == set(map(str, ids))
    assert whole.url == f"{choose}?list={spring.pk}"
    assert member.post("/contacts/enroll/", {}).url == "/contacts/"


WRITES = [
    "/contacts/new/",
    "/contacts/{pk}/edit/",
    "/contacts/enroll/",
    "/contacts/add-to-list/",
    "/contacts/delete/",
]


@pytest.mark.parametrize("url", WRITES)
def test_a_viewer_may_not_write(workspace, bob, client, url):
    ana = make_contact(workspace)
    client.force_login(bob)

    answer = client.post(url.format(pk=ana.pk), {"ids": [ana.pk], "confirmed": "1"})

    assert answer.status_code == 403
    assert Contact.everywhere.filter(pk=ana.pk).exists()


def test_a_viewer_reads_and_is_offered_no_button(workspace, bob, client):
    ana = make_contact(workspace)
    client.force_login(bob)

    for url in ("/contacts/", f"/contacts/{ana.pk}/", "/lists/"):
        page = client.get(url)
        assert page.status_code == 200
        assert b"Save contact" not in page.content and b"Delete" not in page.content
        assert b"Enroll" not in page.content and b"Import contacts" not in page.content


def test_a_stranger_finds_nothing(workspace, carol, client):
    ana = make_contact(workspace, first_name="Secret")
    spring = ContactList.everywhere.create(workspace=workspace, name="Spring")
    client.force_login(carol)

    assert client.get(f"/contacts/{ana.pk}/").status_code == 404
    assert client.post(f"/contacts/{ana.pk}/edit/", typed(ana)).status_code == 404
    assert b"Secret" not in client.get("/contacts/").content
    client.post("/contacts/delete/", {"ids": [ana.pk], "confirmed": "1"})
    mine = make_contact(carol.memberships.get().workspace)
    chosen = {"ids": [mine.pk], "chosen": "1", "list": spring.pk}
    assert client.post("/contacts/add-to-list/", chosen).status_code == 422
    assert Contact.everywhere.filter(pk=ana.pk).exists() and not spring.contacts.exists()


def test_signed_out_goes_to_sign_in(workspace, client):
    assert client.get("/contacts/").url.startswith("/accounts/login/")


@pytest.mark.parametrize("url", WRITES[1:])
def test_verbs_take_only_posts(workspace, member, url):
    assert member.get(url.format(pk=make_contact(workspace).pk)).status_code == 405


def test_the_table_takes_few_queries_however_many_rows(
    workspace, member, django_assert_max_num_queries
):
    spring = ContactList.everywhere.create(workspace=workspace, name="Spring")
    spring.contacts.add(*[make_contact(workspace) for _ in range(40)])

    with django_assert_max_num_queries(15):
        member.get("/contacts/")


def test_the_same_address_in_another_workspace_is_another_contact(workspace, member):
    make_contact(make_workspace(name="Elsewhere"), email="ana@acme.test")

    member.post("/contacts/new/", {"email": "ana@acme.test", "status": "new", "score": 0})

    assert Contact.everywhere.filter(email="ana@acme.test").count() == 2


def test_a_new_contact_needs_an_address_and_keeps_what_was_typed(member):
    fresh = member.get("/contacts/new/").content.decode()
    answer = member.post("/contacts/new/", {"first_name": "Kept", "email": "bro ken"})

    shown = answer.content.decode()
    assert fresh.count(">needed<") == 1 and ">optional<" not in fresh
    assert answer.status_code == 422 and 'value="Kept"' in shown and 'value="bro ken"' in shown
    assert re.search(r'name="email"[^>]*aria-describedby="[^"]*id_email_error"', shown)


def test_what_is_cut_in_the_table_is_whole_in_its_title(workspace, member):
    name = "Maximiliane-Theodora von Hohenstein-Wittelsbach"
    first, last = name.split(" ", 1)
    contact = make_contact(workspace, first_name=first, last_name=last)

    shown = member.get("/contacts/").content.decode()

    for whole in (name, contact.email, contact.company.name):
        assert f'title="{whole}"' in shown


def test_adding_to_a_list_asks_for_a_list_or_a_name(workspace, member):
    contact = make_contact(workspace)

    shown = member.post("/contacts/add-to-list/", {"ids": contact.pk}).content.decode()

    assert "Only for a new list." in shown and ">optional<" not in shown
