"""Delete all that belongs to one record, where some of it holds on to the rest."""

from collections.abc import Iterator
from graphlib import TopologicalSorter

from django.db import models

ERASED_AT_ONCE = 500

Model = type[models.Model]


def erase_rows_of(owner: models.Model) -> None:
    """Delete every row that belongs to `owner`, a few hundred at a time.

    Cascading from the owner alone would fail: runs protect their sequences and mailboxes.
    """
    belongings = dict(_dependents(type(owner)))
    for model in holders_first(set(belongings)):
        rows = model._base_manager.filter(**{belongings[model]: owner})
        while some := list(rows.values_list("pk", flat=True)[:ERASED_AT_ONCE]):
            model._base_manager.filter(pk__in=some).delete()


def holders_first(found: set[Model]) -> Iterator[Model]:
    """Order models so that whatever protects rows of another is deleted before it."""
    trees = {model: _tree(model) for model in found}
    before = {
        held: {
            holder
            for holder in found - {held}
            if any(_protects(one, trees[held]) for one in trees[holder] - trees[held])
        }
        for held in sorted(found, key=lambda model: model._meta.label)
    }
    yield from TopologicalSorter(before).static_order()


def _tree(model: Model) -> set[Model]:
    """Return the model and those whose rows are deleted along with its rows."""
    found, waiting = set(), [model]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [dependent for dependent, _ in _dependents(one)]
    return found


def _dependents(model: Model) -> Iterator[tuple[Model, str]]:
    """Yield each model whose rows go with a row of this one, and the field that names it."""
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.on_delete is models.CASCADE:
            yield relation.related_model, relation.field.name


def _protects(model: Model, others: set[Model]) -> bool:
    return any(
        field.remote_field.on_delete is models.PROTECT and field.related_model in others
        for field in model._meta.concrete_fields
        if field.remote_field is not None
    )
