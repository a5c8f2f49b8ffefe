"""Statements that are sent one behind the other do what they would have done one by one."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from psycopg import errors

from outreach.pipes import Pipe

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="A pipe leads to PostgreSQL."),
]

READ, ADD = "SELECT n, word FROM piped ORDER BY n", "INSERT INTO piped VALUES (%s, %s)"


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    # A connection has one pipe, and names what it plans.
    connection.close()
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE piped (n bigint PRIMARY KEY, word text)")
    yield Pipe(connection.connection)
    connection.close()


def rows(pipe: Pipe) -> list[tuple]:
    [answer] = pipe.run([(READ, [])])
    return answer.rows


def test_each_statement_gives_its_rows_and_how_many_it_changed(pipe):
    for _ in range(7):  # planned with the first
        added, read, removed = pipe.run(
            [(ADD, [1, "100 %"]), (READ, []), ("DELETE FROM piped WHERE word LIKE '100 %%'", [])]
        )
        assert (added.changed, read.rows, removed.changed) == (1, [(1, "100 %")], 1)


def test_nothing_is_run_behind_one_that_fails(pipe):
    with pytest.raises(errors.UniqueViolation):
        pipe.run([(ADD, [1, "a"]), (ADD, [1, "b"]), (ADD, [2, "c"])])
    assert rows(pipe) == [], "together they are one transaction"
    pipe.run([(ADD, [2, "c"])])
    assert rows(pipe) == [(2, "c")]


def test_it_begins_a_transaction_and_ends_it_where_it_is_told_to(pipe):
    connection.set_autocommit(False)
    pipe.run([(ADD, [1, "a"])])
    connection.rollback()
    pipe.run([(ADD, [2, "b"])])
    pipe.run([(ADD, [3, "c"])], commit=True)
    connection.rollback()
    with pytest.raises(errors.UniqueViolation):
        pipe.run([(ADD, [4, "d"]), (ADD, [3, "c"])], commit=True)
    connection.rollback()
    connection.set_autocommit(True)

    assert rows(pipe) == [(2, "b"), (3, "c")]


def test_a_plan_that_fits_no_longer_is_made_anew(pipe):
    pipe.run([(ADD, [1, "5"])])
    assert rows(pipe) == [(1, "5")]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE piped ALTER word TYPE int USING word::int")

    with pytest.raises(errors.FeatureNotSupported):
        rows(pipe)
    assert rows(pipe) == [(1, 5)]
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")
        cursor.execute("DEALLOCATE ALL")
    with pytest.raises(errors.InvalidSqlStatementName):
        rows(pipe)
    assert rows(pipe) == [(1, 5)]


def test_a_connection_that_breaks_is_closed(pipe):
    with pytest.raises(psycopg.OperationalError):
        pipe.run([("SELECT pg_terminate_backend(pg_backend_pid())", []), (READ, [])])

    assert connection.connection.closed


def test_a_plan_that_is_kept_is_good_when_the_table_has_grown(pipe):
    """While nobody has counted its rows anew, which PostgreSQL does once in a minute."""
    by_key = "SELECT word FROM piped WHERE n = %s"
    pipe.run([(by_key, [1])])
    pipe.run([("INSERT INTO piped SELECT n, 'many' FROM generate_series(1, 5000) n", [])])

    [answer] = pipe.run([(by_key, [5])])

    assert answer.rows == [("many",)]
    [[kept]] = asked("SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT w%'")
    plan = " ".join(line for (line,) in asked(f"EXPLAIN EXECUTE {kept}(5)"))
    assert "Index" in plan and "$1" in plan, "by the key, and for any value"
    assert asked("SHOW enable_seqscan") == [("on",)], "other statements are planned as usual"


def asked(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()
