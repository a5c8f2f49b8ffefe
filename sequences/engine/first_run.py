"""The way from an empty workspace to the first approved mail, ticked off as it is walked."""

from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.db.models import Exists, QuerySet

from mailboxes.models import Mailbox
from outreach.models import Workspace
from outreach.times import now
from sequences.models import Contact, Enrollment, Sequence

YOUNG = timedelta(days=30)
REMEMBERED_SECONDS = 24 * 60 * 60

# Where a run is once somebody has approved it.
APPROVED = ("approved", "active", "paused", "replied_positive", "replied_objection", "complete")


@dataclass(frozen=True)
class Item:
    """One thing to do, where it is done, and the role it takes."""

    title: str
    why: str
    url_name: str
    role: str
    is_done: bool


def is_young(workspace: Workspace) -> bool:
    return now() - workspace.created_at < YOUNG


def is_complete(workspace: Workspace) -> bool:
    """Tell whether every item was once seen done; what is taken back later stays done."""
    return bool(cache.get(_key(workspace)))


def items(workspace: Workspace) -> list[Item]:
    """Look up what is done, in one query."""
    facts: dict[str, QuerySet] = {
        "connected": Mailbox.objects.within(workspace).exclude(status="disconnected"),
        "imported": Contact.objects.within(workspace),
        "created": Sequence.objects.within(workspace),
        "enrolled": Enrollment.objects.within(workspace),
        "approved": Enrollment.objects.within(workspace).filter(status__in=APPROVED),
    }
    done = _which_exist(workspace, facts)
    found = [
        Item(
            "Connect a mailbox",
            "Mail leaves from an address of your own.",
            "mailboxes:connect",
            "admin",
            done["connected"],
        ),
        Item(
            "Set the postal address",
            "The law of most countries asks for it under every mail.",
            "outreach:settings",
            "admin",
            bool(workspace.postal_address.strip()),
        ),
        Item(
            "Import contacts",
            "A CSV file is enough; you see what happens before it happens.",
            "sequences:import_new",
            "member",
            done["imported"],
        ),
        Item(
            "Create a sequence",
            "Start from a ready-made one and change its words.",
            "sequences:new",
            "member",
            done["created"],
        ),
        Item(
            "Enroll contacts",
            "A draft is written for each of them. Nothing leaves yet.",
            "sequences:enroll_choose",
            "member",
            done["enrolled"],
        ),
        Item(
            "Approve the first draft",
            "Read it, correct it, let it go.",
            "sequences:review",
            "approver",
            done["approved"],
        ),
    ]
    if all(item.is_done for item in found):
        cache.set(_key(workspace), True, REMEMBERED_SECONDS)
    return found


def _which_exist(workspace: Workspace, facts: dict[str, QuerySet]) -> dict[str, bool]:
    rows = Workspace.objects.filter(pk=workspace.pk)
    questions = {name: Exists(some) for name, some in facts.items()}
    return rows.annotate(**questions).values(*facts).get()


def _key(workspace: Workspace) -> str:
    return f"first-run:{workspace.pk}"
