"""When, or why not: the answer that the drawer prints is the one the scheduler acts on."""

from datetime import UTC, datetime, time, timedelta

import pytest

from outreach import times
from sequences.engine import draining, explain
from sequences.engine.explain import Kind
from sequences.models import Enrollment, Sequence, Touch
from tests.factories import approve, make_enrollment, make_sequence, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)

FRIDAY_EVENING = datetime(2026, 11, 20, 19, tzinfo=UTC)
MONDAY_MORNING = datetime(2026, 11, 23, 9, tzinfo=UTC)


def answer(run: Enrollment, at: datetime | None = None) -> explain.Answer:
    rows = Enrollment.everywhere.select_related(
        "workspace", "sequence__mailbox", "mailbox", "contact__company"
    )
    _, found = explain.next_step(rows.get(pk=run.pk), at)
    assert found is not None
    return found


@pytest.fixture
def run(alice, workspace) -> Enrollment:
    return approve(make_enrollment(workspace), by=alice)


def test_what_has_left_is_told_without_a_look_at_lists_and_limits(run, django_assert_num_queries):
    draining.drain_all()
    rows = Enrollment.everywhere.select_related("workspace", "sequence__mailbox", "contact")
    fresh = rows.get(pk=run.pk)
    first = fresh.touches.select_related("mailbox").get(position=1)

    with django_assert_num_queries(0):
        found = explain.touch(first, fresh)

    assert found.reason == explain.Reason.SENT


def test_what_may_leave_says_now(run):
    assert answer(run).kind == Kind.NOW


def test_what_nobody_approved_waits_for_approval(workspace):
    found = answer(make_enrollment(workspace))

    assert (found.kind, found.code) == (Kind.BLOCKED, "unapproved")


def test_a_missing_value_is_named(workspace):
    run = make_enrollment(workspace)
    run.touches.filter(position=1).update(missing=["terminal"])

    assert answer(run).sentence == "The draft still needs a value for terminal."


def test_the_undo_window_defers(alice, workspace):
    run = make_enrollment(workspace)
    run.approve(by=alice, shown=run.approval_token())

    found = answer(run)

    assert found.kind == Kind.DEFERRED and found.at == run.undo_until


def test_a_closed_window_defers_to_its_opening_and_names_it(alice):
    workspace = make_workspace()
    sequence = make_sequence(
        workspace, window_start=time(9), window_end=time(18), weekdays=[1, 2, 3, 4, 5], zone="UTC"
    )
    run = approve(make_enrollment(workspace, sequence=sequence), by=alice)
    Touch.objects.filter(status="scheduled").update(due_at=FRIDAY_EVENING)
    Enrollment.everywhere.update(undo_until=None)

    found = answer(run, FRIDAY_EVENING)

    assert (found.code, found.at) == ("window", MONDAY_MORNING)
    assert "Mon–Fri 09:00–18:00, UTC" in found.sentence and found.fix.url.endswith("/settings/")
    with times.clock(lambda: MONDAY_MORNING):
        assert draining.drain_all() == 1


def test_a_follow_up_names_its_delay(run):
    draining.drain_all()

    found = answer(run)

    assert found.code == "delay" and found.sentence == "3 days after the step before."


def test_a_stopped_workspace_a_paused_sequence_and_a_paused_run_block(run, alice):
    run.workspace.stop_sending(by=alice)
    assert answer(run).code == "stopped"
    run.workspace.resume_sending(by=alice)

    run.sequence.pause(by=alice)
    assert answer(run).code == "sequence"
    run.sequence.resume(by=alice)

    run.pause(by=alice)
    assert (answer(run).kind, answer(run).code) == (Kind.BLOCKED, "paused")
    run.resume(by=alice)

    run.pause(by=alice, until=times.now() + timedelta(hours=2))
    assert answer(run).kind == Kind.DEFERRED


def test_the_throttle_and_the_daily_limit_say_until_when(run):
    soon = times.now() + timedelta(seconds=40)
    Sequence.everywhere.update(next_free_at=soon)
    assert (answer(run).code, answer(run).at) == ("throttle", soon)

    Sequence.everywhere.update(next_free_at=None)
    run.mailbox.days.create(day=times.now().date(), quota=50, sent=50)
    found = answer(run)
    assert found.code == "mailbox_limit" and found.at > times.now()
    assert "50 mails of the day" in found.sentence


def test_a_held_mailbox_speaks_in_the_providers_words(run):
    until = times.now() + timedelta(minutes=5)
    run.mailbox.hold(until, reason="quota", words="452 Daily quota exceeded")

    found = answer(run)

    assert found.at == until and "452 Daily quota exceeded" in found.sentence


def test_suppressed_opted_out_and_changed_addresses_block(run):
    run.contact.email = "other@globex.test"
    run.contact.save()
    assert answer(run).code == "recipient"

    run.contact.opted_out = True
    run.contact.save()
    assert answer(run).code == "opted_out"


def test_no_answer_says_now_unless_the_scheduler_would_send(run, alice):
    """Whatever holds a touch, the two agree."""
    holds = [
        lambda: run.workspace.stop_sending(by=alice),
        lambda: run.sequence.pause(by=alice),
        lambda: Enrollment.everywhere.get(pk=run.pk).pause(by=alice),
        lambda: Touch.objects.update(due_at=times.now() + timedelta(hours=1)),
        lambda: run.mailbox.pause(),
    ]
    for hold in holds:
        hold()
        assert not answer(run).may_leave
        assert draining.drain_all() == 0
