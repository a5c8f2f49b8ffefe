"""Sending through Gmail and Microsoft 365 end to end: whatever the far side does, each mail is
sent once, and what became of it is found out without a person."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailboxes import outbox
from mailboxes.models import Mailbox
from outreach import times
from outreach.models import Workspace
from sequences.engine import draining, reconciling, sending
from sequences.models import Attempt, Sequence, Touch
from tests.factories import copies_of, make_due_touch, make_mailbox, make_sequence
from tests.fakes.far_side import FarSide
from tests.fakes.google import error as google_error
from tests.fakes.microsoft import error as graph_error
from tests.fakes.web import DROP, RESET
from tests.sequences.judging import journal, verify

pytestmark = pytest.mark.django_db(transaction=True)

BOTH = pytest.mark.parametrize("provider", ["gmail", "microsoft"])
OPERATIONS = {
    "gmail": {
        "send": "gmail.drafts.send",
        "create": "gmail.drafts.create",
        "delete": "gmail.drafts.delete",
        "look": "gmail.threads.get",
    },
    "microsoft": {
        "send": "graph.messages.send",
        "create": "graph.messages.create",
        "delete": "graph.messages.delete",
        "look": "graph.messages.get",
    },
}


class Clock:
    """One time for the product and the far side, moved on by the test."""

    def __init__(self, far_side: FarSide) -> None:
        self.far_side = far_side
        self.passed = timedelta()

    def now(self):
        return times._system_clock() + self.passed

    def pass_time(self, seconds: float) -> None:
        self.passed += timedelta(seconds=seconds)
        self.far_side.pass_time(seconds)


@pytest.fixture
def clock(far_side) -> Iterator[Clock]:
    clock = Clock(far_side)
    with times.clock(clock.now):
        yield clock


def make_far_touch(far_side: FarSide, workspace: Workspace, provider: str, **values) -> Touch:
    """A due touch of a mailbox at this provider, and as many copies as are asked for."""
    email = f"alex@{provider}.brightline.test"
    mailbox = make_mailbox(
        workspace,
        provider=provider,
        email=email,
        sign_in=far_side.sign_in(provider, email),
        daily_limit=1000,
    )
    sequence = make_sequence(workspace, mailbox=mailbox, **values)
    return make_due_touch(sequence=sequence)


def go_on(clock: Clock, seconds: float) -> None:
    """Let time pass and do what the clock of the product does."""
    clock.pass_time(seconds)
    sending.reap()
    reconciling.tick()
    for _ in range(5):
        # As if the sequence's own pause after every mail were over.
        Sequence.everywhere.update(next_free_at=None)
        draining.drain_all()


@BOTH
def test_a_sequence_goes_out_in_one_conversation(far_side, clock, workspace, provider):
    first = make_far_touch(far_side, workspace, provider)
    assert draining.drain_all() == 1
    for _ in range(8):
        go_on(clock, 86_400 / 2)

    one, two = far_side.journal
    sent = Touch.objects.filter(enrollment=first.enrollment_id).order_by("position")
    assert [each.wire_message_id for each in sent] == [one.message_id, two.message_id]
    assert one.message_id.encode() in two.raw, "the real one, whoever made it"
    assert two.subject == f"Re: {one.subject}"
    assert one.thread_id == two.thread_id


@BOTH
@pytest.mark.parametrize("fault", [{"status": 503}, {"line": DROP}, {"line": RESET}])
def test_a_mail_whose_answer_was_lost_is_sent_once_without_a_person(
    far_side, clock, workspace, provider, fault
):
    touch = make_far_touch(far_side, workspace, provider, steps=1)
    far_side.fail(OPERATIONS[provider]["send"], accepts=True, **fault)

    assert draining.drain_all() == 0
    assert Touch.objects.get(pk=touch.pk).status == Touch.Status.UNCERTAIN
    go_on(clock, 31)

    [left] = far_side.journal
    settled = Touch.objects.get(pk=touch.pk)
    assert settled.status == Touch.Status.SENT
    assert settled.wire_message_id == left.message_id
    assert settled.thread_id == left.thread_id


@BOTH
def test_a_mail_that_did_not_leave_is_sent_again_from_a_new_draft(
    far_side, clock, workspace, provider
):
    touch = make_far_touch(far_side, workspace, provider, steps=1)
    far_side.fail(OPERATIONS[provider]["send"], status=500)
    draining.drain_all()

    for seconds in (31, 30, 60, 120, 240, 420):
        go_on(clock, seconds)

    assert len(far_side.journal) == 1
    outcomes = list(touch.attempts.order_by("number").values_list("outcome", flat=True))
    assert outcomes == [Attempt.Outcome.REJECTED, Attempt.Outcome.ACCEPTED]


@BOTH
def test_a_mail_that_is_taken_late_is_sent_once(far_side, clock, workspace, provider):
    touch = make_far_touch(far_side, workspace, provider, steps=1)
    far_side.fail(OPERATIONS[provider]["send"], status=504, accepts=True, after=200)
    draining.drain_all()

    for seconds in (31, 30, 60, 120, 240, 420, 3600):
        go_on(clock, seconds)

    assert len(far_side.journal) == 1
    assert Touch.objects.get(pk=touch.pk).status == Touch.Status.SENT


@BOTH
@pytest.mark.parametrize("stage", ["claimed", "prepared", "on the wire", "answered"])
def test_a_worker_lost_at_any_stage_sends_it_once(far_side, clock, workspace, provider, stage):
    touch = make_far_touch(far_side, workspace, provider, steps=1)
    with outbox.opened(touch.mailbox) as adapter:
        for done in sending.sending(touch.pk, adapter):
            if done == stage:
                break

    for seconds in (200, 31, 30, 60, 120, 240, 420):
        go_on(clock, seconds)

    assert len(far_side.journal) == 1
    assert Touch.objects.get(pk=touch.pk).status == Touch.Status.SENT
    assert drafts_of(far_side, provider, touch) == [], "none is left for a person to send"


def drafts_of(far_side: FarSide, provider: str, touch: Touch) -> list[object]:
    if provider == "gmail":
        return list(far_side.google.mailbox(touch.mailbox.email).drafts)
    items = far_side.microsoft.mailbox(touch.mailbox.email).items.values()
    return [each for each in items if each.folder == "drafts"]


@BOTH
def test_a_worker_that_wakes_up_too_late_sends_nothing(far_side, clock, workspace, provider):
    touch = make_far_touch(far_side, workspace, provider, steps=1)
    with outbox.opened(touch.mailbox) as adapter:
        stalled = sending.sending(touch.pk, adapter)
        while next(stalled) != "prepared":
            pass
        for seconds in (200, 31, 30, 60, 120, 240, 420):
            go_on(clock, seconds)
        list(stalled)

    assert len(far_side.journal) == 1


@BOTH
def test_a_dead_sign_in_holds_the_mail_and_burns_no_attempt(far_side, clock, workspace, provider):
    touch = make_far_touch(far_side, workspace, provider)
    side = far_side.google if provider == "gmail" else far_side.microsoft
    side.grants.revoke_all(touch.mailbox.email)

    draining.drain_all()

    touch.refresh_from_db()
    mailbox = Mailbox.everywhere.get(pk=touch.mailbox_id)
    assert (touch.status, touch.attempts_made) == (Touch.Status.SCHEDULED, 0)
    assert mailbox.status == Mailbox.Status.DISCONNECTED
    assert "expired" in mailbox.last_error


@BOTH
def test_an_expired_app_secret_disconnects_no_mailbox(far_side, clock, workspace, provider):
    touch = make_far_touch(far_side, workspace, provider)
    side = far_side.google if provider == "gmail" else far_side.microsoft
    side.grants.end_access_tokens()
    side.grants.client_secret = "a new one"

    draining.drain_all()

    mailbox = Mailbox.everywhere.get(pk=touch.mailbox_id)
    assert mailbox.status == Mailbox.Status.CONNECTED
    assert mailbox.hold_reason == "settings"
    side.grants.client_secret = "fake-secret"
    go_on(clock, 16 * 60)
    assert len(far_side.journal) == 1


@BOTH
def test_a_provider_that_cannot_be_asked_at_the_last_mark_is_asked_again_before_a_person_is(
    far_side, clock, workspace, provider
):
    touch = make_far_touch(far_side, workspace, provider, steps=1)
    far_side.fail(OPERATIONS[provider]["send"], line=DROP, accepts=True)
    draining.drain_all()
    for name in ("delete", "look"):
        far_side.fail(OPERATIONS[provider][name], status=503, times=None)
    for seconds in (31, 30, 60, 120, 240, 420, 30):
        go_on(clock, seconds)
    assert not Touch.objects.get(pk=touch.pk).decide

    far_side.heal()
    go_on(clock, 31)

    assert Touch.objects.get(pk=touch.pk).status == Touch.Status.SENT


@BOTH
def test_a_provider_that_cannot_be_asked_at_all_leaves_it_to_a_person(
    far_side, clock, workspace, provider
):
    touch = make_far_touch(far_side, workspace, provider, steps=1)
    far_side.fail(OPERATIONS[provider]["send"], line=DROP, accepts=True)
    draining.drain_all()
    for name in ("delete", "look"):
        far_side.fail(OPERATIONS[provider][name], status=503, times=None)

    for seconds in (31, 30, 60, 120, 240, 420, 120, 130):
        go_on(clock, seconds)

    assert Touch.objects.get(pk=touch.pk).decide


def fail_often(far_side: FarSide, provider: str) -> None:
    """Let everything go wrong now and then, in every way."""
    names = OPERATIONS[provider]
    error = google_error if provider == "gmail" else graph_error
    busy = (429, "rateLimitExceeded", "Slow down") if provider == "gmail" else ("TooManyRequests",)
    for chance, name, fault in (
        (0.05, "send", {"status": 503}),
        (0.05, "send", {"status": 500, "accepts": True}),
        (0.05, "send", {"line": DROP}),
        (0.06, "send", {"line": RESET, "accepts": True}),
        (0.05, "send", {"status": 504, "accepts": True, "after": 250}),
        (0.04, "send", {"status": 504, "accepts": True, "after": 3000}),
        (0.03, "send", {"status": 429, "body": error(*busy), "headers": {"Retry-After": "20"}}),
        (0.05, "create", {"status": 500, "accepts": True}),
        (0.03, "create", {"line": DROP}),
        (0.15, "delete", {"line": DROP, "accepts": True}),
        (0.1, "delete", {"status": 503}),
        (0.1, "look", {"line": RESET}),
    ):
        far_side.fail(names[name], chance=chance, times=None, **fault)


@BOTH
def test_many_mails_through_a_bad_day_each_leave_once_and_nobody_is_asked(
    far_side, clock, workspace, provider, tmp_path
):
    touch = make_far_touch(far_side, workspace, provider, steps=1)
    copies_of(touch, 39)
    fail_often(far_side, provider)
    if provider == "microsoft":
        far_side.microsoft.transport_delay = 40

    for _ in range(40):
        go_on(clock, 30)
    far_side.heal()
    for _ in range(12):
        go_on(clock, 300)

    statuses = Counter(Touch.objects.values_list("status", flat=True))
    assert not Touch.objects.filter(decide=True).exists(), "nobody is asked"
    per_person = Counter(each.recipient for each in far_side.journal)
    assert set(per_person.values()) == {1}, "nothing twice"
    sent = set(Touch.objects.filter(status=Touch.Status.SENT).values_list("recipient", flat=True))
    assert sent == set(per_person), "what is recorded is what left"
    assert statuses[Touch.Status.SENT] + statuses[Touch.Status.FAILED] == 40
    assert Attempt.objects.filter(outcome=Attempt.Outcome.UNKNOWN).count() == 0
    told = verify("--journal", journal(tmp_path, *(each.line() for each in far_side.journal)))
    assert len(re.findall(r"^I\d\d +holds", told, re.MULTILINE)) == 24, told
