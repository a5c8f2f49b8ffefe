"""What an invariant counts as a fault, and what has a good reason."""

from datetime import timedelta

import pytest
from django.db import transaction

from mailboxes.models import Mailbox
from outreach import times
from outreach.models import Workspace
from outreach.times import now
from sequences.models import Enrollment, Event, Sequence, Suppression, Touch
from tests.sequences.judging import (
    broken,
    copy_mail,
    forgotten,
    never_asked_about,
    six_attempts,
)

pytestmark = pytest.mark.django_db


def test_what_is_young_may_still_settle(world):
    never_asked_about(world)

    assert broken(older_than=timedelta(minutes=31)) == {}
    assert list(broken(older_than=timedelta(minutes=29))) == ["I07"]


def test_what_has_a_reason_to_wait_is_not_forgotten(world):
    forgotten(world)
    assert list(broken()) == ["I08"]
    sequence = Sequence.everywhere.filter(pk=world.sequence.pk)

    soon = times.now() + timedelta(minutes=1)
    reasons = [
        (sequence, {"status": "paused"}),
        (sequence, {"next_free_at": times.now() - timedelta(minutes=5)}),
        (sequence, {"daily_limit": 1}),
        (sequence, {"window_start": soon.time(), "window_end": (soon + timedelta(1 / 48)).time()}),
        (Mailbox.everywhere.all(), {"held_until": soon}),
        (Mailbox.everywhere.all(), {"status": "disconnected"}),
        (Enrollment.everywhere.all(), {"updated_at": times.now()}),
    ]
    for rows, values in reasons:
        with transaction.atomic():
            rows.update(**values)
            assert "I08" not in broken(), values
            transaction.set_rollback(True)


def test_an_approved_step_that_got_no_time_is_forgotten(world):
    forgotten(world)
    waiting = Touch.objects.filter(pk=world.touch("waiting", 2).pk)

    waiting.update(due_at=None)
    assert list(broken()) == ["I08"]
    waiting.update(status="draft")
    assert list(broken()) == ["I08"]
    waiting.update(status="draft", approved_at=None)
    assert broken() == {}


def test_a_pause_that_does_not_end_is_forgotten(world):
    run = world.runs["waiting"]
    rows = Enrollment.everywhere.filter(pk=run.pk)

    rows.update(status="paused", paused_until=now() - timedelta(minutes=19))
    assert broken() == {}
    rows.update(paused_until=now() - timedelta(minutes=21))
    assert broken() == {"I08": [f"enrollment {run.pk}"]}


def test_a_stop_that_was_undone_held_while_it_held(world):
    """ "undone" was stopped for five seconds and sent two mails afterwards."""
    assert broken() == {}
    lifted = Event.everywhere.get(kind="stop_undone")
    held = Event.everywhere.get(kind="stopped", enrollment=lifted.enrollment)
    within = held.at + (lifted.at - held.at) / 2

    world.touch("undone", 2).attempts.update(wire_at=within)

    assert broken().keys() >= {"I13"}


def test_nothing_goes_out_of_a_stopped_workspace(world):
    since = world.touch("all", 3).sent_at - timedelta(minutes=1)
    Workspace.objects.filter(pk=world.workspace.pk).update(stopped_at=since)

    assert f"touch {world.touch('all', 3).pk}" in broken()["I13"]


def test_a_whole_domain_is_suppressed_too(world):
    Suppression.everywhere.create(
        workspace=world.workspace, value="globex.test", created_at=now() - timedelta(days=15)
    )

    assert len(broken()["I14"]) > 10


def test_a_claim_without_its_attempt_is_found(world):
    touch, since = world.touch("waiting", 2), now() - timedelta(minutes=1)
    Touch.objects.filter(pk=touch.pk).update(status="sending", lease_until=since)

    assert broken() == {"I23": [f"touch {touch.pk}"]}


def test_a_failed_step_needs_its_record(world):
    Event.everywhere.filter(kind="failed").delete()

    assert broken() == {"I21": [f"touch {world.touch('content').pk}"]}


def test_answers_that_hold_a_mailbox_use_up_no_attempt(world):
    six_attempts(world)
    touch = world.touch("all", 3)
    assert list(broken()) == ["I20"]

    held = touch.attempts.filter(outcome="rejected").first()
    event = Event.log(world.runs["all"], "held", touch=touch)
    Event.everywhere.filter(pk=event.pk).update(at=held.finished_at)
    touch.attempts.filter(outcome="rejected").exclude(pk=held.pk).update(
        finished_at=held.finished_at - timedelta(hours=1)
    )

    assert broken() == {}


def test_test_mails_to_people_of_ours_belong_to_no_step(world):
    copy_mail(world, message_id="<test@brightline.test>", recipient=world.alice.email, raw=b"")

    assert broken() == {}


@pytest.mark.parametrize(
    "found, put",
    [
        (b"this is step 1", b"this is something else"),
        (b"To: All Lee <all@globex.test>", b"To: All Lee <all@globex.test>, <more@globex.test>"),
        (b"From: Alex Morgan", b"From: Alex Organ"),
        (b"Subject: Quick question", b"Subject: Slow question"),
        (b"To stop receiving these mails: ", b"No way out. "),
    ],
)
def test_mails_are_read_as_their_prospects_see_them(world, found, put):
    mail = world.mail("all")
    assert found in bytes(mail.raw)

    mail.raw = bytes(mail.raw).replace(found, put)
    mail.save()

    assert broken() == {"I16": [f"touch {world.touch('all').pk}"]}
