"""Workspaces: making, switching, settings, the emergency stop, deleting, the audit log."""

import re
from html import unescape

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client

from mailboxes.models import SandboxMail
from outreach.audit import DONE, details, done
from outreach.models import AuditEntry, Invitation, User, Workspace
from outreach.models.workspace import Membership
from sequences.engine import draining
from sequences.models import (
    ContactList,
    Deal,
    Enrollment,
    NotReady,
    Sequence,
    Suppression,
    Touch,
)
from tests.factories import (
    make_due_touch,
    make_enrollment,
    make_sequence,
    make_user,
    make_workspace,
)

FIELDS = {
    "name": "Brightline",
    "zone": "UTC",
    "postal_address": "1 Main Street, Springfield",
    "daily_limit": "",
    "undo_seconds": "10",
    "failed_after_days": "14",
}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


# The postal address


def stored_address(workspace: Workspace) -> str:
    return Workspace.objects.get(pk=workspace.pk).postal_address


@pytest.mark.parametrize("status", ["active", "paused"])
def test_the_address_is_not_emptied_while_a_sequence_needs_it(alice, workspace, status):
    sequence = make_sequence(workspace, name="Autumn", status=status)
    client = signed_in(alice)

    for empty in ("", "  \n"):
        answer = client.post("/settings/", FIELDS | {"postal_address": empty, "undo_seconds": "5"})
        assert answer.status_code == 422
        shown = unescape(answer.content.decode())
        assert "The law asks for it under every mail, and it cannot be emptied now." in shown
        assert "“Autumn” is active or paused." in shown
    assert stored_address(workspace) == "1 Main Street, Springfield"
    assert Workspace.objects.get(pk=workspace.pk).undo_seconds == 10

    moved = FIELDS | {"postal_address": "2 Side Street, Springfield"}
    assert client.post("/settings/", moved).status_code == 302
    Sequence.everywhere.filter(pk=sequence.pk).update(status="paused")
    Sequence.everywhere.get(pk=sequence.pk).archive(by=alice)
    assert client.post("/settings/", FIELDS | {"postal_address": ""}).status_code == 302
    assert stored_address(workspace) == ""


def test_the_address_stays_while_prospects_wait_and_others_may_empty_theirs(alice, workspace):
    Sequence.everywhere.filter(pk=make_enrollment(workspace).sequence_id).update(status="completed")
    elsewhere = make_workspace(alice, name="Elsewhere")
    client = signed_in(alice)

    answer = client.post("/settings/", FIELDS | {"postal_address": ""})
    assert answer.status_code == 422 and "Stop their runs first." in answer.content.decode()

    client.post(f"/workspaces/{elsewhere.pk}/switch/")
    assert client.post("/settings/", FIELDS | {"postal_address": ""}).status_code == 302
    assert stored_address(elsewhere) == "" != stored_address(workspace)


def test_operators_do_not_empty_it_either(client, workspace):
    client.force_login(make_user(is_staff=True, is_superuser=True))
    make_sequence(workspace)
    page = f"/admin/outreach/workspace/{workspace.pk}/change/"
    form = FIELDS | {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}

    refused = client.post(page, form | {"postal_address": ""})
    assert b"it cannot be emptied now" in refused.content
    assert client.post(page, form | {"postal_address": "3 Hill Road"}).status_code == 302

    assert stored_address(workspace) == "3 Hill Road"


def test_a_sequence_does_not_start_on_an_address_that_was_just_emptied(alice, workspace):
    sequence = make_sequence(workspace, status="draft")
    assert sequence.workspace.postal_address
    Workspace.objects.filter(pk=workspace.pk).update(postal_address="")

    with pytest.raises(NotReady, match="postal address"):
        sequence.activate(by=alice)


def test_no_text_is_approved_without_the_address(alice, workspace):
    run = make_enrollment(workspace)
    Workspace.objects.filter(pk=workspace.pk).update(postal_address="")
    run = Enrollment.everywhere.get(pk=run.pk)

    with pytest.raises(NotReady, match="postal address"):
        run.approve(by=alice, shown=run.approval_token())
    with pytest.raises(NotReady, match="postal address"):
        touch = run.touches.get(position=1)
        run.approve_touch(touch, by=alice, shown=touch.approval_token(run))

    run.refresh_from_db()
    assert run.status == "pending_approval"


# Making and switching


def test_whoever_makes_a_workspace_owns_it_and_works_in_it(db):
    dana = make_user()
    client = signed_in(dana)
    assert client.get("/settings/").url == "/workspaces/new/"

    client.post("/workspaces/new/", {"name": "Dana & Co", "zone": "Asia/Tokyo"})

    membership = dana.memberships.get()
    assert (membership.role, membership.workspace.zone) == ("owner", "Asia/Tokyo")
    assert not membership.workspace.is_sandbox
    assert "Dana &amp; Co" in client.get("/settings/").content.decode()


def test_a_workspace_without_a_name_is_not_made_and_the_rest_stays_typed(db):
    answer = signed_in(make_user()).post("/workspaces/new/", {"name": "", "zone": "Asia/Tokyo"})

    assert answer.status_code == 422
    assert 'value="Asia/Tokyo"' in answer.content.decode()
    assert not Workspace.objects.exists()


def test_switching_shows_the_other_workspace(alice, workspace):
    other = make_workspace(alice, name="Second home")
    client = signed_in(alice)

    client.post(f"/workspaces/{other.pk}/switch/")

    assert 'value="Second home"' in client.get("/settings/").content.decode()


def test_another_persons_workspace_is_not_found(carol, workspace):
    client = signed_in(carol)

    assert client.post(f"/workspaces/{workspace.pk}/switch/").status_code == 404
    assert client.get(f"/workspaces/{workspace.pk}/switch/").status_code == 405
    assert 'value="Elsewhere"' in client.get("/settings/").content.decode()


def test_the_root_leads_to_the_sequences_and_signed_out_to_sign_in(client, alice, workspace):
    assert client.get("/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")
    assert signed_in(alice).get("/").url == "/sequences/"


# Settings


def test_an_admin_changes_settings_and_the_log_says_which(alice, workspace):
    changed = FIELDS | {"zone": "Europe/Paris", "undo_seconds": "0"}

    answer = signed_in(alice).post("/settings/", changed)

    workspace.refresh_from_db()
    assert answer.status_code == 302
    assert (workspace.zone, workspace.undo_seconds) == ("Europe/Paris", 0)
    entry = AuditEntry.objects.within(workspace).get()
    assert details(entry) == "time zone, undo window"


def test_a_wrong_setting_is_refused_under_its_field(alice, workspace):
    answer = signed_in(alice).post("/settings/", FIELDS | {"name": "Other", "undo_seconds": "121"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="id_undo_seconds_error"' in page and 'value="121"' in page
    assert "Workspace Brightline: switch" in page, "the frame shows what is stored"
    workspace.refresh_from_db()
    assert workspace.undo_seconds == 10


def test_a_viewer_reads_the_settings_and_changes_nothing(bob, workspace):
    client = signed_in(bob)

    page = client.get("/settings/").content.decode()

    assert "disabled" in page and "Save settings" not in page and "/settings/stop/" not in page
    for address in ("/settings/", "/settings/stop/", "/settings/resume/", "/settings/delete/"):
        assert client.post(address, FIELDS | {"zone": "Asia/Tokyo"}).status_code == 403
    assert client.get("/settings/audit/").status_code == 403
    workspace.refresh_from_db()
    assert workspace.zone == "UTC" and not workspace.is_stopped


def test_saving_settings_does_not_undo_a_stop_that_came_between(alice, workspace, monkeypatch):
    stored = {}
    monkeypatch.setattr(Workspace, "save", lambda self, **options: stored.update(options))

    signed_in(alice).post("/settings/", FIELDS | {"zone": "Asia/Tokyo"})

    assert set(stored["update_fields"]) == set(FIELDS)


# The emergency stop


@pytest.mark.django_db(transaction=True)
def test_stop_sending_holds_the_next_send_until_somebody_resumes(alice, workspace):
    touch = make_due_touch(workspace=workspace)
    client = signed_in(alice)

    client.post("/settings/stop/")
    draining.drain_all()
    touch.refresh_from_db()
    assert touch.status == Touch.Status.SCHEDULED
    assert not SandboxMail.everywhere.exists()

    client.post("/settings/resume/")
    Touch.objects.filter(pk=touch.pk).update(due_at=touch.due_at)
    draining.drain_all()
    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT
    verbs = AuditEntry.objects.within(workspace).order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["stop_sending", "resume_sending"]


@pytest.mark.django_db(transaction=True)
def test_a_stop_concerns_its_own_workspace_only(alice, workspace, carol):
    theirs = make_due_touch(workspace=carol.memberships.get().workspace)

    signed_in(alice).post("/settings/stop/")
    draining.drain_all()

    theirs.refresh_from_db()
    assert theirs.status == Touch.Status.SENT


def test_every_page_says_that_sending_is_stopped_and_offers_to_resume(alice, bob, workspace):
    client = signed_in(alice)
    assert "/settings/stop/" in client.get("/account/").content.decode()

    answer = client.post("/settings/stop/", headers={"referer": "http://testserver/account/"})

    page = client.get("/account/").content.decode()
    assert answer.url == "http://testserver/account/"
    assert "Sending is stopped" in page and 'href="/settings/resume/"' in page
    assert 'action="/settings/stop/"' not in page
    for_bob = signed_in(bob).get("/account/").content.decode()
    assert "Sending is stopped" in for_bob and "/settings/resume/" not in for_bob


def test_stopping_twice_keeps_who_did_it_first(alice, workspace):
    admin = make_user()
    Membership.objects.create(user=admin, workspace=workspace, role="admin")

    signed_in(alice).post("/settings/stop/")
    signed_in(admin).post("/settings/stop/")

    workspace.refresh_from_db()
    assert workspace.stopped_by == alice


def test_stopping_takes_a_token(alice, workspace):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post("/settings/stop/").status_code == 403
    workspace.refresh_from_db()
    assert not workspace.is_stopped


# Deleting


def rows(workspace: Workspace) -> dict[str, int]:
    """Count what every model with a workspace holds of this one."""
    return {
        model._meta.label: model._base_manager.filter(workspace=workspace).count()
        for model in apps.get_models()
        if any(field.name == "workspace" for field in model._meta.fields)
    }


def populate(workspace: Workspace, by: User) -> None:
    """A run under way in the workspace, with a reply, a deal, and all that hangs on it."""
    touch = make_due_touch(workspace=workspace)
    draining.drain_all()
    run = Enrollment.everywhere.get(pk=touch.enrollment_id)
    mail = SandboxMail.everywhere.get(recipient=run.contact.email)
    client = signed_in(by)
    client.post(f"/workspaces/{workspace.pk}/switch/")
    assert client.post(f"/sandbox/{mail.pk}/answer/", {"kind": "interested"}).status_code < 400
    make_enrollment(workspace, sequence=run.sequence)
    names = ContactList.everywhere.create(workspace=workspace, name="Everybody")
    names.contacts.add(run.contact)
    Suppression.everywhere.create(workspace=workspace, value="no@one.test", reason="by_hand")
    Invitation.objects.create(workspace=workspace, email="dana@brightline.test", invited_by=by)


@pytest.mark.django_db(transaction=True)
def test_deleting_takes_everything_of_the_workspace_and_nothing_of_another(alice, workspace):
    other = make_workspace(alice, name="Second home")
    for each in (workspace, other):
        populate(each, alice)
    call_command("check")
    before = rows(other)
    assert rows(workspace)["sequences.Reply"] == 1 and rows(workspace)["mailboxes.InboundMail"]
    client = signed_in(alice)
    client.post(f"/workspaces/{workspace.pk}/switch/")

    answer = client.post("/settings/delete/", {"name": "Brightline"})

    assert answer.url == "/"
    assert not Workspace.objects.filter(pk=workspace.pk).exists()
    assert set(rows(workspace).values()) == {0}
    assert rows(other) == before
    assert Deal.everywhere.count() == 1
    assert User.objects.filter(pk=alice.pk).exists()
    assert 'value="Second home"' in client.get("/settings/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_more_rows_than_are_erased_at_once_go_too(alice, workspace, monkeypatch):
    monkeypatch.setattr("outreach.models.erasing.ERASED_AT_ONCE", 2)
    for _ in range(5):
        make_enrollment(workspace)

    workspace.erase()

    assert not Enrollment.everywhere.exists() and not Workspace.objects.exists()


def test_erasing_what_is_gone_already_changes_nothing(alice, workspace):
    again = Workspace.objects.get(pk=workspace.pk)
    workspace.erase()

    again.erase()

    assert not Workspace.objects.exists()


def test_deleting_takes_the_name_typed(alice, workspace):
    answer = signed_in(alice).post("/settings/delete/", {"name": "brightline"})

    assert answer.status_code == 422
    assert "This is not the workspace&#x27;s name" in answer.content.decode()
    assert Workspace.objects.filter(pk=workspace.pk).exists()


def test_only_an_owner_deletes(workspace):
    admin = make_user()
    Membership.objects.create(user=admin, workspace=workspace, role="admin")
    client = signed_in(admin)

    assert "Delete the workspace" not in client.get("/settings/").content.decode()
    assert client.post("/settings/delete/", {"name": "Brightline"}).status_code == 403
    assert Workspace.objects.filter(pk=workspace.pk).exists()


# The audit log


def test_the_log_speaks_in_words_and_of_this_workspace_only(alice, workspace, carol):
    sequence = make_enrollment(workspace).sequence
    AuditEntry.note(workspace, "pause", by=alice, about=sequence)
    AuditEntry.note(workspace, "archive", by=None, about=sequence)
    AuditEntry.note(carol.memberships.get().workspace, "create", by=carol, about=carol)

    page = signed_in(alice).get("/settings/audit/").content.decode()

    assert "<strong>Alice Reyes</strong> paused the sequence <strong>Q4 outbound</strong>" in page
    assert "<strong>Outreach</strong> archived the sequence" in page
    assert "Carol" not in page


def test_the_log_is_shown_a_page_at_a_time(alice, workspace):
    for number in range(60):
        workspace.name = f"Name {number}"
        AuditEntry.note(workspace, "change", by=alice, about=workspace)
    client = signed_in(alice)

    first = client.get("/settings/audit/").content.decode()
    oldest_shown = AuditEntry.objects.within(workspace).order_by("-pk")[49].pk
    second = client.get(f"/settings/audit/?before={oldest_shown}").content.decode()

    assert f"?before={oldest_shown}" in first and "Name 59" in first and "Name 9<" not in first
    assert "Name 9<" in second and "Name 0<" in second and "beginning of the log" in second
    assert client.get("/settings/audit/?before=x%F0").status_code == 200


def test_an_empty_log_says_what_will_be_there(alice, workspace):
    page = signed_in(alice).get("/settings/audit/").content.decode()

    assert "Nothing was changed yet" in page


@pytest.mark.parametrize("verb", DONE)
def test_no_stored_word_is_shown(alice, workspace, verb):
    entry = AuditEntry.note(workspace, verb, by=alice, about=workspace)

    assert "_" not in done(entry)


def test_a_time_zone_is_guessed_only_where_nobody_has_chosen_one(db):
    dana, yuki = make_user(), make_user(zone="Asia/Tokyo")

    fresh = signed_in(dana).get("/workspaces/new/").content.decode()
    chosen = signed_in(yuki).get("/workspaces/new/").content.decode()
    typed = signed_in(dana).post("/workspaces/new/", {"name": "", "zone": "UTC"}).content.decode()

    assert "data-guess-zone" in fresh
    assert "data-guess-zone" not in chosen + typed and 'value="Asia/Tokyo"' in chosen


def test_no_two_fields_of_the_settings_share_an_id(alice, workspace):
    page = signed_in(alice).get("/settings/").content.decode()

    ids = re.findall(r'\sid="([^"]+)"', page)
    assert "delete_name" in ids and len(ids) == len(set(ids))
