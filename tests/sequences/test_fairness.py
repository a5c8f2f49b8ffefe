"""One workspace with thousands of mails due does not keep another's few waiting.

Counted in mails, not in seconds: how many of the large one leave before the last of the small one.
"""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.models import Mailbox, SandboxMail
from outreach import times, wake_ups
from outreach.models import Workspace
from outreach.times import now
from sequences.engine import dispatching, draining
from sequences.engine.dispatching import SLICE, Turns, Waiting
from sequences.models import Sequence
from tests.factories import (
    copies_of,
    make_due_touch,
    make_mailbox,
    make_sequence,
    make_workspace,
)

LARGE, SMALL = 1, 2


# The rule alone


def play(large: list[int], small: list[int], hands: int, arrives: int) -> tuple[int, int, int]:
    """Serve two workspaces in lockstep, one mail of each hand a moment.

    Each has mailboxes with so many mails. Returns when the small one begins to wait, when its
    last mail left, and how many moments it would have taken alone.
    """
    left = {(LARGE, key): count for key, count in enumerate(large)}
    left |= {(SMALL, 1000 + key): count for key, count in enumerate(small)}
    owner = {mailbox: workspace for workspace, mailbox in left}
    turns = Turns(Waiting(*key) for key in left if key[0] == LARGE)
    at_work: list[tuple[int, int] | None] = [None] * hands
    moment, finished = 0, 0
    while any(left.values()):
        if moment == arrives:
            turns.join(Waiting(*key) for key in left if key[0] == SMALL)
        for hand in range(hands):
            mailbox, sent = at_work[hand] or (turns.next(), 0)
            while mailbox is not None and not left[owner[mailbox], mailbox]:
                # Its last slice was a whole one: only another look shows that it has no more.
                turns.done(mailbox, 0)
                mailbox = turns.next()
            if mailbox is None:
                continue
            key = owner[mailbox], mailbox
            left[key] -= 1
            sent += 1
            if key[0] == SMALL:
                finished = moment + 1
            at_work[hand] = (mailbox, sent)
            if sent == SLICE or not left[key]:
                turns.done(mailbox, sent)
                at_work[hand] = None
        moment += 1
    alone = max(max(small), -(-sum(small) // hands))
    return arrives, finished, alone


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=12),
    st.integers(1, 4),
    st.integers(0, 40),
)
def test_ten_mails_of_one_mailbox_take_at_most_twice_as_long_as_alone(large, hands, arrives):
    began, finished, alone = play(large, [10], hands, min(arrives, sum(large) // hands))

    assert finished - began <= 2 * alone


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=12),
    st.integers(1, 10),
    st.integers(0, 40),
)
def test_ten_mails_of_many_mailboxes_wait_for_one_slice_of_a_single_hand(large, parts, arrives):
    small = [10 // parts + (1 if part < 10 % parts else 0) for part in range(parts)]

    began, finished, alone = play(large, small, 1, min(arrives, sum(large)))

    # Exactly so beside mailboxes with slices enough; the last of one may be served ahead of them.
    odd = any(count % SLICE for count in large)
    assert finished - began <= 2 * alone + (SLICE - 1 if odd else 0)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_whoever_waits_is_served_to_the_end(mails):
    turns, left = Turns(Waiting(key % 3, key) for key in range(len(mails))), dict(enumerate(mails))

    def drain(mailbox: int) -> int:
        sent = min(left[mailbox], SLICE)
        left[mailbox] -= sent
        return sent

    assert dispatching.serve(turns, drain, lambda: True) == sum(mails)
    assert not any(left.values())


def test_who_comes_late_is_not_given_what_the_others_had_before():
    turns = Turns([Waiting(LARGE, 1)])
    for _ in range(50):
        turns.done(turns.next(), SLICE)
    turns.join([Waiting(SMALL, 2)])

    served = []
    for _ in range(10):
        mailbox = turns.next()
        served.append(mailbox)
        turns.done(mailbox, SLICE)

    assert served.count(1) == served.count(2) == 5


# The product's own drivers


def due_in(workspace: Workspace, mailboxes: int, sequences: int) -> None:
    """In each of so many mailboxes so many sequences, each with a mail that may leave now."""
    for _ in range(mailboxes):
        mailbox = make_mailbox(workspace, daily_limit=1_000)
        for _ in range(sequences):
            make_due_touch(sequence=make_sequence(workspace, steps=1, mailbox=mailbox))


def order_of_workspaces() -> list[str]:
    mails = SandboxMail.everywhere.caught().order_by("pk")
    return list(mails.values_list("workspace__name", flat=True))


def before_the_last_of(small: str) -> int:
    """How many of the other workspace left before the last mail of this one."""
    order = order_of_workspaces()
    last = max(place for place, name in enumerate(order) if name == small)
    return sum(name != small for name in order[:last])


@pytest.mark.django_db
@pytest.mark.parametrize("mailboxes", [1, 5])
def test_ten_mails_wait_for_ten_of_a_workspace_that_has_many(mailboxes):
    due_in(make_workspace(name="Large"), 3, 30)
    due_in(make_workspace(name="Small"), mailboxes, 10 // mailboxes)
    moment = now()

    with times.clock(lambda: moment):
        assert draining.drain_all() == 100

    assert before_the_last_of("Small") <= 10


@pytest.mark.django_db
def test_a_workspace_alone_is_not_cut_into_slices():
    due_in(make_workspace(name="Alone"), 2, 15)
    moment = now()

    with times.clock(lambda: moment):
        assert draining.drain_all() == 30

    mails = SandboxMail.everywhere.caught().order_by("pk").values_list("mailbox", flat=True)
    assert [mails[0]] * 15 == list(mails[:15])


@pytest.mark.django_db
def test_who_only_waits_for_the_throttle_makes_nobody_give_way():
    due_in(make_workspace(name="Alone"), 1, 15)
    waits = make_due_touch(workspace=make_workspace(name="Later"))
    moment = now()
    Sequence.everywhere.filter(pk=waits.enrollment.sequence_id).update(
        next_free_at=moment + timedelta(minutes=1)
    )

    with times.clock(lambda: moment):
        assert draining.drain(Mailbox.everywhere.earliest("pk").pk) == 15


@pytest.mark.django_db
def test_who_waits_for_the_morning_makes_nobody_give_way_once_that_is_known():
    due_in(make_workspace(name="Alone"), 1, 15)
    closed = make_due_touch(workspace=make_workspace(name="Asleep"))
    moment = now()
    later = (moment + timedelta(hours=2)).time().replace(second=0, microsecond=0)
    Sequence.everywhere.filter(pk=closed.enrollment.sequence_id).update(
        window_start=later, window_end=(moment + timedelta(hours=3)).time()
    )

    with times.clock(lambda: moment):
        assert draining.drain(closed.mailbox_id) == 0
        assert draining.drain(Mailbox.everywhere.earliest("pk").pk) == 15


@pytest.mark.django_db(transaction=True)
def test_a_tick_serves_workspaces_in_turns(settings, monkeypatch):
    """With one thread, so that it is counted in mails what each of them has to wait."""
    settings.REDIS_URL = ""
    monkeypatch.setattr(draining, "MAILBOXES_AT_ONCE", 1)
    monkeypatch.setattr(draining, "TICK_WAITS", 120)
    due_in(make_workspace(name="Large"), 3, 10)
    due_in(make_workspace(name="Small"), 2, 5)

    assert draining.tick() == 40

    assert before_the_last_of("Small") <= 10


@pytest.mark.django_db
def test_workers_are_woken_for_each_workspace_in_turn(settings, monkeypatch):
    woken: list[int] = []
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(
        wake_ups.current_app, "send_task", lambda name, ids, expires: woken.extend(ids)
    )
    large, small = make_workspace(name="Large"), make_workspace(name="Small")
    due_in(large, 3, 1)
    due_in(small, 1, 1)
    busy = Mailbox.everywhere.filter(workspace=large).latest("pk")
    Mailbox.everywhere.filter(pk=busy.pk).update(draining_until=now() + timedelta(minutes=1))

    draining.tick()

    owners = [Mailbox.everywhere.get(pk=pk).workspace.name for pk in woken]
    assert owners == ["Large", "Small", "Large"]


@pytest.mark.django_db
def test_among_the_mailboxes_of_one_workspace_the_longest_silent_is_woken_first(
    settings, monkeypatch
):
    woken: list[int] = []
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(
        wake_ups.current_app, "send_task", lambda name, ids, expires: woken.extend(ids)
    )
    due_in(make_workspace(), 3, 1)
    first, second, never = Mailbox.everywhere.order_by("pk")
    for mailbox, minutes in ((first, 1), (second, 5)):
        Mailbox.everywhere.filter(pk=mailbox.pk).update(
            last_sent_at=now() - timedelta(minutes=minutes)
        )

    draining.tick()

    assert woken == [never.pk, second.pk, first.pk]


@pytest.mark.django_db
def test_copies_in_one_sequence_leave_at_its_pace_whoever_else_waits():
    """The throttle binds before fairness does: one a second, and the others go on meanwhile."""
    slow = make_due_touch(sequence=make_sequence(make_workspace(name="Small"), steps=1))
    copies_of(slow, 4)
    due_in(make_workspace(name="Large"), 2, 12)
    moment = now()

    with times.clock(lambda: moment):
        draining.drain_all()

    assert order_of_workspaces().count("Small") == 1
    assert order_of_workspaces().count("Large") == 24
