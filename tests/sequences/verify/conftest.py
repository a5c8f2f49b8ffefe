"""A world in which mails were really sent, shared by the tests of this folder.

Each module marks its tests with `django_db`, so that there is a database for all of them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import TestCase

from tests.sequences.sent_world import Hands, World, build


class Shared(TestCase):
    """A transaction around all tests of this folder, rolled back after the last."""


@pytest.fixture(scope="package")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    hands = Hands(datetime(2026, 3, 11, 12, tzinfo=UTC))  # a Wednesday, hours from either midnight
    with django_db_blocker.unblock(), hands.hold():
        Shared.setUpClass()
        try:
            yield build(hands)
        finally:
            Shared.tearDownClass()
            Shared.doClassCleanups()


@pytest.fixture
def world(built: World, db: None) -> World:
    """The healthy world; what a test does to it is undone."""
    return built
