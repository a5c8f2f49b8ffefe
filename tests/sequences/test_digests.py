"""The mail about replies that wait: when it comes, what it says, and that it comes once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client

from mailboxes.models import InboundMail
from outreach import guards, ticks, times
from outreach.models import Membership, User, Workspace
from outreach.timetable import TIMETABLE
from sequences.engine import answering, digests
from sequences.models import Reply, Touch
from tests.factories import make_contact, make_enrollment, make_mailbox, make_user, make_workspace
from tests.threads import together

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)


@pytest.fixture
def member(alice: User, workspace: Workspace) -> Membership:
    """A member who is told each morning at eight, in Lisbon."""
    User.objects.filter(pk=alice.pk).update(zone="Europe/Lisbon")
    return told(workspace, alice, "daily", at=MONDAY)


def told(workspace: Workspace, user: User, digest: str, *, at: datetime) -> Membership:
    mine = Membership.objects.select_related("user").get(workspace=workspace, user=user)
    mine.user.refresh_from_db()
    mine.digest, mine.digest_at = digest, None
    mine.save()
    mine.plan_digest(at)
    return mine


def reply(workspace: Workspace, name: str = "Jordan Lee", **values: object) -> Reply:
    run = make_enrollment(workspace, contact=make_contact(workspace, company=None))
    came = InboundMail.everywhere.create(
        workspace=workspace,
        mailbox=run.sequence.mailbox,
        provider_id=f"mail-{run.pk}",
        message_id=f"<{run.pk}@globex.test>",
        from_email=run.contact.email,
        from_name=name,
        subject="Re: Quick question",
    )
    values = {"label": "question", "text": "How much is it?"} | values
    return Reply.everywhere.create(workspace=workspace, enrollment=run, mail=came, **values)


def tick(at: datetime) -> int:
    with times.clock(lambda: at):
        return digests.tick()


def eight(days: int = 0, **more: int) -> datetime:
    return MONDAY + timedelta(minutes=30) + timedelta(days=days, **more)


def test_it_comes_in_the_morning_and_says_who_wrote_and_where_to_answer(
    member, workspace, settings
):
    found = reply(workspace, "Ana\r\nBcc: eve@evil.test", is_unsure=True)
    assert tick(MONDAY) == 0

    assert tick(eight()) == 1

    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (
        ["alice@brightline.test"],
        "1 new reply waits in Brightline",
    )
    assert letter.extra_headers["Auto-Submitted"] == "auto-generated"
    assert ": Question (unsure)\nHow much is it?\n" in letter.body
    assert f"{settings.BASE_URL}/inbox/{found.pk}/" in letter.body
    assert f"In all 1 wait in Brightline: {settings.BASE_URL}/inbox/" in letter.body
    assert "eve@evil.test" not in letter.message().as_string().partition("\n\n")[0]


def test_nothing_comes_while_nothing_is_new(member, workspace):
    assert tick(eight()) == 0
    found = reply(workspace)
    assert tick(eight(hours=1)) == 0, "its hour is over"

    assert [tick(eight(days)) for days in (1, 2, 3)] == [1, 0, 0]
    assert found.handled_at is None, "it still waits, and is counted with the next new one"
    reply(workspace)
    assert tick(eight(4)) == 1
    assert "In all 2 wait" in mail.outbox[-1].body and mail.outbox[-1].body.count("/inbox/") == 2


def test_what_is_handled_asleep_or_somebody_elses_is_not_told(member, workspace):
    bob = make_user()
    reply(workspace).handle(by=bob)
    reply(workspace).snooze(eight(2))
    reply(workspace).assign(bob)
    gone = reply(workspace)
    gone.enrollment.drop(by=bob)
    other = make_workspace(bob)
    make_mailbox(other)
    reply(other)

    assert tick(eight()) == 0
    mine = reply(workspace)
    mine.assign(member.user)
    assert tick(eight(1)) == 1 and "assigned to you" in mail.outbox[0].body


def test_what_comes_back_from_its_snooze_is_told_again(member, workspace):
    found = reply(workspace)
    assert tick(eight()) == 1
    with times.clock(lambda: eight(hours=1)):
        found.snooze(eight(1, hours=3))

    assert [tick(eight(days)) for days in (1, 2, 3)] == [0, 1, 0]


def test_an_answer_that_failed_is_told(member, workspace):
    found = reply(workspace)
    assert tick(eight()) == 1
    with times.clock(lambda: eight(hours=1)):
        touch = answering.write(found, text="Hi", token="t" * 20, seen=0, by=member.user)
        Touch.objects.filter(pk=touch.pk).update(status="failed", updated_at=times.now())

    assert [tick(eight(days)) for days in (1, 2)] == [1, 0]


def test_many_are_counted_and_few_are_named(member, workspace):
    first = reply(workspace)
    Reply.everywhere.bulk_create(
        Reply(workspace=workspace, enrollment=first.enrollment, mail=one, label="other", text="Hi")
        for one in InboundMail.everywhere.bulk_create(
            InboundMail(workspace=workspace, mailbox=first.mail.mailbox, provider_id=f"m{number}")
            for number in range(30)
        )
    )

    tick(eight())

    assert mail.outbox[0].subject == "31 new replies wait in Brightline"
    assert mail.outbox[0].body.count("/inbox/") == digests.NAMED + 1
    assert "31 are new, these are the newest." in mail.outbox[0].body


@pytest.mark.parametrize(
    ("zone", "day", "hour", "expected"),
    [
        ("Europe/Lisbon", "2026-11-23T09:00", 8, "2026-11-24T08:00"),
        ("Europe/Lisbon", "2026-11-23T07:59", 8, "2026-11-23T08:00"),
        ("Asia/Kolkata", "2026-11-23T09:00", 8, "2026-11-24T02:30"),
        ("Pacific/Auckland", "2026-11-23T20:00", 8, "2026-11-24T19:00"),
        # The clocks are set forward over the hour: right after the gap.
        ("Europe/Berlin", "2027-03-27T12:00", 2, "2027-03-28T01:00"),
        # They are set back: the first of the two, and not again at the second.
        ("Europe/Berlin", "2026-10-24T12:00", 2, "2026-10-25T00:00"),
        ("Europe/Berlin", "2026-10-25T00:00", 2, "2026-10-26T01:00"),
        ("Nowhere/Land", "2026-11-23T09:00", 8, "2026-11-24T08:00"),
    ],
)
def test_each_local_day_has_one(zone, day, hour, expected):
    mine = Membership(user=User(zone=zone), digest="daily", digest_hour=hour)

    assert mine.next_digest(_utc(day)) == _utc(expected)


def _utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_every_hour_means_each_full_hour_with_something_new(member, workspace):
    told(workspace, member.user, "hourly", at=MONDAY)
    reply(workspace)

    assert [tick(MONDAY + timedelta(minutes=15 * n)) for n in range(8)] == [0, 0, 1] + [0] * 5
    reply(workspace)
    assert tick(MONDAY + timedelta(hours=2, minutes=30)) == 1
    assert "You get this every hour" in mail.outbox[-1].body


def test_after_an_outage_one_comes_and_not_one_for_each_day(member, workspace):
    reply(workspace)

    assert tick(eight(5, hours=4)) == 1
    assert tick(eight(5, hours=5)) == 0
    member.refresh_from_db()
    assert member.digest_at == eight(6)


@pytest.mark.django_db(transaction=True)
def test_two_drivers_at_once_send_it_once(member, workspace):
    reply(workspace)
    mine = [
        Membership.objects.select_related("user", "workspace").get(pk=member.pk) for _ in "1234"
    ]

    took = together(*(lambda each=each: digests.take(each, eight()) for each in mine))

    assert sorted(took) == [False, False, False, True]


def test_one_that_is_killed_before_the_mail_leaves_is_told_with_the_next(member, workspace):
    reply(workspace)
    assert digests.take(member, eight())  # and the process is gone

    assert tick(eight(minutes=1)) == 0
    assert tick(eight(1)) == 1 and mail.outbox[0].subject.startswith("1 new")


def test_a_server_that_is_down_keeps_nobody_else_from_theirs(member, workspace, monkeypatch):
    bob = make_user("bob@brightline.test")
    Membership.objects.create(user=bob, workspace=workspace, role="viewer")
    told(workspace, bob, "daily", at=MONDAY)
    reply(workspace)
    send = EmailBackend.send_messages

    def refuse_alice(self: EmailBackend, letters: list) -> int:
        if letters[0].to == ["alice@brightline.test"]:
            raise OSError("Connection refused")
        return send(self, letters)

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", refuse_alice)
        assert tick(eight()) == 1

    assert tick(eight(minutes=1)) == 0, "not again and again"
    assert tick(eight(1)) == 1
    assert [letter.to[0] for letter in mail.outbox] == [bob.email, "alice@brightline.test"]


def test_a_server_that_hangs_keeps_a_tick_for_half_a_minute(member, workspace, monkeypatch):
    bob = make_user("bob@brightline.test")
    Membership.objects.create(user=bob, workspace=workspace, role="viewer")
    told(workspace, bob, "daily", at=MONDAY)
    reply(workspace)
    passed = iter(range(0, 1000, 40))
    monkeypatch.setattr(ticks.time, "monotonic", lambda: next(passed))

    assert tick(eight()) == 1
    assert tick(eight(minutes=1)) == 1, "the one that was left over"
    assert len(mail.outbox) == 2


def test_nobody_is_told_who_switched_it_off_or_left(member, workspace, monkeypatch):
    reply(workspace)
    told(workspace, member.user, "off", at=MONDAY)
    assert tick(eight()) == 0
    told(workspace, member.user, "daily", at=MONDAY)
    User.objects.filter(pk=member.user_id).update(is_active=False)
    assert tick(eight()) == 0
    User.objects.filter(pk=member.user_id).update(is_active=True)
    monkeypatch.setattr(guards, "hold", lambda: "This is a copy.")
    assert tick(eight()) == 0, "a copy of the installation tells nobody"


def test_it_is_on_the_timetable():
    assert TIMETABLE["digests"].function == "sequences.engine.digests.tick"


def test_a_member_chooses_it_for_the_open_workspace(client: Client, member, workspace):
    other = make_workspace(member.user, name="Other")
    client.force_login(member.user)
    assert "Mail about replies" in client.get("/account/").content.decode()

    client.post("/account/digest/", {"digest": "hourly", "digest_hour": "6"})

    member.refresh_from_db()
    assert (member.digest, member.digest_hour) == ("hourly", 6)
    assert times.now() < member.digest_at <= times.now() + timedelta(hours=1)
    assert Membership.objects.get(workspace=other).digest == "off"
    client.post("/account/digest/", {"digest": "off", "digest_hour": "6"})
    member.refresh_from_db()
    assert member.digest_at is None
    assert client.post("/account/digest/", {"digest": "x", "digest_hour": "25"}).status_code == 422


def test_it_follows_the_member_to_another_time_zone(client: Client, member):
    client.force_login(member.user)

    client.post("/account/", {"name": "Alice", "zone": "Pacific/Auckland"})

    member.refresh_from_db()
    member.user.refresh_from_db()
    assert member.digest_at == member.next_digest(times.now())
    assert member.digest_at.hour in (19, 20)


def test_a_reply_of_another_workspace_of_theirs_is_a_click_away(client: Client, member, workspace):
    other = make_workspace(member.user, name="Other")
    make_mailbox(other)
    theirs = reply(other)
    client.force_login(member.user)

    there = client.get(f"/inbox/{theirs.pk}/")
    assert "This reply is in Other" in there.content.decode()
    answer = client.post(f"/workspaces/{other.pk}/switch/", {"next": f"/inbox/{theirs.pk}/"})

    assert answer.url == f"/inbox/{theirs.pk}/"
    assert client.get(answer.url, follow=True).context["reply"] == theirs
