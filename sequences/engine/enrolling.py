"""Take contacts into a sequence: who may come in, who is skipped and why, in the background."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

from outreach.models import AuditEntry
from outreach.times import database_now, now
from outreach.transitions import IllegalTransition
from sequences.models import (
    Batch,
    Contact,
    ContactList,
    Enrollment,
    Event,
    NotReady,
    Sequence,
    Skip,
    Suppression,
)
from sequences.rules import addresses, tokens

LIMIT = 5000
CHUNK = 500
# A worker that dies holds its batch for this long.
LEASE = timedelta(seconds=30)
# How often a chunk is begun again because somebody enrolled one of its contacts meanwhile.
ROUNDS = 5

# Turned down for good: a run that never started says so in the table.
REFUSED = (Skip.Reason.SUPPRESSED, Skip.Reason.OPTED_OUT, Skip.Reason.ROLE_ADDRESS)
GONE = "gone"
# Reasons as `Batch.skipped` counts them; a contact that is gone has no address to list.
REASONS = dict(Skip.Reason.choices) | {GONE: "Deleted meanwhile"}


@dataclass(frozen=True)
class Outlook:
    """What enrolling these contacts would do now."""

    total: int
    ready: list[int]
    skips: Counter[str]
    # Values without a default, and how many of those who are ready have none.
    lacking: Counter[str] = field(default_factory=Counter)


def enroll(
    sequence: Sequence,
    contact_ids: Iterable[int],
    *,
    by: Any,
    variables: Mapping[str, str] | None = None,
) -> Batch:
    """Take these contacts into the sequence, in the background; the batch tells how it goes.

    Raises NotReady, with nothing begun, unless the sequence is active and can send, and when
    there are no contacts or more than may come at once.
    """
    if sequence.status != Sequence.Status.ACTIVE:
        raise NotReady("Only active sequences can be enrolled into; activate it first.")
    if lacks := sequence.missing():
        raise NotReady(" ".join(lacks))
    ids = list(dict.fromkeys(contact_ids))
    if len(ids) > LIMIT:
        raise NotReady(f"Enroll at most {LIMIT:,} contacts at once; these are {len(ids):,}.")
    known = _known(sequence, ids)
    ids = [pk for pk in ids if pk in known]
    if not ids:
        raise NotReady("Choose at least one contact to enroll.")
    with transaction.atomic():
        batch = Batch.everywhere.create(
            workspace=sequence.workspace,
            sequence=sequence,
            contact_ids=ids,
            total=len(ids),
            variables=dict(variables or {}),
            created_by=by,
        )
        AuditEntry.note(sequence.workspace, "enroll", by=by, about=sequence, contacts=len(ids))
    return batch


def outlook(sequence: Sequence, contact_ids: Iterable[int]) -> Outlook:
    """Say what enrolling these contacts would do, without doing it."""
    ids = list(dict.fromkeys(contact_ids))[:LIMIT]
    ready: list[int] = []
    skips: Counter[str] = Counter()
    lacking: Counter[str] = Counter()
    wanted = _wanted(sequence)
    for start in range(0, len(ids), CHUNK):
        contacts = _contacts(sequence, ids[start : start + CHUNK])
        refused = _refusals(sequence, contacts)
        skips.update(refused.values())
        welcome = [contact for contact in contacts if contact.pk not in refused]
        ready += [contact.pk for contact in welcome]
        for contact in welcome:
            values = tokens.look_up(contact.values(), sequence.variables)
            lacking.update(name for name in wanted if name not in values)
    return Outlook(sum(skips.values()) + len(ready), ready, skips, lacking)


def members(audience: ContactList, sequence: Sequence) -> list[int]:
    """Return the contacts of a list, as many as fit; of a longer list, who is not in it yet."""
    contacts = Contact.everywhere.filter(lists=audience, workspace_id=audience.workspace_id)
    ids = list(contacts.order_by("pk").values_list("pk", flat=True)[: LIMIT + 1])
    if len(ids) > LIMIT:
        inside = Enrollment.everywhere.filter(sequence=sequence, contact__isnull=False)
        outside = contacts.exclude(pk__in=inside.values("contact_id"))
        ids = list(outside.order_by("pk").values_list("pk", flat=True)[:LIMIT])
    return ids


def tick() -> int:
    """Work one chunk of the batch that waits longest, and return how many contacts that was."""
    for batch in _waiting()[:10]:
        if _lease(batch):
            return work(batch)
    return 0


def work(batch: Batch) -> int:
    """Deal with the batch's next contacts, in one transaction; two workers never do the same."""
    for _ in range(ROUNDS):
        try:
            with transaction.atomic():
                return _work(batch.pk)
        except IntegrityError:
            # Somebody enrolled one of them between our look and our insert: look again.
            continue
    return 0


def _work(pk: int) -> int:
    batch = Batch.everywhere.select_related("sequence__workspace", "sequence__mailbox").get(pk=pk)
    start, end = batch.position, min(batch.position + CHUNK, batch.total)
    # Whoever moves the cursor owns the chunk; the row stays locked until the commit.
    mine = Batch.everywhere.filter(pk=pk, status=Batch.Status.RUNNING, position=start)
    if not mine.update(position=end, lease_until=None, updated_at=now()):
        return 0
    sequence = _locked(batch.sequence)
    if sequence.status in (Sequence.Status.ARCHIVED, Sequence.Status.COMPLETED):
        batch.move(
            "cancelled",
            allowed=[Batch.Status.RUNNING],
            to=Batch.Status.CANCELLED,
            position=start,
            finished_at=now(),
        )
        return 0
    ids = batch.contact_ids[start:end]
    contacts = _contacts(sequence, ids)
    refused = _refusals(sequence, contacts)
    welcome = [contact for contact in contacts if contact.pk not in refused]
    _enroll(batch, sequence, welcome)
    _skip(batch, sequence, [contact for contact in contacts if contact.pk in refused], refused)
    counts = Counter(batch.skipped) + Counter(refused.values())
    counts += Counter({GONE: len(ids) - len(contacts)})
    changes: dict[str, Any] = {"enrolled": batch.enrolled + len(welcome), "skipped": dict(counts)}
    if end >= batch.total:
        changes |= {"status": Batch.Status.DONE, "finished_at": now()}
    Batch.everywhere.filter(pk=pk).update(**changes)
    return end - start


def _enroll(batch: Batch, sequence: Sequence, contacts: list[Contact]) -> None:
    at = now()
    steps = sequence.steps.count()
    runs = Enrollment.everywhere.bulk_create(
        Enrollment(
            workspace_id=batch.workspace_id,
            sequence=sequence,
            contact=contact,
            mailbox=None if sequence.rotates else sequence.mailbox,
            variables=batch.variables,
            steps_total=steps,
            created_by_id=batch.created_by_id,
            created_at=at,
            updated_at=at,
        )
        for contact in contacts
    )
    _log(batch, runs, "enrolled")


def _skip(
    batch: Batch, sequence: Sequence, contacts: list[Contact], refused: dict[int, str]
) -> None:
    at = now()
    Skip.objects.bulk_create(
        Skip(batch=batch, contact_id=contact.pk, email=contact.email, reason=refused[contact.pk])
        for contact in contacts
    )
    turned_down = [contact for contact in contacts if refused[contact.pk] in REFUSED]
    # Trying again does not fill the table with the same refusal.
    said = set(
        Enrollment.everywhere.filter(
            sequence=sequence,
            contact__in=turned_down,
            status=Enrollment.Status.ARCHIVED,
            end_reason=Enrollment.EndReason.REFUSED,
            dropped_at__isnull=True,
        ).values_list("contact_id", flat=True)
    )
    runs = Enrollment.everywhere.bulk_create(
        Enrollment(
            workspace_id=batch.workspace_id,
            sequence=sequence,
            contact=contact,
            mailbox=sequence.mailbox,
            status=Enrollment.Status.ARCHIVED,
            end_reason=Enrollment.EndReason.REFUSED,
            end_note=REASONS[refused[contact.pk]],
            created_by_id=batch.created_by_id,
            created_at=at,
            updated_at=at,
            ended_at=at,
        )
        for contact in turned_down
        if contact.pk not in said
    )
    _log(batch, runs, "refused")


def _log(batch: Batch, runs: list[Enrollment], kind: str) -> None:
    Event.everywhere.bulk_create(
        Event(
            workspace_id=batch.workspace_id,
            enrollment=run,
            kind=kind,
            by_id=batch.created_by_id,
            detail={"batch": batch.pk} | ({"reason": run.end_note} if run.end_note else {}),
        )
        for run in runs
    )


def _refusals(sequence: Sequence, contacts: list[Contact]) -> dict[int, str]:
    """Return the reason of each contact that may not come in."""
    stopped = _suppressed(sequence, contacts)
    inside = set(
        Enrollment.everywhere.unfinished()
        .filter(sequence=sequence, contact__in=contacts)
        .values_list("contact_id", flat=True)
    )
    reasons = ((contact.pk, _refusal(contact, stopped, inside)) for contact in contacts)
    return {pk: reason for pk, reason in reasons if reason}


def _refusal(contact: Contact, stopped: set[str], inside: set[int]) -> str:
    address = addresses.check_address(contact.email)
    if not address.ok:
        return Skip.Reason.MALFORMED
    if contact.pk in inside:
        return Skip.Reason.ALREADY_ENROLLED
    if stopped & {contact.email, address.normal, addresses.domain_of(address.normal)}:
        return Skip.Reason.SUPPRESSED
    if contact.opted_out:
        return Skip.Reason.OPTED_OUT
    if addresses.is_role(address.normal.rpartition("@")[0]):
        return Skip.Reason.ROLE_ADDRESS
    return ""


def _suppressed(sequence: Sequence, contacts: list[Contact]) -> set[str]:
    values: set[str] = set()
    for contact in contacts:
        normal = addresses.check_address(contact.email).normal
        values |= {contact.email, normal, addresses.domain_of(normal)}
    found = Suppression.everywhere.filter(workspace_id=sequence.workspace_id, value__in=values)
    return set(found.values_list("value", flat=True))


def _wanted(sequence: Sequence) -> list[str]:
    """Return the values without which a draft of this sequence cannot be approved."""
    text = "\n".join(f"{step.subject}\n{step.body}" for step in sequence.steps.all())
    given = {"sender_name": sequence.from_name}
    return list(tokens.render(text, given).missing)


def _known(sequence: Sequence, ids: list[int]) -> set[int]:
    known: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        known.update(contact.pk for contact in _contacts(sequence, ids[start : start + CHUNK]))
    return known


def _contacts(sequence: Sequence, ids: list[int]) -> list[Contact]:
    """Return those of the contacts that belong to the sequence's workspace, in this order."""
    rows = Contact.everywhere.filter(workspace_id=sequence.workspace_id).select_related("company")
    found = rows.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _locked(sequence: Sequence) -> Sequence:
    """Return the sequence with its row locked: archiving it waits until the chunk is in."""
    rows = Sequence.everywhere.select_related("mailbox", "workspace")
    if connection.features.has_select_for_update:
        rows = rows.select_for_update(of=("self",), no_key=True)
    return rows.get(pk=sequence.pk)


def _waiting() -> QuerySet[Batch]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=database_now())
    return Batch.everywhere.filter(free, status=Batch.Status.RUNNING).only("pk").order_by("pk")


def _lease(batch: Batch) -> bool:
    """Keep others from beginning the same chunk; a dead worker's batch is free again later."""
    at = database_now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=at)
    rows = Batch.everywhere.filter(free, pk=batch.pk, status=Batch.Status.RUNNING)
    return bool(rows.update(lease_until=at + LEASE))


def cancel(batch: Batch) -> None:
    """Enroll no more of the batch; who is in already stays in."""
    try:
        batch.move(
            "cancelled",
            allowed=[Batch.Status.RUNNING],
            to=Batch.Status.CANCELLED,
            finished_at=now(),
            lease_until=None,
        )
    except IllegalTransition as problem:
        raise NotReady("It is finished already; stop the runs in the table instead.") from problem
