"""Status changes that only one caller can win."""

from collections.abc import Collection
from typing import Any, ClassVar

from django.db import models

from outreach.prepared import update
from outreach.times import now


class IllegalTransition(Exception):
    """The record is not in a status that the action starts from; the message says which is."""

    def __init__(self, record: "Moves", done: str, allowed: Collection[str]) -> None:
        labels = dict(_status_field(record).flatchoices)
        wanted = " or ".join(str(labels.get(word, word)).lower() for word in allowed)
        current = str(labels.get(record.status, record.status)).lower()
        kind = record.people_say or record._meta.verbose_name_plural
        # A label of several words reads well only after the noun: "prospects pending approval".
        those = f"{kind} {wanted}" if " " in wanted.replace(" or ", "") else f"{wanted} {kind}"
        super().__init__(f"Only {those} can be {done}; this one is {current}.")


def _status_field(record: "Moves") -> Any:
    return next(field for field in record._meta.concrete_fields if field.name == "status")


class Moves(models.Model):
    """A record whose status changes by compare-and-swap.

    Two workers, or a worker and a click, may try the same move at once. The
    UPDATE names the statuses it starts from, so exactly one of them succeeds.
    The condition is on the row's own columns: PostgreSQL rechecks those after
    waiting for a lock, but not the result of a join or a subquery.
    """

    # Every subclass has its own statuses.
    status: Any
    # What people call several of them, where it is not the model's own name.
    people_say: ClassVar[str] = ""

    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def move(
        self,
        done: str,
        *,
        allowed: Collection[str],
        to: str,
        when: dict[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Change the status to `to` if it is one of `allowed` and the columns in `when` hold.

        Raises IllegalTransition when another caller was first.
        """
        changes |= {"status": to, "updated_at": now()}
        conditions = {"pk": self.pk, "status__in": list(allowed)} | (when or {})
        if not update(type(self), conditions, **changes):
            self.refresh_from_db(fields=["status"])
            raise IllegalTransition(self, done, allowed)
        for field, value in changes.items():
            if not hasattr(value, "resolve_expression"):
                setattr(self, field, value)
