"""The pool and the bounces where people see and change them."""

from decimal import Decimal

import pytest
from django.test import Client

from mailboxes.models import Mailbox
from outreach.models import AuditEntry
from outreach.times import now
from sequences import upcoming
from sequences.engine import preflight
from sequences.models import Enrollment, Sequence
from tests.factories import (
    approve,
    make_enrollment,
    make_mailbox,
    make_pool,
    make_sequence,
    make_workspace,
)
from tests.sequences.test_definitions import member_of, settings_of, signed_in, url

pytestmark = pytest.mark.django_db(transaction=True)

NOTE = "3 of 24 mails bounced (12.5 %) within 7 days, more than 5.0 %."


@pytest.fixture
def page(alice, workspace) -> Client:
    return signed_in(alice)


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_an_admin_chooses_the_pool_on_the_settings_page(page, workspace):
    sequence = make_sequence(workspace, status="draft")
    pool = [make_mailbox(workspace) for _ in range(3)]
    chosen = [mailbox.pk for mailbox in pool[:2]]

    answer = page.post(
        url("settings", sequence.pk),
        settings_of(sequence, pool=chosen, auto_pause_bounce_rate="7.5"),
    )

    assert answer.status_code == 302
    sequence.refresh_from_db()
    assert sequence.rotates and sequence.auto_pause_bounce_rate == Decimal("7.5")
    assert list(sequence.pool.values_list("mailbox_id", flat=True)) == chosen
    shown = page.get(url("settings", sequence.pk)).context["form"]
    assert shown["pool"].value() == chosen
    assert pool[2].pk in {choice.value for choice, _ in shown.fields["pool"].choices}


def test_what_stays_in_the_pool_keeps_its_place_and_what_is_new_comes_last(page, workspace):
    sequence = make_sequence(workspace, status="draft")
    last, first = make_pool(sequence, 2)
    Mailbox.everywhere.filter(pk=last.pk).update(email="zoe@brightline.test")
    new = make_mailbox(workspace, email="aaron@brightline.test")

    page.post(url("settings", sequence.pk), settings_of(sequence, pool=[first.pk, last.pk, new.pk]))

    members = [member.mailbox for member in sequence.pool.all()]
    assert members == [last, first, new]


def test_nobody_below_an_admin_changes_the_pool(workspace):
    sequence = make_sequence(workspace, status="draft")
    mailbox = make_mailbox(workspace)

    answer = member_of(workspace, "approver").post(
        url("settings", sequence.pk), settings_of(sequence, pool=[mailbox.pk])
    )

    assert answer.status_code == 403
    assert not sequence.pool.exists()


def test_a_mailbox_of_another_workspace_cannot_be_chosen(page, workspace):
    sequence = make_sequence(workspace, status="draft")
    stranger = make_mailbox(make_workspace(name="Elsewhere"))

    answer = page.post(url("settings", sequence.pk), settings_of(sequence, pool=[stranger.pk]))

    assert answer.status_code == 422
    assert not sequence.pool.exists()


def test_a_pool_without_a_mailbox_of_the_sequences_own_says_what_is_missing(page, workspace):
    sequence = make_sequence(workspace, status="draft")
    mailbox = make_mailbox(workspace)

    answer = page.post(
        url("settings", sequence.pk), settings_of(sequence, mailbox="", pool=[mailbox.pk])
    )

    assert answer.status_code == 422
    assert "its name and signature stand under every mail" in text_of(answer)


@pytest.mark.parametrize("rate", ["0", "101", "5.55", "many"])
def test_a_rate_that_is_none_is_refused_with_what_is_allowed(page, workspace, rate):
    sequence = make_sequence(workspace, status="draft")

    answer = page.post(
        url("settings", sequence.pk), settings_of(sequence, auto_pause_bounce_rate=rate)
    )

    assert answer.status_code == 422
    assert "auto_pause_bounce_rate" in answer.context["form"].errors
    sequence.refresh_from_db()
    assert sequence.auto_pause_bounce_rate == Decimal("5.0")


def test_the_page_of_a_sequence_shows_its_pool_and_who_is_out_of_it(page, workspace):
    sequence = make_sequence(workspace)
    good, bad = make_pool(sequence, 2)
    bad.leave_pools(NOTE, now())

    said = text_of(page.get(url("overview", sequence.pk)))

    assert "in turns from 2 mailboxes" in said
    assert good.email in said and "Takes turns" in said
    assert f"Out of the pool: {NOTE}" in said
    assert "Nobody is left in the pool" not in said


def test_the_page_says_that_the_own_mailbox_sends_once_nobody_is_left(page, workspace):
    sequence = make_sequence(workspace)
    (only,) = make_pool(sequence, 1)
    only.pause()

    said = text_of(page.get(url("overview", sequence.pk)))

    assert "Nobody is left in the pool" in said
    assert f"First mails leave from {sequence.mailbox}" in said


def test_a_sequence_that_paused_itself_shows_its_numbers_until_it_is_resumed(page, workspace):
    sequence = make_sequence(workspace)
    sequence.pause_itself("2 of 20 mails bounced (10.0 %), more than 5.0 %.")

    said = text_of(page.get(url("overview", sequence.pk)))
    assert "It paused itself." in said and "2 of 20 mails bounced (10.0 %)" in said
    page.post(url("resume_sequence", sequence.pk))

    sequence.refresh_from_db()
    assert (sequence.status, sequence.pause_note) == (Sequence.Status.ACTIVE, "")
    assert sequence.resumed_at is not None
    assert "It paused itself." not in text_of(page.get(url("overview", sequence.pk)))


def test_a_mailbox_out_of_its_pools_says_why_and_is_put_back_by_an_admin(page, alice, workspace):
    mailbox = make_mailbox(workspace)
    mailbox.leave_pools(NOTE, now())

    assert NOTE in text_of(page.get("/mailboxes/"))
    page.post(f"/mailboxes/{mailbox.pk}/put-back/")
    again = page.post(f"/mailboxes/{mailbox.pk}/put-back/", follow=True)

    mailbox.refresh_from_db()
    assert (mailbox.out_since, mailbox.out_note) == (None, "")
    assert AuditEntry.everywhere.get(verb="put_back").by == alice
    assert "takes turns in its pools already" in text_of(again)


def test_the_rate_of_a_mailbox_is_changed_with_its_other_settings(page, workspace):
    mailbox = make_mailbox(workspace)
    form = page.get(f"/mailboxes/{mailbox.pk}/edit/").context["form"]
    values = {name: form[name].value() or "" for name in form.fields}

    page.post(f"/mailboxes/{mailbox.pk}/edit/", values | {"most_bounces": "2.5"})

    mailbox.refresh_from_db()
    assert mailbox.most_bounces == Decimal("2.5")


def test_who_reviews_reads_that_any_mailbox_of_the_pool_may_send(workspace):
    sequence = make_sequence(workspace)
    first, _ = make_pool(sequence, 2)
    run = make_enrollment(sequence=sequence)

    said = [check.text for check in preflight.checks(run)]

    assert f"Leaves from any of 2 mailboxes; {first} is next" in said
    assert "from whichever mailbox of the pool is next" in upcoming.if_approved(run)
    assert "any mailbox of the pool" in run.envelope()


def test_who_reviews_is_warned_when_nobody_is_left_in_the_pool(workspace):
    sequence = make_sequence(workspace)
    (only,) = make_pool(sequence, 1)
    Mailbox.everywhere.filter(pk=only.pk).update(status="disconnected")

    check = next(c for c in preflight.checks(make_enrollment(sequence=sequence)) if c.level)

    assert check.text == "Nobody is left in the pool"
    assert str(sequence.mailbox) in check.advice


def test_a_pool_can_be_activated_while_only_its_own_mailbox_is_disconnected(workspace, alice):
    sequence = make_sequence(workspace, status="draft")
    make_pool(sequence, 1)
    Mailbox.everywhere.filter(pk=sequence.mailbox_id).update(status="disconnected")
    fresh = Sequence.everywhere.get(pk=sequence.pk)

    fresh.activate(by=alice)

    assert fresh.status == Sequence.Status.ACTIVE


def test_a_person_who_approves_in_bulk_sees_the_same_sender(page, workspace):
    sequence = make_sequence(workspace)
    make_pool(sequence, 2)
    runs = [make_enrollment(sequence=sequence) for _ in range(2)]

    said = text_of(page.post("/enrollments/approve/", {"ids": [run.pk for run in runs]}))

    assert said.count("From Alex Morgan, any mailbox of the pool") == 2
    approve(runs[0])
    assert Enrollment.everywhere.get(pk=runs[0].pk).mailbox is None
