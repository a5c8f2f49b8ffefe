from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from mailboxes import answers, inbox
from mailboxes.models import InboundMail, SandboxMail
from outreach import times
from outreach.models import Membership
from sequences import cards
from sequences.engine import draining, explain, replies, sandbox, sending
from sequences.models import Contact, Deal, Enrollment, Event, Reply, Suppression, Touch
from tests.factories import approve, make_contact, make_due_touch, make_enrollment, make_sequence
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(workspace) -> Enrollment:
    """A run of three steps whose first one has just gone out."""
    contact = make_contact(workspace, email="jordan@globex.test")
    touch = make_due_touch(workspace=workspace, steps=3, contact=contact)
    draining.drain_all()
    return Enrollment.everywhere.get(pk=touch.enrollment_id)


def caught(run: Enrollment) -> SandboxMail:
    recipient = run.contact.email
    return SandboxMail.everywhere.caught().filter(recipient=recipient).latest("pk")


def inbound(run: Enrollment, text: str, **options: object) -> InboundMail:
    """A mail of the prospect that has come in and is not settled yet."""
    raw = answers.reply(caught(run), text, **options)
    return inbox.deliver(run.mailbox, raw, f"in-{times.now().timestamp()}")[0]


def changed(mail: InboundMail, **values: object) -> InboundMail:
    InboundMail.everywhere.filter(pk=mail.pk).update(**values)
    mail.refresh_from_db()
    return mail


def statuses(run: Enrollment) -> list[str]:
    return [touch.status for touch in run.touches.all()]


def test_interest_ends_the_run_and_opens_a_deal(run):
    inbound(run, "Sounds interesting, let's talk on Thursday.")

    assert replies.tick() == 1

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE
    assert statuses(run) == ["sent", "cancelled", "cancelled"]
    assert Deal.everywhere.get(enrollment=run).title == "Globex – Q4 outbound"
    assert Contact.everywhere.get(pk=run.contact_id).status == Contact.Status.REPLIED
    reply = Reply.everywhere.get()
    assert (reply.label, reply.touch.position) == ("interested", 1)
    assert reply.text == "Sounds interesting, let's talk on Thursday."
    assert Event.everywhere.get(kind="replied").detail["label"] == "interested"


def test_an_objection_ends_the_run_without_a_deal(run):
    sandbox.answer(caught(run), "objection")

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_OBJECTION
    assert not Deal.everywhere.exists()


def test_not_now_keeps_the_day_to_ask_again(run):
    inbound(run, "Not a good time, please try again on 1 March 2027.")

    replies.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_OBJECTION
    assert Reply.everywhere.get().return_on.isoformat() == "2027-03-01"


def test_asking_to_stop_suppresses_and_archives(run):
    sandbox.answer(caught(run), "unsubscribe")

    run.refresh_from_db()
    assert (run.status, run.end_reason) == ("archived", "unsubscribed")
    assert Suppression.everywhere.get().value == "jordan@globex.test"
    assert Contact.everywhere.get(pk=run.contact_id).opted_out


def test_an_absence_moves_the_next_step_to_the_day_after_the_return(workspace):
    sequence = make_sequence(
        workspace, window_start=time(9), window_end=time(17), zone="America/New_York", steps=2
    )
    touch = approve(make_enrollment(sequence=sequence)).touches.get(position=1)
    Touch.objects.filter(pk=touch.pk).update(is_hurried=True)
    draining.drain_all()
    run = Enrollment.everywhere.get(pk=touch.enrollment_id)
    back = (times.now() + timedelta(days=20)).date()

    inbound(run, f"I am out of the office until {back:%d %B %Y}.", automatic=True)
    replies.tick()

    run.refresh_from_db()
    second = run.touches.get(position=2)
    opening = datetime.combine(back + timedelta(days=1), time(9), ZoneInfo("America/New_York"))
    assert run.status == Enrollment.Status.ACTIVE
    assert second.status == Touch.Status.SCHEDULED
    assert (second.due_at, second.is_rescheduled) == (opening, True)
    assert Event.everywhere.filter(kind="postponed").count() == 1


def test_a_step_that_waits_for_an_absence_to_end_says_so_until_a_person_moves_it(run):
    back = (times.now() + timedelta(days=20)).date()
    inbound(run, f"I am out of the office until {back:%d %B %Y}.", automatic=True)
    replies.tick()
    second = run.touches.get(position=2)

    assert explain.touch(second, run).sentence == "The prospect is away until then."
    assert [card.wait for card in cards.of_run(run, Membership(role="viewer"))][1] == (
        "When the prospect is back"
    )

    second.reschedule(times.now() + timedelta(days=30), by=None)
    assert explain.touch(second, run).sentence == "A person chose this time."


def test_an_absence_without_a_date_waits_a_week_once(run):
    inbound(run, "I am out of office with no access to mail.", automatic=True)
    replies.tick()
    due = run.touches.get(position=2).due_at
    inbound(run, "I am out of office with no access to mail.", automatic=True)
    replies.tick()

    assert timedelta(days=6, hours=23) < due - times.now() <= timedelta(days=7)
    assert run.touches.get(position=2).due_at - due < timedelta(minutes=1)


def test_an_absence_that_is_over_before_the_next_step_moves_nothing(run):
    due = run.touches.get(position=2).due_at
    back = (times.now() + timedelta(days=1)).date()

    inbound(run, f"I am out of the office until {back:%d %B %Y}.", automatic=True)
    replies.tick()

    assert run.touches.get(position=2).due_at == due


def test_a_mail_of_a_machine_is_kept_and_stops_nothing(run):
    inbound(run, "We have received your message. Ticket 4711.", automatic=True)

    replies.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.ACTIVE
    assert Reply.everywhere.get().label == "bounce_or_auto"


def test_a_reply_holds_the_other_runs_of_the_prospect(workspace, run):
    other = approve(make_enrollment(workspace, contact=run.contact))
    pending = make_enrollment(workspace, contact=run.contact)
    stranger = approve(make_enrollment(workspace))

    sandbox.answer(caught(run), "interested")

    for each in (other, pending, stranger):
        each.refresh_from_db()
    assert (other.status, other.pause_note) == ("paused", "Answered in Q4 outbound")
    assert pending.status == Enrollment.Status.PENDING_APPROVAL
    assert stranger.status == Enrollment.Status.APPROVED


def test_an_absence_holds_no_other_run(workspace, run):
    other = approve(make_enrollment(workspace, contact=run.contact))

    sandbox.answer(caught(run), "out_of_office")

    other.refresh_from_db()
    assert other.status == Enrollment.Status.APPROVED


def test_a_second_reply_is_kept_and_changes_nothing(run):
    sandbox.answer(caught(run), "objection")
    sandbox.answer(caught(run), "interested")

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_OBJECTION
    assert run.replies.count() == 2
    assert not Deal.everywhere.exists()


def test_the_answer_to_the_last_step_counts(workspace):
    touch = make_due_touch(workspace=workspace, steps=1)
    draining.drain_all()
    run = Enrollment.everywhere.get(pk=touch.enrollment_id)
    assert run.status == Enrollment.Status.COMPLETE

    sandbox.answer(caught(run), "interested")

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE
    assert Deal.everywhere.filter(enrollment=run).exists()


def test_a_reply_to_a_run_stopped_by_hand_is_only_kept(alice, run):
    run.stop(by=alice)

    sandbox.answer(caught(run), "interested")

    run.refresh_from_db()
    assert (run.status, run.end_reason) == ("archived", "by_hand")
    assert run.replies.count() == 1


def test_asking_to_stop_counts_even_after_the_end(alice, run):
    run.stop(by=alice)

    sandbox.answer(caught(run), "unsubscribe")

    run.refresh_from_db()
    assert run.end_reason == "by_hand"
    assert Suppression.everywhere.filter(value="jordan@globex.test").exists()


# Matching


def test_a_colleague_who_answers_in_the_thread_counts(run):
    changed(
        inbound(run, "Jordan asked me to set up a call with you."), from_email="pat@globex.test"
    )

    replies.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE


@pytest.mark.parametrize("left", ["references", "reference", "thread_id", ""])
def test_a_reply_is_matched_by_whatever_its_program_left(run, left):
    mail = inbound(run, "Tell me more")
    touch = run.touches.get(position=1)
    kept = {
        "references": f"<unknown@elsewhere.test> {touch.wire_message_id} <later@globex.test>",
        "reference": sending.reference(touch),
        "thread_id": touch.thread_id,
    }
    bare = {"in_reply_to": "", "references": "", "reference": "", "thread_id": ""}
    changed(mail, **bare | ({left: kept[left]} if left else {}))

    replies.settle(mail)

    mail.refresh_from_db()
    assert mail.outcome == f"reply by {(left or 'sender').removesuffix('_id')}"


@pytest.mark.parametrize(
    "values",
    [
        {"subject": "Re: Quick question about Globex", "from_email": "jo@elsewhere.test"},
        {"reference": "t1", "from_email": "jo@elsewhere.test"},
        {"reference": "t9999999999", "from_email": "jordan@globex.test", "mailbox": None},
    ],
)
def test_the_subject_or_a_guessed_reference_is_no_proof(workspace, run, values):
    mail = inbound(run, "Please stop")
    if values.get("reference") == "t1":
        values |= {"reference": sending.reference(run.touches.get(position=1))}
    if "mailbox" in values:
        values |= {"mailbox": make_enrollment(workspace).mailbox}
    changed(mail, in_reply_to="", references="", thread_id="", **values)

    replies.settle(mail)

    mail.refresh_from_db()
    run.refresh_from_db()
    assert mail.outcome == "unmatched"
    assert run.status == Enrollment.Status.ACTIVE


def test_a_sender_of_long_ago_is_not_matched_by_the_address_alone(run):
    run.touches.filter(position=1).update(sent_at=times.now() - timedelta(days=31))
    mail = changed(inbound(run, "Yes"), in_reply_to="", references="", thread_id="")

    assert replies.settle(mail) == "unmatched"


def test_our_own_mail_is_no_reply(alice, run):
    for sender in (run.mailbox.email, alice.email):
        assert replies.settle(changed(inbound(run, "Yes"), from_email=sender)) == "own"

    run.refresh_from_db()
    assert run.status == Enrollment.Status.ACTIVE


def test_a_mail_of_another_workspace_answers_nothing_here(carol, run):
    elsewhere = carol.memberships.get().workspace
    stranger = make_enrollment(elsewhere)
    mail = changed(inbound(run, "Yes"), workspace=elsewhere, mailbox=stranger.mailbox)

    assert replies.settle(mail) == "unmatched"


def test_the_same_mail_in_two_mailboxes_is_one_reply(workspace, run):
    raw = answers.reply(caught(run), "Sounds interesting")
    second = make_enrollment(workspace).mailbox
    inbox.deliver(run.mailbox, raw, "one")
    inbox.deliver(second, raw, "two")

    replies.tick()

    assert Reply.everywhere.count() == 1
    assert sorted(InboundMail.everywhere.values_list("outcome", flat=True)) == [
        "copy",
        "reply by in_reply_to",
    ]


# Once, whatever happens


def test_two_that_settle_the_same_mail_at_once_record_it_once(run):
    mail = inbound(run, "Sounds interesting, let's talk")

    said = together(lambda: replies.settle(mail), lambda: replies.settle(mail))

    assert sorted(said) == ["", "reply by in_reply_to"]
    assert (Reply.everywhere.count(), Deal.everywhere.count()) == (1, 1)
    assert Event.everywhere.filter(kind="replied").count() == 1


def test_a_settler_that_dies_leaves_no_half_and_the_next_tick_does_it(run, monkeypatch):
    inbound(run, "Sounds interesting, let's talk")

    class Killed(BaseException):
        pass

    def die(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("sequences.engine.consequences.pause_others", die)
        with pytest.raises(Killed):
            replies.tick()
    run.refresh_from_db()
    assert run.status == Enrollment.Status.ACTIVE
    assert not Reply.everywhere.exists() and not Deal.everywhere.exists()

    replies.tick()

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE


def test_a_mail_that_cannot_be_settled_does_not_hold_those_behind_it(run, monkeypatch):
    bad, good = inbound(run, "First"), inbound(run, "Sounds interesting, let's talk")
    match = replies.match

    def fail_on_the_first(mail: InboundMail) -> object:
        if mail.pk == bad.pk:
            raise ValueError("unreadable")
        return match(mail)

    monkeypatch.setattr(replies, "match", fail_on_the_first)

    assert replies.tick() == 1

    bad.refresh_from_db()
    good.refresh_from_db()
    assert bad.settled_at is None and good.settled_at is not None


def test_a_reply_and_a_send_at_once_are_put_in_an_order_by_the_row(workspace):
    for _ in range(6):
        touch = make_due_touch(workspace=workspace, steps=3)
        draining.drain_all()
        run = Enrollment.everywhere.get(pk=touch.enrollment_id)
        run.touches.filter(position=2).update(due_at=times.now())
        mail = inbound(run, "Sounds interesting, let's talk")

        together(draining.drain_all, lambda mail=mail: replies.settle(mail))

        run.refresh_from_db()
        second, third = run.touches.get(position=2), run.touches.get(position=3)
        assert run.status == Enrollment.Status.REPLIED_POSITIVE
        assert third.status == Touch.Status.CANCELLED
        attempt = second.attempts.filter(outcome="accepted").first()
        ended = Event.everywhere.get(enrollment=run, kind="replied")
        if second.status == Touch.Status.SENT:
            assert attempt.wire_at <= ended.at
        else:
            assert second.status == Touch.Status.CANCELLED and attempt is None


def test_a_reply_that_waits_for_the_row_sees_what_was_committed_before_it(alice, run):
    mail = inbound(run, "Sounds interesting, let's talk")

    with transaction.atomic():
        locked = run.lock()
        locked.stop(by=alice)
    replies.settle(mail)

    run.refresh_from_db()
    assert run.end_reason == "by_hand"
