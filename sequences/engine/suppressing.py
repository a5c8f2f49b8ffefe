"""Never write to somebody again: the list, the runs it ends, and the link in every mail."""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from outreach.models import Workspace
from outreach.prepared import Prepared
from sequences.models import Contact, Enrollment, OptOutLink, Suppression, Touch

# Where the addresses that mails carry are looked up.
PUBLIC = "sequences.public_urls"
# The end of a run that its suppression brings about.
ENDS = {
    Suppression.Reason.UNSUBSCRIBED: Enrollment.EndReason.UNSUBSCRIBED,
    Suppression.Reason.BOUNCED: Enrollment.EndReason.BOUNCED,
    Suppression.Reason.COMPLAINED: Enrollment.EndReason.COMPLAINED,
}
# Runs that are not over, or would not be if their end were undone.
GOES_ON = Q(status__in=Enrollment.UNFINISHED) | ~Q(undo_status="")


def suppress(
    workspace: Workspace, value: str, *, reason: str, source: str, by: Any = None
) -> Suppression:
    """Put an address or a domain on the list and end every unfinished run it covers.

    Suppressing twice keeps the first entry.
    """
    value = value.strip().lower().removeprefix("@")
    with transaction.atomic():
        runs = lock_runs(workspace, covered_by(value) | _answering(workspace, [value]))
        entry, _ = Suppression.everywhere.get_or_create(
            workspace=workspace,
            value=value,
            defaults={"reason": reason, "source": source[:200], "created_by": by},
        )
        if reason == Suppression.Reason.UNSUBSCRIBED:
            people = Contact.everywhere.filter(workspace=workspace, email=value)
            people.update(opted_out=True)
        for run in runs:
            _end(run, reason, source)
            run.withhold_answers(f"{value} is on the suppression list.")
    return entry


def suppress_many(
    workspace: Workspace, values: Collection[str], *, reason: str, source: str, by: Any = None
) -> int:
    """Do the same for many at once, all or none; returns how many were not on the list."""
    addresses = [value for value in values if "@" in value]
    with transaction.atomic():
        rows = Suppression.everywhere.filter(workspace=workspace)
        which = Q(contact__email__in=addresses)
        for value in values:
            if "@" not in value:
                which |= Q(contact__email__endswith=f"@{value}")
        runs = lock_runs(workspace, which & GOES_ON | _answering(workspace, values))
        known = set(rows.filter(value__in=values).values_list("value", flat=True))
        new = [
            Suppression(
                workspace=workspace,
                value=value,
                reason=reason,
                source=source[:200],
                created_by=by,
            )
            for value in values
            if value not in known
        ]
        Suppression.everywhere.bulk_create(new, ignore_conflicts=True)
        for run in runs:
            _end(run, reason, source)
            run.withhold_answers("The address is on the suppression list.")
    return len(new)


def _end(run: Enrollment, reason: str, source: str) -> None:
    if not run.is_finished:
        end = ENDS.get(Suppression.Reason(reason), Enrollment.EndReason.BY_HAND)
        # In nobody's name: an undo would let the run go on to a suppressed address.
        run.stop(reason=end, note=source[:200])
    elif run.undo_status:
        # Somebody has just stopped it: their undo comes too late now.
        Enrollment.everywhere.filter(pk=run.pk).update(undo_status="", undo_until=None)


def covered_by(value: str) -> Q:
    """Keep the runs of this address or domain that go on, or would if their end were undone."""
    address, domain = Q(contact__email=value), Q(contact__email__endswith=f"@{value}")
    return (address if "@" in value else domain) & GOES_ON


def _answering(workspace: Workspace, values: Collection[str]) -> Q:
    """Keep the runs in which an answer by hand to one of these is on its way, over or not.

    There are few of them at any time. Served by answer_waiting.
    """
    waiting = Touch.objects.filter(
        enrollment__workspace=workspace,
        in_reply_to__isnull=False,
        status__in=[Touch.Status.SCHEDULED, Touch.Status.SENDING, Touch.Status.FAILED],
    )
    wanted = set(values)
    rows = waiting.values_list("enrollment_id", "recipient", "enrollment__contact__email")
    return Q(
        pk__in=[
            run
            for run, *emails in rows
            if any(part in wanted for email in emails if email for part in _covering(email))
        ]
    )


def _covering(email: str) -> tuple[str, str]:
    email = email.strip().lower()
    return email, email.rpartition("@")[2]


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
        + reverse("optout", PUBLIC, args=[links[workspace, wanted[workspace, email]]])
        for workspace, email in people
    }


def _normal(wanted: dict[tuple[int, str], str]) -> set[tuple[int, str]]:
    return {(workspace, normal) for (workspace, _), normal in wanted.items()}


def _links(wanted: dict[tuple[int, str], str]) -> dict[tuple[int, str], str]:
    if not wanted:
        return {}
    found = LINKS.rows(list({workspace for workspace, _ in wanted}), list(wanted.values()))
    return {(workspace, email): token for workspace, email, token in found}


LINKS = Prepared(
    lambda workspaces, emails: (
        OptOutLink.everywhere.filter(workspace__id__in=workspaces, email__in=emails)
        .order_by()
        .values_list("workspace_id", "email", "token")
    ),
    list[int],
    list[str],
)


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
