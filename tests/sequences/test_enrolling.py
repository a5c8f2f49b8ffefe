import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from sequences.engine import drafting, enrolling
from sequences.models import (
    Batch,
    Contact,
    ContactList,
    Enrollment,
    Event,
    NotReady,
    Sequence,
    Skip,
    Suppression,
    Touch,
)
from tests.factories import make_contact, make_sequence, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)


def make_contacts(workspace: Any, count: int) -> list[int]:
    Contact.everywhere.bulk_create(
        Contact(workspace=workspace, email=f"person{number}@many.test", first_name="Ana")
        for number in range(count)
    )
    rows = Contact.everywhere.filter(workspace=workspace).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def run_to_the_end() -> None:
    while enrolling.tick():
        pass


def test_enrolling_makes_a_run_a_contact_and_drafts_follow(alice, workspace):
    sequence = make_sequence(workspace)
    contacts = [make_contact(workspace) for _ in range(3)]

    batch = enrolling.enroll(sequence, [c.pk for c in contacts], by=alice)
    run_to_the_end()
    drafting.tick()

    batch.refresh_from_db()
    runs = Enrollment.everywhere.filter(sequence=sequence)
    assert (batch.status, batch.enrolled, batch.skipped) == (Batch.Status.DONE, 3, {})
    assert {run.status for run in runs} == {Enrollment.Status.PENDING_APPROVAL}
    assert {run.mailbox for run in runs} == {sequence.mailbox}
    assert {run.created_by for run in runs} == {alice}
    assert Touch.objects.filter(enrollment__in=runs).count() == 6
    assert Event.everywhere.filter(kind="enrolled", by=alice).count() == 3


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (Sequence.Status.DRAFT, "Only active sequences can be enrolled into; activate it first."),
        (Sequence.Status.PAUSED, "Only active sequences can be enrolled into; activate it first."),
    ],
)
def test_only_active_sequences_can_be_enrolled_into(alice, workspace, status, sentence):
    sequence = make_sequence(workspace, status=status)

    with pytest.raises(NotReady, match=sentence):
        enrolling.enroll(sequence, [make_contact(workspace).pk], by=alice)


def test_enrolling_needs_the_postal_address(alice):
    workspace = make_workspace(alice, postal_address="")
    sequence = make_sequence(workspace)

    with pytest.raises(NotReady, match="postal address"):
        enrolling.enroll(sequence, [make_contact(workspace).pk], by=alice)


def test_at_most_5000_contacts_come_at_once(alice, workspace):
    sequence = make_sequence(workspace)

    with pytest.raises(NotReady, match="at most 5,000 contacts at once; these are 5,001"):
        enrolling.enroll(sequence, range(1, 5002), by=alice)


def test_another_workspaces_contacts_do_not_come_in(alice, workspace):
    stranger = make_contact(make_workspace())

    with pytest.raises(NotReady, match="at least one contact"):
        enrolling.enroll(make_sequence(workspace), [stranger.pk], by=alice)


def test_every_skip_has_its_reason_and_the_numbers_add_up(alice, workspace):
    sequence = make_sequence(workspace)
    Suppression.everywhere.create(workspace=workspace, value="gone@acme.test")
    Suppression.everywhere.create(workspace=workspace, value="never.test")
    inside = make_contact(workspace, email="inside@acme.test")
    enrolling.enroll(sequence, [inside.pk], by=alice)
    run_to_the_end()
    contacts = {
        "suppressed": [
            make_contact(workspace, email="gone@acme.test"),
            make_contact(workspace, email="any@never.test"),
        ],
        "opted_out": [make_contact(workspace, email="out@acme.test", opted_out=True)],
        "malformed": [make_contact(workspace, email="not an address")],
        "role_address": [make_contact(workspace, email="sales@acme.test")],
        "already_enrolled": [inside],
    }
    welcome = make_contact(workspace, email="maria@acme.test")
    everybody = [contact.pk for group in contacts.values() for contact in group] + [welcome.pk]

    seen = enrolling.outlook(sequence, everybody)
    batch = enrolling.enroll(sequence, everybody, by=alice)
    run_to_the_end()

    batch.refresh_from_db()
    expected = {reason: len(group) for reason, group in contacts.items()}
    assert batch.skipped == expected == dict(seen.skips)
    assert batch.enrolled == 1 == len(seen.ready)
    assert batch.enrolled + sum(batch.skipped.values()) == batch.total
    for reason, group in contacts.items():
        skips = Skip.objects.filter(batch=batch, reason=reason)
        assert {skip.contact_id for skip in skips} == {contact.pk for contact in group}


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({"email": "gone@acme.test"}, True),
        ({"email": "out@acme.test", "opted_out": True}, True),
        ({"email": "info@acme.test"}, True),
        ({"email": "not an address"}, False),
    ],
)
def test_a_known_contact_turned_down_leaves_a_refused_run(alice, workspace, values, refused):
    Suppression.everywhere.create(workspace=workspace, value="gone@acme.test")
    sequence = make_sequence(workspace)
    contact = make_contact(workspace, **values)

    for _ in range(2):
        enrolling.enroll(sequence, [contact.pk], by=alice)
        run_to_the_end()

    runs = Enrollment.everywhere.filter(contact=contact)
    assert [(run.status, run.end_reason) for run in runs] == [("archived", "refused")] * refused
    assert not Touch.objects.exists()


def test_a_contact_may_come_again_once_its_run_has_ended(alice, workspace):
    sequence = make_sequence(workspace)
    contact = make_contact(workspace)
    enrolling.enroll(sequence, [contact.pk], by=alice)
    run_to_the_end()
    Enrollment.everywhere.get(contact=contact).stop(by=alice)

    enrolling.enroll(sequence, [contact.pk], by=alice)
    run_to_the_end()

    assert Enrollment.everywhere.filter(contact=contact).count() == 2


def test_a_contact_deleted_meanwhile_is_counted(alice, workspace):
    sequence = make_sequence(workspace)
    first, second = make_contact(workspace), make_contact(workspace)
    batch = enrolling.enroll(sequence, [first.pk, second.pk], by=alice)
    second.delete()

    run_to_the_end()

    batch.refresh_from_db()
    assert (batch.enrolled, batch.skipped) == (1, {"gone": 1})


def test_run_variables_go_with_the_batch(alice, workspace):
    sequence = make_sequence(workspace)
    contact = make_contact(workspace)

    enrolling.enroll(sequence, [contact.pk], by=alice, variables={"first_name": "Jo"})
    run_to_the_end()
    drafting.tick()

    assert Touch.objects.filter(position=1).get().body == "Hi Jo, this is step 1."


def test_an_archived_sequence_takes_nobody_in_any_more(alice, workspace):
    sequence = make_sequence(workspace)
    batch = enrolling.enroll(sequence, [make_contact(workspace).pk], by=alice)
    sequence.pause(by=alice)
    sequence.archive(by=alice)

    run_to_the_end()

    batch.refresh_from_db()
    assert batch.status == Batch.Status.CANCELLED
    assert not Enrollment.everywhere.exists()


def test_a_cancelled_batch_keeps_who_is_in(alice, workspace):
    sequence = make_sequence(workspace)
    batch = enrolling.enroll(sequence, make_contacts(workspace, 600), by=alice)
    enrolling.tick()

    enrolling.cancel(batch)
    run_to_the_end()

    batch.refresh_from_db()
    assert batch.status == Batch.Status.CANCELLED
    assert batch.enrolled == Enrollment.everywhere.count() == 500
    with pytest.raises(NotReady, match="finished already"):
        enrolling.cancel(batch)


def test_two_workers_and_two_batches_make_one_run_a_contact(alice, workspace):
    sequence = make_sequence(workspace)
    ids = make_contacts(workspace, 1200)
    enrolling.enroll(sequence, ids, by=alice)
    enrolling.enroll(sequence, list(reversed(ids)), by=alice)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            run_to_the_end()
        except BaseException as problem:
            failed.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    run_to_the_end()

    assert not failed
    assert Enrollment.everywhere.count() == 1200
    batches = Batch.everywhere.all()
    assert {batch.status for batch in batches} == {Batch.Status.DONE}
    assert sum(batch.enrolled for batch in batches) == 1200
    assert sum(batch.skipped.get("already_enrolled", 0) for batch in batches) == 1200
    assert Event.everywhere.filter(kind="enrolled").count() == 1200


def test_a_run_made_elsewhere_between_look_and_insert_is_a_skip(alice, workspace, monkeypatch):
    sequence = make_sequence(workspace)
    contact = make_contact(workspace)
    batch = enrolling.enroll(sequence, [contact.pk], by=alice)
    look = enrolling._refusals
    looks: list[int] = []

    def look_and_be_overtaken(*args: Any) -> dict[int, str]:
        found = look(*args)
        if not looks:
            Enrollment.everywhere.create(workspace=workspace, sequence=sequence, contact=contact)
        looks.append(1)
        return found

    monkeypatch.setattr(enrolling, "_refusals", look_and_be_overtaken)

    # The insert of the first round fails and takes the rival's run, made in it, with it.
    assert enrolling.work(batch) == 1

    batch.refresh_from_db()
    assert len(looks) == 2 and batch.enrolled == 1
    assert Enrollment.everywhere.filter(contact=contact).count() == 1


KILLED = """
import os, django
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
from sequences.engine import enrolling
keep = enrolling._skip
def die(*args):
    if enrolling.Batch.everywhere.get().position > 600:
        os.kill(os.getpid(), 9)
    return keep(*args)
enrolling._skip = die
print("ready", flush=True)
while enrolling.tick():
    pass
"""


def test_a_killed_worker_leaves_no_half_and_no_double(alice, workspace):
    sequence = make_sequence(workspace)
    batch = enrolling.enroll(sequence, make_contacts(workspace, 1200), by=alice)

    worker = subprocess.run(
        [sys.executable, "-c", KILLED],
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE": str(connection.settings_dict["NAME"]),
        },
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
    )

    # It died inside its second chunk: after inserting, before the commit.
    assert worker.returncode == -signal.SIGKILL, worker.stderr
    batch.refresh_from_db()
    assert batch.position == batch.enrolled == Enrollment.everywhere.count() == 500
    assert enrolling.tick() == 0  # its lease still runs
    Batch.everywhere.update(lease_until=enrolling.now())
    time.sleep(0.01)

    run_to_the_end()

    batch.refresh_from_db()
    assert (batch.status, batch.enrolled) == (Batch.Status.DONE, 1200)
    assert Enrollment.everywhere.values("contact").distinct().count() == 1200
    assert Event.everywhere.filter(kind="enrolled").count() == 1200


def test_a_long_list_comes_in_parts(alice, workspace, monkeypatch):
    monkeypatch.setattr(enrolling, "LIMIT", 4)
    sequence = make_sequence(workspace)
    everybody = ContactList.everywhere.create(workspace=workspace, name="All")
    everybody.contacts.add(*make_contacts(workspace, 6))

    first = enrolling.members(everybody, sequence)
    enrolling.enroll(sequence, first, by=alice)
    run_to_the_end()
    second = enrolling.members(everybody, sequence)

    assert len(first) == 4 and len(second) == 2 and not set(first) & set(second)


def test_the_outlook_names_values_that_contacts_lack(workspace):
    sequence = make_sequence(workspace, steps=1)
    sequence.steps.update(
        subject="",
        body='{{first_name}} {{title | default: "x"}} {{terminal}} {{sender_name}} {{offer}}',
    )
    sequence.variables = {"offer": "a walk-through"}
    with_it = make_contact(workspace, fields={"terminal": "Antwerp"})
    without = make_contact(workspace)

    seen = enrolling.outlook(sequence, [with_it.pk, without.pk])

    assert dict(seen.lacking) == {"terminal": 1}
