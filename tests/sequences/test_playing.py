"""Whatever the limits are, no play of the rules passes one; and none asks the database."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailboxes import limits
from mailboxes.models import Mailbox
from outreach.models import Workspace
from sequences.engine.playing import Departure, Plan, Play, Records
from sequences.models import Contact, Enrollment, Sequence, Step, Touch
from sequences.rules import schedule

# No database: pytest-django refuses every query of these tests.

BEGIN = datetime(2026, 10, 23, 6, 30, tzinfo=UTC)  # a Friday; on Sunday Europe's clocks change
DAYS = 6
MOST = 400
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
small = st.integers(1, 9)


@st.composite
def mailboxes(draw: st.DrawFn, pk: int) -> Mailbox:
    least = draw(st.none() | st.integers(1, 3_000))
    away = draw(st.none() | st.integers(0, 3))
    day = BEGIN.date() + timedelta(days=away or 0)
    start = draw(st.none() | st.integers(1, 4))
    return Mailbox(
        pk=pk,
        email=f"alex{pk}@brightline.test",
        zone=draw(zones),
        daily_limit=draw(small),
        gap_least=least,
        gap_most=least and least + draw(st.integers(0, 600)),
        away_from=day if away is not None else None,
        away_until=day if away is not None else None,
        warm_up_start=start,
        warm_up_increment=1,
        warm_up_since=BEGIN.date() - timedelta(days=9) if start else None,
    )


@st.composite
def sequences(draw: st.DrawFn, pk: int, workspace: Workspace, mailbox: Mailbox) -> Sequence:
    start = draw(st.integers(0, 23))
    return Sequence(
        pk=pk,
        workspace=workspace,
        mailbox=mailbox,
        status=Sequence.Status.ACTIVE,
        zone=draw(zones),
        per_minute=draw(st.integers(1, 60)),
        daily_limit=draw(st.none() | small),
        window_start=time(start),
        window_end=time((start + draw(st.integers(1, 23))) % 24),
        weekdays=sorted(draw(st.sets(st.integers(1, 7), min_size=4))),
        holiday_country=draw(st.sampled_from(["", "DE"])),
        business_days=draw(st.booleans()),
        uses_prospect_zone=draw(st.booleans()),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    workspace = Workspace(pk=1, zone=draw(zones), daily_limit=draw(st.none() | small))
    boxes = {pk: draw(mailboxes(pk)) for pk in range(1, draw(st.integers(1, 2)) + 1)}
    plan = Plan(BEGIN, Records(), boxes)
    for pk in range(1, draw(st.integers(1, 3)) + 1):
        mailbox = draw(st.sampled_from(list(boxes.values())))
        sequence = draw(sequences(pk, workspace, mailbox))
        days, hours = draw(st.integers(0, 2)), draw(st.integers(0, 9))
        steps = [
            Step(pk=pk * 10 + 1, position=1),
            Step(pk=pk * 10 + 2, position=2, delay_days=days, delay_hours=hours),
        ]
        for number in range(draw(st.integers(1, 12))):
            _enroll(plan, sequence, steps, pk * 100 + number, draw(zones), draw(st.integers(0, 90)))
    return plan


def _enroll(
    plan: Plan, sequence: Sequence, steps: list[Step], pk: int, zone: str, minutes: int
) -> None:
    run = Enrollment(
        pk=pk,
        workspace=sequence.workspace,
        sequence=sequence,
        mailbox=sequence.mailbox,
        contact=Contact(email="jordan@globex.test", zone=zone),
        status=Enrollment.Status.APPROVED,
        created_at=BEGIN,
    )
    first, second = [
        Touch(
            pk=pk * 10 + step.position,
            enrollment=run,
            step=step,
            position=step.position,
            mailbox=sequence.mailbox,
            status=Touch.Status.DRAFT,
            approved_at=BEGIN,
            recipient="jordan@globex.test",
            sender=sequence.mailbox.email,
        )
        for step in steps
    ]
    first.status, first.due_at = Touch.Status.SCHEDULED, BEGIN + timedelta(minutes=minutes)
    plan.scheduled.append(first)
    plan.following[run.pk] = [second]


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_no_limit_is_ever_passed(plan):
    runs = {touch.enrollment_id: touch.enrollment for touch in plan.scheduled}
    dues = {touch.pk: touch.due_at for touch in plan.scheduled}
    steps = {run: touches[0].step for run, touches in plan.following.items()}

    mails = list(Play(plan).departures(BEGIN + timedelta(days=DAYS), MOST))

    assert len({mail.touch_id for mail in mails}) == len(mails)
    assert [mail.at for mail in mails] == sorted(mail.at for mail in mails)
    for mail in mails:
        assert schedule.is_open(mail.at, runs[mail.run_id].window)
        assert mail.at >= dues.get(mail.touch_id, BEGIN)
    _keeps_its_delays(mails, runs, steps)
    for sequence in {run.sequence_id: run.sequence for run in runs.values()}.values():
        mine = [mail for mail in mails if mail.sequence_id == sequence.pk]
        assert all(later.at - mail.at >= sequence.spacing for mail, later in pairwise(mine))
        assert _most_on_a_day(mine, sequence.zone) <= (sequence.daily_limit or MOST)
    for mailbox in plan.mailboxes.values():
        _keeps_its_limits(mailbox, [mail for mail in mails if mail.mailbox_id == mailbox.pk])
    workspace = plan.scheduled[0].enrollment.workspace
    assert _most_on_a_day(mails, workspace.zone) <= (workspace.daily_limit or MOST)


def _keeps_its_delays(
    mails: list[Departure], runs: dict[int, Enrollment], steps: dict[int, Step]
) -> None:
    first = {mail.run_id: mail.at for mail in mails if mail.position == 1}
    for mail in mails:
        if mail.position == 2:
            step, sequence = steps[mail.run_id], runs[mail.run_id].sequence
            assert mail.at >= schedule.add_delay(
                first[mail.run_id],
                days=step.delay_days,
                hours=step.delay_hours,
                zone=sequence.zone,
                counts=sequence.counts,
            )


def _keeps_its_limits(mailbox: Mailbox, mails: list[Departure]) -> None:
    for mail, later in pairwise(mails):
        if mailbox.gap_least:
            pause = limits.gap(mail.touch_id, mailbox.gap_least, mailbox.gap_most)
            assert later.at - mail.at >= pause
    for mail, too_many in zip(mails, mails[mailbox.daily_limit :], strict=False):
        assert too_many.at - mail.at >= timedelta(hours=24)
    days = Counter(schedule.local_day(mail.at, mailbox.zone) for mail in mails)
    first = min(days, default=date.min)
    for day, count in days.items():
        assert not mailbox.is_away(day)
        assert count <= mailbox.limit_since(first, day).most


def _most_on_a_day(mails: list[Departure], zone: str) -> int:
    days = Counter(schedule.local_day(mail.at, zone) for mail in mails)
    return max(days.values(), default=0)
