import re
from email import message_from_bytes

import pytest
from django.test import Client

from mailboxes.models import SandboxMail
from outreach.models import Invitation
from outreach.times import now
from sequences.engine import draining
from sequences.engine.suppressing import optout_url
from sequences.models import Contact, Enrollment, NotReady, OptOutLink, Sequence, Suppression, Touch
from tests.factories import (
    approve,
    make_contact,
    make_enrollment,
    make_sequence,
    make_workspace,
)

pytestmark = pytest.mark.django_db(transaction=True)

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def outside() -> Client:
    """A mail program or a prospect: no session, no cookie, and the forgery check is on."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def run(workspace) -> Enrollment:
    contact = make_contact(workspace, email="jordan.lee@globex.test")
    return approve(make_enrollment(workspace, contact=contact))


def path_for(run: Enrollment) -> str:
    url = optout_url(run.workspace, run.contact.email)
    return "/" + url.split("/", 3)[3]


def test_opening_the_link_changes_nothing(outside, run):
    answer = outside.get(path_for(run))

    assert answer.status_code == 200
    assert not answer.cookies
    assert b"jordan.lee@globex.test" not in answer.content
    assert "j…e@globex.test" in answer.content.decode()
    run.refresh_from_db()
    assert run.status == Enrollment.Status.APPROVED
    assert not Suppression.everywhere.exists()


def test_the_button_unsubscribes_without_any_cookie(outside, run):
    answer = outside.post(path_for(run))

    run.refresh_from_db()
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.content.decode()
    assert (run.status, run.end_reason) == ("archived", "unsubscribed")
    assert Contact.everywhere.get(pk=run.contact_id).opted_out


@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_a_mail_program_unsubscribes_with_one_click(outside, run, encoding):
    if encoding == "form":
        answer = outside.post(
            path_for(run),
            "List-Unsubscribe=One-Click",
            content_type="application/x-www-form-urlencoded",
        )
    else:
        answer = outside.post(path_for(run), ONE_CLICK)

    assert answer.status_code == 200
    assert Suppression.everywhere.get().reason == "unsubscribed"


def test_unsubscribing_twice_changes_nothing_more(outside, run):
    path = path_for(run)
    outside.post(path)
    events = run.events.count()

    assert outside.post(path).status_code == 200

    assert Suppression.everywhere.count() == 1
    assert run.events.count() == events
    assert "You are unsubscribed" in outside.get(path).content.decode()


def test_the_link_works_after_the_contact_was_deleted(outside, run):
    path = path_for(run)
    run.contact.delete()

    assert outside.post(path).status_code == 200

    assert Suppression.everywhere.get().value == "jordan.lee@globex.test"


def test_a_link_that_nobody_made_is_a_plain_404(outside):
    answer = outside.post("/u/nobody-made-this/")

    assert answer.status_code == 404
    assert "This link is not known" in answer.content.decode()
    assert not Suppression.everywhere.exists()


def test_every_address_has_one_link_that_cannot_be_guessed(workspace):
    first = optout_url(workspace, "Jordan@globex.test")
    again = optout_url(workspace, "jordan@globex.test")

    assert first == again
    assert re.fullmatch(r"https?://[^/]+/u/[\w-]{32}/", first)
    assert OptOutLink.everywhere.count() == 1


def test_one_click_is_answered_at_once_without_cookie_or_redirect(outside, run):
    outside.cookies["sessionid"] = "somebody-elses"

    answer = outside.post(path_for(run), ONE_CLICK, headers={"Origin": "https://mail.test"})

    assert answer.status_code == 200 and not answer.cookies
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_scanner_that_follows_every_link_unsubscribes_nobody(outside, run, method):
    ask = getattr(outside, method)

    for query in ("", "?List-Unsubscribe=One-Click", "?confirm=1"):
        assert ask(path_for(run) + query).status_code == 200

    assert not Suppression.everywhere.exists()


def test_a_link_unsubscribes_its_person_from_its_workspace_alone(outside, run):
    elsewhere = make_workspace(name="Elsewhere")
    theirs = make_enrollment(
        elsewhere, contact=make_contact(elsewhere, email="jordan.lee@globex.test")
    )

    outside.post(path_for(run))

    theirs.refresh_from_db()
    assert theirs.status == Enrollment.Status.PENDING_APPROVAL
    assert Suppression.everywhere.get().workspace == run.workspace
    assert optout_url(elsewhere, "jordan.lee@globex.test") != optout_url(
        run.workspace, "jordan.lee@globex.test"
    )


def test_a_token_made_for_something_else_unsubscribes_nobody(alice, outside, workspace):
    invited = Invitation.objects.create(
        workspace=workspace, email="eve@globex.test", invited_by=alice
    )

    assert outside.post(f"/u/{invited.token}/").status_code == 404

    assert not Suppression.everywhere.exists()


def test_every_mail_of_a_run_carries_the_headers_and_the_link(settings, alice, workspace):
    settings.BASE_URL = "https://outreach.test"
    run = approve(make_enrollment(workspace, steps=2), by=alice)
    link = optout_url(workspace, run.contact.email)

    for _ in range(2):
        Touch.objects.filter(status="scheduled").update(due_at=now())
        Sequence.everywhere.update(next_free_at=None)
        assert draining.drain_all() == 1

    mails = [message_from_bytes(bytes(mail.raw)) for mail in SandboxMail.everywhere.caught()]
    assert len(mails) == 2
    for mail in mails:
        assert mail["List-Unsubscribe"] == f"<{link}>"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        for part in mail.get_payload():
            assert link in part.get_payload(decode=True).decode()


def test_no_sequence_becomes_active_without_the_postal_address(alice):
    workspace = make_workspace(alice, postal_address=" ")
    draft = make_sequence(workspace, status="draft")
    paused = make_sequence(workspace, status="paused")

    with pytest.raises(NotReady, match="postal address"):
        draft.activate(by=alice)
    with pytest.raises(NotReady, match="postal address"):
        paused.resume(by=alice)

    draft.refresh_from_db()
    paused.refresh_from_db()
    assert (draft.status, paused.status) == ("draft", "paused")
