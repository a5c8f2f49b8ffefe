import csv
import io
import itertools
import threading

import pytest
from django.db import connections

from outreach.models import User, Workspace
from outreach.times import now
from outreach.transitions import IllegalTransition
from sequences.engine import importing
from sequences.models import Company, Contact, ContactList, Import, ImportProblem, Suppression
from tests.factories import make_company, make_contact

pytestmark = pytest.mark.django_db(transaction=True)

TABLE = [
    ["First name", "Last name", "E-mail", "Company", "Job title"],
    ["Ana", "Silva", "Ana@Acme.test", "Acme", "COO"],
    ["Søren", "Kjær", "soren@fjord.test", "Fjord, Ltd", "Head of “Sales”"],
]


def text_of(rows: list[list[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


def upload(workspace: Workspace, rows: list[list[str]], name: str = "spring.csv") -> Import:
    return importing.read_file(workspace, name, text_of(rows).encode(), by=None)


def check(job: Import, **choices) -> Import:
    values = {
        "mapping": job.mapping,
        "has_header": job.has_header,
        "list_name": job.list_name,
        "update_existing": True,
    }
    importing.check(job, **(values | choices))
    return finish(job)


def finish(job: Import) -> Import:
    for _ in importing.finish_now(job):
        pass
    return job


def bring_in(workspace: Workspace, rows: list[list[str]], **choices) -> Import:
    job = check(upload(workspace, rows), **choices)
    job.start()
    return finish(job)


def people(count: int, begin: int = 0) -> list[list[str]]:
    rows = range(begin, begin + count)
    return [["E-mail", "Name"], *([f"p{i}@firm{i // 3}.test", f"Person {i}"] for i in rows)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_usual_encoding_and_separator_is_read(workspace, encoding, delimiter):
    content = text_of(TABLE, delimiter).encode(encoding)

    job = check(importing.read_file(workspace, "a.csv", content, by=None))
    job.start()
    finish(job)

    assert (job.status, job.created, job.skipped) == ("done", 2, 0)
    soren = Contact.everywhere.get(email="soren@fjord.test")
    assert (soren.first_name, soren.last_name) == ("Søren", "Kjær")
    assert soren.company.name == "Fjord, Ltd" and soren.title == "Head of “Sales”"
    assert soren.source == Contact.Source.IMPORT


def test_the_check_counts_and_changes_nothing(workspace):
    make_contact(workspace, email="known@acme.test")
    Suppression.everywhere.create(workspace=workspace, value="gone.test")
    rows = [
        ["Email", "Name"],
        ["known@acme.test", "Known"],
        ["new@acme.test", "New"],
        ["NEW@acme.test", "Double"],
        ["nobody", "Malformed"],
        ["", "Without"],
        ["info@gone.test", "Suppressed role"],
    ]

    job = check(upload(workspace, rows))

    assert job.status == Import.Status.CHECKED
    assert (job.created, job.updated, job.skipped, job.rows_total) == (2, 1, 3, 6)
    assert job.notes == {"suppressed": 1, "role": 1}
    assert list(job.problems.values_list("row", "reason")) == [
        (4, "Duplicate in the file: line 3 has the same address."),
        (5, "Malformed address: An email address must have an @-sign."),
        (6, "No address: the row has no e-mail address."),
    ]
    assert Contact.everywhere.count() == 1 and not ContactList.everywhere.exists()


def test_the_counts_add_up_to_the_rows_of_the_file(workspace):
    rows = people(1200)
    rows[5][0], rows[700][0] = "broken", rows[3][0]

    job = bring_in(workspace, rows)

    assert (job.created, job.updated, job.skipped) == (1198, 0, 2)
    assert job.position == job.rows_total == 1200
    assert job.list.name == "spring" and job.list.contacts.count() == 1198


def test_importing_again_updates_and_makes_no_doubles(workspace):
    bring_in(workspace, people(600))

    job = bring_in(workspace, people(600))

    assert (job.created, job.updated) == (0, 600)
    assert Contact.everywhere.count() == 600 and Company.everywhere.count() == 200
    assert job.list.contacts.count() == 600


def test_empty_cells_erase_nothing(workspace):
    ana = make_contact(workspace, email="ana@acme.test", title="COO", city="Lisbon", score=70)

    bring_in(workspace, [["Email", "Title", "City"], ["ana@acme.test", "", "Porto"]])

    ana.refresh_from_db()
    assert (ana.title, ana.city, ana.score) == ("COO", "Porto", 70)


def test_contacts_that_are_here_can_be_left_alone(workspace):
    make_contact(workspace, email="ana@acme.test", title="COO")

    job = bring_in(
        workspace,
        [["Email", "Title"], ["ana@acme.test", "CEO"], ["bo@acme.test", "CTO"]],
        update_existing=False,
    )

    assert (job.created, job.updated, job.skipped) == (1, 0, 1)
    assert job.notes["kept"] == 1
    assert Contact.everywhere.get(email="ana@acme.test").title == "COO"
    assert job.list.contacts.count() == 2


def test_other_columns_become_free_fields(workspace):
    bring_in(workspace, [["Email", "Team size", ""], ["ana@acme.test", "12", "x"]])

    ana = Contact.everywhere.get()
    assert ana.fields == {"team_size": "12"}
    assert ana.values()["team_size"] == "12"


def test_free_mail_makes_no_company_of_the_domain(workspace):
    bring_in(
        workspace,
        [
            ["Email", "Company", "Industry"],
            ["ana@gmail.com", "", "Law"],
            ["bo@gmail.com", "Bo", ""],
        ],
    )

    ana, bo = Contact.everywhere.order_by("email")
    assert ana.company is None and ana.values()["industry"] == "Law"
    assert bo.company.name == "Bo" and bo.company.domain == ""


def test_a_renamed_company_is_found_under_its_new_name(workspace):
    company = make_company(workspace, "Acme", domain="acme.test")
    other = make_contact(workspace, email="old@acme.test", company=company)

    bring_in(workspace, [["Email", "Company"], ["ana@acme.test", "Apex"]])

    other.refresh_from_db()
    assert "apex" in other.search and "acme.test" in other.search
    ana = Contact.everywhere.get(email="ana@acme.test")
    assert ana.company == company and ana.search == ana.searchable()


def test_what_cannot_be_read_in_a_cell_is_said(workspace):
    rows = [
        ["Email", "Time zone", "Score", "Status"],
        ["ana@acme.test", "europe/lisbon", "85%", "Qualified"],
        ["bo@acme.test", "Mars", "101", "sleeping"],
    ]

    job = bring_in(workspace, rows)

    ana, bo = Contact.everywhere.order_by("email")
    assert (ana.zone, ana.score, ana.status) == ("Europe/Lisbon", 85, "qualified")
    assert (bo.zone, bo.score, bo.status) == ("", 0, "new")
    assert job.notes == {"zone": 1, "score": 1, "status": 1}


def test_an_old_table_does_not_take_back_that_somebody_answered(workspace):
    make_contact(workspace, email="ana@acme.test", status="replied")

    bring_in(workspace, [["Email", "Status"], ["ana@acme.test", "New"]])

    assert Contact.everywhere.get().status == "replied"


def test_hostile_cells_are_text(workspace):
    cell = "<script>alert(1)</script>{{ email }}'; DROP TABLE x;--\x01\u202e"

    bring_in(workspace, [["Email", "First name", "Note"], ["ana@acme.test", cell, "=cmd|' /C'!A0"]])

    ana = Contact.everywhere.get()
    assert ana.first_name == cell.replace("\x01", "")
    assert ana.fields == {"note": "=cmd|' /C'!A0"}


def test_a_broken_row_is_skipped_and_the_others_are_taken(workspace):
    content = (
        b'Email,Name\nana@acme.test,Ana,too,many\nbo@acme.test,"never closed\ncy@acme.test,Cy\n'
    )

    job = check(importing.read_file(workspace, "a.csv", content, by=None))
    job.start()
    finish(job)

    assert (job.created, job.skipped) == (1, 2)
    assert all(reason.startswith("Broken row: Line ") for reason in _reasons(job))


def test_a_value_that_does_not_fit_is_said_and_not_cut(workspace):
    job = check(upload(workspace, [["Email", "Title"], ["ana@acme.test", "x" * 161]]))

    assert _reasons(job) == ["Too long: the title has 161 characters, at most 160 fit."]


def test_a_file_without_column_names(workspace):
    content = b"ana@acme.test;Ana\nbo@acme.test;Bo\n"

    job = check(importing.read_file(workspace, "a.csv", content, by=None))

    assert not job.has_header and job.created == job.rows_total == 2


def test_the_other_guess_about_the_first_row_changes_the_rows(workspace):
    job = check(upload(workspace, people(3)), has_header=False)

    assert (job.rows_total, job.created, job.skipped) == (4, 3, 1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b"\n\n , ,\n", "The file is empty"),
        (b"Email,Name\n", "no contacts below it"),
        (b"PK\x03\x04rest", "Save it as CSV"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "Choose a CSV file"),
        (b"ab\x00c\x01,\x00\x02\x00" * 20, "Choose a CSV file"),
        (b"x" * (importing.MAX_BYTES + 1), "up to 20 MB"),
        (b",".join(b"c%d" % i for i in range(101)) + b"\n1\n", "up to 100 can be imported"),
        (b"Email\n" + b"a@b.test\n" * 100_001, "more than 100,000 rows"),
    ],
)
def test_what_is_no_list_of_contacts_is_refused_with_a_sentence(workspace, content, sentence):
    with pytest.raises(importing.Unreadable, match=sentence):
        importing.read_file(workspace, "a.csv", content, by=None)

    assert not Import.everywhere.exists()


def test_the_error_file_can_be_mended_and_imported(workspace):
    rows = [["Email", "Phone"], ["broken", "+49 30 1"], ["=1+1@x", "-5"], ["ok@acme.test", "1"]]
    job = check(upload(workspace, rows))
    assert job.skipped == 2
    table = list(importing.problem_rows(job))
    assert table[0] == ["Import problem", "Email", "Phone"]
    assert table[1][1:] == ["broken", "'+49 30 1"] and table[2][1] == "'=1+1@x"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in table for cell in row)

    table[1][1], table[2][1] = "ana@acme.test", "bo@acme.test"
    again = bring_in(workspace, table)

    assert (again.created, again.skipped) == (2, 0)
    ana = Contact.everywhere.get(email="ana@acme.test")
    assert ana.phone == "+49 30 1" and ana.fields == {}


def test_a_cancelled_import_keeps_what_it_took_and_takes_no_more(workspace, monkeypatch):
    job = check(upload(workspace, people(1500)))
    job.start()
    importing.work_on(job.pk, 0)
    Import.everywhere.get(pk=job.pk).cancel()

    assert importing.tick() == 0

    job.refresh_from_db()
    assert job.status == Import.Status.CANCELLED
    assert Contact.everywhere.count() == job.position == job.created == 500
    with pytest.raises(IllegalTransition, match="this one is cancelled"):
        job.start()


def test_a_cancel_while_a_chunk_is_read_stops_before_it(workspace):
    job = check(upload(workspace, people(10)))
    job.start()
    Import.everywhere.get(pk=job.pk).cancel()

    assert importing._import(job, list(importing._lines(job))) is False

    assert not Contact.everywhere.exists()


def test_progress_never_goes_back(workspace):
    job = upload(workspace, people(1600))
    importing.check(job, mapping=job.mapping, has_header=True, list_name="", update_existing=True)
    seen = []
    while importing.work_on(job.pk, 0):
        seen.append(Import.everywhere.values_list("position", flat=True).get(pk=job.pk))

    assert seen == sorted(seen) and {500, 1000, 1500, 1600} <= set(seen)
    job.refresh_from_db()
    assert (job.status, job.created) == ("checked", 1600)


def test_two_workers_never_take_the_same_chunk(workspace):
    job = check(upload(workspace, people(3000)))
    job.start()
    begin, errors = threading.Barrier(4), []

    def work() -> None:
        begin.wait()
        try:
            for _ in range(40):
                # As if every lease had just run out, which is when workers overlap.
                Import.everywhere.filter(pk=job.pk).update(lease_until=None)
                importing.tick()
        except Exception as problem:
            errors.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    job.refresh_from_db()
    assert not errors
    assert (job.status, job.created, job.updated, job.skipped) == ("done", 3000, 0, 0)
    assert Contact.everywhere.count() == 3000 and job.list.contacts.count() == 3000


def test_two_imports_of_the_same_people_at_once_make_each_once(workspace):
    jobs = [check(upload(workspace, people(1000), name=f"{n}.csv")) for n in "ab"]
    for job in jobs:
        job.start()
    begin = threading.Barrier(2)

    def work(job: Import) -> None:
        begin.wait()
        try:
            finish(job)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    for job in jobs:
        job.refresh_from_db()
        assert job.status == "done" and job.created + job.updated == 1000, job.error
    assert Contact.everywhere.count() == 1000
    assert sum(job.created for job in jobs) == 1000


def test_a_list_deleted_meanwhile_does_not_stop_the_import(workspace):
    job = check(upload(workspace, people(700)))
    job.start()
    importing.work_on(job.pk, 0)
    ContactList.everywhere.all().delete()

    finish(job)

    assert (job.status, job.created, job.list) == ("done", 700, None)


def test_a_fault_ends_the_job_with_a_sentence_and_can_be_tried_again(workspace, monkeypatch):
    job = check(upload(workspace, people(700)))
    job.start()
    importing.work_on(job.pk, 0)
    with monkeypatch.context() as patch:
        patch.setattr(Contact, "searchable", lambda contact: 1 / 0)
        finish(job)
    assert job.status == "failed" and "stopped after row 500 of 700" in job.error

    job.retry()
    finish(job)

    assert (job.status, job.created) == ("done", 700)


def test_a_crashed_worker_is_waited_for_until_its_lease_ends(workspace):
    job = check(upload(workspace, people(10)))
    job.start()
    Import.everywhere.filter(pk=job.pk).update(lease_until=now() + importing.LEASE)
    assert importing.tick() == 0

    Import.everywhere.filter(pk=job.pk).update(lease_until=now() - importing.LEASE)

    assert importing.tick() == 10
    job.refresh_from_db()
    assert job.status == "done"


def test_another_workspace_keeps_its_contacts(workspace, carol: User):
    elsewhere = Workspace.objects.exclude(pk=workspace.pk).get()
    theirs = make_contact(elsewhere, email="p1@firm0.test", first_name="Theirs")

    bring_in(workspace, people(5))

    theirs.refresh_from_db()
    assert theirs.first_name == "Theirs"
    assert Contact.everywhere.filter(email="p1@firm0.test").count() == 2


def test_a_check_made_again_forgets_the_problems_of_the_one_before(workspace):
    rows = [["Email", "Mail 2"], ["x", "ana@acme.test"], ["y", ""]]
    job = check(upload(workspace, rows), mapping={"0": "email"})
    assert job.skipped == 2

    job = check(job, mapping={"1": "email"})

    assert (job.created, job.skipped) == (1, 1)
    assert ImportProblem.objects.count() == 1


def _reasons(job: Import) -> list[str]:
    return list(job.problems.values_list("reason", flat=True))


def test_chunks_are_as_large_as_they_may_be():
    sizes = [len(chunk) for chunk in importing._chunks(itertools.repeat(None, 1001))]

    assert sizes == [500, 500, 1]
