"""When one person of a company answers, the sequence says what becomes of their colleagues."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from mailboxes import answers, inbox
from mailboxes.models import InboundMail, SandboxMail
from outreach import times
from outreach.models import Membership, User
from sequences.engine import drafting, draining, preflight, replies, sandbox
from sequences.engine.preflight import Check
from sequences.models import Contact, Deal, Enrollment, Event, Reply, Sequence, Touch
from tests.factories import (
    approve,
    make_company,
    make_contact,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

pytestmark = pytest.mark.django_db(transaction=True)
PAUSE, STOP, CONTINUE = "pause", "stop", "continue"
NOTE = "Jordan Lee at Globex answered in this sequence"


@pytest.fixture
def sequence(workspace) -> Sequence:
    mailbox = make_mailbox(workspace)
    return make_sequence(workspace, steps=2, company_rule=PAUSE, mailbox=mailbox, per_minute=60)


@pytest.fixture
def run(sequence) -> Enrollment:
    """Jordan's run at Globex, of which a mail has gone out."""
    contact = make_contact(sequence.workspace, email="jordan@globex.test")
    run = approve(make_enrollment(sequence=sequence, contact=contact))
    draining.drain_all()
    run.refresh_from_db()
    assert run.last_sent_at
    return run


def colleague(sequence: Sequence, email: str = "pat@globex.test", **values: Any) -> Enrollment:
    values = {"company": None, "first_name": "Pat", "last_name": "Doe"} | values
    contact = make_contact(sequence.workspace, email=email, **values)
    return make_enrollment(sequence=sequence, contact=contact)


def approved(sequence: Sequence, *args: Any, **values: Any) -> Enrollment:
    made = approve(colleague(sequence, *args, **values))
    # Later, so that nothing of it leaves in these tests.
    Touch.objects.filter(enrollment=made).update(due_at=times.now() + timedelta(days=2))
    return made


def caught(run: Enrollment) -> SandboxMail:
    return SandboxMail.everywhere.caught().get(recipient=run.contact.email)


def answer(run: Enrollment, kind: str = "interested") -> None:
    sandbox.answer(caught(run), kind)


def drawer(run: Enrollment, reader: User, tab: str = "steps") -> str:
    client = Client()
    client.force_login(reader)
    return client.get(f"/enrollments/{run.pk}/", {"tab": tab}).content.decode()


def rule(sequence: Sequence, value: str) -> None:
    Sequence.everywhere.filter(pk=sequence.pk).update(company_rule=value)


def state(run: Enrollment) -> tuple[str, str]:
    run.refresh_from_db()
    return run.status, run.pause_note or run.end_note


def test_pause_holds_colleagues_until_a_person_resumes_them(run, sequence, alice):
    other = approved(sequence)

    answer(run)

    assert state(other) == ("paused", NOTE)
    assert other.paused_until is None
    assert "Paused until somebody resumes it" in drawer(other, alice)
    assert f"{NOTE}. Paused by the program" in drawer(other, alice)
    assert Event.everywhere.get(enrollment=run, kind="colleagues_paused").detail["note"] == "1 run"
    assert Event.everywhere.get(enrollment=other, kind="paused").detail["note"] == NOTE


def test_stop_ends_their_runs_waiting_and_paused_ones_too(run, sequence, alice):
    rule(sequence, STOP)
    others = [approved(sequence, f"{name}@globex.test") for name in ("ann", "ben")]
    others.append(colleague(sequence))
    others[1].pause(by=alice)

    answer(run)

    for other in others:
        other.refresh_from_db()
        assert (other.status, other.end_reason, other.end_note) == ("archived", "cancelled", NOTE)
        assert {each.status for each in other.touches.all()} == {"cancelled"}
    assert NOTE in drawer(others[0], alice)
    assert "Colleagues in this sequence stopped" in drawer(run, alice, "activity")


def test_continue_lets_them_go_on(run, sequence):
    rule(sequence, CONTINUE)
    other = approved(sequence)

    answer(run)

    assert state(other) == ("approved", "")
    assert not Event.everywhere.filter(kind__startswith="colleague").exists()


@pytest.mark.parametrize("kind", ["objection", "unsubscribe", "question"])
def test_whatever_a_person_answers_counts(run, sequence, kind):
    other = approved(sequence)

    answer(run, kind)

    assert state(other)[0] == "paused"


def test_a_machines_answer_does_not(run, sequence):
    other = approved(sequence)

    answer(run, "out_of_office")

    assert state(other)[0] == "approved"


def test_a_machine_that_says_somebody_has_left_asks_a_person_and_stops_nobody_else(run, sequence):
    rule(sequence, STOP)
    other = approved(sequence)
    raw = answers.reply(
        caught(run), "Jordan Lee is no longer with Globex. Please write to Ann.", automatic=True
    )
    mail = inbox.deliver(run.mailbox, raw, "in-1")[0]

    replies.settle(mail)

    reply = Reply.everywhere.get()
    assert mail.is_automatic and reply.label == "referral"
    # It waits in the inbox, and nothing more of this run leaves.
    assert reply.handled_at is None and state(run)[0] == "replied_objection"
    assert state(other) == ("approved", "")


def test_a_pause_that_would_end_by_itself_lasts_until_a_person_ends_it(run, sequence, alice):
    other = approved(sequence)
    other.pause(by=alice, until=times.now() + timedelta(days=3), note="On holiday")

    answer(run)

    assert state(other) == ("paused", f"On holiday. {NOTE}")
    assert other.paused_until is None


def test_other_companies_and_other_sequences_go_on(run, sequence, workspace):
    elsewhere = approved(sequence, "pat@initech.test")
    alike = approved(sequence, "pat@notglobex.test")
    another = make_sequence(workspace, name="Another", mailbox=sequence.mailbox)
    in_another = approved(another)

    answer(run)

    assert {state(each)[0] for each in (elsewhere, alike, in_another)} == {"approved"}


def test_free_mail_is_nobodys_company(sequence, workspace):
    # As a careless import might have it.
    gmail = make_company(workspace, name="Gmail", domain="gmail.com")
    contact = make_contact(workspace, email="jordan@gmail.com", company=gmail)
    run = approve(make_enrollment(sequence=sequence, contact=contact))
    draining.drain_all()
    other = approved(sequence, "pat@gmail.com", company=gmail)

    answer(run)

    assert state(other) == ("approved", "")


def test_a_company_that_was_named_counts_whatever_the_address(run, sequence):
    other = approved(sequence, "pat.private@gmail.com", company=run.contact.company)

    answer(run)

    assert state(other) == ("paused", NOTE)


def test_a_draft_waits_for_a_person_even_in_automatic_mode(run, sequence, alice):
    membership = Membership.objects.get(user=alice, workspace=sequence.workspace)
    assert membership.may("approver")
    other = colleague(sequence)
    stranger = colleague(sequence, "pat@initech.test")
    Sequence.everywhere.filter(pk=sequence.pk).update(approval_mode="automatic", approver=alice)

    answer(run)

    assert drafting.approve_due() == 1
    assert state(stranger)[0] == "approved"
    assert state(other)[0] == "pending_approval"
    assert f"{NOTE}. If approved now" in drawer(other, alice)
    assert Check("warn", "A colleague has answered", f"{NOTE}.") in preflight.checks(other)
    assert Check("warn", "A colleague has answered", f"{NOTE}.") not in preflight.checks(stranger)
    assert "answered in this sequence" not in drawer(colleague(sequence, "x@y.test"), alice)


def test_what_follows_from_an_answer_is_one_transaction(run, sequence, monkeypatch):
    other = approved(sequence)
    raw = answers.reply(caught(run), "Sounds interesting, let's talk.")
    mail = inbox.deliver(run.mailbox, raw, "in-1")[0]

    def breaks(*_: Any) -> None:
        raise RuntimeError("The database went away.")

    with monkeypatch.context() as broken:
        broken.setattr(replies, "_name", breaks)
        with pytest.raises(RuntimeError):
            replies.settle(mail)
    assert state(other) == ("approved", "") and state(run)[0] == "active"
    assert not Deal.everywhere.exists() and not Reply.everywhere.exists()

    assert replies.settle(InboundMail.everywhere.get()) == "reply by in_reply_to"
    assert state(other) == ("paused", NOTE)


def test_a_correction_lets_colleagues_go_on(run, sequence, alice):
    other, own = approved(sequence), approved(sequence, "ann@globex.test")
    own.pause(by=alice)
    answer(run)
    assert state(other)[0] == "paused"

    replies.relabel(Reply.everywhere.get(), "out_of_office", by=alice)

    assert state(run)[0] == "active"
    assert state(other) == ("approved", "")
    # What a person paused is theirs to resume.
    assert state(own) == ("paused", "")


def test_a_correction_to_an_answer_pauses_them(run, sequence, alice):
    other = approved(sequence)
    answer(run, "out_of_office")

    replies.relabel(Reply.everywhere.get(), "unsubscribe", by=alice)

    assert state(other) == ("paused", NOTE)


def test_nobody_goes_on_while_another_of_them_has_answered(sequence, workspace, alice):
    runs = []
    for name in ("jordan", "ann"):
        contact = make_contact(workspace, email=f"{name}@globex.test")
        runs.append(approve(make_enrollment(sequence=sequence, contact=contact)))
    for _ in runs:
        draining.drain_all()
        Sequence.everywhere.update(next_free_at=None)
    other = approved(sequence)
    for each in runs:
        answer(each)

    first = Reply.everywhere.get(enrollment=runs[0])
    replies.relabel(first, "out_of_office", by=alice)

    assert state(other)[0] == "paused"


def test_an_admin_chooses_the_rule(client, sequence, alice):
    client.force_login(alice)
    address = f"/sequences/{sequence.pk}/settings/"
    assert "Pause their colleagues" in client.get(address).content.decode()
    form = {"name": sequence.name, "mailbox": sequence.mailbox_id, "approval_mode": "manual"}

    assert client.post(address, form | {"company_rule": "stop"}).status_code == 302
    assert Sequence.everywhere.get(pk=sequence.pk).company_rule == "stop"
    assert client.post(address, form | {"company_rule": "made up"}).status_code == 422
    # A program that does not know of it changes nothing about it.
    assert client.post(address, form).status_code == 302
    assert Sequence.everywhere.get(pk=sequence.pk).company_rule == "stop"


def test_a_contact_that_was_deleted_reaches_nobody(run, sequence):
    other = approved(sequence)
    mail = caught(run)
    Contact.everywhere.filter(pk=run.contact_id).delete()

    sandbox.answer(mail, "interested")

    assert state(other) == ("approved", "")
