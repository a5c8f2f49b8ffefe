from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F

from mailboxes.models import Mailbox
from outreach import prepared
from outreach.models import AuditEntry
from outreach.prepared import Prepared
from tests.factories import make_mailbox, make_user, make_workspace

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)

on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite plans every statement anew."
)


def test_an_update_changes_what_its_conditions_name_and_nothing_else():
    mine, other = make_mailbox(make_workspace()), make_mailbox(make_workspace())

    for limit in (5, 7):
        changed = prepared.update(
            Mailbox, {"pk": mine.pk, "status__in": ["connected", "paused"]}, daily_limit=limit
        )

        assert changed == 1
        mine.refresh_from_db()
        other.refresh_from_db()
        assert (mine.daily_limit, other.daily_limit) == (limit, 50)


def test_an_update_whose_conditions_do_not_hold_changes_nothing():
    mailbox = make_mailbox(make_workspace())

    assert prepared.update(Mailbox, {"pk": mailbox.pk, "faults__gt": 0}, faults=9) == 0
    assert prepared.update(Mailbox, {"pk": mailbox.pk, "held_until": NOON}, faults=9) == 0

    mailbox.refresh_from_db()
    assert mailbox.faults == 0


def test_an_update_takes_times_expressions_records_and_nothing():
    alice, mailbox = make_user(), make_mailbox(make_workspace(), faults=3, held_until=NOON)

    for n in range(1, 4):
        prepared.update(
            Mailbox,
            {"pk": mailbox.pk, "faults": 3 + n - 1},
            faults=F("faults") + 1,
            last_sent_at=NOON + timedelta(days=n),
            held_until=None,
            created_by=alice,
        )
        mailbox.refresh_from_db()

        assert mailbox.faults == 3 + n
        assert mailbox.last_sent_at == NOON + timedelta(days=n)
        assert mailbox.held_until is None
        assert mailbox.created_by == alice


def test_a_value_is_told_from_nothing_every_time():
    mailbox = make_mailbox(make_workspace())

    for value in (NOON, None, NOON, None):
        prepared.update(Mailbox, {"pk": mailbox.pk}, held_until=value)

        mailbox.refresh_from_db()
        assert mailbox.held_until == value


def test_a_list_is_matched_whatever_its_length():
    boxes = [make_mailbox(make_workspace()) for _ in range(3)]

    for wanted in (boxes, boxes[:1], boxes[1:]):
        ids = [box.pk for box in wanted]

        assert prepared.update(Mailbox, {"pk__in": ids}, sender_name="Sam") == len(wanted)


def test_a_list_is_stored_as_one_value():
    entry = AuditEntry.everywhere.create(workspace=make_workspace(), verb="saved")

    for value in (["a", "b"], [], {"é": None}):
        prepared.update(AuditEntry, {"pk": entry.pk}, detail=value)

        entry.refresh_from_db()
        assert entry.detail == value


def test_an_inserted_record_is_the_one_that_save_would_store():
    workspace = make_workspace()
    saved = AuditEntry(workspace=workspace, verb="saved", detail={"a": [1, "é"]})
    saved.save()
    inserted = AuditEntry(workspace=workspace, verb="inserted", detail={"a": [1, "é"]})

    prepared.insert(inserted)

    assert inserted.pk > saved.pk and not inserted._state.adding
    found = AuditEntry.everywhere.get(pk=inserted.pk)
    assert (found.workspace, found.verb, found.detail) == (workspace, "inserted", saved.detail)
    assert found.at == inserted.at


def test_a_query_by_time_reads_the_same_on_both_databases():
    early = make_mailbox(make_workspace(), last_sent_at=NOON - timedelta(hours=1))
    make_mailbox(make_workspace(), last_sent_at=NOON + timedelta(hours=1))
    before = Prepared(
        lambda at: Mailbox.everywhere.filter(last_sent_at__lt=at).values_list("pk", "email"),
        datetime,
    )

    for _ in range(3):
        assert before.rows(NOON) == [(early.pk, early.email)]


@on_postgresql
def test_postgresql_keeps_the_plan_of_a_statement():
    mailbox = make_mailbox(make_workspace())

    for n in range(4):
        prepared.update(Mailbox, {"pk": mailbox.pk, "away_until": None}, faults=n)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s",
            ['UPDATE "mailboxes_mailbox"%away_until%'],
        )
        assert cursor.fetchone() == (1,)


@on_postgresql
def test_what_hangs_on_its_values_is_planned_for_them():
    mailbox = make_mailbox(make_workspace(), last_sent_at=NOON)
    since = Prepared(
        lambda at: Mailbox.everywhere.filter(last_sent_at__gte=at).values_list("pk"),
        datetime,
        plans_anew=True,
    )

    assert since.rows(NOON) == [(mailbox.pk,)]
    assert since.rows(NOON + timedelta(days=1)) == []

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s",
            ['SELECT%"last_sent_at" >= %'],
        )
        assert cursor.fetchone() == (0,)


@on_postgresql
def test_behind_a_pooler_no_plan_is_kept(settings):
    settings.DATABASE_KEEPS_PLANS = False
    mailbox = make_mailbox(make_workspace())

    for n in range(4):
        prepared.update(Mailbox, {"pk": mailbox.pk, "away_from": None}, faults=n)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s",
            ['UPDATE "mailboxes_mailbox"%away_from%'],
        )
        assert cursor.fetchone() == (0,)
