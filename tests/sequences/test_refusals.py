"""What becomes of a touch, its run and its mailbox when the provider says no."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from mailboxes.models import Mailbox, MailboxDay, SandboxMail
from mailboxes.providers import provider_for
from mailboxes.providers.base import Disconnected, Mail, Misconfigured, ProviderError, TryAgain
from mailboxes.providers.sandbox import Draft, Sandbox
from outreach import times
from outreach.models import User
from sequences.engine import draining, lifecycle, reconciling, sending
from sequences.models import Attempt, Contact, Enrollment, NotReady, Sequence, Suppression, Touch
from tests.factories import make_contact, make_due_touch, make_workspace
from tests.sequences.judging import verify

pytestmark = pytest.mark.django_db(transaction=True)


class Refusing(Sandbox):
    """The sandbox, but its next answers are the given errors."""

    def __init__(self, mailbox: Mailbox, problems: list[ProviderError]) -> None:
        super().__init__(mailbox)
        self.problems = problems

    def prepare(self, mail: Mail) -> Draft:
        if self.problems:
            raise self.problems.pop(0)
        return super().prepare(mail)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with times.clock(lambda: moment):
        yield


def due_to(local_part: str, by: User | None = None) -> Touch:
    """A due touch to an address that asks the sandbox for trouble."""
    workspace = make_workspace(by)
    contact = make_contact(workspace, email=f"{local_part}+ana@globex.test")
    return make_due_touch(workspace=workspace, contact=contact)


def waits_until_failed(touch: Touch, problem: ProviderError) -> list[float]:
    """Refuse every attempt, each exactly when it is due; returns the waits in seconds."""
    provider = Refusing(touch.mailbox, [problem] * 9)
    waits, moment = [], times.now() + timedelta(minutes=1)
    while touch.status == Touch.Status.SCHEDULED:
        Sequence.everywhere.update(next_free_at=None)
        Mailbox.everywhere.update(held_until=None)
        with at(moment):
            assert not sending.send_one(touch.pk, provider)
        touch.refresh_from_db()
        if touch.status == Touch.Status.SCHEDULED:
            waits.append((touch.due_at - moment).total_seconds())
            moment = touch.due_at
    return waits


def test_a_passing_fault_is_tried_five_times_with_the_promised_waits():
    touch = make_due_touch()

    waits = waits_until_failed(touch, TryAgain("503 Backend error"))

    assert waits == [30, 60, 120, 240]
    assert touch.status == Touch.Status.FAILED and touch.error == "503 Backend error"
    assert touch.attempts.filter(outcome=Attempt.Outcome.REJECTED).count() == 5
    assert Enrollment.everywhere.get().blocked_by == Enrollment.Block.FAILED_TOUCH


def test_greylisting_is_given_longer():
    touch = make_due_touch()

    waits = waits_until_failed(touch, TryAgain("451 4.7.1 Greylisted", smtp=True))

    assert waits == [300, 900, 3600, 14400]


def test_a_longer_wait_that_the_provider_asks_for_is_kept():
    touch = make_due_touch()
    asked = TryAgain("503 Wait", retry_after=timedelta(minutes=7))

    assert waits_until_failed(touch, asked)[0] == 420


def test_retry_gives_a_failed_touch_fresh_attempts(alice):
    touch = make_due_touch()
    waits_until_failed(touch, TryAgain("503 Backend error"))

    touch.retry(by=alice)
    Sequence.everywhere.update(next_free_at=None)
    Mailbox.everywhere.update(held_until=None)
    assert draining.drain_all() == 1

    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT and touch.round == 2
    assert Enrollment.everywhere.get().blocked_by == ""


def test_an_unknown_address_is_suppressed_and_ends_the_run():
    touch = due_to("refuse")

    draining.drain_all()

    touch.refresh_from_db()
    run = Enrollment.everywhere.get()
    assert (run.status, run.end_reason) == (Enrollment.Status.ARCHIVED, "bounced")
    assert Suppression.everywhere.get().value == touch.recipient
    assert touch.status == Touch.Status.FAILED and touch.bounced_at
    assert "no such address" in touch.error
    assert set(run.touches.exclude(pk=touch.pk).values_list("status", flat=True)) == {"cancelled"}
    assert not run.blocked_by
    verify()


def test_nothing_is_done_any_more_with_the_step_that_ended_its_run(client, alice):
    touch = due_to("refuse", by=alice)
    draining.drain_all()
    touch.refresh_from_db()
    ended = "The run has ended: Bounced. Nothing of it is sent any more."

    for verb in (
        lambda: touch.retry(by=alice),
        lambda: touch.skip(by=alice),
        lambda: touch.edit(subject="Another", body="And again", by=alice),
    ):
        with pytest.raises(NotReady, match=ended):
            verb()

    client.force_login(alice)
    answer = client.post(reverse("sequences:touch_retry", args=[touch.pk]))
    page = answer.content.decode()
    assert answer.status_code == 422 and ended in page
    assert "no such address" in page and "Bounced" in page
    assert not re.search(r">Retry<|>Edit<|Skip this step", page)
    touch.refresh_from_db()
    assert touch.status == Touch.Status.FAILED


def test_a_refusal_that_comes_after_the_stop_keeps_its_words(alice):
    touch = due_to("refuse")
    stages = sending.sending(touch.pk, provider_for(touch.mailbox))
    assert [next(stages), next(stages)] == ["claimed", "built"]
    Enrollment.everywhere.get().stop(by=alice)

    assert list(stages)[-1] == "refused"

    touch.refresh_from_db()
    assert touch.status == Touch.Status.FAILED and "no such address" in touch.error
    verify()


def test_a_refused_text_fails_the_step_and_suppresses_nobody():
    touch = due_to("content")

    draining.drain_all()

    touch.refresh_from_db()
    assert touch.status == Touch.Status.FAILED and touch.error_kind == "content"
    assert touch.attempts_made == 1
    assert not Suppression.everywhere.exists()


@pytest.mark.parametrize("trouble, reason", [("quota", "quota"), ("busy", "rate")])
def test_a_limit_of_the_provider_holds_the_mailbox_and_burns_no_attempt(trouble, reason):
    touch = due_to(trouble)

    draining.drain_all()

    touch.refresh_from_db()
    mailbox = Mailbox.everywhere.get()
    assert touch.status == Touch.Status.SCHEDULED and touch.attempts_made == 0
    assert mailbox.hold_reason == reason and mailbox.held_until > times.now()
    assert draining.drain_all() == 0
    assert touch.attempts.count() == 1, "the provider is left alone meanwhile"
    assert MailboxDay.objects.get().used == 0


def test_a_dead_sign_in_disconnects_the_mailbox_and_shows_on_its_runs():
    touch = make_due_touch()

    sending.send_one(touch.pk, Refusing(touch.mailbox, [Disconnected("535 5.7.8 Bad credentials")]))

    touch.refresh_from_db()
    mailbox = Mailbox.everywhere.get()
    assert mailbox.status == Mailbox.Status.DISCONNECTED
    assert mailbox.last_error == "535 5.7.8 Bad credentials"
    assert touch.status == Touch.Status.SCHEDULED and touch.attempts_made == 0
    assert Enrollment.everywhere.get().blocked_by == Enrollment.Block.MAILBOX

    mailbox.reconnect()
    lifecycle.tick()
    Sequence.everywhere.update(next_free_at=None)
    assert Enrollment.everywhere.get().blocked_by == ""
    assert draining.drain_all() == 1


def test_a_wrong_setting_holds_the_mailbox():
    touch = make_due_touch()

    sending.send_one(touch.pk, Refusing(touch.mailbox, [Misconfigured("STARTTLS is missing")]))

    assert Mailbox.everywhere.get().hold_reason == "settings"
    touch.refresh_from_db()
    assert touch.status == Touch.Status.SCHEDULED and touch.error == "STARTTLS is missing"


def test_five_faults_in_a_row_open_the_breaker():
    touch = make_due_touch()
    provider = Refusing(touch.mailbox, [TryAgain("timeout")] * 5)
    moment = times.now()
    for _ in range(5):
        Sequence.everywhere.update(next_free_at=None)
        Touch.objects.filter(pk=touch.pk).update(due_at=moment, attempts_made=0)
        with at(moment):
            sending.send_one(touch.pk, provider)

    mailbox = Mailbox.everywhere.get()
    assert mailbox.hold_reason == "faults" and mailbox.held_until == moment + timedelta(minutes=1)


@pytest.mark.parametrize("trouble", ["timeout", "lost"])
def test_an_answer_that_never_came_is_looked_up_and_the_mail_arrives_once(trouble):
    touch = due_to(trouble)

    draining.drain_all()
    touch.refresh_from_db()
    assert touch.status == Touch.Status.UNCERTAIN
    later = times.now() + timedelta(seconds=31)
    with at(later):
        reconciling.tick()
        Sequence.everywhere.update(next_free_at=None)
        draining.drain_all()

    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT
    assert SandboxMail.everywhere.exclude(accepted_at=None).count() == 1


def test_a_first_send_makes_the_contact_contacted():
    make_due_touch()

    draining.drain_all()

    assert Contact.everywhere.get().status == Contact.Status.CONTACTED


def test_late_news_of_an_acceptance_is_taken_and_counted():
    touch = make_due_touch()
    stages = sending.sending(touch.pk, Sandbox(touch.mailbox))
    while next(stages) != "answered":
        pass
    Touch.objects.filter(pk=touch.pk).update(lease_until=times.now())
    sending.reap()
    # Somebody was sure that it had not been sent, and was wrong.
    Touch.objects.filter(pk=touch.pk).update(status=Touch.Status.SCHEDULED)
    touch.attempts.update(outcome=Attempt.Outcome.REJECTED)
    MailboxDay.objects.update(reserved=0, quota=0)

    assert next(stages) == "accepted"

    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT
    assert MailboxDay.objects.get().sent == 1
