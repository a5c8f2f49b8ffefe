"""manage.py verify on a database that others are writing to."""

import io

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from outreach.models import Workspace
from sequences.engine import draining, invariants
from sequences.models import Touch
from tests.factories import make_due_touch, make_workspace
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def verify(*options: str) -> list[str]:
    out = io.StringIO()
    call_command("verify", *options, stdout=out)
    return out.getvalue().splitlines()


def test_without_a_sandbox_or_a_journal_ten_are_not_judged():
    lines = verify()

    assert sum("not judged  " in line for line in lines) == 10
    assert lines[0] == (
        "I01 not judged  No Message-ID was delivered twice: "
        "it needs a Sandbox mailbox, or a provider's journal."
    )
    assert lines[24:] == ["Held: 14. Broken: 0. Not judged: 10."]


def test_it_sees_one_moment_and_keeps_nobody_waiting():
    touch = make_due_touch()

    with invariants.reading():
        before = list(Touch.objects.values_list("status", flat=True))
        (sent,) = together(draining.drain_all)
        assert list(Touch.objects.values_list("status", flat=True)) == before

    touch.refresh_from_db()
    assert (sent, touch.status) == (1, Touch.Status.SENT)
    assert verify("--older-than", "0")[24] == "Held: 24. Broken: 0. Not judged: 0."


def test_the_database_refuses_to_write_meanwhile_and_writes_again_afterwards():
    workspace = make_workspace()

    with pytest.raises(DatabaseError, match="read.?only"), invariants.reading():
        Workspace.objects.update(name="Changed")
    with transaction.atomic():
        Workspace.objects.update(name="Changed afterwards")

    workspace.refresh_from_db()
    assert workspace.name == "Changed afterwards"
    assert connection.get_autocommit() and not connection.in_atomic_block


def test_inside_a_transaction_it_looks_at_that():
    with transaction.atomic():
        make_workspace(name="Not committed")
        with invariants.reading():
            assert Workspace.objects.filter(name="Not committed").exists()
        Workspace.objects.update(name="Writing goes on")

    assert Workspace.objects.get().name == "Writing goes on"
