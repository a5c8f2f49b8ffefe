"""How many mailboxes need a person, for the frame around every page."""

from django.db.models import Count, Q

from mailboxes.models import Mailbox
from outreach.models import Workspace


def in_need(workspace: Workspace) -> dict[str, int]:
    """Count the mailboxes that must be connected again, and those whose domain stops cold mail
    or is about to, in one question."""
    lost = Q(status=Mailbox.Status.DISCONNECTED)
    return Mailbox.objects.within(workspace).aggregate(
        disconnected=Count("pk", filter=lost),
        failing=Count("pk", filter=Q(failing_since__isnull=False) & ~lost),
    )
