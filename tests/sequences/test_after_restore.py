"""A restored backup: nothing leaves until what may have left was found out, and nothing twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mailboxes.models import Mailbox, MailboxDay, SandboxMail, WorkspaceDay
from mailboxes.providers import provider_for
from mailboxes.providers.base import Receipt
from outreach import guards, times
from outreach.models import Instance
from sequences import upcoming
from sequences.engine import draining, explain, preflight, reconciling, restoring, sending, settling
from sequences.models import Attempt, Enrollment, Event, Sequence, SequenceDay, Touch
from tests import backups
from tests.factories import (
    approve,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_user,
    make_workspace,
)
from tests.fakes.smtp import Sink, running_sink

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


class Hands:
    """The clock of the test; time passes when it says so, and the product counts along."""

    def __init__(self) -> None:
        self.at = MONDAY

    def read(self) -> datetime:
        return self.at

    def wait(self, **span: float) -> None:
        self.at += timedelta(**span)
        guards.keep()


@pytest.fixture
def hands(settings, tmp_path: Path) -> Iterator[Hands]:
    settings.VAR_DIR, settings.REDIS_URL = tmp_path, ""
    hands = Hands()
    with times.clock(hands.read):
        guards.keep()
        yield hands


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


def smtp_sequence(sink: Sink, steps: int = 2, **values: object) -> Sequence:
    workspace = make_workspace()
    mailbox = make_mailbox(
        workspace,
        provider=Mailbox.Provider.SMTP,
        smtp_host=sink.host,
        smtp_port=sink.port,
        smtp_security=Mailbox.Security.PLAIN,
    )
    return make_sequence(workspace, steps=steps, mailbox=mailbox, **values)


def approved(sequence: Sequence) -> Touch:
    run = approve(make_enrollment(sequence=sequence), by=make_user())
    return run.touches.get(position=1)


def drain(hands: Hands, *, minutes: int = 5) -> int:
    """Let the workers work for some minutes."""
    sent = 0
    for _ in range(minutes):
        hands.wait(minutes=1)
        sending.reap()
        reconciling.tick()
        sent += draining.drain_all()
    return sent


def ask_until_decided(hands: Hands) -> None:
    for _ in range(20):
        reconciling.tick()
        hands.wait(minutes=1)


def test_a_mail_that_left_after_the_backup_never_leaves_again(hands, sink, tmp_path, capsys):
    sequence = smtp_sequence(sink)
    touch = approved(sequence)
    backup = backups.make(tmp_path / "backup")
    hands.wait(minutes=1)
    assert draining.drain_all() == 1
    hands.wait(hours=20)

    backups.restore(backup)
    hands.wait(minutes=30)

    assert drain(hands) == 0
    assert explain.touch(touch, Enrollment.everywhere.get()).code == "held"
    with pytest.raises(CommandError, match="looks restored from a backup"):
        call_command("send_due")

    call_command("after_restore")

    said = capsys.readouterr().out
    assert "The database stands at 2026-11-16 09:00:00 UTC." in said
    assert "Steps that were due in between and may have left: 1\n" in said
    assert "through SMTP: 1\n" in said
    touch.refresh_from_db()
    assert touch.status == Touch.Status.UNCERTAIN
    assert guards.look() is None
    assert drain(hands, minutes=30) == 0
    touch.refresh_from_db()
    assert touch.decide
    assert Enrollment.everywhere.get().blocked_by == "uncertain_touch"

    settling.was_sent(touch.pk, Receipt(touch.message_id), by=make_user())

    assert drain(hands) == 0
    assert len(sink.accepted) == 1
    assert [t.status for t in Touch.objects.all()] == ["sent", "scheduled"]
    # The follow-up counts from when it was known, not from a time before the backup.
    assert Touch.objects.get(position=2).due_at > hands.at


def test_what_had_not_left_is_sent_again_when_a_person_says_so(hands, sink, tmp_path):
    touch = approved(smtp_sequence(sink))
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=1)
    backups.restore(backup)
    call_command("after_restore")
    ask_until_decided(hands)

    settling.was_not_sent(touch.pk, by=make_user())

    assert drain(hands) == 1
    assert [mail.recipients for mail in sink.accepted] == [[touch.recipient]]
    attempts = list(Attempt.objects.order_by("number").values_list("outcome", flat=True))
    assert attempts == ["rejected", "accepted"]
    assert all(day.reserved == 0 for day in MailboxDay.objects.all())


def test_the_sandbox_says_by_itself_that_nothing_had_left(hands, tmp_path):
    touch = approved(make_sequence(make_workspace()))
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=1)
    # Its mail is in the same database, and goes back with it.
    assert draining.drain_all() == 1
    backups.restore(backup)

    call_command("after_restore")

    assert drain(hands) == 1
    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT
    assert SandboxMail.everywhere.caught().count() == 1


def test_a_provider_that_has_the_mail_settles_it_as_sent(hands, tmp_path):
    touch = approved(make_sequence(make_workspace()))
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=1)
    assert draining.drain_all() == 1
    caught = SandboxMail.everywhere.get()
    backups.restore(backup)
    # A provider's own memory is not restored with ours.
    caught.save(force_insert=True)

    call_command("after_restore")
    drain(hands)

    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT
    assert SandboxMail.everywhere.count() == 1
    assert Attempt.objects.get().outcome == "accepted"
    assert [(day.reserved, day.sent) for day in MailboxDay.objects.all()] == [(0, 1)]


def test_a_mail_that_was_on_its_way_when_the_backup_was_made_is_found_out(hands, tmp_path):
    touch = approved(make_sequence(make_workspace()))
    stages = sending.sending(touch.pk, provider_for(touch.mailbox))
    assert next(stages) == "claimed"
    backup = backups.make(tmp_path / "backup")
    list(stages)
    hands.wait(hours=1)
    backups.restore(backup)

    call_command("after_restore")

    touch.refresh_from_db()
    assert touch.status == Touch.Status.UNCERTAIN
    assert Attempt.objects.get().outcome == "unknown"
    assert MailboxDay.objects.get().reserved == 1


def test_a_run_of_which_two_steps_may_have_left_waits_for_a_person(hands, sink, tmp_path):
    sequence = smtp_sequence(sink, steps=3)
    sequence.steps.filter(position=2).update(delay_days=0, delay_hours=1)
    touch = approved(sequence)
    backup = backups.make(tmp_path / "backup")
    hands.wait(minutes=1)
    draining.drain_all()
    hands.wait(hours=2)
    assert draining.drain_all() == 1
    backups.restore(backup)

    call_command("after_restore")

    run = Enrollment.everywhere.get()
    assert run.status == Enrollment.Status.PAUSED
    assert "steps 1, 2 may have left" in run.pause_note
    ask_until_decided(hands)
    settling.was_sent(touch.pk, Receipt(touch.message_id), by=make_user())
    assert drain(hands, minutes=90) == 0

    run.touches.get(position=2).skip(by=make_user())
    Enrollment.everywhere.get().resume(by=make_user())

    assert drain(hands) == 0
    assert len(sink.accepted) == 2
    assert Touch.objects.get(position=3).status == Touch.Status.SCHEDULED


def test_a_step_whose_time_came_after_the_lost_span_is_let_alone(hands, sink, tmp_path):
    later = approved(smtp_sequence(sink))
    Touch.objects.filter(pk=later.pk).update(due_at=MONDAY + timedelta(days=2))
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=5)
    backups.restore(backup)

    call_command("after_restore")

    later.refresh_from_db()
    assert later.status == Touch.Status.SCHEDULED
    assert later.attempts.count() == 0


def test_a_dry_run_says_the_same_and_changes_nothing(hands, sink, tmp_path, capsys):
    sequence = smtp_sequence(sink)
    touches = [approved(sequence) for _ in range(3)]
    make_enrollment(sequence=sequence)
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=5)
    backups.restore(backup)

    call_command("after_restore", "--dry-run")
    dry = capsys.readouterr().out

    assert guards.look()
    assert {Touch.objects.get(pk=each.pk).status for each in touches} == {"scheduled"}
    assert not Event.everywhere.filter(kind="may_have_left").exists()
    call_command("after_restore")
    real = capsys.readouterr().out
    assert dry.splitlines()[:-1] == real.splitlines()[:-1]
    assert "may have left: 3\n" in dry and "may have been written to: 1\n" in dry
    assert dry.endswith("Nothing was changed.\n")


def test_killed_in_the_middle_nothing_leaves_and_a_second_run_finishes(
    hands, sink, tmp_path, monkeypatch
):
    sequence = smtp_sequence(sink)
    touches = [approved(sequence) for _ in range(5)]
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=5)
    backups.restore(backup)
    whole, done = restoring.question, []

    def killed_after_two(touch_id: int, span: restoring.Span) -> bool:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(touch_id)
        return whole(touch_id, span)

    monkeypatch.setattr(restoring, "question", killed_after_two)
    with pytest.raises(KeyboardInterrupt):
        call_command("after_restore")
    monkeypatch.setattr(restoring, "question", whole)

    assert guards.look().code == "restored"
    assert drain(hands, minutes=20) == 0
    call_command("after_restore")

    assert {Touch.objects.get(pk=each.pk).status for each in touches} == {"uncertain"}
    assert [each.attempts.count() for each in touches] == [1] * 5
    assert drain(hands) == 0
    assert sink.accepted == []


def test_it_is_not_done_twice(hands, tmp_path):
    approved(make_sequence(make_workspace()))
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=5)
    backups.restore(backup)
    call_command("after_restore")

    with pytest.raises(CommandError, match="Nothing says that this database was restored"):
        call_command("after_restore")


def test_the_same_backup_restored_again_is_noticed_again(hands, tmp_path):
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=5)
    backups.restore(backup)
    call_command("after_restore")
    hands.wait(hours=1)
    assert guards.look() is None

    backups.restore(backup)

    assert guards.look().code == "restored"


def test_prospects_who_may_have_been_approved_meanwhile_warn_before_they_are(hands, tmp_path):
    run = make_enrollment(make_workspace())
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=5)
    backups.restore(backup)

    call_command("after_restore")

    (event,) = run.events.filter(kind="may_have_left")
    assert event.text == "A backup was restored: it may have left before that"
    first = preflight.checks(run)[0]
    assert (first.level, first.text) == ("warn", "It may have been sent already")
    shown = upcoming.of(run, *explain.next_step(run))
    assert shown and shown.title == "Step 1 may have been sent already"


def test_a_failed_step_that_may_have_been_retried_warns_before_it_is(hands, tmp_path):
    touch = approved(make_sequence(make_workspace()))
    failed = Touch.objects.filter(pk=touch.pk)
    failed.update(status=Touch.Status.FAILED, error="550 no", updated_at=MONDAY)
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=5)
    backups.restore(backup)

    call_command("after_restore")

    run = Enrollment.everywhere.get()
    assert run.events.get(kind="may_have_left").touch == touch
    shown = upcoming.of(run, *explain.next_step(run))
    assert shown and "It may have been retried and sent since." in shown.text

    failed.update(updated_at=hands.at + timedelta(hours=1))
    shown = upcoming.of(run, *explain.next_step(run))
    assert shown and "It may have been retried" not in shown.text


def test_a_prospect_of_later_does_not_warn(workspace):
    run = make_enrollment(workspace)

    assert "It may have been sent already" not in [check.text for check in preflight.checks(run)]


def test_a_backup_that_the_product_cannot_see_is_declared(hands, settings, sink, tmp_path):
    """A new machine: neither its disk nor Redis remembers, but the operator knows."""
    touch = approved(smtp_sequence(sink))
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=5)
    backups.restore(backup)
    settings.VAR_DIR = tmp_path / "a new machine"
    guards.forget()
    assert guards.hold().code == "copied"

    with pytest.raises(CommandError, match="--restored"):
        call_command("after_restore")
    call_command("after_restore", "--restored")

    touch.refresh_from_db()
    assert touch.status == Touch.Status.UNCERTAIN
    assert guards.look().code == "copied"
    call_command("adopt_instance", "--yes")
    assert guards.look() is None


def test_an_operator_who_knows_when_the_sending_ended_says_so(hands, sink, tmp_path):
    early, late = (approved(smtp_sequence(sink)) for _ in range(2))
    Touch.objects.filter(pk=late.pk).update(due_at=MONDAY + timedelta(hours=4))
    backup = backups.make(tmp_path / "backup")
    hands.wait(hours=6)
    backups.restore(backup)

    with pytest.raises(CommandError, match="write it like"):
        call_command("after_restore", "--until", "yesterday")
    with pytest.raises(CommandError, match="name a later time"):
        call_command("after_restore", "--until", "2026-11-15T09:00", "--dry-run")
    call_command("after_restore", "--until", "2026-11-16T11:00")

    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.status, late.status) == ("uncertain", "scheduled")


def test_a_copy_of_the_database_sends_nothing_until_it_is_adopted(hands, settings, tmp_path):
    touch = approved(make_sequence(make_workspace()))
    settings.VAR_DIR = tmp_path / "staging"
    guards.forget()

    assert drain(hands) == 0
    assert explain.touch(touch, Enrollment.everywhere.get()).code == "held"
    assert Attempt.objects.count() == 0

    call_command("adopt_instance", "--yes")

    assert drain(hands) == 1


def test_the_gate_holds_a_mail_that_was_claimed_before_the_hold(hands, tmp_path):
    touch = approved(make_sequence(make_workspace()))
    stages = sending.sending(touch.pk, provider_for(touch.mailbox))
    assert next(stages) == "claimed"
    Instance.objects.update(noticed_at=MONDAY, lost_from=MONDAY, lost_until=MONDAY)
    guards.forget()

    assert list(stages)[-1] == "held back"
    assert SandboxMail.everywhere.caught().count() == 0


def test_a_doubtful_mail_counts_on_every_day_that_has_a_limit(hands):
    workspace = make_workspace(daily_limit=10)
    sequence = make_sequence(workspace, daily_limit=10)
    touch = approved(sequence)
    span = restoring.Span(hands.at - timedelta(hours=1), hands.at + timedelta(hours=1))

    assert restoring.question(touch.pk, span)

    for day in (MailboxDay.objects.get(), SequenceDay.objects.get(), WorkspaceDay.everywhere.get()):
        assert (day.reserved, day.sent) == (1, 0)
    assert settling.was_not_sent(touch.pk)
    for day in (MailboxDay.objects.get(), SequenceDay.objects.get(), WorkspaceDay.everywhere.get()):
        assert day.reserved == 0
