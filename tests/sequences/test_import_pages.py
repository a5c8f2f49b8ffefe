import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from outreach.times import now
from sequences.engine import importing
from sequences.models import Contact, Import
from sequences.views.importing import SAMPLE, SILENCE

pytestmark = pytest.mark.django_db(transaction=True)

FILE = (
    "Vorname;Nachname;E-Mail;Firma;Team size\n"
    "Ana;Silva;ana@acme.test;Acme;12\n"
    "Søren;Kjær;soren@fjord.test;Fjord;3\n"
    "<b>Bad</b>;Row;broken;;\n"
)


@pytest.fixture
def rep(alice, workspace, client) -> Client:
    client.force_login(alice)
    return client


def upload(client: Client, content: bytes = FILE.encode(), name: str = "Trade fair.csv"):
    return client.post("/contacts/import/", {"file": SimpleUploadedFile(name, content)})


def uploaded(client: Client, **values) -> Import:
    upload(client, **values)
    return Import.everywhere.get()


def columns(job: Import, **changes) -> dict:
    mapped = {f"column_{column}": field for column, field in job.mapping.items()}
    values = {"list_name": job.list_name, "update_existing": "on", "has_header": "on"}
    return mapped | values | changes


def poll(client: Client, job: Import):
    return client.get(f"/contacts/import/{job.pk}/", headers={"HX-Request": "true"})


def checked(client: Client, **values) -> Import:
    job = uploaded(client, **values)
    client.post(f"/contacts/import/{job.pk}/check/", columns(job))
    importing.tick()
    job.refresh_from_db()
    return job


def test_from_the_file_to_the_contacts(rep):
    answer = upload(rep)
    job = Import.everywhere.get()
    assert answer.url == f"/contacts/import/{job.pk}/"
    page = rep.get(answer.url).content.decode()
    assert "Vorname" in page and "Søren" in page and "Keep as {{ team_size }}" in page
    assert 'value="Trade fair"' in page

    rep.post(f"/contacts/import/{job.pk}/check/", columns(job))
    page = rep.get(answer.url).content.decode()
    assert 'role="progressbar"' in page and 'hx-trigger="every 1s"' in page
    assert "0 of 3 rows" in page
    assert poll(rep, job).status_code == 200

    importing.tick()
    done = poll(rep, job)
    assert done.status_code == 286 and done["HX-Retarget"] == "#import"
    assert b"every 1s" not in done.content
    page = done.content.decode()
    assert "Import 2 contacts" in page and "Malformed address" in page
    assert "Line 4: Malformed address" in page

    rep.post(f"/contacts/import/{job.pk}/start/")
    assert "0 of 3 rows" in rep.get(answer.url).content.decode()
    importing.tick()
    page = rep.get(answer.url).content.decode()
    job.refresh_from_db()
    assert "Imported 2 contacts" in page and f"/contacts/?list={job.list_id}" in page
    ana = Contact.everywhere.get(email="ana@acme.test")
    assert (ana.first_name, ana.fields, ana.company.name) == ("Ana", {"team_size": "12"}, "Acme")
    assert Contact.everywhere.count() == 2


def test_the_contacts_page_leads_back_to_a_running_import(rep):
    job = uploaded(rep)
    rep.post(f"/contacts/import/{job.pk}/check/", columns(job))

    page = rep.get("/contacts/").content.decode()

    assert f"/contacts/import/{job.pk}/" in page and "is being checked" in page


def test_an_interrupted_job_says_so(rep):
    job = uploaded(rep)
    rep.post(f"/contacts/import/{job.pk}/check/", columns(job))
    Import.everywhere.filter(pk=job.pk).update(updated_at=now() - 2 * SILENCE)

    assert b"Interrupted. It goes on by itself" in poll(rep, job).content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "The file is empty"), (b"PK\x03\x04", "Save it as CSV"), (b"Email\n", "no contacts")],
)
def test_a_file_that_cannot_be_read_is_refused_at_the_field(rep, content, sentence):
    answer = upload(rep, content)

    assert answer.status_code == 422 and sentence in answer.content.decode()
    assert not Import.everywhere.exists()


def test_no_file_at_all(rep):
    assert rep.post("/contacts/import/").status_code == 422


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"column_2": ""}, "Say which column holds the e-mail address."),
        ({"column_0": "email"}, "Two columns are the e-mail address."),
        ({"column_0": "password"}, "password is not one of the available choices"),
    ],
)
def test_columns_that_make_no_sense_are_refused(rep, changes, sentence):
    job = uploaded(rep)

    answer = rep.post(f"/contacts/import/{job.pk}/check/", columns(job, **changes))

    assert answer.status_code == 422 and sentence in answer.content.decode()
    job.refresh_from_db()
    assert job.status == Import.Status.UPLOADED


def test_columns_can_be_changed_after_the_check(rep):
    job = checked(rep)

    rep.post(f"/contacts/import/{job.pk}/map/")
    rep.post(f"/contacts/import/{job.pk}/check/", columns(job, column_4="", list_name=""))
    importing.tick()
    rep.post(f"/contacts/import/{job.pk}/start/")
    importing.tick()

    job.refresh_from_db()
    assert (job.status, job.list) == ("done", None)
    assert Contact.everywhere.get(email="ana@acme.test").fields == {}


def test_a_cancel_says_what_was_kept(rep):
    job = checked(rep)

    rep.post(f"/contacts/import/{job.pk}/cancel/")

    job.refresh_from_db()
    assert job.status == Import.Status.CANCELLED
    assert "Nothing was imported" in rep.get(f"/contacts/import/{job.pk}/").content.decode()
    assert not Contact.everywhere.exists()


def test_what_comes_too_late_is_told(rep):
    job = checked(rep)
    rep.post(f"/contacts/import/{job.pk}/start/")

    for verb in ("start", "map", "retry"):
        answer = rep.post(f"/contacts/import/{job.pk}/{verb}/")
        assert answer.status_code == 409 and "this one is running" in answer.content.decode()


def test_the_error_file_has_the_rows_and_their_reasons(rep):
    job = checked(rep)

    answer = rep.get(f"/contacts/import/{job.pk}/problems.csv")

    content = b"".join(answer.streaming_content)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Import problem", "Vorname", "Nachname", "E-Mail", "Firma", "Team size"]
    assert rows[1][0].startswith("Line 4: Malformed address") and rows[1][3] == "broken"
    assert "attachment" in answer["Content-Disposition"]
    assert "Trade%20fair-problems.csv" in answer["Content-Disposition"]


def test_the_sample_file_imports_without_a_problem(rep):
    content = b"".join(rep.get("/contacts/import/sample.csv").streaming_content)

    job = checked(rep, content=content)

    assert (job.created, job.skipped) == (len(SAMPLE) - 1, 0)
    assert not any(field.startswith("fields.") for field in job.mapping.values())


def test_what_is_in_the_file_is_shown_as_text(rep):
    content = b'"<script>x</script>";E-Mail\n"<img src=x>";a@b.test\n"{{ 1 }}";c\n'
    job = checked(rep, content=content, name="<i>n</i>.csv")
    shown = rep.get(f"/contacts/import/{job.pk}/").content.decode()
    rep.post(f"/contacts/import/{job.pk}/map/")

    for page in (shown, rep.get(f"/contacts/import/{job.pk}/").content.decode()):
        assert "<script>x" not in page and "<img src" not in page and "<i>n" not in page


VERBS = ["check", "start", "map", "cancel", "retry"]


@pytest.mark.parametrize("verb", VERBS)
def test_only_members_of_the_workspace_drive_an_import(rep, bob, carol, verb):
    job = checked(rep)
    for person, status in ((bob, 403), (carol, 404)):
        rep.force_login(person)
        assert rep.post(f"/contacts/import/{job.pk}/{verb}/").status_code == status
    job.refresh_from_db()
    assert job.status == Import.Status.CHECKED


def test_a_viewer_sees_an_import_and_a_stranger_does_not(rep, bob, carol):
    job = checked(rep)
    for path in ("", "problems.csv"):
        url = f"/contacts/import/{job.pk}/{path}"
        rep.force_login(bob)
        assert rep.get(url).status_code == 200
        rep.force_login(carol)
        assert rep.get(url).status_code == 404
    rep.force_login(bob)
    assert upload(rep).status_code == 403
    assert b"Import 2 contacts" not in rep.get(f"/contacts/import/{job.pk}/").content


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_take_only_posts(rep, verb):
    job = uploaded(rep)

    assert rep.get(f"/contacts/import/{job.pk}/{verb}/").status_code == 405


def test_recent_imports_say_what_is_to_be_done(rep):
    uploaded(rep)
    assert "Columns to choose" in rep.get("/contacts/import/").content.decode()

    job = Import.everywhere.get()
    rep.post(f"/contacts/import/{job.pk}/check/", columns(job))
    importing.tick()

    assert "Ready to import" in rep.get("/contacts/import/").content.decode()


def test_the_number_of_skipped_rows_leads_to_their_reasons(rep):
    job = checked(rep)

    page = rep.get(f"/contacts/import/{job.pk}/").content.decode()

    assert '<a class="warn" href="#reasons"><b>1</b>' in page and 'id="reasons"' in page


def test_imported_contacts_are_one_click_from_being_enrolled(rep):
    job = checked(rep)
    rep.post(f"/contacts/import/{job.pk}/start/")
    importing.tick()

    page = rep.get(f"/contacts/import/{job.pk}/").content.decode()

    job.refresh_from_db()
    assert f'href="/enroll/?list={job.list_id}"' in page
