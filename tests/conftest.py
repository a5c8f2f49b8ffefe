"""The cast: Alice owns the workspace, Bob may only read, Carol is a stranger."""

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.management.commands import flush
from django.db import connection

from outreach import guards, tasks
from outreach.models import Membership, User, Workspace
from sequences.engine import reading, sending
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
    Path(__file__).parent / name for name in ("corpora", "mailboxes", "rules", "writers")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        asks = item.get_closest_marker("django_db") or "db" in getattr(item, "fixturenames", ())
        if not asks and any(folder in item.path.parents for folder in ANYWHERE):
            item.add_marker(pytest.mark.once)


@pytest.fixture(scope="session", autouse=True)
def quick_emptying() -> Iterator[None]:
    """Empty only the tables that hold rows of a test; TRUNCATE makes new files for all of them."""

    def sql_flush(self: Any, style: Any, tables: list[str], **_: Any) -> list[str]:
        names = [self.quote_name(table) for table in tables if table not in KEPT]
        asked = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(asked))
            # In any order: foreign keys are asked about when the transaction ends.
            return [f"DELETE FROM {name}" for (name,) in cursor.fetchall()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(connection.ops), "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


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
    for desk in (sending.desk, reading.desk, tasks.desk):
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
