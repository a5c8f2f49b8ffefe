"""After the emergency stop: what resuming would bring is said first, and then comes true."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from django.test import Client

from outreach import times
from outreach.models import Membership, User, Workspace
from sequences.engine import draining, resuming
from sequences.models import Sequence, Touch
from tests.factories import (
    approve,
    copies_of,
    make_due_touch,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)


class Hands:
    """The clock of the test."""

    def __init__(self) -> None:
        self.at = TUESDAY

    def read(self) -> datetime:
        return self.at


@pytest.fixture
def hands() -> Iterator[Hands]:
    hands = Hands()
    with times.clock(hands.read):
        yield hands


def overdue(sequence: Sequence, count: int, by: User) -> None:
    """Approve so many runs whose first step is due, and stop the workspace before they leave."""
    copies_of(make_due_touch(sequence=sequence, by=by), count - 1)
    sequence.workspace.stop_sending(by=by)


def work(hands: Hands, *, hours: float, every: int = 5) -> list[datetime]:
    """Let the scheduler work for some hours, and return when mails left."""
    until = hands.at + timedelta(hours=hours)
    while hands.at < until:
        draining.drain_all()
        hands.at += timedelta(seconds=every)
    sent = Touch.objects.filter(status=Touch.Status.SENT).order_by("sent_at")
    return list(sent.values_list("sent_at", flat=True))


def test_what_is_overdue_leaves_at_the_pace_of_its_sequence_as_was_said(hands, alice, workspace):
    sequence = make_sequence(workspace, per_minute=2)
    overdue(sequence, 10, alice)
    hands.at += timedelta(days=2)
    assert work(hands, hours=0.1) == []

    said = resuming.preview(workspace)
    workspace.resume_sending(by=alice)
    begin = hands.at
    left = work(hands, hours=0.2)

    assert (said.overdue, said.in_hour, said.in_day, said.goes_on) == (10, 10, 10, False)
    assert left == [begin + n * timedelta(seconds=30) for n in range(10)]
    assert said.last_at == left[-1]


def test_an_hour_of_a_slow_sequence_is_not_everything(hands, alice, workspace):
    mailbox = make_mailbox(workspace, daily_limit=500)
    overdue(make_sequence(workspace, per_minute=1, mailbox=mailbox), 70, alice)

    said = resuming.preview(workspace)
    workspace.resume_sending(by=alice)

    # The sixty-first leaves exactly an hour after the first, the seventieth nine minutes later.
    assert (said.overdue, said.in_hour, said.in_day) == (70, 61, 70)
    left = work(hands, hours=1.2, every=30)
    assert sum(moment <= TUESDAY + timedelta(hours=1) for moment in left) == 61
    assert left[-1] == said.last_at == TUESDAY + timedelta(minutes=69)


def test_what_does_not_leave_within_a_day_is_said(hands, alice, workspace):
    mailbox = make_mailbox(workspace, daily_limit=2)
    overdue(make_sequence(workspace, mailbox=mailbox), 7, alice)

    said = resuming.preview(workspace)

    # The first of them is free again exactly a day after it left.
    assert (said.in_hour, said.in_day, said.goes_on, said.last_at) == (2, 3, True, None)


def test_the_daily_limit_of_a_mailbox_is_shared_by_its_sequences(hands, alice, workspace):
    mailbox = make_mailbox(workspace, daily_limit=5)
    for name in ("First", "Second"):
        overdue(make_sequence(workspace, name=name, mailbox=mailbox), 4, alice)

    said = resuming.preview(workspace)
    workspace.resume_sending(by=alice)

    # Tomorrow begins within 24 hours, and the mailbox's last 24 hours hold five until ten.
    assert [pace.overdue for pace in said.paces] == [4, 4]
    assert (said.in_hour, said.in_day, said.last_at) == (5, 7, None)
    left = work(hands, hours=24.01, every=300)
    assert sum(moment <= TUESDAY + timedelta(hours=1) for moment in left) == 5
    assert sum(moment <= TUESDAY + timedelta(days=1) for moment in left) == 7


def test_the_sending_hours_are_kept(hands, alice, workspace):
    sequence = make_sequence(
        workspace, per_minute=1, window_start=time(9), window_end=time(10, 2), daily_limit=6
    )
    overdue(sequence, 5, alice)

    said = resuming.preview(workspace)

    # Two before ten past two minutes, the others tomorrow from nine on.
    assert (said.in_hour, said.in_day) == (2, 5)
    assert said.last_at == TUESDAY.replace(day=18, hour=9, minute=2)


def test_what_was_sent_today_already_counts(hands, alice, workspace):
    sequence = make_sequence(workspace, daily_limit=3)
    for _ in range(2):
        approve(make_enrollment(sequence=sequence), by=alice)
    assert len(work(hands, hours=0.01)) == 2
    overdue(sequence, 4, alice)

    assert resuming.preview(workspace).in_hour == 1


def test_what_something_else_holds_is_named_and_not_counted(hands, alice, workspace):
    sequence = make_sequence(workspace, name="Spring fairs")
    overdue(sequence, 3, alice)
    sequence.pause(by=alice)

    said = resuming.preview(workspace)

    assert (said.overdue, said.held, said.in_day, said.goes_on) == (3, 3, 0, False)
    assert said.paces[0].why == "The sequence “Spring fairs” is paused."


def test_what_waits_for_its_hours_longer_than_a_day_says_so(hands, alice, workspace):
    overdue(make_sequence(workspace, weekdays=[5]), 3, alice)

    (pace,) = resuming.preview(workspace).paces

    assert (pace.in_day, pace.held) == (0, 0)
    assert pace.why.startswith("It waits for the sending hours: Fri ")


def test_a_large_backlog_is_cut_and_says_so(hands, alice, workspace, monkeypatch):
    monkeypatch.setattr(resuming, "PLAYED_AT_MOST", 4)
    overdue(make_sequence(workspace), 6, alice)

    said = resuming.preview(workspace)

    assert said.is_cut and not said.has_more
    assert (said.overdue, said.in_day, said.last_at) == (6, 4, None)
    monkeypatch.setattr(resuming, "COUNTED_AT_MOST", 3)
    said = resuming.preview(workspace)
    assert said.has_more and not said.is_cut
    assert (said.overdue, said.in_day, said.last_at) == (3, 3, None)


def test_it_costs_few_queries_however_much_is_overdue(
    hands, alice, workspace, django_assert_max_num_queries
):
    sequence = make_sequence(workspace)
    overdue(sequence, 2, alice)
    with django_assert_max_num_queries(13) as few:
        resuming.preview(workspace)

    overdue(sequence, 10, alice)
    with django_assert_max_num_queries(13) as many:
        resuming.preview(workspace)

    assert len(few) == len(many)


def test_another_workspace_is_not_counted(hands, alice, workspace, carol):
    theirs: Workspace = carol.memberships.get().workspace
    overdue(make_sequence(theirs), 3, alice)

    assert resuming.preview(workspace).overdue == 0


def test_the_page_says_it_before_the_button_and_changes_nothing(
    client: Client, alice, workspace, bob
):
    overdue(make_sequence(workspace, name="Q4 wholesale", per_minute=2), 3, alice)
    client.force_login(alice)

    page = client.get("/settings/resume/").content.decode()

    workspace.refresh_from_db()
    assert workspace.is_stopped
    assert "Nothing leaves in a burst" in page and "2 a minute at most" in page
    assert page.index("Nothing leaves in a burst") < page.index("Keep it stopped")
    client.post("/settings/resume/")
    workspace.refresh_from_db()
    assert not workspace.is_stopped
    assert "There is nothing to resume." in client.get("/settings/resume/").content.decode()

    Membership.objects.filter(user=bob).update(role="approver")
    client.force_login(bob)
    assert client.get("/settings/resume/").status_code == 403
