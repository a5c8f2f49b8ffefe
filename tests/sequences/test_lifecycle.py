"""What happens by the clock alone."""

import contextlib
from datetime import timedelta

import pytest

from outreach import times
from outreach.transitions import IllegalTransition
from sequences.engine import draining, lifecycle
from sequences.models import Enrollment, NotReady, Sequence, Touch
from tests.factories import approve, make_due_touch, make_enrollment
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pause_until_a_time_ends_by_itself(alice):
    run = approve(make_enrollment(), by=alice)
    run.pause(by=alice, until=times.now() + timedelta(hours=1))
    assert lifecycle.tick() == 0
    assert draining.drain_all() == 0

    later = times.now() + timedelta(hours=1, seconds=1)
    with times.clock(lambda: later):
        assert lifecycle.tick() == 1
        run.refresh_from_db()
        assert run.status == Enrollment.Status.APPROVED
        assert draining.drain_all() == 1


def test_a_pause_into_the_past_is_refused(alice):
    run = approve(make_enrollment(), by=alice)

    with pytest.raises(NotReady, match="future"):
        run.pause(by=alice, until=times.now() - timedelta(seconds=1))


def test_a_failed_step_that_nobody_sees_to_ends_the_run_after_fourteen_days():
    touch = make_due_touch()
    Touch.objects.filter(pk=touch.pk).update(status=Touch.Status.FAILED, updated_at=times.now())
    Enrollment.everywhere.get().refresh_block()
    start = times.now()

    with times.clock(lambda: start + timedelta(days=13, hours=23)):
        assert lifecycle.give_up_failed() == 0
    with times.clock(lambda: start + timedelta(days=14, minutes=1)):
        assert lifecycle.give_up_failed() == 1

    run = Enrollment.everywhere.get()
    assert (run.status, run.end_reason) == (Enrollment.Status.ARCHIVED, "failed")


def test_only_a_launched_sequence_completes_by_itself(alice):
    run = make_enrollment()
    run.stop(by=alice)

    assert lifecycle.complete_sequences() == 0
    Sequence.everywhere.update(launched_at=times.now())
    assert lifecycle.complete_sequences() == 1

    assert Sequence.everywhere.get().status == Sequence.Status.COMPLETED


def test_nobody_takes_a_run_back_into_an_archived_sequence(alice):
    run = approve(make_enrollment(), by=alice)
    run.sequence.pause(by=alice)

    run.sequence.archive(by=alice)

    with pytest.raises(NotReady, match="Too late to undo"):
        run.undo(by=alice)


def test_nobody_takes_a_dropped_run_back_where_nobody_sees_it(alice):
    run = approve(make_enrollment(), by=alice)

    run.drop(by=alice)

    with pytest.raises(NotReady, match="Too late to undo"):
        run.undo(by=alice)


def test_an_archive_waits_for_a_run_that_ends_by_itself_at_the_same_moment(alice):
    for _ in range(3):
        run = approve(make_enrollment(), by=alice)
        run.sequence.pause(by=alice)

        def end(run=run):
            with contextlib.suppress(IllegalTransition):
                run.stop(reason="cancelled")

        together(end, lambda run=run: run.sequence.archive(by=alice))

        run.refresh_from_db()
        assert run.status == Enrollment.Status.ARCHIVED
        assert run.events.filter(kind="stopped").count() == 1
        assert run.sequence.status == Sequence.Status.ARCHIVED


def test_a_pause_that_a_person_made_longer_meanwhile_goes_on(alice, monkeypatch):
    run = approve(make_enrollment(), by=alice)
    run.pause(by=alice, until=times.now() + timedelta(hours=1))
    lock = Enrollment.lock
    later = times.now() + timedelta(hours=2)

    def after_the_click(self):
        Enrollment.everywhere.filter(pk=run.pk).update(paused_until=later + timedelta(days=1))
        return lock(self)

    monkeypatch.setattr(Enrollment, "lock", after_the_click)
    with times.clock(lambda: later):
        assert lifecycle.end_pauses() == 0

    run.refresh_from_db()
    assert run.status == Enrollment.Status.PAUSED


def test_a_step_that_a_person_retried_meanwhile_is_not_given_up(alice, monkeypatch):
    touch = make_due_touch()
    Touch.objects.filter(pk=touch.pk).update(status=Touch.Status.FAILED, updated_at=times.now())
    Enrollment.everywhere.get().refresh_block()
    lock = Enrollment.lock

    def after_the_click(self):
        Touch.objects.filter(pk=touch.pk).update(status=Touch.Status.SCHEDULED)
        return lock(self)

    monkeypatch.setattr(Enrollment, "lock", after_the_click)
    later = times.now() + timedelta(days=20)
    with times.clock(lambda: later):
        assert lifecycle.give_up_failed() == 0


def test_patient_workspaces_do_not_keep_others_from_giving_up(monkeypatch):
    monkeypatch.setattr(lifecycle, "AT_ONCE", 1)
    runs = [make_due_touch().enrollment for _ in range(2)]
    runs[0].workspace.failed_after_days = 300
    runs[0].workspace.save()
    Touch.objects.filter(position=1).update(status=Touch.Status.FAILED, updated_at=times.now())
    for run in runs:
        Enrollment.everywhere.get(pk=run.pk).refresh_block()

    later = times.now() + timedelta(days=20)
    with times.clock(lambda: later):
        assert lifecycle.give_up_failed() == 1

    runs[1].refresh_from_db()
    assert runs[1].end_reason == "failed"
