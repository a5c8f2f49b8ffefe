"""Answers that a person writes by hand: when they leave, what holds them, and where they go."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default

import pytest

from mailboxes.models import Mailbox, MailboxDay, SandboxMail, WorkspaceDay
from mailboxes.providers import provider_for
from outreach import times
from outreach.models import Workspace
from sequences.engine import (
    answering,
    draining,
    explain,
    lifecycle,
    reconciling,
    replies,
    restoring,
    sandbox,
    sending,
)
from sequences.engine.explain import Reason
from sequences.engine.suppressing import suppress
from sequences.models import (
    Attempt,
    Enrollment,
    Event,
    NotReady,
    Reply,
    Sequence,
    SequenceDay,
    Suppression,
    Touch,
)
from tests.factories import make_due_touch, make_user
from tests.sequences.judging import broken
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "one-form-of-one-page"


@pytest.fixture
def reply(workspace: Workspace) -> Reply:
    """What a prospect answered to the first of two mails; its run has ended with that."""
    return answered(workspace)


def answered(workspace: Workspace, text: str = "How much is it?", **values: object) -> Reply:
    touch = make_due_touch(workspace=workspace, steps=2)
    Sequence.everywhere.filter(pk=touch.enrollment.sequence_id).update(**values)
    draining.drain_all()
    caught = SandboxMail.everywhere.caught().filter(recipient=touch.recipient)
    found: Reply = sandbox.answer(caught.latest("pk"), "text", text).reply
    return found


def write(
    reply: Reply, text: str = "It is 40 a month.", token: str = TOKEN, **how: object
) -> Touch:
    """Write it, and let the undo window pass."""
    latest = Touch.objects.filter(in_reply_to__isnull=False).order_by("-pk").first()
    values = {"seen": latest.pk if latest else 0, "by": make_user()} | how
    touch = answering.write(reply, text=text, token=token, **values)
    Touch.objects.filter(pk=touch.pk, due_at__gt=times.now()).update(due_at=times.now())
    touch.refresh_from_db()
    return touch


def caught() -> list[Message]:
    mails = SandboxMail.everywhere.caught().order_by("accepted_at", "pk")
    return [message_from_bytes(bytes(mail.raw), policy=default) for mail in mails]


def why(touch: Touch) -> explain.Answer:
    touch = Touch.objects.get(pk=touch.pk)
    return explain.touch(touch, touch.enrollment)


def until(stage: str, touch: Touch) -> Iterator[str]:
    """Drive a send until the named stage is done, and return the rest of it."""
    stages = sending.sending(touch.pk, provider_for(touch.mailbox))
    while next(stages) != stage:
        pass
    return stages


# Leaving


def test_it_leaves_although_the_run_has_ended_and_handles_the_reply(reply):
    alice = make_user()
    touch = write(reply, by=alice)
    assert reply.enrollment.is_finished

    assert draining.drain_all() == 1
    assert draining.drain_all() == 0

    touch.refresh_from_db()
    reply.refresh_from_db()
    assert (touch.status, touch.attempts.get().outcome) == ("sent", Attempt.Outcome.ACCEPTED)
    assert (reply.handled_by, reply.handled_at is not None) == (alice, True)
    events = reply.enrollment.events.filter(touch=touch)
    assert [event.text for event in events] == ["Answer by hand: written", "Answer by hand: sent"]
    assert broken() == {}


@pytest.mark.parametrize("status", ["pause", "stop", "archive the sequence", "complete"])
def test_no_status_of_run_or_sequence_holds_it(workspace, status):
    reply = answered(workspace, "I am out of office until Monday.")
    run, alice = reply.enrollment, make_user()
    if status == "pause":
        run.pause(by=alice)
    elif status == "stop":
        run.stop(by=alice)
    elif status == "complete":
        run.touches.get(position=2).skip(by=alice)
    else:
        run.sequence.pause(by=alice)
        run.sequence.refresh_from_db()
        run.sequence.archive(by=alice)
    touch = write(reply)

    assert why(touch).may_leave
    assert draining.drain_all() == 1


def test_it_goes_into_the_thread_to_whoever_wrote(workspace):
    reply = answered(workspace)
    mail, mailbox = reply.mail, reply.mail.mailbox
    mail.from_email, mail.from_name = "sam@globex.test", "Sam Colleague"
    mail.save()
    Mailbox.everywhere.filter(pk=mailbox.pk).update(signature="Alex, Brightline")
    write(Reply.everywhere.get(pk=reply.pk))

    draining.drain_all()

    ours, answer = caught()
    assert answer["To"] == "Sam Colleague <sam@globex.test>"
    assert answer["From"].addresses[0].addr_spec == mailbox.email
    assert answer["In-Reply-To"] == mail.message_id
    assert answer["References"].split() == [ours["Message-ID"], mail.message_id]
    assert answer["Subject"] == f"Re: {ours['Subject']}"
    assert answer["List-Unsubscribe"] is None
    text = answer.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert text.startswith("It is 40 a month.\n\nAlex, Brightline\n\nOn ")
    assert text.rstrip().endswith("Sam Colleague <sam@globex.test> wrote:\n> How much is it?")
    assert "unsubscribe" not in text.lower() and "stop receiving" not in text
    first, second = SandboxMail.everywhere.caught().order_by("pk")
    assert first.thread_id == second.thread_id


def test_hours_pace_and_limit_of_the_sequence_do_not_hold_it(reply):
    # A window that is closed now, whatever the hour.
    at = times.now()
    closed = {"window_start": (at + timedelta(hours=3)).time(), "uses_prospect_zone": False}
    closed |= {"window_end": (at + timedelta(hours=4)).time(), "zone": "UTC", "daily_limit": 1}
    closed |= {"next_free_at": at + timedelta(hours=1)}
    sequence = Sequence.everywhere.filter(pk=reply.enrollment.sequence_id)
    sequence.update(**closed)
    SequenceDay.objects.update_or_create(
        sequence=sequence.get(), day=at.date(), defaults={"quota": 1, "sent": 1}
    )
    touch = write(reply)

    assert draining.drain_all() == 1
    assert SequenceDay.objects.get().sent == 1
    assert touch.attempts.get().sequence_day is None


def test_it_can_be_taken_back_within_the_undo_window_and_not_later(reply):
    alice = make_user()
    touch = answering.write(reply, text="It is 40.", token=TOKEN, seen=0, by=alice)
    assert why(touch).reason == Reason.UNDO
    assert touch.due_at - touch.approved_at == timedelta(seconds=10)
    assert draining.drain_all() == 0

    touch.take_back(by=alice)

    Touch.objects.filter(pk=touch.pk).update(due_at=times.now())
    assert draining.drain_all() == 0
    assert why(touch).kind == explain.Kind.ENDED
    again = write(reply, token="another-form-of-it")
    assert draining.drain_all() == 1
    again.refresh_from_db()
    with pytest.raises(Exception, match="Only"):
        again.take_back(by=alice)
    assert len(caught()) == 2 and broken() == {}


# Twice


def test_one_form_that_is_sent_twice_makes_one_answer(reply):
    first, second = write(reply), write(reply)

    assert first == second
    assert draining.drain_all() == 1
    assert write(reply) == first and draining.drain_all() == 0


def test_eight_clicks_at_once_make_one_answer(reply):
    alice = make_user()

    def click() -> int:
        mine = Reply.everywhere.get(pk=reply.pk)
        return answering.write(mine, text="It is 40.", token=TOKEN, seen=0, by=alice).pk

    assert len(set(together(*[click] * 8))) == 1
    assert Touch.objects.filter(in_reply_to=reply).count() == 1


def test_the_same_form_with_other_words_is_refused_and_not_lost(reply):
    write(reply)

    with pytest.raises(NotReady, match="has been sent before"):
        write(reply, "It is 50.")


def test_who_comes_second_is_told_that_somebody_has_answered(reply):
    alice, bob = make_user(name="Alice"), make_user()
    write(reply, by=alice)

    with pytest.raises(answering.AnsweredMeanwhile, match="Alice has answered meanwhile"):
        write(reply, "It is 50.", token="the-form-of-another", by=bob, seen=0)
    assert write(reply, "It is 50.", token="the-form-of-another", by=bob)


@pytest.mark.parametrize("token", ["", "short", "x" * 65, "a b c d e f g h i j"])
def test_a_form_without_a_token_of_its_own_writes_nothing(reply, token):
    with pytest.raises(NotReady, match="Open the reply again"):
        write(reply, token=token)


# What holds it


def test_a_suppressed_address_is_refused_when_it_is_written(reply, workspace):
    by_hand = Suppression.Reason.BY_HAND
    suppress(workspace, "globex.test", reason=by_hand, source="", by=None)

    assert "globex.test is on the suppression list." in answering.hindrance(reply)
    with pytest.raises(NotReady, match="suppression list. Nothing was sent."):
        write(reply)
    assert not Touch.objects.filter(in_reply_to=reply).exists()


def test_a_prospect_who_opted_out_is_refused_also_at_another_address(reply):
    reply.mail.from_email = "jordan@home.test"
    reply.mail.save()
    contact = reply.enrollment.contact
    contact.opted_out = True
    contact.save()

    with pytest.raises(NotReady, match="opted out"):
        write(Reply.everywhere.get(pk=reply.pk))


def test_suppressing_withholds_what_waits_and_says_why(reply, workspace):
    touch = write(reply)

    suppress(workspace, touch.recipient, reason="by_hand", source="", by=None)

    assert draining.drain_all() == 0
    assert why(touch).sentence == (
        f"It was not sent. {touch.recipient} is on the suppression list."
    )
    assert reply.enrollment.events.filter(kind="withheld", touch=touch).exists()
    assert broken() == {}


def test_an_entry_that_came_by_another_way_is_seen_by_the_claim(reply, workspace):
    touch = write(reply)
    Suppression.everywhere.create(workspace=workspace, value=touch.recipient)

    draining.drain_all()

    touch.refresh_from_db()
    assert (touch.status, len(caught())) == ("cancelled", 1)


@pytest.mark.parametrize("stage", ["claimed", "built", "prepared"])
def test_the_gate_looks_once_more(reply, workspace, stage):
    touch = write(reply)
    stages = until(stage, touch)

    suppress(workspace, touch.recipient, reason="by_hand", source="", by=None)

    assert list(stages)[-1] == "held back"
    assert draining.drain_all() == 0
    touch.refresh_from_db()
    assert (touch.status, len(caught())) == ("cancelled", 1)
    assert broken() == {}


def test_an_emergency_stop_holds_it_until_sending_goes_on(reply, workspace):
    touch = write(reply)
    workspace.stop_sending(by=make_user())

    assert draining.drain_all() == 0 and why(touch).reason == Reason.STOPPED
    workspace.resume_sending(by=make_user())
    assert draining.drain_all() == 1


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"status": "disconnected", "last_error": "Signed out."}, Reason.DISCONNECTED),
        ({"status": "paused"}, Reason.MAILBOX_PAUSED),
        ({"held_until": timedelta(hours=1), "last_error": "Slow down."}, Reason.HOLD),
        (
            {"gap_least": 60, "gap_most": 60, "next_free_at": timedelta(seconds=50)},
            Reason.GAP,
        ),
        ({"daily_limit": 1}, Reason.MAILBOX_24_HOURS),
    ],
)
def test_what_holds_the_mailbox_holds_it_too(reply, values, reason):
    at = times.now()
    values = {k: at + v if isinstance(v, timedelta) else v for k, v in values.items()}
    Mailbox.everywhere.filter(pk=reply.mail.mailbox_id).update(**values)
    touch = write(reply)

    assert draining.drain_all() == 0
    assert why(touch).reason == reason


def test_the_workspace_s_limit_holds_it_and_counts_it(reply, workspace):
    Workspace.objects.filter(pk=workspace.pk).update(daily_limit=2)
    write(reply)
    late = write(reply, token="another-form-of-it")

    assert draining.drain_all() == 1

    assert WorkspaceDay.everywhere.values_list("sent", "reserved").get() == (2, 0)
    assert MailboxDay.objects.get(mailbox=reply.mail.mailbox).sent == 2
    assert why(late).reason == Reason.WORKSPACE_LIMIT
    assert broken() == {}


def test_a_failing_domain_stops_campaigns_and_not_conversations(reply):
    stopped = {"cold_stopped_at": times.now(), "failing_note": "SPF fails"}
    Mailbox.everywhere.filter(pk=reply.mail.mailbox_id).update(**stopped)
    write(reply)

    assert draining.drain_all() == 1


def test_a_removed_prospect_is_not_answered(reply):
    touch = write(reply)

    reply.enrollment.drop(by=make_user())

    assert draining.drain_all() == 0
    assert Touch.objects.get(pk=touch.pk).status == "cancelled" and broken() == {}


def test_words_that_were_changed_behind_its_back_do_not_leave(reply):
    touch = write(reply)
    Touch.objects.filter(pk=touch.pk).update(full_text="Something else.")

    assert draining.drain_all() == 0
    assert Touch.objects.get(pk=touch.pk).error == "The text is not the one that was written."


# Its run


def test_the_steps_of_its_run_do_not_know_of_it(workspace):
    reply = answered(workspace, "I am out of office until Monday.")
    run = reply.enrollment
    write(reply)
    draining.drain_all()

    fresh = Enrollment.everywhere.get(pk=run.pk)
    assert (fresh.steps_done, fresh.last_sent_at) == (1, run.touches.get(position=1).sent_at)
    assert [touch.position for touch in fresh.touches.all()] == [1, 2]
    assert fresh.digest == fresh.touches.digest()


def test_it_may_be_on_its_way_beside_a_step(workspace):
    reply = answered(workspace, "I am out of office until Monday.")
    second = reply.enrollment.touches.get(position=2)
    Touch.objects.filter(pk=second.pk).update(due_at=times.now())
    Sequence.everywhere.update(next_free_at=None)
    begun = until("claimed", second)
    touch = write(reply)

    assert sending.send_one(touch.pk, provider_for(touch.mailbox))
    assert list(begun)[-1] == "accepted"
    assert broken() == {}


def test_what_they_answer_to_it_is_recognised(reply):
    touch = write(reply)
    draining.drain_all()
    mail = SandboxMail.everywhere.caught().latest("pk")

    theirs = sandbox.answer(mail, "text", "Good, when can we talk?").reply

    assert (theirs.touch, theirs.enrollment) == (touch, reply.enrollment)
    assert theirs.text == "Good, when can we talk?"


def test_a_dead_address_is_suppressed_and_the_run_stays_as_it_ended(reply, workspace):
    reply.mail.from_email = "bounce+sam@elsewhere.test"
    reply.mail.save()
    write(Reply.everywhere.get(pk=reply.pk))
    draining.drain_all()
    replies.tick()

    assert Suppression.everywhere.filter(value="bounce+sam@elsewhere.test").exists()
    assert Enrollment.everywhere.get(pk=reply.enrollment_id).status == reply.enrollment.status


def test_the_invariants_notice_one_that_left_after_it_was_taken_back(reply):
    touch = write(reply)
    draining.drain_all()
    event = Event.log(reply.enrollment, "taken_back", touch=touch)
    earlier = times.now() - timedelta(minutes=5)
    Event.everywhere.filter(pk=event.pk).update(at=earlier)
    assert broken() == {"I13": [f"touch {touch.pk}"]}
    Event.everywhere.filter(pk=event.pk).update(kind="stopped")
    step = f"touch {reply.touch_id}"
    assert broken() == {"I13": [step]}, "a stop of the run is no stop of the conversation"

    Enrollment.everywhere.filter(pk=touch.enrollment_id).update(dropped_at=times.now())
    Touch.objects.filter(pk=touch.pk).update(status="scheduled")
    assert "I22" in broken()


def test_a_restored_backup_asks_whether_it_left(reply):
    touch = write(reply)
    draining.drain_all()
    # The backup is from before that, and knows nothing of it.
    touch.attempts.all().delete()
    MailboxDay.objects.all().delete()
    Event.everywhere.filter(touch=touch, kind="sent").delete()
    Touch.objects.filter(pk=touch.pk).update(status="scheduled", sent_at=None, attempts_made=0)
    Reply.everywhere.filter(pk=reply.pk).update(handled_at=None)

    restoring.settle(restoring.Span(times.now() - timedelta(hours=1), times.now()))

    assert Touch.objects.get(pk=touch.pk).status == "uncertain"
    assert reconciling.tick() == 1
    assert Touch.objects.get(pk=touch.pk).status == "sent"
    assert draining.drain_all() == 0 and len(caught()) == 2


# Trouble


def test_a_refusal_is_said_and_can_be_retried(reply):
    reply.mail.from_email = "content+sam@globex.test"
    reply.mail.save()
    reply = Reply.everywhere.get(pk=reply.pk)
    touch = write(reply)
    reply.handle(by=make_user())

    draining.drain_all()

    touch.refresh_from_db()
    reply.refresh_from_db()
    assert touch.status == "failed" and why(touch).reason == Reason.FAILED
    assert reply.handled_at is None, "somebody has to see to it again"
    assert Enrollment.everywhere.get(pk=touch.enrollment_id).blocked_by == ""
    touch.retry(by=make_user())
    assert touch.status == "scheduled" and touch.mailbox_id == reply.mail.mailbox_id
    assert broken() == {}


def test_a_failed_answer_never_ends_its_run(workspace):
    reply = answered(workspace, "I am out of office until Monday.")
    reply.mail.from_email = "content+sam@globex.test"
    reply.mail.save()
    touch = write(Reply.everywhere.get(pk=reply.pk))
    draining.drain_all()
    long_ago = times.now() - timedelta(days=30)
    Touch.objects.filter(pk=touch.pk).update(updated_at=long_ago)

    lifecycle.tick()

    assert Enrollment.everywhere.get(pk=reply.enrollment_id).status == "active"


def test_an_unknown_outcome_is_asked_about_and_sent_once(reply):
    touch = write(reply)
    for stage in sending.sending(touch.pk, provider_for(touch.mailbox)):
        if stage == "answered":  # taken, and the worker is lost before it says so
            break
    Touch.objects.filter(pk=touch.pk).update(lease_until=times.now() - timedelta(seconds=1))

    assert sending.reap() == 1
    touch.refresh_from_db()
    assert (touch.status, why(touch).reason) == ("uncertain", Reason.UNCERTAIN)
    Touch.objects.filter(pk=touch.pk).update(check_at=times.now())
    assert reconciling.tick() == 1

    touch.refresh_from_db()
    reply.refresh_from_db()
    assert (touch.status, reply.handled_at is not None) == ("sent", True)
    assert draining.drain_all() == 0 and len(caught()) == 2
    assert broken() == {}


def test_a_worker_lost_before_the_wire_loses_nothing(reply):
    touch = write(reply)
    until("prepared", touch)
    Touch.objects.filter(pk=touch.pk).update(lease_until=times.now() - timedelta(seconds=1))

    assert sending.reap() == 1
    assert draining.drain_all() == 1
    assert len(caught()) == 2 and broken() == {}
