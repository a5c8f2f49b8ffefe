"""Never write to somebody again: the list, the runs it ends, and the link in every mail."""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from outreach.models import Workspace
from sequences.models import Contact, Enrollment, OptOutLink, Suppression

# The end of a run that its suppression brings about.
ENDS = {
    Suppression.Reason.UNSUBSCRIBED: Enrollment.EndReason.UNSUBSCRIBED,
    Suppression.Reason.BOUNCED: Enrollment.EndReason.BOUNCED,
    Suppression.Reason.COMPLAINED: Enrollment.EndReason.COMPLAINED,
}


def suppress(
    workspace: Workspace, value: str, *, reason: str, source: str, by: Any = None
) -> Suppression:
    """Put an address or a domain on the list and end every unfinished run it covers.

    Suppressing twice keeps the first entry.
    """
    value = value.strip().lower().removeprefix("@")
    with transaction.atomic():
        runs = lock_runs(workspace, covered_by(value))
        entry, _ = Suppression.everywhere.get_or_create(
            workspace=workspace,
            value=value,
            defaults={"reason": reason, "source": source[:200], "created_by": by},
        )
        if reason == Suppression.Reason.UNSUBSCRIBED:
            people = Contact.everywhere.filter(workspace=workspace, email=value)
            people.update(opted_out=True)
        end = ENDS.get(Suppression.Reason(reason), Enrollment.EndReason.BY_HAND)
        for run in runs:
            if not run.is_finished:
                # In nobody's name: an undo would let the run go on to a suppressed address.
                run.stop(reason=end, note=source[:200])
            elif run.undo_status:
                # Somebody has just stopped it: their undo comes too late now.
                Enrollment.everywhere.filter(pk=run.pk).update(undo_status="", undo_until=None)
    return entry


def covered_by(value: str) -> Q:
    """Keep the runs of this address or domain that go on, or would if their end were undone."""
    address, domain = Q(contact__email=value), Q(contact__email__endswith=f"@{value}")
    goes_on = Q(status__in=Enrollment.UNFINISHED) | ~Q(undo_status="")
    return (address if "@" in value else domain) & goes_on


def lock_runs(workspace: Any, which: Q) -> list[Enrollment]:
    """Lock these runs until the transaction ends, in id order, as every move of a run does."""
    rows = Enrollment.everywhere.filter(which, workspace=workspace)
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    locked = Enrollment.everywhere.filter(pk__in=ids).locked()
    return list(locked.select_related("workspace", "sequence", "mailbox", "contact__company"))


def optout_url(workspace: Workspace, email: str) -> str:
    """Return the public address at which this person unsubscribes from this workspace."""
    return optout_urls([(workspace.pk, email)])[workspace.pk, email]


def optout_urls(people: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return the same for many at once, by workspace id and address."""
    wanted = {(workspace, email): email.strip().lower() for workspace, email in people}
    links = _links(wanted)
    if missing := {key for key in _normal(wanted) if key not in links}:
        OptOutLink.everywhere.bulk_create(
            [OptOutLink(workspace_id=workspace, email=email) for workspace, email in missing],
            ignore_conflicts=True,
        )
        # Somebody else may have made some of them at the same moment.
        links = _links(wanted)
    base = settings.BASE_URL.rstrip("/")
    return {
        (workspace, email): base
        + reverse("sequences:optout", args=[links[workspace, wanted[workspace, email]]])
        for workspace, email in people
    }


def _normal(wanted: dict[tuple[int, str], str]) -> set[tuple[int, str]]:
    return {(workspace, normal) for (workspace, _), normal in wanted.items()}


def _links(wanted: dict[tuple[int, str], str]) -> dict[tuple[int, str], str]:
    rows = OptOutLink.everywhere.filter(
        workspace_id__in={workspace for workspace, _ in wanted}, email__in=wanted.values()
    )
    return {
        (workspace, email): token
        for workspace, email, token in rows.values_list("workspace_id", "email", "token")
    }


def link_of(token: str) -> OptOutLink | None:
    """Return the link with this token; it works whoever asks, for as long as the mail exists."""
    return OptOutLink.everywhere.select_related("workspace").filter(token=token).first()


def opt_out(link: OptOutLink) -> None:
    """Unsubscribe the person the link was made for; doing it twice changes nothing."""
    suppress(
        link.workspace,
        link.email,
        reason=Suppression.Reason.UNSUBSCRIBED,
        source="Unsubscribe link",
    )
