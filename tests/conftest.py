"""The cast: Alice owns the workspace, Bob may only read, Carol is a stranger."""

import gc
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.db import connection, connections, transaction
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from outreach import guards, statements, tasks
from outreach.models import Membership, User, Workspace
from sequences.engine import draining, reading
from tests.factories import make_user, make_workspace
from tests.fakes.far_side import FarSide, running

# How long an example takes is the machine's affair; benchmarks measure.
hypothesis.settings.register_profile("outreach", deadline=None)
hypothesis.settings.load_profile("outreach")

# What is imported stays; looking through all of it again and again is a good part of a run.
gc.freeze()
gc.set_threshold(50_000, 20, 20)

# What migrate itself writes: it stays, so that nobody has to write it again after each test.
KEPT = {"django_content_type", "auth_permission"}


# Of these, what asks no database says the same on each of them.
ANYWHERE = tuple(
    Path(__file__).parent / name
    for name in ("corpora", "mailboxes", "rules", "sequences", "writers")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        asks = item.get_closest_marker("django_db") or "db" in getattr(item, "fixturenames", ())
        if not asks and any(folder in item.path.parents for folder in ANYWHERE):
            item.add_marker(pytest.mark.once)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let PostgreSQL not count rows between two tests, and then plan for tables that are empty."""
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            for table in connection.introspection.django_table_names():
                name = connection.ops.quote_name(table)
                cursor.execute(f"ALTER TABLE {name} SET (autovacuum_enabled = off)")


@pytest.fixture(scope="session", autouse=True)
def quick_emptying() -> Iterator[None]:
    """Empty the tables in one statement, and keep the connection that has its plan.

    To flush as Django does, and to connect anew, costs as much as many a test.
    """

    def empty(self: TransactionTestCase) -> None:
        # In any order: foreign keys are asked about when the transaction ends.
        with transaction.atomic():
            if connection.vendor == "postgresql":
                parts = (f"d{n} AS (DELETE FROM {name})" for n, name in enumerate(emptied_tables()))
                statements.read(connection, (f"WITH {', '.join(parts)} SELECT 1", []))
            else:
                with connection.cursor() as cursor:
                    for name in emptied_tables():
                        cursor.execute(f"DELETE FROM {name}")

    def close_what_broke(self: TransactionTestCase) -> bool:
        for each in connections.all(initialized_only=True):
            each.close_if_unusable_or_obsolete()
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        patch.setattr(TransactionTestCase, "_should_reload_connections", close_what_broke)
        yield


@cache
def emptied_tables() -> list[str]:
    tables = connection.introspection.django_table_names()
    return [connection.ops.quote_name(table) for table in tables if table not in KEPT]


@pytest.fixture(autouse=True)
def sending_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just asked; whoever tests the guards lets them ask anew."""
    monkeypatch.setattr(guards, "GOOD_FOR_SECONDS", 3600.0)
    just_now = guards.Answer(None, time.monotonic(), is_whole=True)
    monkeypatch.setattr(guards, "_answer", just_now)


@pytest.fixture(autouse=True)
def desks_are_closed() -> Iterator[None]:
    """Close the connections that a test's desks have opened, so that its database can go."""
    yield
    for desk in (draining.desk, reading.desk, tasks.desk):
        if desk.cache_info().currsize:
            desk().close()
            desk.cache_clear()


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice@brightline.test", name="Alice Reyes", password="alice-password")


@pytest.fixture
def workspace(alice: User) -> Workspace:
    return make_workspace(alice)


@pytest.fixture
def bob(workspace: Workspace) -> User:
    bob = make_user("bob@brightline.test", name="Bob Stone", password="bob-password-1")
    Membership.objects.create(user=bob, workspace=workspace, role=Membership.Role.VIEWER)
    return bob


@pytest.fixture
def carol(db: None) -> User:
    carol = make_user("carol@elsewhere.test", name="Carol Nwosu", password="carol-password")
    make_workspace(carol, name="Elsewhere")
    return carol


@pytest.fixture
def far_side(settings: Any) -> Iterator[FarSide]:
    """Google and Microsoft on this machine, where the product looks for them."""
    with running() as far_side:
        for name, value in far_side.environment.items():
            setattr(settings, name, value)
        yield far_side
