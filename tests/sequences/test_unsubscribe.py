import re

import pytest
from django.test import Client

from sequences.engine.suppressing import optout_url
from sequences.models import Contact, Enrollment, OptOutLink, Suppression
from tests.factories import approve, make_contact, make_enrollment

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
