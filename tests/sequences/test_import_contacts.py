"""The command, and what is left when it is killed."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from outreach.models import Workspace
from outreach.times import now
from sequences.engine import importing
from sequences.models import Company, Contact, ContactList, Import
from tests.factories import make_workspace

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 60


def people(tmp_path: Path, count: int) -> Path:
    file = tmp_path / "people.csv"
    lines = (f"p{i}@firm{i // 3}.test,Person {i}\n" for i in range(count))
    file.write_text("E-mail,Name\n" + "".join(lines), "utf-8")
    return file


def run(file: Path, workspace: Workspace, *options: str) -> str:
    out = io.StringIO()
    call_command(
        "import_contacts", str(file), "--workspace", str(workspace.pk), *options, stdout=out
    )
    return out.getvalue()


def test_a_file_is_imported_in_one_go(workspace, tmp_path):
    said = run(people(tmp_path, 700), workspace)

    assert "700 rows. Columns: E-mail → email, Name → full_name." in said
    assert "Checked: 700 to create, 0 to update, 0 to skip." in said
    assert "Imported 700 contacts into the list people: 700 created, 0 updated" in said
    assert Contact.everywhere.count() == 700


def test_the_list_and_the_workspace_are_named(workspace, tmp_path):
    out = io.StringIO()
    file = people(tmp_path, 3)

    call_command("import_contacts", str(file), workspace="Brightline", list="Spring", stdout=out)

    assert ContactList.everywhere.get().name == "Spring"


def test_a_dry_run_changes_nothing(workspace, tmp_path):
    said = run(people(tmp_path, 3), workspace, "--dry-run")

    assert "Checked: 3 to create" in said and "Nothing was imported, as asked." in said
    assert not Contact.everywhere.exists() and not Import.everywhere.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b"Name,City\nAna,Lisbon\n", "No column holds e-mail addresses"),
        (b"Email,Title\na@b.test," + b"x" * 161, "No row of the file can be imported"),
        (b"PK\x03\x04", "Save it as CSV"),
    ],
)
def test_a_bad_file_ends_with_a_sentence(workspace, tmp_path, content, sentence):
    file = tmp_path / "bad.csv"
    file.write_bytes(content)

    with pytest.raises(CommandError, match=sentence):
        run(file, workspace)

    assert not Contact.everywhere.exists()


def test_a_missing_file_and_an_unknown_workspace_are_named(workspace, tmp_path):
    with pytest.raises(CommandError, match=r"Cannot read .*none.csv: No such file"):
        run(tmp_path / "none.csv", workspace)
    with pytest.raises(CommandError, match="There is no workspace Nowhere. There are: Brightline"):
        call_command("import_contacts", str(people(tmp_path, 1)), workspace="Nowhere")
    make_workspace()
    with pytest.raises(CommandError, match="Several workspaces are called Brightline"):
        call_command("import_contacts", str(people(tmp_path, 1)), workspace="Brightline")


def start(file: Path, workspace: Workspace) -> subprocess.Popen:
    """Run the command in a process of its own, on this test's database."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        user = f"{database['USER']}:{database['PASSWORD']}"
        host = f"{database['HOST']}:{database['PORT'] or 5432}"
        url = f"postgresql://{user}@{host}/{database['NAME']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_contacts", str(file), "--workspace", workspace.name],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "outreach.settings"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("stage", [Import.Status.CHECKING, Import.Status.RUNNING])
def test_a_killed_import_goes_on_without_doubles(workspace, tmp_path, stage):
    process = start(people(tmp_path, 6_000), workspace)
    until = time.monotonic() + PATIENCE
    reached = Import.everywhere.filter(status=stage, position__gte=1_000)
    while not reached.exists():
        assert process.poll() is None and time.monotonic() < until, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    job = Import.everywhere.defer("content").get()
    assert job.status == stage and job.position < job.rows_total == 6_000
    # Nobody else touches it until the dead worker's lease has run out.
    assert job.lease_until is not None and importing.tick() == 0
    Import.everywhere.update(lease_until=now() - importing.LEASE)

    for _ in importing.finish_now(job):
        assert job.position >= 1_000
    if stage == Import.Status.CHECKING:
        assert (job.status, job.created, job.skipped) == ("checked", 6_000, 0)
        return

    assert (job.status, job.created, job.updated, job.skipped) == ("done", 6_000, 0, 0)
    assert Contact.everywhere.count() == 6_000 and Company.everywhere.count() == 2_000
    assert job.list.contacts.count() == 6_000
