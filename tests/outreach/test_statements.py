"""Writes that go to the database together change what they would have changed one by one."""

import pytest
from django.db import IntegrityError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from mailboxes.models import Mailbox
from outreach import prepared
from outreach.models import AuditEntry, Workspace
from outreach.prepared import Prepared
from outreach.statements import written_together
from tests.factories import make_mailbox

pytestmark = pytest.mark.django_db(transaction=True)

on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="There is no way to SQLite that could be saved."
)

FAULTS = Prepared(lambda pk: Mailbox.everywhere.filter(pk=pk).values_list("faults"), int)


@pytest.fixture
def mine(workspace: Workspace) -> Mailbox:
    return make_mailbox(workspace, faults=1)


@pytest.fixture
def other(workspace: Workspace) -> Mailbox:
    return make_mailbox(workspace, faults=1)


def set_faults(mailbox: Mailbox, faults: object, **where: object) -> int:
    return prepared.update(Mailbox, {"pk": mailbox.pk} | where, faults=faults)


def faults_of(*mailboxes: Mailbox) -> list[int]:
    return [Mailbox.everywhere.get(pk=each.pk).faults for each in mailboxes]


def note(workspace: Workspace, verb: str) -> None:
    prepared.insert(AuditEntry(workspace=workspace, verb=verb))


def test_all_is_changed_and_what_was_meant_is_returned(mine, other, workspace):
    def work() -> str:
        assert set_faults(mine, 5) == set_faults(other, F("faults") + 1) == 1
        note(workspace, "stop")
        return "done"

    for _ in range(3):
        assert written_together(work) == "done"

    assert faults_of(mine, other) == [5, 4]
    assert AuditEntry.everywhere.filter(workspace=workspace, verb="stop").count() == 3


@on_postgresql
def test_what_is_changed_goes_in_one_statement(mine, other, workspace):
    def work() -> None:
        set_faults(mine, 5)
        set_faults(other, 6)
        note(workspace, "stop")

    with CaptureQueriesContext(connection) as seen:
        written_together(work)

    changing = [each["sql"] for each in seen if "UPDATE" in each["sql"] or "INSERT" in each["sql"]]
    assert len(changing) == 1 and changing[0].startswith("WITH ")


def test_whoever_reads_sees_what_was_changed_before(mine, other):
    seen = []

    def work() -> None:
        set_faults(mine, 5)
        seen.append(faults_of(mine))
        set_faults(mine, 6)
        seen.append([faults for (faults,) in FAULTS.rows(mine.pk)])
        set_faults(mine, 7)
        mine.refresh_from_db()
        seen.append([mine.faults])

    written_together(work)

    assert seen == [[5], [6], [7]]


def test_a_row_that_is_changed_twice_is_as_the_last_one_left_it(mine, other):
    def work() -> None:
        set_faults(mine, 5)
        set_faults(other, 2)
        set_faults(mine, F("faults") * 2)
        # Whose rows nobody knows before.
        prepared.update(Mailbox, {"email": mine.email}, faults=F("faults") + 1)
        set_faults(mine, F("faults") * 2)

    written_together(work)

    assert faults_of(mine, other) == [22, 2]


def test_what_did_not_change_a_row_is_done_again_step_by_step(mine, other, workspace):
    found = []

    def work() -> None:
        note(workspace, "stop")
        found.append(set_faults(mine, 5, faults__gt=100))
        set_faults(other, F("faults") + 1)

    written_together(work)

    # Put off, nobody knew yet that it changes nothing; then somebody did.
    assert found == ([1, 0] if connection.vendor == "postgresql" else [0])
    assert faults_of(mine, other) == [1, 2]
    assert AuditEntry.everywhere.filter(workspace=workspace, verb="stop").count() == 1


def test_what_changes_several_rows_does_so_once(mine, other, workspace):
    def work() -> None:
        more = {"faults": F("faults") + 1}
        prepared.update(Mailbox, {"workspace": workspace.pk}, **more)

    written_together(work)

    assert faults_of(mine, other) == [2, 2]


def test_where_something_breaks_nothing_is_changed(mine, other):
    def work() -> None:
        set_faults(mine, 5)
        raise LookupError

    with pytest.raises(LookupError):
        written_together(work)
    assert faults_of(mine) == [1]

    def collide() -> None:
        set_faults(mine, 5)
        prepared.update(Mailbox, {"pk": other.pk}, email=mine.email)

    with pytest.raises(IntegrityError):
        written_together(collide)
    assert faults_of(mine) == [1]
    assert set_faults(mine, 7) == 1, "what comes after is changed at once"
    assert faults_of(mine) == [7]


def test_within_another_it_is_part_of_it(mine, other):
    def inner() -> None:
        set_faults(mine, 5)

    def outer() -> None:
        set_faults(other, 6)
        written_together(inner)
        raise LookupError

    with pytest.raises(LookupError):
        written_together(outer)

    assert faults_of(mine, other) == [1, 1]
