"""Statements that are compiled once and run many times.

Compiling a statement takes Django longer than the database needs to answer it, and planning a
join of several wide tables takes PostgreSQL longer than running it. The worker that sends mails
asks and writes the same few things for every mail: here each is compiled once by Django, and
PostgreSQL keeps its plan for as long as the connection lasts.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar, get_args

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models import sql
from django.db.models.base import ModelState
from django.db.models.query import ModelIterable

from outreach import statements
from outreach.pipes import PLACE, Statement

T = TypeVar("T")

# What has been compiled, for all connections of the process: it is only read. Two that begin at
# the same time compile the same twice, and one of them is kept.
_kept: dict[tuple[Any, ...], Any] = {}
CONSTANT = re.compile(r"[\w ]*", re.ASCII)


class Prepared:
    """A query for rows of one model, compiled by Django the first time a connection runs it.

    `build` gets a stand-in for each value that `rows` is later given, in the same order and of
    the same type; each may be used several times. Of a `list[int]` or `list[str]` it gets
    stand-ins for a few lengths, up to 1000: a list that is shorter than one of them is filled up
    with its last value, and must have one.
    `lock` follows the statement where the database has row locks; SQLite's immediate transactions
    lock the file anyway. `plans_anew` is for a query that finds few rows or very many, as its
    values say: the way that is good for any values is not good for these.
    """

    FIELDS: dict[type, models.Field] = {
        int: models.BigIntegerField(),
        str: models.TextField(),
        date: models.DateField(),
        datetime: models.DateTimeField(),
    }

    LENGTHS = (1, 3, 10, 30, 100, 300, 1000)

    def __init__(
        self,
        build: Callable[..., models.QuerySet],
        *types: Any,
        lock: str = "",
        plans_anew: bool = False,
    ) -> None:
        self._build, self._types, self._lock = build, types, lock
        self._plans_anew = plans_anew

    def rows(self, *values: Any) -> list[Any]:
        """Run the query with these values; returns its records, or tuples if it selects those."""
        if self._plans_anew:
            mine = connections[DEFAULT_DB_ALIAS]
            compiled, statement = self.filled(mine, values)
            return compiled.read(mine, statements.read_alone(mine, statement))
        [found] = rows_of_each((self, *values))
        return found

    def first(self, *values: Any) -> Any | None:
        """Return the first record, or None."""
        return next(iter(self.rows(*values)), None)

    def get(self, *values: Any) -> Any:
        """Return the one record; raises the model's DoesNotExist."""
        return self.one_of(self.rows(*values), *values)

    def one_of(self, found: list[Any], *values: Any) -> Any:
        """Return the one record of those that were found; raises the model's DoesNotExist."""
        if found:
            return found[0]
        model = self._compiled(connections[DEFAULT_DB_ALIAS], values).model
        raise model.DoesNotExist(f"There is no {model._meta.verbose_name} {values}.")

    def filled(self, mine: Any, given: Sequence[Any]) -> tuple["_Compiled", Statement]:
        """Return the statement with these values, and what reads its rows."""
        values = tuple(_filled_up(each) if isinstance(each, list) else each for each in given)
        compiled = self._compiled(mine, values)
        return compiled, (compiled.sql, _fill(mine, compiled.params, values))

    def _compiled(self, mine: Any, values: tuple[Any, ...]) -> "_Compiled":
        shape = tuple(len(each) if isinstance(each, list) else 1 for each in values)
        compiled: _Compiled | None = _kept.get((mine.vendor, self, shape))
        if compiled is None:
            slots = [self._slot(n, length) for n, length in enumerate(shape)]
            compiled = _Compiled(self._build(*slots), self._lock)
            _kept[mine.vendor, self, shape] = compiled
        return compiled

    def _slot(self, place: int, length: int) -> Any:
        kind = self._types[place]
        if kind in (list[int], list[str]):
            (kind,) = get_args(kind)
            return [_Slot(_Place(self.FIELDS[kind], place, each)) for each in range(length)]
        return _Slot(_Place(self.FIELDS[kind], place))


def rows_of_each(*asked: tuple[Any, ...]) -> list[list[Any]]:
    """Run several queries one after the other, on one way to the database and back.

    Each is a Prepared and its values; returns the rows of each, as its own `rows` would.
    """
    mine = connections[DEFAULT_DB_ALIAS]
    ready = [query.filled(mine, given) for query, *given in asked]
    found = statements.read(mine, *(statement for _, statement in ready))
    return [compiled.read(mine, rows) for (compiled, _), rows in zip(ready, found, strict=True)]


def _filled_up(values: list[T]) -> list[T]:
    """Return a list of one of the few lengths that are compiled.

    >>> _filled_up([5, 6])
    [5, 6, 6]
    """
    length = next(each for each in Prepared.LENGTHS if each >= len(values))
    return values + values[-1:] * (length - len(values))


class _Compiled:
    def __init__(self, rows: models.QuerySet, lock: str) -> None:
        self.model = rows.model
        compiler: Any = rows.query.get_compiler(using=rows.db)
        sql, self.params = _with_constants(*compiler.as_sql())
        with_lock = lock and connection.features.has_select_for_update
        self.sql = f"{sql} {lock}" if with_lock else sql
        select, info = compiler.select, compiler.klass_info
        self._converters = compiler.get_converters([each[0] for each in select])
        self._is_tuples = rows._iterable_class is not ModelIterable
        if not self._is_tuples:
            self._record = _Record(info, select, rows.db)
            self._annotations = compiler.annotation_col_map.items()

    def read(self, mine: Any, found: list[tuple[Any, ...]]) -> list[Any]:
        if self._converters:
            found = [self._converted(mine, row) for row in found]
        return found if self._is_tuples else [self._read(row) for row in found]

    def _converted(self, mine: Any, row: Sequence[Any]) -> tuple[Any, ...]:
        # As the compiler itself does, for the one connection that it belongs to.
        values = list(row)
        for place, (converters, expression) in self._converters.items():
            for convert in converters:
                values[place] = convert(values[place], expression, mine)
        return tuple(values)

    def _read(self, row: Sequence[Any]) -> Any:
        record = self._record.read(row)
        for name, place in self._annotations:
            record.__dict__[name] = row[place]
        return record


class _Record:
    """Makes a record of a row, and those that come with it, as Django's own querysets do.

    For models without constructors of their own and without receivers of Django's signals.
    """

    def __init__(self, info: Any, select: Any, db: str) -> None:
        self._model, self._db = info["model"], db
        places = info["select_fields"]
        fields = [select[place][0].target for place in places]
        self._names = [field.attname for field in fields]
        self._values = itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)
        self._key = places[next(n for n, field in enumerate(fields) if field.primary_key)]
        self._related = [
            (_Record(each, select, db), each["local_setter"], each["remote_setter"])
            for each in info.get("related_klass_infos", [])
        ]

    def read(self, row: Sequence[Any]) -> Any:
        if row[self._key] is None:
            return None
        record = self._model.__new__(self._model)
        record._state = state = ModelState()
        state.db, state.adding = self._db, False
        record.__dict__.update(zip(self._names, self._values(row), strict=True))
        for other, set_here, set_there in self._related:
            related = other.read(row)
            set_here(record, related)
            if related is not None:
                set_there(related, record)
        return record


def update(model: type[models.Model], where: dict[str, Any], **changes: Any) -> int:
    """Change the rows of `model` that `where` names; returns how many there were.

    The same as `filter(**where).update(**changes)` over all rows, compiled once for each set of
    names. Conditions are on the model's own columns, lists of them not empty; changes are values
    or expressions.
    """
    where = {
        name: _filled_up(list(value)) if name.endswith("__in") else value
        for name, value in where.items()
    }
    named = [*where.items(), *changes.items()]
    shape = (model, *((name, _shape(name, value)) for name, value in named))
    mine = connections[DEFAULT_DB_ALIAS]
    compiled: _Update | None = _kept.get((mine.vendor, shape))
    if compiled is None:
        compiled = _kept[mine.vendor, shape] = _Update(model, where, changes)
    values = _fill(mine, compiled.params, [value for _, value in named])
    return statements.write(mine, compiled.sql, values, model, key=where.get("pk"))


def _shape(name: str, value: Any) -> Any:
    """Return what of a value decides how the statement reads."""
    if value is None:
        return None
    if name.endswith("__in"):
        return len(value)
    return value if hasattr(value, "resolve_expression") else ""


class _Update:
    def __init__(
        self, model: type[models.Model], where: dict[str, Any], changes: dict[str, Any]
    ) -> None:
        self._model = model
        named = [*where.items(), *changes.items()]
        slots = [self._slot(place, name, value) for place, (name, value) in enumerate(named)]
        rows = model._base_manager.filter(**dict(zip(where, slots, strict=False)))
        query: Any = rows.query.chain(sql.UpdateQuery)
        query.add_update_values(dict(zip(changes, slots[len(where) :], strict=True)))
        self.sql, self.params = _with_constants(*query.get_compiler(using=rows.db).as_sql())

    def _slot(self, place: int, name: str, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        column = name.partition("__")[0]
        field = self._model._meta.pk if column == "pk" else self._model._meta.get_field(column)
        if name.endswith("__in"):
            return [_Slot(_Place(field, place, each)) for each in range(len(value))]
        return _Slot(_Place(field, place))


# Django's own fields, not what is made of them: those may encrypt what they are given.
PLAIN: dict[type[models.Field], type] = {
    models.BigAutoField: int,
    models.BigIntegerField: int,
    models.PositiveIntegerField: int,
    models.PositiveSmallIntegerField: int,
    models.ForeignKey: int,
    models.BooleanField: bool,
    models.CharField: str,
    models.EmailField: str,
    models.TextField: str,
}


class _Place:
    """Which of the given values a parameter of a statement is, or which one of a list of them."""

    def __init__(self, field: Any, number: int, within: int | None = None) -> None:
        self.field, self._number, self._within = field, number, within
        # What Django would hand to the database as it is, after looking at it for a while.
        self._plain = PLAIN.get(type(field))

    def value(self, values: Sequence[Any], mine: Any) -> Any:
        value = values[self._number]
        if self._within is not None:
            value = value[self._within]
        if value is None or type(value) is self._plain:
            return value
        if self._plain is str and isinstance(value, models.Choices):
            return value.value
        if isinstance(value, models.Model):
            value = value.pk
        return self.field.get_db_prep_save(value, mine)


class _Slot(models.Expression):
    """Stands for a value in a statement that is being compiled."""

    def __init__(self, place: _Place) -> None:
        super().__init__(output_field=place.field)
        self._place = place

    def as_sql(self, *compiling: Any) -> tuple[str, list[Any]]:
        return "%s", [self._place]


def _fill(mine: Any, params: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    return [each.value(values, mine) if isinstance(each, _Place) else each for each in params]


def _with_constants(sql: str, params: Sequence[Any]) -> tuple[str, list[Any]]:
    """Write what is the same each time into the statement.

    A plan that is good for any values could not use the index of one status.

    >>> _with_constants("status = %s AND n < %s AND x LIKE '%%' AND y = %s", ["due", 5, None])
    ("status = 'due' AND n < 5 AND x LIKE '%%' AND y = %s", [None])
    """
    waiting, left = iter(params), []

    def written(found: re.Match[str]) -> str:
        if found[1] == "%":
            return found[0]
        value = next(waiting)
        if type(value) is int and value >= 0:
            return str(value)
        if isinstance(value, str) and CONSTANT.fullmatch(value):
            return f"'{value!s}'"
        left.append(value)
        return found[0]

    return PLACE.sub(written, sql), left


def insert(record: models.Model) -> None:
    """Store a new record, and give it its id; what `save` would do, compiled once.

    For models without signals, parents and generated columns.
    """
    mine = connections[DEFAULT_DB_ALIAS]
    fields = [field for field in record._meta.concrete_fields if not field.primary_key]
    values = [field.get_db_prep_save(field.pre_save(record, add=True), mine) for field in fields]
    statements.store(mine, _inserting(type(record)), values, record)


@cache
def _inserting(model: type[models.Model]) -> str:
    quote = connection.ops.quote_name
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    names = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({places})"
