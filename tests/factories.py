"""Small builders. Each makes one valid record; name only what the test is about."""

from copy import copy
from datetime import time
from itertools import count
from typing import Any

from mailboxes.models import Mailbox
from outreach.models import Membership, User, Workspace
from outreach.times import now
from sequences.engine import defining
from sequences.models import Company, Contact, Enrollment, Sequence, Step, Touch

_numbers = count(1)


def make_user(email: str = "", **values: Any) -> User:
    return User.objects.create_user(email or f"user{next(_numbers)}@brightline.test", **values)


def make_workspace(member: User | None = None, *, role: str = "owner", **values: Any) -> Workspace:
    values = {"name": "Brightline", "postal_address": "1 Main Street, Springfield"} | values
    workspace = Workspace.objects.create(**values)
    if member:
        Membership.objects.create(user=member, workspace=workspace, role=role)
    return workspace


def make_mailbox(workspace: Workspace, **values: Any) -> Mailbox:
    values = {
        "provider": Mailbox.Provider.SANDBOX,
        "email": f"alex{next(_numbers)}@brightline.test",
        "sender_name": "Alex Morgan",
    } | values
    if values["provider"] != Mailbox.Provider.SANDBOX and "imap_host" not in values:
        # Else no follow-up would leave: who answers is nobody's business in most tests.
        values = {"watched_at": now()} | values
    return Mailbox.everywhere.create(workspace=workspace, **values)


def make_company(workspace: Workspace, name: str = "Globex", **values: Any) -> Company:
    values = {"domain": f"globex{next(_numbers)}.test", "industry": "Logistics"} | values
    return Company.everywhere.create(workspace=workspace, name=name, **values)


def make_contact(workspace: Workspace, **values: Any) -> Contact:
    number = next(_numbers)
    values = {
        "email": f"jordan{number}@globex.test",
        "first_name": "Jordan",
        "last_name": "Lee",
        "title": "COO",
    } | values
    if "company" not in values:
        values["company"] = make_company(workspace)
    return Contact.everywhere.create(workspace=workspace, **values)


def make_sequence(workspace: Workspace, *, steps: int = 2, **values: Any) -> Sequence:
    """An active sequence that may send at any hour of any day."""
    values = {
        "name": "Q4 outbound",
        "status": Sequence.Status.ACTIVE,
        "window_start": time(0, 0),
        "window_end": time(23, 59, 59, 999999),
        "weekdays": [1, 2, 3, 4, 5, 6, 7],
        "per_minute": 60,
    } | values
    if "mailbox" not in values:
        values["mailbox"] = make_mailbox(workspace)
    sequence = Sequence.everywhere.create(workspace=workspace, **values)
    for position in range(1, steps + 1):
        Step.objects.create(
            sequence=sequence,
            position=position,
            subject="Quick question about {{ company }}" if position == 1 else "",
            body=f"Hi {{{{ first_name }}}}, this is step {position}.",
            angle="timely trigger",
            delay_days=0 if position == 1 else 3,
        )
    return sequence


def make_pool(sequence: Sequence, size: int = 3, **values: Any) -> list[Mailbox]:
    """Let a sequence rotate over so many new mailboxes."""
    pool = [make_mailbox(sequence.workspace, **values) for _ in range(size)]
    defining.configure(sequence, {}, by=None, pool=pool)
    return pool


def make_enrollment(
    workspace: Workspace | None = None,
    *,
    sequence: Sequence | None = None,
    contact: Contact | None = None,
    steps: int = 2,
    **values: Any,
) -> Enrollment:
    """A run whose drafts are written and wait for approval."""
    workspace = workspace or (sequence.workspace if sequence else make_workspace())
    sequence = sequence or make_sequence(workspace, steps=steps)
    enrollment = Enrollment.everywhere.create(
        workspace=workspace,
        sequence=sequence,
        contact=contact or make_contact(workspace),
        mailbox=None if sequence.rotates else sequence.mailbox,
        drafted_at=now(),
        **values,
    )
    plan = list(sequence.steps.all())
    for step in plan:
        Touch.objects.create(
            enrollment=enrollment,
            step=step,
            position=step.position,
            status=Touch.Status.DRAFT,
            subject=step.subject and "Quick question about Globex",
            body=f"Hi Jordan, this is step {step.position}.",
            angle=step.angle,
        )
    enrollment.steps_total = len(plan)
    enrollment.save(update_fields=["steps_total"])
    enrollment.refresh_digest()
    return enrollment


def approve(enrollment: Enrollment, by: User | None = None) -> Enrollment:
    """Approve a run as somebody who has just read it, with its undo window over."""
    by = by or make_user()
    enrollment.approve(by=by, shown=enrollment.approval_token())
    Touch.objects.filter(enrollment=enrollment, status=Touch.Status.SCHEDULED).update(due_at=now())
    Enrollment.everywhere.filter(pk=enrollment.pk).update(undo_until=now())
    enrollment.refresh_from_db()
    return enrollment


def make_due_touch(*, by: User | None = None, **values: Any) -> Touch:
    """A touch that is approved, scheduled and due now."""
    return approve(make_enrollment(**values), by=by).touches.get(position=1)


def copies_of(touch: Touch, count: int) -> list[Touch]:
    """As many more runs like the one of this touch, each with a contact of its own."""
    run = Enrollment.everywhere.select_related("contact").get(pk=touch.enrollment_id)
    steps = list(run.touches.all())
    people = [
        _copy(run.contact, email=f"copy{number}.{run.contact.email}") for number in range(count)
    ]
    Contact.everywhere.bulk_create(people)
    runs = [_copy(run, contact=person) for person in people]
    Enrollment.everywhere.bulk_create(runs)
    made = []
    for mine in runs:
        for step in steps:
            copied = _copy(step, enrollment=mine, recipient=mine.contact.email)
            copied.message_id = step.message_id.replace("<", f"<{mine.pk}.", 1)
            copied.approved_hash = copied.frozen_hash()
            made.append(copied)
    Touch.objects.bulk_create(made)
    return [each for each in made if each.position == touch.position]


def _copy(record: Any, **changes: Any) -> Any:
    copied = copy(record)
    copied.pk, copied._state = None, type(record)()._state
    for name, value in changes.items():
        setattr(copied, name, value)
    return copied
