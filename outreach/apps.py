from django.apps import AppConfig
from django.core.checks import Tags, register

from outreach import checks


class OutreachConfig(AppConfig):
    """The ground: settings, people, workspaces and the clock."""

    name = "outreach"

    def ready(self) -> None:
        # Asked by `migrate` and by `check --database default`, which may use the network.
        register(checks.database_keeps_commits, Tags.database)
        register(checks.redis_forgets_nothing, "redis", deploy=True)
