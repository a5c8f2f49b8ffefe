"""What every page of one sequence shows: its name, its state, its tabs, what may be done."""

from dataclasses import dataclass
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse

from outreach.models import Membership
from outreach.requests import MemberRequest
from sequences.models import Enrollment, Sequence

# Where to mend what a sequence lacks; the steps and the mailbox are its own pages.
WHERE = {"reconnect": "/mailboxes/", "address": "/settings/"}
FIX = {
    "steps": "Open the steps",
    "mailbox": "Choose a mailbox",
    "reconnect": "Open the mailboxes",
    "address": "Enter the address",
}


@dataclass(frozen=True)
class Lack:
    """Something to see to before the sequence can be active, and where."""

    sentence: str
    url: str
    fix: str


def find(request: MemberRequest, pk: int) -> Sequence:
    """Return this sequence of the workspace that the request is in, or answer 404."""
    rows = Sequence.objects.within(request.workspace).select_related("mailbox", "workspace")
    return get_object_or_404(rows, pk=pk)


def lacks(sequence: Sequence) -> list[Lack]:
    """Return what is missing, each with the link that leads to where it is mended."""
    return [
        Lack(gap.sentence, WHERE.get(gap.code) or _page(sequence, gap.code), FIX[gap.code])
        for gap in sequence.gaps()
    ]


def _page(sequence: Sequence, code: str) -> str:
    return reverse(f"sequences:{'steps' if code == 'steps' else 'settings'}", args=[sequence.pk])


def frame(request: MemberRequest, sequence: Sequence, tab: str) -> dict[str, Any]:
    """Return the context of a sequence's page: what is said above its tabs, and who may what."""
    runs = Enrollment.objects.within(request.workspace).filter(sequence=sequence)
    may = request.membership.may
    return {
        "sequence": sequence,
        "tab": tab,
        "prospects": runs.exclude(chip__in=["archived", "dropped"]).count(),
        "is_draft": sequence.status == Sequence.Status.DRAFT,
        "may_write": may(Membership.Role.MEMBER),
        "may_stop": may(Membership.Role.APPROVER),
        "may_configure": may(Membership.Role.ADMIN),
    }
