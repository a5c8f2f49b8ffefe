from django.db import models
from django.db.models import Q

from outreach.times import now

THE_ONE = 1


class Instance(models.Model):
    """Which installation this database belongs to, and how far its history goes. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE, editable=False)
    # Changes wherever histories part: a copy that is adopted, a backup that was dealt with.
    lineage = models.CharField(max_length=32)
    fingerprint = models.CharField(max_length=200)
    # The server and the database itself: a dump that is restored elsewhere is somewhere else.
    place = models.CharField(max_length=120, blank=True)
    counter = models.BigIntegerField(default=0)
    counted_at = models.DateTimeField(default=now)
    # A restored backup: when it was noticed, and the span of history that it lacks.
    noticed_at = models.DateTimeField(null=True, blank=True)
    lost_from = models.DateTimeField(null=True, blank=True)
    lost_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=THE_ONE), name="one_instance")]

    def __str__(self) -> str:
        return self.fingerprint
