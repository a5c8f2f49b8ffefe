from django.db import models


class Tick(models.Model):
    """When an entry of the timetable ran last; its slot lets one driver at a time run it."""

    name = models.CharField(max_length=40, unique=True)
    slot = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(default=0)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name
