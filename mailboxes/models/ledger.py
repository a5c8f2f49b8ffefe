from datetime import date
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest


class Ledger(models.Model):
    """What may be sent, is reserved and was sent on one local day.

    The CHECK is the limit: however many workers reserve at once, the database refuses the
    reservation that would overshoot. Subclasses name their owner in OWNER.
    """

    OWNER = ""

    day = models.DateField()
    quota = models.PositiveIntegerField()
    reserved = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(quota__gte=F("reserved") + F("sent")), name="%(class)s_within_quota"
            )
        ]

    @property
    def used(self) -> int:
        return self.reserved + self.sent

    @classmethod
    def of(cls, owner_id: int, day: date) -> models.QuerySet:
        return cls._default_manager.filter(**{f"{cls.OWNER}_id": owner_id, "day": day})

    @classmethod
    def used_on(cls, owner_id: int, day: date) -> int:
        """Count what is reserved or sent on that day."""
        row = cls.of(owner_id, day).first()
        return row.used if row else 0

    @classmethod
    def reserve(cls, owner: Any, day: date, count: int = 1) -> bool:
        """Reserve mails of the day, all of them or none; False when the limit does not let it.

        `owner.daily_limit` is taken over when it was changed, never below what is used.
        """
        row, made = cls._default_manager.get_or_create(
            **{cls.OWNER: owner, "day": day}, defaults={"quota": owner.daily_limit}
        )
        if not made and row.quota != owner.daily_limit:
            cls._change_quota(row.pk, owner.daily_limit)
        free = cls.of(owner.pk, day).filter(quota__gte=F("reserved") + F("sent") + count)
        return bool(free.update(reserved=F("reserved") + count))

    @classmethod
    def release(cls, owner_id: int, day: date) -> None:
        """Give back the reservation of a mail that provably did not leave."""
        cls.of(owner_id, day).filter(reserved__gt=0).update(reserved=F("reserved") - 1)

    @classmethod
    def count_sent(cls, owner_id: int, day: date) -> None:
        """Turn a reservation into a sent mail."""
        cls.of(owner_id, day).filter(reserved__gt=0).update(
            reserved=F("reserved") - 1, sent=F("sent") + 1
        )

    @classmethod
    def count_late(cls, owner_id: int, day: date) -> None:
        """Count a mail that went out although its reservation had been given back.

        It is a fact, so the day's quota makes room for it.
        """
        after = F("reserved") + F("sent") + 1
        cls.of(owner_id, day).update(sent=F("sent") + 1, quota=Greatest(F("quota"), after))

    @classmethod
    def _change_quota(cls, pk: int, limit: int) -> None:
        rows = cls._default_manager.filter(pk=pk)
        if not rows.filter(reserved__lte=limit - F("sent")).update(quota=limit):
            rows.update(quota=F("reserved") + F("sent"))
