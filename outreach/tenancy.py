"""Querysets that cannot forget whose rows they are."""

from typing import Any, Self

from django.db import models


class Unscoped(Exception):
    """A tenant model was queried without `.within(workspace)`."""

    def __init__(self, model: type[models.Model]) -> None:
        super().__init__(
            f"{model.__name__}.objects needs .within(workspace); "
            f"system code that means every workspace uses {model.__name__}.everywhere."
        )


class WorkspaceQuerySet(models.QuerySet):
    """Rows of one workspace; it raises Unscoped when it is run before `within()`."""

    _workspace_path = "workspace"
    _scoped = False
    _scope: Any = None

    def within(self, workspace: Any) -> Self:
        """Keep the rows of this workspace, and let the queryset run."""
        rows = self.filter(**{self._workspace_path: workspace})
        rows._scoped = True
        rows._scope = workspace
        return rows

    def create(self, **values: Any) -> Any:
        """Create a row in the workspace of `within()`."""
        if self._scoped and self._workspace_path == "workspace":
            values.setdefault("workspace", self._scope)
        return super().create(**values)

    def _clone(self) -> Self:
        rows: Self = super()._clone()  # type: ignore[misc]
        rows._scoped = self._scoped
        rows._scope = self._scope
        return rows

    def _check(self) -> None:
        if not self._scoped:
            raise Unscoped(self.model)

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._check()
        super()._fetch_all()

    def iterator(self, *args: Any, **options: Any) -> Any:
        self._check()
        return super().iterator(*args, **options)

    def aggregate(self, *args: Any, **values: Any) -> Any:
        self._check()
        return super().aggregate(*args, **values)

    def count(self) -> int:
        if self._result_cache is None:
            self._check()
        return super().count()

    def exists(self) -> bool:
        if self._result_cache is None:
            self._check()
        return super().exists()

    def update(self, **values: Any) -> int:
        self._check()
        return super().update(**values)

    def delete(self) -> Any:
        self._check()
        return super().delete()

    def resolve_expression(self, *args: Any, **options: Any) -> Any:
        self._check()
        return super().resolve_expression(*args, **options)


class EverywhereQuerySet(WorkspaceQuerySet):
    """The same words without the guard: for the engine, the admin and Django itself."""

    def _check(self) -> None:
        """Every workspace is meant."""
