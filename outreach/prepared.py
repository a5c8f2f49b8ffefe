"""Queries that are compiled once and run many times."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection, models
from django.db.models.query import get_related_populators


class Prepared:
    """A query for rows of one model, compiled by Django the first time it is run in a thread.

    Compiling a join of several wide tables takes Django longer than the database needs to answer
    it; the worker that sends mails asks the same few questions for every mail. `build` gets a
    stand-in for each value that `rows` is later given, in the same order and of the same type;
    each may be used several times. `lock` follows the statement where the database has row
    locks; SQLite's immediate transactions lock the file anyway.
    """

    STAND_INS: dict[type, Callable[[int], Any]] = {
        int: lambda number: -2_000_000_000 - number,
        str: lambda number: f"stand-in {number}",
    }

    def __init__(self, build: Callable[..., models.QuerySet], *types: type, lock: str = "") -> None:
        self._build, self._types, self._lock = build, types, lock
        self._mine = threading.local()

    def rows(self, *values: Any) -> list[Any]:
        """Run the query with these values and return its records."""
        compiled = self._compiled()
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.fill(values))
            return compiled.records(cursor.fetchall())

    def first(self, *values: Any) -> Any | None:
        """Return the first record, or None."""
        return next(iter(self.rows(*values)), None)

    def get(self, *values: Any) -> Any:
        """Return the one record; raises the model's DoesNotExist."""
        found = self.first(*values)
        if found is None:
            model = self._compiled().model
            raise model.DoesNotExist(f"There is no {model._meta.verbose_name} {values}.")
        return found

    def _compiled(self) -> "_Compiled":
        compiled: _Compiled | None = getattr(self._mine, connection.alias, None)
        if compiled is None:
            stand_ins = [self.STAND_INS[kind](n) for n, kind in enumerate(self._types)]
            compiled = _Compiled(self._build(*stand_ins), stand_ins, self._lock)
            setattr(self._mine, connection.alias, compiled)
        return compiled


class _Compiled:
    def __init__(self, rows: models.QuerySet, stand_ins: list[Any], lock: str) -> None:
        self.model = rows.model
        self._compiler = rows.query.get_compiler(using=rows.db)
        sql, params = self._compiler.as_sql()
        with_lock = lock and connection.features.has_select_for_update
        self.sql = f"{sql} {lock}" if with_lock else sql
        # For each parameter of the statement: which value, or the constant itself.
        self._params = [
            (stand_ins.index(each), None) if each in stand_ins else (None, each) for each in params
        ]
        select, info = self._compiler.select, self._compiler.klass_info
        places = info["select_fields"]
        self._from, self._to = places[0], places[-1] + 1
        self._names = [each[0].target.attname for each in select[self._from : self._to]]
        # The stubs describe a later Django.
        self._related = get_related_populators(info, select, rows.db)  # type: ignore[call-arg]
        self._annotations = self._compiler.annotation_col_map
        self._converters = self._compiler.get_converters([each[0] for each in select])
        self._db = rows.db

    def fill(self, values: tuple[Any, ...]) -> list[Any]:
        return [constant if n is None else values[n] for n, constant in self._params]

    def records(self, found: list[tuple[Any, ...]]) -> list[Any]:
        if self._converters:
            found = self._compiler.apply_converters(found, self._converters)
        return [self._record(row) for row in found]

    def _record(self, row: Any) -> Any:
        record = self.model.from_db(self._db, self._names, row[self._from : self._to])
        for related in self._related:
            related.populate(row, record)
        for name, place in self._annotations.items():
            setattr(record, name, row[place])
        return record
