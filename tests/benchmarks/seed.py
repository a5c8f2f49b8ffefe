"""Fill a database with as many runs as a benchmark wants, inside the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connection, models

from mailboxes.models import Mailbox
from outreach.models import Membership, User, Workspace
from sequences.models import Company, Contact, Enrollment, Sequence, Step, Touch

# The share of each status, up to which the hash of a row's number picks it.
STATUSES = [
    (0.20, "active"),
    (0.60, "complete"),
    (0.65, "pending_approval"),
    (0.68, "paused"),
    (0.70, "replied_positive"),
    (0.73, "replied_objection"),
    (0.75, "approved"),
    (1.00, "archived"),
]
HASH = "(hashint8({})::bigint + 2147483648) / 4294967296.0"


def fill(rows: int) -> User:
    """Make one workspace with this many runs in it; returns its owner, who may use the admin."""
    owner = User.objects.create(
        email="owner@bench.test", is_staff=True, is_superuser=True, password=make_password(None)
    )
    workspace = Workspace.objects.create(name="Benchmark", postal_address="1 Main Street")
    Membership.objects.create(user=owner, workspace=workspace, role="owner")
    companies = max(1, rows // 5)
    for number in range(1, 6):
        Mailbox.everywhere.create(
            workspace=workspace, provider="sandbox", email=f"m{number}@bench.test"
        )
    for number in range(1, 21):
        sequence = Sequence.everywhere.create(
            workspace=workspace,
            name=f"Sequence {number}",
            status="active",
            mailbox=Mailbox.everywhere.get(pk=1 + number % 5),
        )
        for position in range(1, 5):
            Step.objects.create(sequence=sequence, position=position, body="Hello", delay_days=3)
    with fast():
        insert(Company, companies, name="'Company ' || i", domain="'company' || i || '.test'")
        insert(
            Contact,
            rows,
            company_id=f"1 + i % {companies}",
            email="'p' || i || '@company.test'",
            first_name="'First' || i",
            last_name="'Last' || i",
            title="(array['COO', 'Head of Sales', 'Founder', ''])[1 + i % 4]",
            search="'first' || i || ' last' || i || ' company ' || i",
        )
        insert(
            Enrollment,
            rows,
            source=f"(SELECT i, {HASH.format('i')} AS h, {HASH.format('i * 31 + 7')} AS t "
            f"FROM generate_series(1, {rows}) AS i) AS numbers",
            sequence_id="1 + i % 20",
            contact_id="i",
            mailbox_id="1 + i % 5",
            status=_choose("h", STATUSES),
            end_reason="CASE WHEN h >= 0.75 THEN 'by_hand' ELSE '' END",
            blocked_by="CASE WHEN h < 0.001 THEN 'failed_touch' ELSE '' END",
            blocked_position="CASE WHEN h < 0.001 THEN 2 END",
            drafted_at="now()",
            steps_total="4",
            steps_done="CASE WHEN h >= 0.60 AND h < 0.65 OR h >= 0.73 THEN 0 "
            "WHEN h >= 0.20 AND h < 0.60 THEN 4 ELSE 1 + i % 3 END",
            last_sent_at="CASE WHEN h >= 0.60 AND h < 0.65 OR h >= 0.73 AND h < 0.75 THEN NULL "
            "ELSE now() - make_interval(secs => t * 7776000) END",
            created_at="now() - make_interval(secs => 7776000 + t * 864000)",
        )
        insert(
            Touch,
            rows * 2,
            enrollment_id="1 + (i - 1) / 2",
            position="1 + (i - 1) % 2",
            status="CASE WHEN i % 2000 = 0 THEN 'failed' ELSE 'sent' END",
            subject="'A question for ' || i",
            body="repeat('Hello, this is a mail of some length. ', 6)",
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    return owner


def _choose(value: str, steps: list[tuple[float, str]]) -> str:
    cases = " ".join(f"WHEN {value} < {limit} THEN '{word}'" for limit, word in steps)
    return f"CASE {cases} END"


def insert(model: type[models.Model], rows: int, *, source: str = "", **given: str) -> None:
    """INSERT … SELECT: the given columns as SQL over i, all others as the model's defaults."""
    columns: dict[str, str] = {}
    values: list[Any] = []
    for field in model._meta.concrete_fields:
        if field.primary_key or field.generated:
            continue
        if field.column in given:
            columns[field.column] = given[field.column].replace("%", "%%")
        elif field.column == "workspace_id":
            columns[field.column] = "1"
        else:
            columns[field.column] = "%s"
            values.append(field.get_db_prep_save(_default(field), connection))
    source = source or f"generate_series(1, {rows}) AS i"
    table = model._meta.db_table
    with connection.cursor() as cursor, _without_indexes(table):
        names = ", ".join(columns)
        picked = ", ".join(columns.values())
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {picked} FROM {source}", values)


def _default(field: models.Field) -> Any:
    return (
        field.pre_save(field.model(), add=True)
        if getattr(field, "auto_now", 0)
        else (field.get_default())
    )


@contextmanager
def fast() -> Iterator[None]:
    """Leave the checks of foreign keys to the care taken above."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET maintenance_work_mem = '256MB'")
        yield
        cursor.execute("RESET session_replication_role")
        cursor.execute("RESET maintenance_work_mem")


@contextmanager
def _without_indexes(table: str) -> Iterator[None]:
    """Build the indexes after the rows: several times faster than keeping them up to date."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname "
            "NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass)",
            [table, table],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for _, definition in indexes:
            cursor.execute(definition)
