"""manage.py verify: all 24 hold on what the product did, and each fires on its own corruption."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from mailboxes.models import SandboxMail
from sequences.engine.invariants import INVARIANTS
from sequences.models import Attempt, Event, Touch
from tests.sequences.judging import (
    BREAKS,
    CODES,
    NEEDS_JOURNAL,
    broken,
    journal,
    judge,
    six_attempts,
    verify,
)

pytestmark = pytest.mark.django_db


def test_there_are_24_and_ten_of_them_need_a_journal():
    assert sorted(INVARIANTS) == CODES
    assert {code for code, each in INVARIANTS.items() if each.needs_journal} == NEEDS_JOURNAL


def test_all_hold_after_everything_that_can_happen_to_a_mail(world):
    """The world has what each invariant is about, or it would prove nothing."""
    attempts = Attempt.objects.all()
    assert set(attempts.values_list("outcome", flat=True)) == {"accepted", "rejected"}
    statuses = set(Touch.objects.values_list("status", flat=True))
    assert statuses == {"sent", "failed", "cancelled", "scheduled", "draft"}
    assert Event.everywhere.filter(kind="sent", detail__raced=True).exists()
    kinds = set(Event.everywhere.values_list("kind", flat=True))
    assert kinds >= {"uncertain", "stop_undone", "paused", "resumed", "bounced", "deferred"}
    assert attempts.filter(decided_by=world.alice).exists()
    assert Touch.objects.get(in_reply_to__isnull=False).status == "sent"

    assert [each.verdict for each in judge().values()] == ["holds"] * 24
    assert broken(older_than=timedelta()) == {}


def test_it_prints_a_line_for_each_and_a_summary(world):
    lines = verify().splitlines()

    assert [line.split()[0] for line in lines[:24]] == CODES
    assert lines[0] == "I01 holds       No Message-ID was delivered twice."
    assert lines[24] == "Held: 24. Broken: 0. Not judged: 0."
    unknown = "What was really delivered is unknown, without a journal, for "
    assert lines[25] == f"{unknown}{world.server.mailbox.email}."


@pytest.mark.parametrize("code", CODES)
def test_each_fires_on_its_own_corruption_and_only_where_it_is(world, code):
    BREAKS[code](world)

    found = broken()
    assert list(found) == [code]
    assert found[code]
    here, there = world.workspace.pk, world.elsewhere.workspace_id
    if code == "I12":
        here, there = there, here
    assert list(broken(workspace=here)) == [code]
    assert broken(workspace=there) == {}


# What it prints, and that it only reads


def test_it_names_what_it_found_and_ends_with_1(world):
    six_attempts(world)
    out = io.StringIO()

    with pytest.raises(CommandError) as raised:
        call_command("verify", stdout=out)

    assert raised.value.returncode == 1
    promise = "No text was tried more than 5 times without a person"
    assert f"I20 BROKEN      {promise}: 1 found, touch {world.touch('all', 3).pk}\n" in (
        out.getvalue()
    )
    assert "Held: 23. Broken: 1. Not judged: 0." in out.getvalue()


def test_what_it_found_is_bounded(world):
    SandboxMail.everywhere.caught().update(recipient="somebody@else.test")

    found = judge()["I18"]
    assert (len(found.offenders), found.has_more) == (20, True)
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("verify", stdout=out)
    assert ": more than 20 found, e.g. touch " in out.getvalue()


@pytest.mark.parametrize(
    "options, problem",
    [
        (["--older-than", "-1"], "--older-than: a whole number of minutes"),
        (["--since", "monday", "--journal", "x"], "--since: a time with its zone"),
        (["--since", "2026-11-01T00:00:00Z"], "--since says where a journal begins"),
        (["--journal", "/nowhere/at/all"], "cannot be read: No such file or directory"),
        (["--workspace", "Nobody's"], "No workspace is called “Nobody's”."),
    ],
)
def test_bad_options_are_explained(world, options, problem):
    with pytest.raises(CommandError, match=problem):
        verify(*options)


def test_it_writes_nothing(world, tmp_path):
    begun = set()

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        begun.add(sql.split()[0].upper())
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        verify("--journal", journal(tmp_path, *world.server.journal))

    assert begun <= {"SELECT", "WITH", "SET", "PRAGMA", "SAVEPOINT", "RELEASE"}
