from django.apps import AppConfig
from django.core.checks import Tags, register

from outreach import checks


class OutreachConfig(AppConfig):
    """The ground: settings, people, workspaces and the clock."""

    name = "outreach"

    def ready(self) -> None:
        # Asked by `migrate`, by `check --database default`, and by every process that starts.
        register(checks.database_keeps_commits, Tags.database)
        register(checks.secrets_can_be_read, Tags.database)
        register(checks.redis_forgets_nothing, "redis", deploy=True)
        register(checks.pushes_are_set_up_whole, "pushes")
