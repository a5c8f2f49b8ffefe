"""How many mailboxes need a person, for the frame around every page."""

from mailboxes.models import Mailbox
from outreach.models import Workspace


def disconnected(workspace: Workspace) -> int:
    rows = Mailbox.objects.within(workspace)
    return int(rows.filter(status=Mailbox.Status.DISCONNECTED).count())
