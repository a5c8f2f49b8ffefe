from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from outreach import times
from sequences.engine import drafting, enrolling
from sequences.models import Batch, ContactList, Enrollment, Sequence
from tests.factories import make_contact, make_sequence, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)

CHOOSE = "/enroll/"
START = "/enroll/start/"


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def page(alice: Any, workspace: Any) -> Client:
    return signed_in(alice)


def make_list(workspace: Any, *contacts: Any) -> ContactList:
    made = ContactList.everywhere.create(workspace=workspace, name="Trade fair")
    made.contacts.add(*contacts)
    return made


def run_to_the_end() -> None:
    while enrolling.tick() or drafting.tick():
        pass


def test_the_page_says_what_will_happen_before_it_happens(page, workspace):
    sequence = make_sequence(workspace)
    sequence.steps.update(body="About {{ terminal }}")
    people = make_list(
        workspace,
        make_contact(workspace),
        make_contact(workspace, opted_out=True),
        make_contact(workspace, email="info@acme.test"),
    )

    shown = page.get(CHOOSE, {"list": people.pk, "sequence": sequence.pk}).content.decode()

    assert "Enroll 1 contact" in shown and "opted out" in shown and "role address" in shown
    assert "<b>terminal</b> for 1 contact" in shown
    assert sequence.mailbox.email in shown
    assert not Batch.everywhere.exists() and not Enrollment.everywhere.exists()


def test_a_list_is_enrolled_and_the_batch_page_tells_how_it_went(page, workspace):
    sequence = make_sequence(workspace)
    people = make_list(workspace, make_contact(workspace), make_contact(workspace, opted_out=True))

    answer = page.post(START, {"list": people.pk, "sequence": sequence.pk})
    before = page.get(answer.url).content.decode()
    run_to_the_end()
    after = page.get(answer.url).content.decode()

    assert 'hx-trigger="every 1s"' in before and "0 of 2" in before
    assert "every 1s" not in after and "Opted out" in after
    assert f"/review/?sequence={sequence.pk}" in after


def test_polling_goes_on_while_drafts_are_written_and_then_stops(page, workspace):
    sequence = make_sequence(workspace)
    contact = make_contact(workspace)
    url = page.post(START, {"contacts": contact.pk, "sequence": sequence.pk}).url
    poll = {"HTTP_HX_REQUEST": "true"}

    assert page.get(url, **poll).status_code == 200
    enrolling.tick()
    writing = page.get(url, **poll)
    assert writing.status_code == 200 and "Writing drafts" in writing.content.decode()
    drafting.tick()

    assert page.get(url, **poll).status_code == 286


def test_a_selection_comes_with_commas_or_as_many_fields(page, workspace):
    sequence = make_sequence(workspace)
    contacts = [make_contact(workspace).pk for _ in range(3)]
    commas = ",".join(map(str, contacts))

    linked = page.get(CHOOSE, {"contacts": commas, "sequence": sequence.pk})
    posted = page.post(CHOOSE, {"contacts": contacts, "sequence": sequence.pk})
    page.post(START, {"contacts": commas, "sequence": sequence.pk})
    run_to_the_end()

    for answer in (linked, posted):
        assert "3 selected contacts" in answer.content.decode()
        assert "Enroll 3 contacts" in answer.content.decode()
    assert Enrollment.everywhere.count() == 3


def test_a_draft_sequence_is_activated_and_enrolled_in_one_go(page, workspace):
    sequence = make_sequence(workspace, status="draft")
    contact = make_contact(workspace)
    choice = {"contacts": contact.pk, "sequence": sequence.pk}

    assert "Activate and enroll 1 contact" in page.get(CHOOSE, choice).content.decode()
    page.post(START, choice | {"activate": "1"})
    run_to_the_end()

    sequence.refresh_from_db()
    assert sequence.status == Sequence.Status.ACTIVE and Enrollment.everywhere.count() == 1


def test_without_activating_a_draft_sequence_takes_nobody(page, workspace):
    sequence = make_sequence(workspace, status="draft")

    answer = page.post(START, {"contacts": make_contact(workspace).pk, "sequence": sequence.pk})

    assert answer.status_code == 422
    assert "Only active sequences can be enrolled into" in answer.content.decode()
    assert not Batch.everywhere.exists()


def test_a_sequence_that_cannot_send_says_what_it_lacks(alice):
    workspace = make_workspace(alice, postal_address="")
    sequence = make_sequence(workspace, status="draft", mailbox=None)
    choice = {"contacts": make_contact(workspace).pk, "sequence": sequence.pk}

    shown = signed_in(alice).get(CHOOSE, choice).content.decode()

    assert "Choose the mailbox it sends from." in shown and "postal address" in shown
    assert "Activate and enroll" not in shown


def test_nothing_chosen_is_said_in_place(page, workspace):
    sequence = make_sequence(workspace)

    assert page.post(START, {}).status_code == 422
    assert page.post(START, {"sequence": sequence.pk}).status_code == 422
    assert page.post(START, {"sequence": sequence.pk, "contacts": "x,y"}).status_code == 422


def test_another_workspaces_list_and_sequence_are_not_known(page, workspace):
    other = make_workspace()
    theirs = make_sequence(other)
    their_list = make_list(other, make_contact(other))
    mine = make_sequence(workspace)

    for choice in (
        {"sequence": theirs.pk, "contacts": make_contact(workspace).pk},
        {"sequence": mine.pk, "list": their_list.pk},
        {"sequence": mine.pk, "contacts": make_contact(other).pk},
    ):
        assert page.post(START, choice).status_code == 422
    assert not Batch.everywhere.exists()


def test_cancelling_keeps_who_is_in(page, alice, workspace):
    batch = enrolling.enroll(make_sequence(workspace), [make_contact(workspace).pk], by=alice)

    page.post(reverse("sequences:batch_cancel", args=[batch.pk]))
    run_to_the_end()

    batch.refresh_from_db()
    assert batch.status == Batch.Status.CANCELLED and not Enrollment.everywhere.exists()
    assert "Cancelled" in page.get(reverse("sequences:batch", args=[batch.pk])).content.decode()


def test_enrolling_needs_a_member(bob, workspace):
    client = signed_in(bob)
    sequence = make_sequence(workspace)
    data = {"contacts": make_contact(workspace).pk, "sequence": sequence.pk}

    assert client.get(CHOOSE).status_code == 403
    assert client.post(START, data).status_code == 403
    assert not Batch.everywhere.exists()


def test_a_viewer_may_watch_a_batch_and_not_cancel_it(bob, alice, workspace):
    batch = enrolling.enroll(make_sequence(workspace), [make_contact(workspace).pk], by=alice)
    client = signed_in(bob)

    assert client.get(reverse("sequences:batch", args=[batch.pk])).status_code == 200
    assert client.post(reverse("sequences:batch_cancel", args=[batch.pk])).status_code == 403


def test_a_strangers_batch_is_not_found(carol, alice, workspace):
    batch = enrolling.enroll(make_sequence(workspace), [make_contact(workspace).pk], by=alice)
    client = signed_in(carol)

    assert client.get(reverse("sequences:batch", args=[batch.pk])).status_code == 404
    assert client.post(reverse("sequences:batch_cancel", args=[batch.pk])).status_code == 404


def test_starting_cannot_be_linked_to(page):
    assert page.get(START).status_code == 405


# The command


def enroll(*words: str) -> str:
    said = StringIO()
    call_command("enroll", *words, stdout=said)
    return said.getvalue()


def test_the_command_enrolls_a_list_and_writes_the_drafts(workspace):
    sequence = make_sequence(workspace)
    make_list(workspace, make_contact(workspace), make_contact(workspace, opted_out=True))

    said = enroll("Q4 outbound", "--workspace", "Brightline", "--list", "Trade fair")

    assert "Enrolled 1 contact of 2" in said and "Opted out: 1" in said
    assert Enrollment.everywhere.get(status="pending_approval").steps_total == 2
    assert not Enrollment.everywhere.filter(
        status="pending_approval", drafted_at__isnull=True
    ).exists()
    assert sequence.batches.get().created_by is None


def test_the_command_can_say_what_it_would_do(workspace):
    make_sequence(workspace)
    contact = make_contact(workspace)

    said = enroll(
        "Q4 outbound", "--workspace", str(workspace.pk), "--emails", contact.email, "--dry-run"
    )

    assert "Would enroll 1 contact of 1" in said
    assert not Batch.everywhere.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["Q4 outbound", "--workspace", "Nowhere", "--list", "x"], "No workspace"),
        (["Nothing", "--workspace", "Brightline", "--list", "x"], "No sequence"),
        (["Q4 outbound", "--workspace", "Brightline", "--list", "x"], "No list"),
        (["Q4 outbound", "--workspace", "Brightline", "--emails", "a@b.test"], "Not a contact"),
    ],
)
def test_the_command_names_what_it_does_not_find(workspace, words, sentence):
    make_sequence(workspace)

    with pytest.raises(CommandError, match=sentence):
        enroll(*words)


def test_the_command_says_when_the_sequence_is_not_active(workspace):
    make_sequence(workspace, status="draft")
    contact = make_contact(workspace)

    with pytest.raises(CommandError, match="Only active sequences can be enrolled into"):
        enroll("Q4 outbound", "--workspace", "Brightline", "--emails", contact.email)


def test_not_having_chosen_yet_is_no_mistake(page, workspace):
    make_sequence(workspace)
    make_list(workspace, make_contact(workspace))

    shown = page.get(CHOOSE)
    refused = page.post(START, {})

    assert shown.status_code == 200 and b"aria-invalid" not in shown.content
    assert refused.status_code == 422 and b"Choose a sequence." in refused.content


def test_the_outlook_knows_of_the_warm_up(page, workspace):
    sequence = make_sequence(workspace, daily_limit=3, warm_up_start=1, warm_up_increment=1)
    people = make_list(workspace, *[make_contact(workspace) for _ in range(6)])

    # One today, two tomorrow, three on the day after.
    with times.clock(lambda: datetime(2027, 1, 5, 12, tzinfo=UTC)):
        seen = page.get(CHOOSE, {"sequence": sequence.pk, "list": people.pk}).context

    assert (seen["pace"], seen["last_send"]) == (3, datetime(2027, 1, 7, tzinfo=UTC))
