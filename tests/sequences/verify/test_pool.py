"""Rotation is judged rightly: a healthy pool breaks nothing, and each fault of one is found."""

from datetime import timedelta

import pytest

from mailboxes.models import Mailbox
from outreach import times
from sequences.engine import defining
from sequences.models import Enrollment, PoolMember, Sequence, Touch
from tests.factories import make_due_touch, make_mailbox, make_pool, make_sequence, make_workspace
from tests.sequences.judging import broken
from tests.sequences.sent_world import Hands

pytestmark = pytest.mark.django_db


def test_a_world_with_a_pool_breaks_nothing(world):
    assert broken() == {}
    assert {world.touch(name).mailbox for name in ("first", "second", "third")} == set(world.pool)


def test_a_follow_up_from_another_mailbox_of_the_pool_is_found(world):
    Enrollment.everywhere.filter(pk=world.runs["first"].pk).update(mailbox=world.pool[1])

    assert broken() == {"I18": [f"touch {world.touch('first', n).pk}" for n in (1, 2)]}


def test_a_mailbox_of_another_workspace_in_a_pool_is_found(world):
    stranger = make_mailbox(world.elsewhere.workspace)
    member = PoolMember.objects.first()
    PoolMember.objects.filter(pk=member.pk).update(mailbox=stranger)

    assert broken() == {"I17": [f"pool member {member.pk}"]}


def long_due(**values: object) -> Touch:
    """A first mail of a pool that was due an hour ago, and that nothing holds."""
    sequence = make_sequence(make_workspace(), steps=1)
    make_pool(sequence, 2, **values)
    touch = make_due_touch(sequence=sequence)
    since = times.now() - timedelta(hours=1)
    Touch.objects.filter(pk=touch.pk).update(due_at=since, updated_at=since)
    Enrollment.everywhere.update(undo_until=since)
    for records in (Enrollment, Sequence, Mailbox):
        records.everywhere.update(updated_at=since)
    return touch


def at_noon() -> Hands:
    return Hands(times.now().replace(hour=12, minute=0))


def test_a_first_mail_of_a_pool_that_is_forgotten_is_found():
    with at_noon().hold():
        touch = long_due()

        assert broken(workspace=touch.enrollment.workspace_id) == {"I08": [f"touch {touch.pk}"]}


def test_a_first_mail_that_waits_for_a_full_pool_is_not_forgotten():
    with at_noon().hold():
        touch = long_due(next_free_at=times.now() + timedelta(minutes=5), gap_least=1, gap_most=9)
        sequence = touch.enrollment.sequence

        assert broken(workspace=sequence.workspace_id) == {}
        defining.configure(sequence, {}, by=None, pool=[])
        Sequence.everywhere.update(updated_at=times.now() - timedelta(hours=1))
        Mailbox.everywhere.update(updated_at=times.now() - timedelta(hours=1))
        assert broken(workspace=sequence.workspace_id) == {"I08": [f"touch {touch.pk}"]}
