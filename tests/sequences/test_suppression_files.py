"""The suppression list as a file: what an import takes, what it says about the rest, the export."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from outreach.models import AuditEntry, User
from sequences.engine import suppression_files
from sequences.models import Enrollment, Suppression
from tests.factories import make_contact, make_enrollment, make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("workspace")]

URL = "/suppressions/import/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def upload(user: User, content: bytes, name: str = "old tool.csv") -> HttpResponse:
    return signed_in(user).post(URL, {"file": SimpleUploadedFile(name, content)})


def values() -> list[str]:
    return list(Suppression.everywhere.order_by("pk").values_list("value", flat=True))


def exported(user: User) -> list[list[str]]:
    answer = signed_in(user).get("/suppressions/export/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_a_file_is_taken_and_the_runs_it_covers_end(alice, workspace):
    ana, ben, cleo = (
        make_enrollment(workspace, contact=make_contact(workspace, email=email))
        for email in ("ana@acme.test", "ben@initech.test", "cleo@hooli.test")
    )

    upload(alice, b"Name;E-mail\nAna;Ana@Acme.test\nEveryone;initech.test\n")

    assert values() == ["ana@acme.test", "initech.test"]
    entry = Suppression.everywhere.first()
    assert (entry.reason, entry.source, entry.created_by) == (
        "imported",
        "Import of old tool.csv",
        alice,
    )
    for run in (ana, ben, cleo):
        run.refresh_from_db()
    assert [ana.status, ben.status] == [Enrollment.Status.ARCHIVED] * 2
    assert cleo.status == Enrollment.Status.PENDING_APPROVAL


def test_the_report_says_what_was_taken_and_why_the_rest_was_not(alice, workspace):
    Suppression.everywhere.create(workspace=workspace, value="known@acme.test", reason="bounced")

    page = upload(alice, b"Email\nnew@acme.test\nknown@acme.test\nnobody\n\na@b@c\n").content

    text = page.decode()
    assert "1 address or domain is new on the list." in text
    assert "1 was on it already, 2 lines were not taken." in text
    assert "Write an address (ana@example.com) or a domain." in text
    assert "Line 4" in text and "Line 6" in text
    assert Suppression.everywhere.get(value="known@acme.test").reason == "bounced"
    note = AuditEntry.everywhere.get(verb="import_suppressions")
    assert (note.by, note.detail["taken"], note.detail["refused"]) == (alice, 1, 2)


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"ana@acme.test\nacme.test\n", ["ana@acme.test", "acme.test"]),
        (b"Domain\nacme.test\n", ["acme.test"]),
        (b"Ana,ana@acme.test,acme.test\nBo,bo@acme.test,x\n", ["ana@acme.test", "bo@acme.test"]),
        ("Email\nana@acme.test\n".encode("utf-16"), ["ana@acme.test"]),
        (b"Email\nana@acme.test\nANA@acme.test\n", ["ana@acme.test"]),
        (b"Email\n'+ana@acme.test\n", ["+ana@acme.test"]),
    ],
)
def test_the_usual_shapes_of_a_list_are_read(alice, content, kept):
    upload(alice, content)

    assert values() == kept


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"Name,City\nAna,Lisbon\n", "No column has addresses."),
        (b"PK\x03\x04 and so on", "This is a spreadsheet workbook."),
        (b"a@b.test\n" * 300_000, "up to 2 MB can be imported"),
        (b"a@b.test\n" * 10_001, "more than 10,000 rows"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_whole(alice, content, words):
    answer = upload(alice, content)

    assert answer.status_code == 422 and words in answer.content.decode()
    assert values() == []


def test_only_the_first_hundred_lines_that_are_not_taken_are_shown(alice):
    page = upload(alice, b"Email\n" + b"nobody\n" * 120).content.decode()

    assert page.count("Write an address (ana@example.com)") == 100
    assert "The first 100 of 120 are shown." in page


def test_what_a_file_says_is_shown_as_text(alice):
    page = upload(alice, b"Email\n<script>alert(1)</script>\n").content.decode()

    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


def test_many_are_taken_in_parts_and_none_is_lost(alice, monkeypatch):
    monkeypatch.setattr(suppression_files, "CHUNK", 7)
    emails = [f"p{number}@acme.test" for number in range(50)]

    upload(alice, "\n".join(emails).encode())

    assert values() == emails


def test_another_workspaces_runs_and_list_are_not_touched(alice, workspace):
    elsewhere = make_workspace(name="Elsewhere")
    theirs = make_enrollment(elsewhere, contact=make_contact(elsewhere, email="ana@acme.test"))
    Suppression.everywhere.create(workspace=elsewhere, value="secret@acme.test")

    upload(alice, b"ana@acme.test\n")

    theirs.refresh_from_db()
    assert theirs.status == Enrollment.Status.PENDING_APPROVAL
    assert [row[0] for row in exported(alice)] == ["Address or domain", "ana@acme.test"]


def test_the_export_holds_the_list_and_no_formula(alice, workspace):
    Suppression.everywhere.create(
        workspace=workspace, value="+ana@acme.test", reason="bounced", source='=HYPERLINK("x")'
    )

    _, row = exported(alice)

    assert row[:4] == ["'+ana@acme.test", "Bounced", '\'=HYPERLINK("x")', "Outreach"]


def test_an_export_can_be_imported_elsewhere(alice, workspace, client):
    for value in ("+ana@acme.test", "acme.test", "zoe@hooli.test"):
        Suppression.everywhere.create(workspace=workspace, value=value)
    client.force_login(alice)
    file = b"".join(client.get("/suppressions/export/").streaming_content)
    Suppression.everywhere.all().delete()

    upload(alice, file)

    assert values() == ["+ana@acme.test", "acme.test", "zoe@hooli.test"]


def test_a_viewer_neither_imports_nor_exports(bob):
    client = signed_in(bob)

    assert client.get(URL).status_code == 403
    assert upload(bob, b"a@b.test\n").status_code == 403
    assert client.get("/suppressions/export/").status_code == 403
    page = client.get("/suppressions/").content.decode()
    assert "Import a list" not in page and "Export" not in page
