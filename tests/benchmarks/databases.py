"""Databases of a benchmark's own, used one after the other in the same process."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.core.cache import cache
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.benchmarks.report import say

T = TypeVar("T")


@dataclass(frozen=True)
class Database(Generic[T]):
    """One seeded database, and what its seeding returned."""

    size: int
    wrapper: BaseDatabaseWrapper
    found: T

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let every query go to this database, and keep its counts from the others'."""
        before = connections["default"], cache.key_prefix
        connections["default"], cache.key_prefix = self.wrapper, str(self.size)
        try:
            yield
        finally:
            connections["default"], cache.key_prefix = before


@contextmanager
def seeded(sizes: Sequence[int], fill: Callable[[int], T]) -> Iterator[list[Database[T]]]:
    """Create, migrate, fill and in the end drop one database for each size."""
    base = connections["default"]
    names = [f"outreach_bench_{os.getpid()}_{size}" for size in sizes]
    server = base.copy("default")
    server.settings_dict = base.settings_dict | {"NAME": "postgres"}
    made = []
    try:
        for name, size in zip(names, sizes, strict=True):
            with server.cursor() as cursor:
                cursor.execute(f'CREATE DATABASE "{name}"')
            wrapper = base.copy("default")
            wrapper.settings_dict = base.settings_dict | {"NAME": name}
            connections["default"] = wrapper
            begin = time.perf_counter()
            call_command("migrate", verbosity=0)
            made.append(Database(size, wrapper, fill(size)))
            say(f"  {size:,} rows in {time.perf_counter() - begin:.0f} s")
        yield made
    finally:
        connections["default"] = base
        for each in made:
            each.wrapper.close()
        for name in names:
            with server.cursor() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.close()
