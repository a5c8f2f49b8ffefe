"""Every limit of pace, with the product's own sending: the smallest wins, and is named."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client

from mailboxes.limits import gap
from mailboxes.models import Ledger, MailboxDay, SandboxMail, WorkspaceDay
from mailboxes.providers import provider_for
from outreach import times
from sequences.engine import draining, explain, pacing, sending
from sequences.engine.answers import Answer
from sequences.models import Attempt, Enrollment, Sequence, SequenceDay, Touch
from tests.factories import copies_of, make_due_touch, make_mailbox, make_sequence, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2027, 1, 5, 12, tzinfo=UTC)
A_DAY = timedelta(days=1)


def many_due(sequence: Sequence, count: int) -> list[Enrollment]:
    """Approved runs of one sequence, all due."""
    first = make_due_touch(sequence=sequence, steps=1)
    return [first.enrollment, *(touch.enrollment for touch in copies_of(first, count - 1))]


def offer(at: datetime, *, times_over: int = 1, every: timedelta = timedelta(seconds=1)) -> int:
    """Let the workers look so many times from that instant on; returns what they sent."""
    sent = 0
    for number in range(times_over):
        with times.clock(lambda now=at + every * number: now):
            sent += draining.drain_all()
    return sent


def answer(run: Enrollment, at: datetime) -> Answer:
    rows = Enrollment.everywhere.select_related(
        "workspace", "sequence__mailbox", "mailbox", "contact__company"
    )
    _, found = explain.next_step(rows.get(pk=run.pk), at)
    assert found is not None
    return found


def waiting() -> Enrollment:
    """Return a run whose first mail has not left."""
    return Touch.objects.filter(status="scheduled").latest("pk").enrollment


def sent_mails() -> int:
    return SandboxMail.everywhere.exclude(accepted_at=None).count()


# Warm-up


@pytest.fixture
def warming_up() -> Sequence:
    """A sequence whose mailbox sends two on the first day and one more on each day after."""
    workspace = make_workspace()
    with times.clock(lambda: NOON - 3 * A_DAY):
        mailbox = make_mailbox(
            workspace, daily_limit=4, warm_up_start=2, warm_up_increment=1, zone="UTC"
        )
    return make_sequence(workspace, mailbox=mailbox, steps=1)


def test_a_mailbox_that_warms_up_sends_more_every_day_up_to_its_limit(warming_up):
    many_due(warming_up, 15)

    sent = [offer(NOON + A_DAY * day, times_over=6) for day in range(4)]

    assert sent == [2, 3, 4, 4]


def test_the_first_day_is_the_first_one_on_which_something_went_out(warming_up):
    first = many_due(warming_up, 1)[0]
    assert answer(first, NOON - 2 * A_DAY).may_leave
    many_due(warming_up, 9)

    # Nothing left on the days before, so they do not count.
    assert [offer(NOON + A_DAY * day, times_over=5) for day in (5, 6, 8)] == [2, 3, 4]


def test_the_warm_up_is_named_while_it_binds_and_the_limit_after_it(warming_up):
    many_due(warming_up, 12)
    offer(NOON, times_over=4)

    found = answer(waiting(), NOON + timedelta(hours=1))

    assert found.reason == explain.Reason.MAILBOX_WARM_UP
    assert found.at == datetime(2027, 1, 6, tzinfo=UTC)
    assert "is warming up and has sent the 2 mails of its day" in found.sentence
    assert "1 more each day, up to 4" in found.sentence

    offer(NOON + A_DAY, times_over=6)
    offer(NOON + 2 * A_DAY, times_over=6)
    found = answer(waiting(), NOON + 2 * A_DAY + timedelta(hours=1))
    assert found.reason == explain.Reason.MAILBOX_24_HOURS
    assert "its 4 mails" in found.sentence and "warming" not in found.sentence


def test_a_sequence_warms_up_by_itself():
    with times.clock(lambda: NOON):
        sequence = make_sequence(
            make_workspace(), steps=1, daily_limit=3, warm_up_start=1, warm_up_increment=1
        )
    many_due(sequence, 8)

    assert [offer(NOON + A_DAY * day, times_over=5) for day in range(4)] == [1, 2, 3, 2]

    many_due(sequence, 2)
    SequenceDay.objects.all().delete()
    offer(NOON + 9 * A_DAY, times_over=3)
    found = answer(waiting(), NOON + 9 * A_DAY)
    assert found.reason == explain.Reason.SEQUENCE_WARM_UP
    assert found.fix.url == f"/sequences/{sequence.pk}/settings/"


def test_warm_up_that_is_switched_on_again_begins_anew(warming_up):
    many_due(warming_up, 9)
    assert offer(NOON, times_over=4) == 2
    mailbox = warming_up.mailbox
    mailbox.warm_up_start = None
    mailbox.save(update_fields=["warm_up_start"])
    assert mailbox.warm_up_since is None

    with times.clock(lambda: NOON + 2 * A_DAY):
        mailbox.warm_up_start = 1
        mailbox.save(update_fields=["warm_up_start"])

    mailbox.refresh_from_db()
    assert mailbox.warm_up_since == (NOON + 2 * A_DAY).date()
    assert [offer(NOON + A_DAY * day, times_over=5) for day in (3, 4)] == [1, 2]


def test_the_forms_ask_for_a_warm_up(alice, workspace):
    client = Client()
    client.force_login(alice)
    mailbox = make_mailbox(workspace, daily_limit=40)
    values = {"sender_name": "Alex", "daily_limit": 40, "zone": "UTC", "signature": ""}
    client.post(f"/mailboxes/{mailbox.pk}/edit/", values | {"warm_up_start": "10"})
    mailbox.refresh_from_db()
    assert (mailbox.warm_up_start, mailbox.warm_up_increment) == (10, 5)
    page = client.get("/mailboxes/").content.decode()
    assert "0 of 10 today" in page and "Warming up: 5 more each day, up to 40." in page

    answer = client.post(f"/mailboxes/{mailbox.pk}/edit/", values | {"warm_up_start": "0"})
    assert answer.status_code == 422 and "greater than or equal to 1" in answer.content.decode()


def test_what_is_used_of_the_day_stays_used_when_the_warm_up_is_lowered(warming_up):
    many_due(warming_up, 5)
    assert offer(NOON, times_over=4) == 2
    warming_up.mailbox.warm_up_start = 1
    warming_up.mailbox.save(update_fields=["warm_up_start"])

    assert offer(NOON + timedelta(minutes=1), times_over=4) == 0
    day = MailboxDay.objects.get()
    assert (day.sent, day.reserved, day.quota) == (2, 0, 2)


# The pause between two mails of a mailbox


def test_a_mailbox_pauses_after_each_mail_for_the_time_drawn_from_its_touch():
    mailbox = make_mailbox(make_workspace(), gap_least=60, gap_most=180)
    sequences = [make_sequence(mailbox.workspace, mailbox=mailbox, steps=1) for _ in range(4)]
    for sequence in sequences:
        many_due(sequence, 1)

    # Four sequences at sixty a minute: only the mailbox's own pause holds them apart.
    at = NOON
    for _ in sequences:
        assert offer(at - timedelta(milliseconds=1), times_over=at > NOON) == 0
        assert offer(at) == 1
        at += gap(Touch.objects.filter(status="sent").latest("sent_at").pk, 60, 180)


def test_the_pause_is_named_with_its_end():
    mailbox = make_mailbox(make_workspace(), gap_least=60, gap_most=180)
    first, second = [
        many_due(make_sequence(mailbox.workspace, mailbox=mailbox, steps=1), 1)[0] for _ in "ab"
    ]
    with times.clock(lambda: NOON):
        draining.drain_all()
    left = Touch.objects.get(status="sent")
    other = second if left.enrollment == first else first

    found = answer(other, NOON)

    assert found.reason == explain.Reason.GAP
    assert found.at == NOON + gap(left.pk, 60, 180)
    assert "pauses after each mail, for 60 to 180 s" in found.sentence


def test_the_longest_pause_is_not_shorter_than_the_shortest(alice, workspace):
    client = Client()
    client.force_login(alice)
    mailbox = make_mailbox(workspace)
    values = {"sender_name": "Alex", "daily_limit": 40, "zone": "UTC", "signature": ""}
    url = f"/mailboxes/{mailbox.pk}/edit/"

    wrong = client.post(url, values | {"gap_least": "90", "gap_most": "60"})
    half = client.post(url, values | {"gap_most": "60"})
    client.post(url, values | {"gap_least": "45"})

    mailbox.refresh_from_db()
    assert "cannot be shorter than the shortest" in wrong.content.decode()
    assert "Enter the shortest pause too." in half.content.decode()
    assert (mailbox.gap_least, mailbox.gap_most) == (45, 45)


# The last 24 hours of a mailbox


def test_what_was_sent_late_yesterday_is_not_sent_again_right_after_midnight():
    late = datetime(2027, 1, 5, 22, 0, tzinfo=UTC)
    mailbox = make_mailbox(make_workspace(), daily_limit=3)
    sequence = make_sequence(mailbox.workspace, mailbox=mailbox, steps=1)
    many_due(sequence, 8)
    assert offer(late, times_over=5) == 3

    found = answer(waiting(), late + timedelta(hours=1))
    assert found.reason == explain.Reason.MAILBOX_24_HOURS
    assert found.at == late + A_DAY
    assert "has sent its 3 mails within 24 hours" in found.sentence

    assert offer(late + timedelta(hours=2, minutes=1), times_over=5) == 0
    assert offer(late + A_DAY, every=timedelta(0), times_over=3) == 1
    assert offer(late + A_DAY + timedelta(seconds=10), times_over=5) == 2


def test_reserved_and_unknown_mails_count_within_the_24_hours():
    late = datetime(2027, 1, 5, 23, 30, tzinfo=UTC)
    mailbox = make_mailbox(make_workspace(), daily_limit=2)
    many_due(make_sequence(mailbox.workspace, mailbox=mailbox, steps=1), 4)
    assert offer(late) == 1
    MailboxDay.objects.update(reserved=1)  # one more whose outcome nobody knows yet

    after_midnight = late + timedelta(hours=1)
    assert offer(after_midnight, times_over=3) == 0
    assert answer(waiting(), after_midnight).at == late + A_DAY

    MailboxDay.objects.update(reserved=0)
    assert offer(after_midnight, times_over=3) == 1


# The workspace's cap


def test_all_mailboxes_together_keep_the_cap_of_the_workspace():
    workspace = make_workspace(daily_limit=3, zone="Asia/Kathmandu")
    for _ in range(3):
        many_due(make_sequence(workspace, steps=1), 2)

    assert offer(NOON, times_over=4) == 3

    found = answer(waiting(), NOON)
    assert found.reason == explain.Reason.WORKSPACE_LIMIT
    assert found.at == datetime(2027, 1, 5, 18, 15, tzinfo=UTC)  # midnight in Kathmandu
    assert "All mailboxes together have sent the 3 mails of the day." in found.sentence
    assert found.fix.url == "/settings/"
    assert WorkspaceDay.everywhere.get().sent == 3
    assert offer(found.at, times_over=4) == 3


@pytest.mark.parametrize("whose", ["workspace", "sequence"])
def test_a_limit_that_is_set_at_noon_knows_of_the_morning(whose):
    sequence = make_sequence(make_workspace(), steps=1)
    many_due(sequence, 5)
    assert offer(NOON - timedelta(hours=3), times_over=2) == 2
    owner = sequence.workspace if whose == "workspace" else sequence
    owner.daily_limit = 3
    owner.save()

    assert offer(NOON, times_over=4) == 1
    assert answer(waiting(), NOON).reason.endswith("_limit")
    # The mails of the morning say, too, on which day they were counted.
    counted = Attempt.objects.filter(**{f"{whose}_day": NOON.date()})
    ledger = WorkspaceDay.everywhere if whose == "workspace" else SequenceDay.objects
    assert ledger.get().sent == counted.count() == 3


def test_a_cap_below_what_has_left_already_stops_at_once():
    sequence = make_sequence(make_workspace(), steps=1)
    many_due(sequence, 5)
    assert offer(NOON - timedelta(hours=3), times_over=3) == 3
    sequence.workspace.daily_limit = 2
    sequence.workspace.save()

    assert not answer(waiting(), NOON).may_leave
    assert offer(NOON, times_over=3) == 0


def test_a_mail_that_is_held_back_at_the_gate_gives_everything_back(alice):
    workspace = make_workspace(daily_limit=5)
    run = many_due(make_sequence(workspace, steps=1, daily_limit=5), 1)[0]
    touch = run.touches.get()
    with times.clock(lambda: NOON):
        stages = sending.sending(touch.pk, provider_for(touch.mailbox))
        assert next(stages) == "claimed"
        assert [day.reserved for day in ledgers()] == [1, 1, 1]
        run.pause(by=alice)
        assert list(stages)[-1] == "held back"

    assert [(day.reserved, day.sent) for day in ledgers()] == [(0, 0)] * 3


def ledgers() -> list[Ledger]:
    """Return the one row of each ledger."""
    return [
        MailboxDay.objects.get(),
        SequenceDay.objects.get(),
        WorkspaceDay.everywhere.get(),
    ]


def test_a_claim_from_before_the_workspaces_midnight_passes_no_gate_after_it():
    workspace = make_workspace(daily_limit=5, zone="Asia/Kathmandu")
    touch = many_due(make_sequence(workspace, steps=1), 1)[0].touches.get()
    midnight = datetime(2027, 1, 5, 18, 15, tzinfo=UTC)
    with times.clock(lambda: midnight - timedelta(seconds=1)):
        stages = sending.sending(touch.pk, provider_for(touch.mailbox))
        assert next(stages) == "claimed"

    with times.clock(lambda: midnight + timedelta(seconds=1)):
        assert list(stages)[-1] == "held back"

    assert WorkspaceDay.everywhere.get().used == 0


def test_the_cap_is_set_on_the_settings_of_the_workspace(alice, workspace):
    client = Client()
    client.force_login(alice)
    values = {"name": "Brightline", "zone": "UTC", "undo_seconds": 10, "failed_after_days": 14}
    values["postal_address"] = "1 Main Street"

    client.post("/settings/", values | {"daily_limit": "200"})
    workspace.refresh_from_db()
    assert workspace.daily_limit == 200

    client.post("/settings/", values | {"daily_limit": ""})
    workspace.refresh_from_db()
    assert workspace.daily_limit is None


# Many at once


def test_a_claim_of_many_takes_all_of_them_or_none():
    workspace = make_workspace(daily_limit=4)
    mailbox = make_mailbox(workspace, daily_limit=5)
    sequences = [make_sequence(workspace, mailbox=mailbox, steps=1) for _ in range(6)]
    touches = [touch_of(many_due(sequence, 1)[0]) for sequence in sequences]

    with pytest.raises(pacing.GaveWay), transaction.atomic():
        pacing.reserve(touches[:5], NOON)
    assert not MailboxDay.objects.exists()
    assert not Sequence.everywhere.exclude(next_free_at=None).exists()

    with transaction.atomic():
        reserved = pacing.reserve(touches[:4], NOON)
    assert set(reserved) == {touch.pk for touch in touches[:4]}
    assert MailboxDay.objects.get().reserved == WorkspaceDay.everywhere.get().reserved == 4


def test_a_look_at_many_counts_those_that_will_leave():
    workspace = make_workspace()
    mailbox = make_mailbox(workspace, daily_limit=2)
    sequences = [make_sequence(workspace, mailbox=mailbox, steps=1) for _ in range(3)]
    touches = [touch_of(many_due(sequence, 1)[0]) for sequence in sequences]
    look = pacing.Look(NOON)

    seen = []
    for touch in touches:
        seen.append([full.reason for full in look.full(touch.enrollment, mailbox)])
        look.count(touch)

    assert seen == [[], [], [explain.Reason.MAILBOX_LIMIT]]


def test_a_look_at_many_keeps_the_pause_of_a_mailbox():
    mailbox = make_mailbox(make_workspace(), gap_least=60, gap_most=60)
    touch = touch_of(many_due(make_sequence(mailbox.workspace, mailbox=mailbox, steps=1), 1)[0])
    look = pacing.Look(NOON)
    look.count(touch)

    (full,) = look.full(touch.enrollment, mailbox)

    assert (full.reason, full.until) == (explain.Reason.GAP, NOON + timedelta(seconds=60))


def touch_of(run: Enrollment) -> Touch:
    rows = Touch.objects.select_related("enrollment__workspace", "enrollment__sequence__mailbox")
    return rows.get(enrollment=run, position=1)


@pytest.mark.parametrize("warm_up", [None, 1], ids=["full pace", "warming up"])
def test_no_24_hours_ever_hold_more_than_the_limit(warm_up):
    with times.clock(lambda: NOON):
        mailbox = make_mailbox(
            make_workspace(), daily_limit=3, warm_up_start=warm_up, warm_up_increment=1
        )
    many_due(make_sequence(mailbox.workspace, mailbox=mailbox, steps=1), 14)

    # Looked at every 100 minutes for four days, and so at another time each day.
    offer(NOON, times_over=58, every=timedelta(minutes=100))

    left = list(Touch.objects.filter(status="sent").order_by("sent_at"))
    assert len(left) >= 9
    for first, fourth in zip(left, left[3:], strict=False):
        assert fourth.sent_at - first.sent_at >= A_DAY
    for day in MailboxDay.objects.all():
        assert day.sent <= (3 if warm_up is None else min(3, 1 + (day.day - NOON.date()).days))
