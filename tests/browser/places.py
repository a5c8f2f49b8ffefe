"""Every page of the product, in a workspace where each of them has something to show."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from outreach.models import AuditEntry, Invitation, Membership, User, Workspace
from sequences.engine import enrolling, importing
from sequences.engine.suppressing import optout_url, suppress
from sequences.models import Batch, Import, Suppression
from tests import world
from tests.factories import make_contact, make_user, make_workspace
from tests.world import World

CSV = (
    "E-mail;First name;Surname;Company;Stand\n"
    "amelie@northwind.example;Amélie;Laurent;Northwind Analytics;B12\n"
    "jonas@brightwater.example;Jonas;Weber;Brightwater Energy;C03\n"
    "wei(at)orchard.example;Wei;Zhang;Orchard Dental;A41\n"
).encode()
STAGES = ("uploaded", "checking", "checked", "running", "done", "failed", "cancelled")


@dataclass
class Product:
    """A workspace in the middle of its week, and the addresses of its pages."""

    world: World
    pages: dict[str, str]


@contextmanager
def product_of(alice: User) -> Iterator[Product]:
    """Build it, and let the clock stand still while it is looked at."""
    workspace = make_workspace(alice, is_sandbox=True, zone="Europe/Lisbon")
    made = world.build(alice, workspace)
    with world.standing_still():
        yield Product(made, _pages(made, alice))


def _pages(made: World, alice: User) -> dict[str, str]:
    """Name every page that a member opens by its address; what it needs is made here."""
    workspace = made.workspace
    run, failed = made.run_of("Herrera"), made.run_of(world.REFUSED)
    first = run.touches.get(position=1).pk
    active, draft = f"/sequences/{made.sequence.pk}", f"/sequences/{made.draft.pk}"
    reason = Suppression.Reason.BY_HAND
    suppress(workspace, "never.example", reason=reason, source="Suppression list", by=alice)
    AuditEntry.note(workspace, "stop_sending", by=alice, about=workspace)
    bob = make_user("bob@brightline.test", name="Bob Stone")
    Membership.objects.create(user=bob, workspace=workspace, role=Membership.Role.VIEWER)
    Invitation.objects.create(workspace=workspace, email="dora@brightline.test", invited_by=alice)
    return {
        "active": "/sequences/",
        **{
            chip: f"/sequences/?status={chip}"
            for chip in ("pending_approval", "replied", "complete", "archived", "attention")
        },
        "no match": "/sequences/?q=zebra",
        "drawer": f"/sequences/?open={run.pk}",
        "drawer, editing": f"/sequences/?open={run.pk}&edit={first}",
        "drawer, failed": f"/sequences/?open={failed.pk}",
        "drawer, replied": f"/sequences/?status=replied&open={made.run_of('Raman').pk}",
        "review": f"/review/?at={run.pk}",
        "review, editing": f"/review/?at={run.pk}&edit={first}",
        "prospect": f"/enrollments/{run.pk}/",
        "prospect, failed": f"/enrollments/{failed.pk}/",
        "prospect, activity": f"/enrollments/{made.run_of('Raman').pk}/?tab=activity",
        "prospect, contact": f"/enrollments/{run.pk}/?tab=contact",
        "inbox": f"/inbox/?at={made.run_of('Raman').replies.get().pk}",
        "inbox, the list": "/inbox/",
        "inbox, no match": "/inbox/?q=zebra",
        "inbox, nothing snoozed": "/inbox/?state=snoozed",
        "deals": "/deals/",
        "deals, one": f"/deals/{made.run_of('Raman').deal.pk}/",
        "deals, no match": "/deals/?q=zebra",
        "deals, none lost": "/deals/?stage=lost",
        "pause": f"/enrollments/{made.run_of('Carvalho').pk}/pause/",
        "new sequence": "/sequences/new/",
        "new from ready-made": "/sequences/new/?start=first-meeting",
        "overview": f"{active}/",
        "overview of a draft": f"{draft}/",
        "forecast": f"{active}/forecast/?approved=all",
        "forecast of a draft": f"{draft}/forecast/",
        "steps": f"{active}/steps/",
        "steps of a draft": f"{draft}/steps/",
        "sequence settings": f"{draft}/settings/",
        "archive": f"{active}/archive/",
        "delete": f"{draft}/delete/",
        "redraft": f"{active}/redraft/",
        "enroll": "/enroll/",
        "enroll a list": f"/enroll/?list={made.contacts.pk}&sequence={made.draft.pk}",
        **{f"batch {batch.status}": f"/batches/{batch.pk}/" for batch in _batches(made, alice)},
        "contacts": "/contacts/",
        "contacts of a list": f"/contacts/?list={made.contacts.pk}",
        "contacts, no match": "/contacts/?q=zebra",
        "contact": f"/contacts/{run.contact_id}/",
        "new contact": "/contacts/new/",
        "lists": "/lists/",
        "rename list": f"/lists/{made.contacts.pk}/rename/",
        "suppressions": "/suppressions/",
        "import suppressions": "/suppressions/import/",
        "import": "/contacts/import/",
        **{
            f"import {job.status}": f"/contacts/import/{job.pk}/"
            for job in _imports(workspace, alice)
        },
        "mailboxes": "/mailboxes/",
        "connect": "/mailboxes/connect/",
        "connect gmail": "/mailboxes/connect/google/",
        "connect microsoft": "/mailboxes/connect/microsoft/",
        "connected": f"/mailboxes/{made.mailbox.pk}/connected/",
        "domain": f"/mailboxes/{made.mailbox.pk}/domain/",
        "mailbox": f"/mailboxes/{made.mailbox.pk}/edit/",
        "sandbox": "/sandbox/",
        "caught mail": f"/sandbox/{made.mail_to('Raman').pk}/",
        "settings": "/settings/",
        "members": "/settings/members/",
        "audit log": "/settings/audit/",
        "profile": "/account/",
        "change password": "/accounts/password/change/",
        "e-mail addresses": "/accounts/email/",
        "new workspace": "/workspaces/new/",
    }


def _imports(workspace: Workspace, alice: User) -> list[Import]:
    """Make an import in each of its stages."""
    jobs = {
        stage: importing.read_file(workspace, f"{stage}.csv", CSV, by=alice) for stage in STAGES
    }
    ready = ("checked", "running", "done", "failed")
    for stage in (*ready, "cancelled"):
        job = jobs[stage]
        importing.check(
            job,
            mapping=job.mapping,
            has_header=True,
            list_name=job.list_name,
            update_existing=True,
        )
    importing.tick()
    for stage in STAGES:
        jobs[stage].refresh_from_db()
    jobs["done"].start()
    importing.tick()
    jobs["done"].refresh_from_db()
    for stage in ("running", "failed"):
        jobs[stage].start()
    jobs["failed"].fail("The file ended in the middle of row 3.")
    jobs["cancelled"].cancel()
    importing.check(
        jobs["checking"],
        mapping=jobs["checking"].mapping,
        has_header=True,
        list_name="",
        update_existing=True,
    )
    found = list(Import.everywhere.filter(workspace=workspace))
    assert {job.status for job in found} == set(STAGES)
    return found


def _batches(made: World, alice: User) -> list[Batch]:
    """Return a batch that is done, and begin one that is not."""
    ids = made.contacts.contacts.values_list("pk", flat=True)
    done = Batch.everywhere.filter(workspace=made.workspace, status="done").latest("pk")
    enrolling.enroll(made.sequence, ids, by=alice)
    running = Batch.everywhere.get(workspace=made.workspace, status="running")
    return [done, running]


def public_pages(workspace: Workspace, alice: User) -> dict[str, str]:
    """Name the pages that somebody sees who is not signed in."""
    guest = Invitation.objects.create(
        workspace=workspace, email="erik@brightline.test", invited_by=alice
    )
    link = optout_url(workspace, make_contact(workspace).email)
    return {
        "sign in": "/accounts/login/",
        "sign up": "/accounts/signup/",
        "password reset": "/accounts/password/reset/",
        "password reset done": "/accounts/password/reset/done/",
        "invitation": f"/invitations/{guest.token}/",
        "spent invitation": "/invitations/spent/",
        "opt out": "/" + link.split("/", 3)[3],
        "unknown opt out": "/u/unknown/",
    }
