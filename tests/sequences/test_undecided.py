"""A mail of which nobody knows whether it was sent, in a run that ends meanwhile."""

import pytest

from outreach.times import now
from sequences.engine import counts, settling
from sequences.models import Attempt, Enrollment, Touch
from tests.factories import make_due_touch, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def make_unknown(*, decide: bool) -> Touch:
    """A touch that was on the wire when its answer got lost."""
    touch = make_due_touch()
    Touch.objects.filter(pk=touch.pk).update(
        status=Touch.Status.UNCERTAIN,
        decide=decide,
        checks=6 if decide else 5,
        unknown_since=now(),
        check_at=None if decide else now(),
    )
    Attempt.objects.create(
        touch=touch,
        mailbox=touch.mailbox,
        number=1,
        token=1,
        epoch=touch.enrollment.epoch,
        day=now().date(),
        wire_at=now(),
        outcome=Attempt.Outcome.UNKNOWN,
    )
    touch.enrollment.refresh_block()
    touch.refresh_from_db()
    return touch


def attention(run: Enrollment) -> int:
    return counts.chips(run.workspace)["attention"]


def test_a_run_that_ends_still_asks_what_became_of_its_mail():
    touch = make_unknown(decide=True)
    run = touch.enrollment

    run.stop(by=None)

    assert (run.blocked_by, run.blocked_position) == (Enrollment.Block.UNCERTAIN_TOUCH, 1)
    assert attention(run) == 1


def test_a_run_that_has_ended_asks_when_no_provider_can_tell():
    touch = make_unknown(decide=False)
    run = touch.enrollment
    run.stop(by=None)
    assert attention(run) == 0

    settling.still_unknown(touch.pk, now())

    run.refresh_from_db()
    assert run.blocked_by == Enrollment.Block.UNCERTAIN_TOUCH
    assert attention(run) == 1


def test_a_decision_takes_an_ended_run_off_the_list():
    touch = make_unknown(decide=True)
    run = touch.enrollment
    run.stop(by=None)

    assert settling.was_not_sent(touch.pk, by=make_user())

    run.refresh_from_db()
    touch.refresh_from_db()
    assert (run.blocked_by, touch.status) == ("", Touch.Status.CANCELLED)
    assert attention(run) == 0
