"""The send calendar of a sequence: what it counts, what it says, and what it leaves alone."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from outreach import times
from outreach.models import User
from sequences.engine import draining, forecast, plans
from sequences.engine.playing import Play
from sequences.models import Enrollment, Sequence, Touch
from tests.factories import make_enrollment, make_mailbox, make_sequence
from tests.sequences.foretold import A_DAY, Hands, actual, approved, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hands() -> Iterator[Hands]:
    hands = Hands(datetime(2026, 11, 17, 10, tzinfo=UTC))
    with times.clock(hands.read):
        yield hands


def said(client: Client, sequence: Sequence, query: str = "") -> str:
    answer = client.get(f"/sequences/{sequence.pk}/forecast/{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.fixture
def admin(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_the_days_are_those_of_the_sequences_clock_and_the_limit_is_named(hands, workspace):
    mailbox = make_mailbox(workspace, daily_limit=4)
    sequence = make_sequence(workspace, mailbox=mailbox, zone="Asia/Kathmandu", steps=1)
    approved(sequence, 10)

    found = forecast.of(sequence)

    assert [(day.day.day, day.total) for day in found.days] == [(17, 4), (18, 4), (19, 2)]
    assert found.limited_by == f"the 4 mails in 24 hours of {mailbox}"
    assert (found.later, found.is_cut, found.held) == (0, False, 0)


def test_other_sequences_of_the_mailbox_take_their_share(hands, workspace):
    mailbox = make_mailbox(workspace, daily_limit=4)
    mine, theirs = [make_sequence(workspace, mailbox=mailbox, steps=1) for _ in "ab"]
    approved(theirs, 3)
    approved(mine, 3)

    assert [day.total for day in forecast.of(mine).days] == [2, 1]


def test_a_follow_up_is_counted_from_when_the_step_before_will_leave(hands, workspace):
    sequence = make_sequence(workspace, per_minute=1)
    approved(sequence, 2)

    mails = forecast.of(sequence).departures

    assert [(mail.position, mail.at - hands.at) for mail in mails] == [
        (1, timedelta(0)),
        (1, timedelta(minutes=1)),
        (2, timedelta(days=3)),
        (2, timedelta(days=3, minutes=1)),
    ]


def test_what_leaves_after_the_horizon_is_only_counted(hands, workspace):
    sequence = make_sequence(workspace, mailbox=make_mailbox(workspace, daily_limit=1))
    approved(sequence, 3)

    found = forecast.of(sequence, horizon=timedelta(days=1, hours=1))

    assert (len(found.departures), found.later) == (2, 4)


def test_a_long_play_is_cut_and_says_so(hands, workspace, monkeypatch):
    monkeypatch.setattr(forecast, "PLAYED_AT_MOST", 3)
    sequence = make_sequence(workspace, steps=1)
    approved(sequence, 5)

    found = forecast.of(sequence)

    assert (len(found.departures), found.is_cut) == (3, True)


def test_drafts_that_wait_are_shown_apart_and_come_true_once_they_are_approved(
    hands, workspace, alice, admin
):
    sequence = make_sequence(workspace, per_minute=2)
    approved(sequence, 2)
    waiting = [make_enrollment(sequence=sequence) for _ in range(3)]

    assert len(forecast.of(sequence).departures) == 4
    found = forecast.of(sequence, if_approved=True)
    assert [mail.is_assumed for mail in found.departures].count(True) == 6
    page = said(admin, sequence)
    assert "6 drafts wait for approval and are not counted" in page
    page = said(admin, sequence, "?approved=all")
    assert "10 mails would leave if all drafts were approved now" in page
    assert "6 of them nobody has approved yet" in page

    for run in waiting:
        run.approve(by=alice, shown=run.approval_token())
    begin = hands.at
    foretold = [(mail.at, mail.touch_id) for mail in found.departures]
    work(hands, [moment for moment, _ in foretold], days=4)
    assert actual(workspace, begin) == foretold


def test_a_run_that_stops_at_an_unapproved_step_goes_no_further(hands, workspace, alice):
    sequence = make_sequence(workspace, steps=3)
    run = approved(sequence, 1)[0]
    draining.drain_all()
    run.touches.get(position=3).edit(subject="", body="Changed.", by=alice)

    assert [mail.position for mail in forecast.of(sequence).departures] == [2]
    everything = forecast.of(sequence, if_approved=True).departures
    assert [(mail.position, mail.is_assumed) for mail in everything] == [(2, False), (3, True)]


def test_what_a_person_holds_is_named_and_not_counted(hands, workspace, alice, admin):
    sequence = make_sequence(workspace)
    approved(sequence, 3)
    approved(sequence, 1)[0].pause(by=alice)
    sequence.mailbox.pause()

    found = forecast.of(sequence)

    assert (found.departures, found.held) == ([], 3)
    page = said(admin, sequence)
    assert "3 approved mails wait for somebody and are not counted" in page
    assert f"{sequence.mailbox} is paused." in page


@pytest.mark.parametrize("whose", ["sequence", "workspace"])
def test_while_it_is_stopped_it_shows_what_would_leave_if_resumed(
    hands, workspace, alice, admin, whose
):
    sequence = make_sequence(workspace)
    approved(sequence, 2)
    if whose == "sequence":
        sequence.pause(by=alice)
    else:
        sequence.workspace.stop_sending(by=alice)

    page = said(admin, sequence)

    assert "If sending were resumed now, 4 mails would leave" in page


def test_before_it_is_launched_so_many_prospects_are_assumed(hands, workspace, admin):
    mailbox = make_mailbox(workspace, daily_limit=40)
    sequence = make_sequence(workspace, mailbox=mailbox, status=Sequence.Status.DRAFT)

    assert [day.total for day in forecast.of(sequence, prospects=50).days] == [40, 10, 40, 10]
    assert "200 mails would leave" in said(admin, sequence)
    assert "60 mails would leave" in said(admin, sequence, "?prospects=30")
    for nonsense in ("?prospects=0", "?prospects=-3", "?prospects=many"):
        assert "200 mails would leave" in said(admin, sequence, nonsense)
    assert "2,000 mails would leave" in said(admin, sequence, "?prospects=99999")
    assert not Enrollment.everywhere.filter(sequence=sequence).exists()


def test_a_sequence_that_lacks_everything_still_has_a_page(hands, workspace, admin):
    bare = Sequence.everywhere.create(workspace=workspace, name="Bare")
    nobody = make_sequence(workspace)

    assert "Once it has steps and a mailbox" in said(admin, bare)
    assert "Nothing is approved to leave." in said(admin, nobody)
    nobody.pause(by=None)
    nobody.archive(by=None)
    assert "This sequence has ended" in said(admin, nobody)


def test_the_chart_has_its_numbers_in_a_table_too(hands, workspace, admin):
    sequence = make_sequence(workspace, mailbox=make_mailbox(workspace, daily_limit=3))
    approved(sequence, 4)

    page = said(admin, sequence)

    assert '<td>Tue 17 Nov 2026</td><td class="number">3</td>' in page
    assert "<title>Tue 17 Nov: 3 of step 1</title>" in page
    assert "up to 3 a day" in page and "<!doctype html>" in page
    part = admin.get(f"/sequences/{sequence.pk}/forecast/", headers={"HX-Request": "true"})
    assert part.content.decode().startswith("<section")
    overview = admin.get(f"/sequences/{sequence.pk}/").content.decode()
    assert f'hx-get="/sequences/{sequence.pk}/forecast/" hx-trigger="load"' in overview


def test_it_reads_few_queries_however_many_take_part(hands, workspace, alice):
    def counted() -> int:
        with CaptureQueriesContext(connection) as queries:
            forecast.of(first)
        return len(queries)

    first = make_sequence(workspace, daily_limit=9, warm_up_start=2)
    approved(first, 2)
    few = counted()
    for _ in range(4):
        mailbox = make_mailbox(workspace, warm_up_start=3)
        sequence = make_sequence(workspace, mailbox=mailbox, daily_limit=9, warm_up_start=2)
        approved(sequence, 5)
    few_more = counted()

    assert few <= few_more <= 17
    draining.drain_all()
    assert counted() <= 17


def test_another_workspace_takes_no_part(hands, workspace, carol):
    theirs = carol.memberships.get().workspace
    approved(make_sequence(theirs), 3)
    until = hands.at + A_DAY

    assert list(Play(plans.read(workspace, hands.at, until=until)).departures(until, 10)) == []


def test_to_look_ahead_changes_nothing(hands, workspace):
    sequence = make_sequence(workspace, daily_limit=2)
    approved(sequence, 3)
    before = list(Touch.objects.values()), list(Enrollment.everywhere.values())

    forecast.of(sequence, if_approved=True)

    assert (list(Touch.objects.values()), list(Enrollment.everywhere.values())) == before
    sequence.refresh_from_db()
    assert sequence.next_free_at is None


def test_a_sequence_that_sends_from_two_mailboxes_ties_them_together(hands, workspace):
    mine = make_sequence(workspace, steps=1, per_minute=1)
    both = make_sequence(workspace, steps=1, per_minute=1, mailbox=mine.mailbox)
    approved(both, 2)
    # Who was enrolled keeps the mailbox that the sequence has left.
    other = make_mailbox(workspace)
    Touch.objects.filter(pk=approved(both, 1)[0].touches.get().pk).update(mailbox=other)
    apart = make_sequence(workspace, steps=1)
    approved(apart, 2)
    approved(mine, 1)

    plan = plans.read(workspace, hands.at, until=hands.at + A_DAY, about=mine)

    assert Counter(touch.enrollment.sequence_id for touch in plan.scheduled) == {
        mine.pk: 1,
        both.pk: 3,
    }
    workspace.daily_limit = 9
    workspace.save()
    plan = plans.read(workspace, hands.at, until=hands.at + A_DAY, about=mine)
    assert len(plan.scheduled) == 6
