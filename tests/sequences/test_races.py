"""People, programs and workers at the same record in the same moment, on real connections."""

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from mailboxes import answers, inbox
from mailboxes.models import MailboxDay, SandboxMail
from mailboxes.providers import provider_for
from outreach import times
from outreach.models import User, Workspace
from sequences.engine import draining, enrolling, gate, importing, people, replies, sending
from sequences.engine.suppressing import suppress
from sequences.models import (
    Attempt,
    Contact,
    Enrollment,
    Event,
    Import,
    NotReady,
    Sequence,
    TextChanged,
    Touch,
)
from tests.factories import (
    copies_of,
    make_contact,
    make_due_touch,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

TOO_LATE = "Only prospects pending approval can be approved; this one is approved."


def accepted() -> list[str]:
    """Return the ids of what the provider took, in order."""
    mails = SandboxMail.everywhere.exclude(accepted_at=None).order_by("pk")
    return list(mails.values_list("message_id", flat=True))


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def events_of(run: Enrollment, kind: str) -> int:
    return Event.everywhere.filter(enrollment=run, kind=kind).count()


# Approving


def test_fifty_clicks_on_approve_are_one_approval(alice, workspace):
    run = make_enrollment(workspace)
    shown = run.approval_token()
    clients = [client_of(alice) for _ in range(10)]

    def click_five_times(client: Client) -> list[tuple[int, str]]:
        said = [client.post(f"/enrollments/{run.pk}/approve/", {"shown": shown}) for _ in range(5)]
        return [(each.status_code, each.content.decode()) for each in said]

    got = together(*[lambda client=client: click_five_times(client) for client in clients])

    said = [each for five in got for each in five]
    assert [code for code, _ in said].count(302) == 1
    assert [code for code, _ in said].count(409) == 49
    assert all(TOO_LATE in page for code, page in said if code == 409)
    assert events_of(run, "approved") == 1


def test_an_edit_beside_an_approval_never_leaves_approved_what_nobody_saw(alice, workspace):
    sequence = make_sequence(workspace)
    for number in range(10):
        run = make_enrollment(sequence=sequence)
        shown, touch = run.approval_token(), run.touches.get(position=1)

        def click(run: Enrollment = run, shown: str = shown) -> str:
            try:
                run.approve(by=alice, shown=shown)
            except TextChanged:
                return "changed"
            return "approved"

        said, _ = together(
            click, lambda touch=touch: touch.edit(subject="New", body="Not read", by=alice)
        )

        run.refresh_from_db()
        touch.refresh_from_db()
        assert (touch.body, touch.is_approved) == ("Not read", False), number
        assert run.status == Enrollment.Status.PENDING_APPROVAL
        assert events_of(run, "approved") == (1 if said == "approved" else 0)


def test_two_approvals_of_one_selection_approve_each_run_once(alice, workspace):
    sequence = make_sequence(workspace)
    runs = [make_enrollment(sequence=sequence) for _ in range(8)]
    ticked = [f"{run.pk}:{run.approval_token()}" for run in runs]
    selection = {"go": "1", "approve": ticked, "ids": [run.pk for run in runs]}
    clients = [client_of(alice), client_of(alice)]

    pages = together(
        *[lambda c=client: c.post("/enrollments/approve/", selection) for client in clients]
    )

    assert [page.status_code for page in pages] == [200, 200]
    said = [
        re.search(r"(\d+)(?: of 8| prospects?) approved", page.content.decode()) for page in pages
    ]
    assert sum(int(number[1]) for number in said) == len(runs)
    assert [events_of(run, "approved") for run in runs] == [1] * len(runs)


# Undo at the last moment of its window


@pytest.mark.parametrize(
    "late, outcomes",
    [(-1, {"undone"}), (0, {"undone", "sent"}), (1, {"sent"})],
    ids=["a millisecond early", "on the dot", "a millisecond late"],
)
def test_an_undo_and_a_worker_at_the_end_of_the_window_agree(alice, workspace, late, outcomes):
    sequence = make_sequence(workspace)
    for _ in range(4):
        run = make_enrollment(sequence=sequence)
        run.approve(by=alice, shown=run.approval_token())
        end = run.undo_until + timedelta(milliseconds=late)
        touch = run.touches.get(position=1)
        Sequence.everywhere.update(next_free_at=None)

        def take_back(run: Enrollment = run) -> str:
            try:
                run.undo(by=alice)
            except NotReady as problem:
                assert "Too late to undo" in str(problem)
                return "sent"
            return "undone"

        with times.clock(lambda end=end: end):
            said, sent = together(
                take_back,
                lambda touch=touch: sending.send_one(touch.pk, provider_for(touch.mailbox)),
            )
            sent = draining.drain_all() or sent

        run.refresh_from_db()
        assert said in outcomes
        assert bool(sent) == (said == "sent")
        assert run.status == ("active" if said == "sent" else "pending_approval")
        assert (touch.message_id in accepted()) == (said == "sent")


# Whatever holds a mail back, against the gate


def _answer(run: Enrollment, alice: User) -> None:
    first = SandboxMail.everywhere.caught().get(message_id=run.touches.get(position=1).message_id)
    mail, _ = inbox.deliver(
        run.mailbox, answers.reply(first, "Sounds interesting, let's talk"), f"r{run.pk}"
    )
    assert replies.settle(mail)


HOLDS: dict[str, Callable[[Enrollment, User], object]] = {
    "stop": lambda run, alice: run.stop(by=alice),
    "pause": lambda run, alice: run.pause(by=alice),
    "suppress": lambda run, alice: suppress(
        run.workspace, run.contact.email, reason="by_hand", source="A test"
    ),
    "reply": _answer,
    "delete contact": lambda run, alice: people.delete(run.workspace, [run.contact], by=alice),
    "pause sequence": lambda run, alice: run.sequence.pause(by=alice),
    "pause mailbox": lambda run, alice: run.mailbox.pause(),
    "stop workspace": lambda run, alice: run.workspace.stop_sending(by=alice),
}


def due_follow_ups() -> dict[str, Touch]:
    """For each hold a second step that may leave now, in a run whose first mail went out."""
    for name in HOLDS:
        make_due_touch(workspace=make_workspace(name=name), steps=3)
    assert draining.drain_all() == len(HOLDS)
    Sequence.everywhere.update(next_free_at=None)
    second = Touch.objects.filter(position=2).select_related("enrollment__workspace")
    second.update(due_at=times.now())
    return {touch.enrollment.workspace.name: touch for touch in second}


@pytest.mark.parametrize("stage", ["claimed", "built", "prepared"])
def test_what_comes_before_the_gate_holds_the_mail_back(alice, stage):
    for hold, touch in due_follow_ups().items():
        stages = sending.sending(touch.pk, provider_for(touch.mailbox))
        while next(stages) != stage:
            pass

        HOLDS[hold](touch.enrollment, alice)

        assert list(stages)[-1] == "held back", hold
        assert touch.message_id not in accepted(), hold
        day = MailboxDay.objects.get(mailbox=touch.mailbox)
        assert (day.sent, day.reserved) == (1, 0), hold
        assert touch.attempts.get().outcome == Attempt.Outcome.ABANDONED, hold


def test_what_meets_a_mail_in_the_gate_is_done_only_after_it_is_through(alice, monkeypatch):
    """Whoever is told "stopped" can rely on it: what they did not hold back left before."""
    still_allowed = gate.still_allowed
    looked, asked = threading.Event(), threading.Event()

    def look_and_linger(*args: object) -> bool:
        allowed = still_allowed(*args)
        looked.set()
        assert asked.wait(10)
        time.sleep(0.2)
        return allowed

    ready = due_follow_ups()
    monkeypatch.setattr(gate, "still_allowed", look_and_linger)
    for hold, touch in ready.items():
        looked.clear()
        asked.clear()

        def hold_back(hold: str = hold, touch: Touch = touch) -> bool:
            assert looked.wait(10)
            assert not touch.attempts.exclude(wire_at=None).exists()
            asked.set()
            HOLDS[hold](touch.enrollment, alice)
            return touch.attempts.exclude(wire_at=None).exists()

        sent, was_through = together(
            lambda touch=touch: sending.send_one(touch.pk, provider_for(touch.mailbox)),
            hold_back,
        )

        assert sent and was_through, hold
        assert touch.message_id in accepted(), hold


def test_at_the_same_moment_one_of_the_two_is_first(alice):
    for hold, touch in due_follow_ups().items():
        sent, _ = together(
            lambda touch=touch: sending.send_one(touch.pk, provider_for(touch.mailbox)),
            lambda touch=touch, hold=hold: HOLDS[hold](touch.enrollment, alice),
        )

        touch.refresh_from_db()
        assert (touch.status == Touch.Status.SENT) == sent, hold
        assert (touch.message_id in accepted()) == sent, hold
        assert draining.drain(touch.mailbox_id) == 0, hold
        assert MailboxDay.objects.get(mailbox=touch.mailbox).reserved == 0, hold


# Workers against each other


def many_due(workspace: Workspace, count: int, **values: object) -> list[Touch]:
    """Touches of as many sequences, due from one mailbox."""
    mailbox = make_mailbox(workspace, **values)
    return [
        make_due_touch(sequence=make_sequence(workspace, steps=1, mailbox=mailbox))
        for _ in range(count)
    ]


def test_two_drains_of_one_mailbox_send_each_mail_once(workspace):
    touches = many_due(workspace, 8)
    provider = provider_for(touches[0].mailbox)

    def offer_all(order: int) -> int:
        return sum(sending.send_one(touch.pk, provider) for touch in touches[::order])

    sent = together(draining.drain_all, lambda: offer_all(1), lambda: offer_all(-1))
    sent.append(draining.drain_all())

    assert sum(sent) == len(touches)
    assert sorted(accepted()) == sorted(touch.message_id for touch in touches)
    day = MailboxDay.objects.get()
    assert (day.sent, day.reserved) == (len(touches), 0)


def test_however_many_workers_the_limit_of_the_day_holds(workspace):
    touches = many_due(workspace, 9, daily_limit=4)
    provider = provider_for(touches[0].mailbox)

    def offer_all(begin: int) -> None:
        for touch in touches[begin:] + touches[:begin]:
            sending.send_one(touch.pk, provider)

    together(*[lambda begin=begin: offer_all(begin) for begin in (0, 3, 6)])

    day = MailboxDay.objects.get()
    assert (day.sent, day.reserved) == (4, 0)
    assert len(accepted()) == 4


def test_eight_claimers_on_one_mailbox_send_exactly_its_limit(workspace):
    """Forty a day and four hundred due: each claimer has a sequence of its own to itself."""
    mailbox = make_mailbox(workspace, daily_limit=40)
    provider = provider_for(mailbox)
    work = []
    for _ in range(8):
        sequence = make_sequence(workspace, steps=1, mailbox=mailbox)
        first = make_due_touch(sequence=sequence)
        work.append((sequence, [first, *copies_of(first, 49)]))

    def claim_all(sequence: Sequence, touches: list[Touch]) -> int:
        sent = 0
        for touch in touches:
            Sequence.everywhere.filter(pk=sequence.pk).update(next_free_at=None)
            sent += sending.send_one(touch.pk, provider)
        return sent

    sent = together(*[lambda mine=mine: claim_all(*mine) for mine in work])

    assert sum(map(int, sent)) == len(accepted()) == 40
    days = MailboxDay.objects.filter(mailbox=mailbox)
    assert [(day.sent, day.reserved) for day in days] == [(40, 0)]


def test_claimers_on_both_sides_of_midnight_keep_the_rolling_limit(workspace):
    midnight = datetime(2027, 1, 6, tzinfo=UTC)
    mailbox = make_mailbox(workspace, daily_limit=6, zone="UTC")
    sequence = make_sequence(workspace, steps=1, mailbox=mailbox)
    touches = [make_due_touch(sequence=sequence) for _ in range(30)]
    provider = provider_for(mailbox)

    def claim(some: list[Touch]) -> None:
        for touch in some:
            Sequence.everywhere.filter(pk=sequence.pk).update(next_free_at=None)
            sending.send_one(touch.pk, provider)

    with times.clock(lambda: midnight - timedelta(minutes=1)):
        claim(touches[:4])
    with times.clock(lambda: midnight + timedelta(minutes=1)):
        together(*[lambda n=n: claim(touches[4 + n :: 4]) for n in range(4)])

    assert len(accepted()) == 6


# Contacts


def test_enrolling_the_same_people_twice_at_once_makes_one_run_each(alice, workspace):
    sequence = make_sequence(workspace)
    ids = [make_contact(workspace).pk for _ in range(30)]
    batches = [enrolling.enroll(sequence, ids, by=alice) for _ in range(2)]

    together(*[lambda batch=batch: enrolling.work(batch) for batch in batches])

    runs = Enrollment.everywhere.filter(sequence=sequence)
    assert sorted(runs.values_list("contact_id", flat=True)) == sorted(ids)
    for batch in batches:
        batch.refresh_from_db()
    assert sum(batch.enrolled for batch in batches) == len(ids)
    assert sum(batch.skipped.get("already_enrolled", 0) for batch in batches) == len(ids)


def test_an_import_and_a_deletion_of_the_same_people_both_come_to_an_end(alice, workspace):
    company = make_contact(workspace).company
    known = [
        make_contact(workspace, email=f"p{number}@hooli.test", company=company)
        for number in range(40)
    ]
    rows = "".join(f"{contact.email},New name\n" for contact in known)
    job = importing.read_file(workspace, "p.csv", f"E-mail,Name\n{rows}".encode(), by=alice)
    importing.check(job, mapping=job.mapping, has_header=True, list_name="L", update_existing=True)
    list(importing.finish_now(job))
    job.start()

    together(
        lambda: list(importing.finish_now(job)),
        lambda: people.delete(workspace, known, by=alice),
    )

    job.refresh_from_db()
    assert job.status == Import.Status.DONE, job.error
    assert job.created + job.updated == len(known)
    left = Contact.everywhere.filter(email__endswith="@hooli.test")
    assert not left.filter(pk__in=[contact.pk for contact in known]).exists()
    assert set(job.list.contacts.values_list("pk", flat=True)) == set(
        left.values_list("pk", flat=True)
    )


# People against each other


def uncertain_touch(workspace: Workspace) -> Touch:
    """A mail whose fate only a person can tell."""
    touch = make_due_touch(workspace=workspace)
    for stage in sending.sending(touch.pk, provider_for(touch.mailbox)):
        if stage == "on the wire":
            break
    Touch.objects.filter(pk=touch.pk).update(lease_until=times.now() - timedelta(seconds=1))
    sending.reap()
    Touch.objects.filter(pk=touch.pk).update(decide=True, check_at=None)
    touch.refresh_from_db()
    return touch


def test_two_people_who_decide_differently_settle_it_once(alice, workspace):
    for _ in range(3):
        touch = uncertain_touch(workspace)
        url = f"/touches/{touch.pk}/decide/"
        decisions = [(client_of(alice), "sent"), (client_of(alice), "again")]

        pages = together(
            *[
                lambda c=c, said=said, url=url: c.post(url, {"answer": said})
                for c, said in decisions
            ]
        )

        touch.refresh_from_db()
        was_first = [page.status_code for page in pages].index(302)
        assert sorted(page.status_code for page in pages) == [302, 422]
        expected = [Touch.Status.SENT, Touch.Status.SCHEDULED][was_first]
        assert touch.status == expected
        assert touch.attempts.get().decided_by == alice
        MailboxDay.objects.all().delete()
