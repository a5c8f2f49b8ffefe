from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Min, Q
from django.db.models.functions import Greatest

from mailboxes.limits import DayLimit, WarmUp, day_limit
from outreach.prepared import Prepared, update
from outreach.times import now

# What a warm-up grows by where nobody says otherwise.
USUAL_INCREMENT = 5
# Django looks through an expression that it has not seen for as long as it takes to use it.
ONE_LESS_RESERVED, ONE_MORE_SENT = F("reserved") - 1, F("sent") + 1


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
    def used_on(cls, owner_id: int, day: date, sent: Callable[[], int] = int) -> int:
        """Count what is reserved or sent on that day."""
        row = cls.of(owner_id, day).first()
        return row.used if row else sent()

    @classmethod
    def around(cls, owner_id: int, day: date) -> dict[date, "Ledger"]:
        """Return that day's row and those beside it: whatever the last 24 hours can be in."""
        days = (day - timedelta(days=2), day + timedelta(days=1))
        return {row.day: row for row in _days_of(cls).rows(owner_id, *days)}

    @classmethod
    def around_each(cls, days: Mapping[int, date]) -> dict[int, dict[date, "Ledger"]]:
        """Return the same for many owners at once, each by its own day."""
        found: dict[int, dict[date, Ledger]] = {owner: {} for owner in days}
        if not days:
            return found
        before, after = timedelta(days=2), timedelta(days=1)
        span = (min(days.values()) - before, max(days.values()) + after)
        mine = {f"{cls.OWNER}__in": list(days), "day__range": span}
        for row in cls._default_manager.filter(**mine):
            owner = getattr(row, f"{cls.OWNER}_id")
            if days[owner] - before <= row.day <= days[owner] + after:
                found[owner][row.day] = row
        return found

    @classmethod
    def first_sent_on(cls, owner_id: int, since: date) -> date | None:
        """Return the first day, from that one on, on which something really went out."""
        rows = cls._default_manager.filter(**{f"{cls.OWNER}_id": owner_id, "day__gte": since})
        return rows.filter(sent__gt=0).aggregate(first=Min("day"))["first"]

    @classmethod
    def reserve(
        cls, owner_id: int, day: date, limit: int, count: int = 1, sent: Callable[[], int] = int
    ) -> bool:
        """Reserve mails of the day, all of them or none; False when the limit does not let it.

        A limit that was changed meanwhile is taken over, never below what is used. `sent`
        counts what left that day before anybody kept this ledger.
        """
        more = {"reserved": F("reserved") + count}
        mine = {f"{cls.OWNER}_id": owner_id, "day": day}
        room = {"quota__gte": F("reserved") + F("sent") + count}
        if update(cls, mine | {"quota": limit} | room, **more):
            return True
        if not cls.of(owner_id, day).exists():
            before = sent()
            cls._default_manager.get_or_create(
                **{f"{cls.OWNER}_id": owner_id, "day": day},
                defaults={"quota": max(limit, before), "sent": before},
            )
        cls._change_quota(cls.of(owner_id, day).exclude(quota=limit), limit)
        return bool(update(cls, mine | room, **more))

    @classmethod
    def release(cls, owner_id: int, day: date) -> None:
        """Give back the reservation of a mail that provably did not leave."""
        cls.of(owner_id, day).filter(reserved__gt=0).update(reserved=ONE_LESS_RESERVED)

    @classmethod
    def count_sent(cls, owner_id: int, day: date) -> None:
        """Turn a reservation into a sent mail."""
        where = {f"{cls.OWNER}_id": owner_id, "day": day, "reserved__gt": 0}
        update(cls, where, reserved=ONE_LESS_RESERVED, sent=ONE_MORE_SENT)

    @classmethod
    def count_late(cls, owner_id: int, day: date) -> None:
        """Count a mail that went out although its reservation had been given back.

        It is a fact, so the day's quota makes room for it.
        """
        after = F("reserved") + F("sent") + 1
        cls.of(owner_id, day).update(sent=ONE_MORE_SENT, quota=Greatest(F("quota"), after))

    @staticmethod
    def _change_quota(rows: models.QuerySet, limit: int) -> None:
        if not rows.filter(reserved__lte=limit - F("sent")).update(quota=limit):
            rows.update(quota=F("reserved") + F("sent"))


@cache
def _days_of(ledger: type[Ledger]) -> Prepared:
    """Return the query for the rows of one owner from one day to another."""
    rows = ledger._default_manager
    return Prepared(
        lambda owner, first, last: rows.filter(
            **{f"{ledger.OWNER}__id": owner, "day__gte": first, "day__lte": last}
        ),
        int,
        date,
        date,
    )


class WarmingUp(models.Model):
    """Something with a daily limit that begins slowly, if somebody asks for it."""

    warm_up_start = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    warm_up_increment = models.PositiveIntegerField(
        default=USUAL_INCREMENT, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    # The local day on which warm-up was switched on: what was sent before does not count.
    warm_up_since = models.DateField(null=True, blank=True, editable=False)

    # Every subclass has its own limit, and a clock on which its day begins.
    daily_limit: Any
    zone: Any

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        before = self.warm_up_since
        self.warm_up_since = self.warm_up_since_now()
        fields = options.get("update_fields")
        if fields is not None and self.warm_up_since != before:
            options["update_fields"] = {*fields, "warm_up_since"}
        super().save(*args, **options)

    @property
    def warm_up(self) -> WarmUp | None:
        if self.warm_up_start is None:
            return None
        return WarmUp(self.warm_up_start, self.warm_up_increment)

    def warm_up_since_now(self) -> date | None:
        """Return since when warm-up counts: today where it was just switched on."""
        if self.warm_up_start is None:
            return None
        return self.warm_up_since or now().astimezone(ZoneInfo(self.zone)).date()

    def limit_on(self, day: date, ledger: type[Ledger]) -> DayLimit:
        """Return the limit of a day; the warm-up's days are counted by what really went out."""
        if self.warm_up is None:
            return day_limit(self.daily_limit)
        return self.limit_since(ledger.first_sent_on(self.pk, self.warm_up_since or date.min), day)

    def limit_since(self, first: date | None, day: date) -> DayLimit:
        """Return the limit of a day where the warm-up's first mail went out on the day `first`."""
        return day_limit(self.daily_limit, self.warm_up, (day - first).days if first else 0)
