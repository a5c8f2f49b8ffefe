import pytest

from mailboxes import answers, inbox
from mailboxes.models import InboundMail, SandboxMail
from sequences.engine import draining, replies, sending
from sequences.models import Enrollment, Event, Reply, Suppression, Touch
from tests.factories import approve, make_contact, make_due_touch, make_enrollment

pytestmark = pytest.mark.django_db(transaction=True)


def make_sent(workspace, email: str = "jordan@globex.test", steps: int = 2) -> Enrollment:
    contact = make_contact(workspace, email=email)
    touch = make_due_touch(workspace=workspace, contact=contact, steps=steps)
    draining.drain_all()
    return Enrollment.everywhere.get(pk=touch.enrollment_id)


def report(run: Enrollment, code: str = "5.1.1", **changed: str) -> InboundMail:
    caught = SandboxMail.everywhere.caught().filter(recipient=run.contact.email).latest("pk")
    raw = answers.bounce(caught, code)
    for old, new in changed.items():
        raw = raw.replace(old.replace("_", "-").encode(), new.encode())
    count = InboundMail.everywhere.count()
    return inbox.deliver(run.mailbox, raw, f"bounce-{count}")[0]


def test_a_dead_address_is_suppressed_and_its_run_archived(workspace):
    run = make_sent(workspace)
    other = approve(make_enrollment(workspace, contact=run.contact))

    replies.settle(report(run))

    run.refresh_from_db()
    other.refresh_from_db()
    first, second = run.touches.all()
    assert (run.status, run.end_reason) == ("archived", "bounced")
    assert other.end_reason == "bounced"
    assert first.status == Touch.Status.SENT and first.bounced_at
    assert first.error == "550 5.1.1 <jordan@globex.test>: no such address here"
    assert second.status == Touch.Status.CANCELLED
    entry = Suppression.everywhere.get()
    assert (entry.value, entry.reason) == ("jordan@globex.test", "bounced")
    assert not Reply.everywhere.exists()


def test_a_sandbox_address_that_bounces_does_so_by_itself(workspace):
    run = make_sent(workspace, "bounce+jordan@globex.test")

    replies.tick()

    run.refresh_from_db()
    assert run.end_reason == "bounced"


def test_a_bounce_of_the_last_step_archives_the_complete_run(workspace):
    run = make_sent(workspace, steps=1)
    assert run.status == Enrollment.Status.COMPLETE

    replies.settle(report(run))

    run.refresh_from_db()
    assert (run.status, run.end_reason) == ("archived", "bounced")


def test_a_full_mailbox_counts_and_the_third_time_is_the_last(workspace):
    run = make_sent(workspace)

    for number, outcome in enumerate(["soft bounce", "soft bounce", "bounce"], start=1):
        assert replies.settle(report(run, "4.2.2")) == outcome
        run.refresh_from_db()
        assert run.is_finished == (number == 3)

    assert "third time within 30 days" in run.touches.get(position=1).error


def test_a_policy_bounce_never_suppresses(workspace):
    run = make_sent(workspace)

    replies.settle(report(run, "5.7.1"))

    run.refresh_from_db()
    assert run.status == Enrollment.Status.ACTIVE
    assert run.touches.get(position=1).bounced_at
    assert not Suppression.everywhere.exists()


def test_a_delay_is_only_noted(workspace):
    run = make_sent(workspace)

    assert replies.settle(report(run, **{"Action: failed": "Action: delayed"})) == "delay"

    run.refresh_from_db()
    assert run.status == Enrollment.Status.ACTIVE
    assert Event.everywhere.filter(kind="delayed").count() == 1


@pytest.mark.parametrize("known", ["", "reference", "address"])
def test_a_forged_report_suppresses_nobody(workspace, known):
    run = make_sent(workspace)
    touch = run.touches.get(position=1)
    mail = report(run, **{touch.wire_message_id: "<guessed@brightline.test>"})
    values = {"in_reply_to": "", "references": "", "thread_id": ""}
    if known == "reference":
        values["reference"] = sending.reference(touch)
    if known == "address":
        values["from_email"] = run.contact.email
    InboundMail.everywhere.filter(pk=mail.pk).update(**values)
    mail.refresh_from_db()

    assert replies.settle(mail) == "unmatched"

    run.refresh_from_db()
    assert run.status == Enrollment.Status.ACTIVE
    assert not Suppression.everywhere.exists()


def test_the_death_of_a_forwarding_address_is_no_fault_of_ours(workspace):
    run = make_sent(workspace)
    final = "Final-Recipient: rfc822; "

    replies.settle(report(run, **{f"{final}jordan@globex.test": f"{final}old@globex.test"}))

    run.refresh_from_db()
    assert run.status == Enrollment.Status.ACTIVE
    assert not Suppression.everywhere.exists()


def test_a_report_that_is_faster_than_the_worker_waits_for_it(workspace):
    run = make_sent(workspace)
    touch = run.touches.get(position=1)
    Touch.objects.filter(pk=touch.pk).update(status=Touch.Status.SENDING)
    mail = report(run)

    assert replies.settle(mail) == ""
    Touch.objects.filter(pk=touch.pk).update(status=Touch.Status.SENT)
    assert replies.settle(mail) == "bounce"


def test_a_bounce_after_a_reply_keeps_the_reply(workspace):
    run = make_sent(workspace)
    run.end("stopped", to=Enrollment.Status.REPLIED_POSITIVE)

    replies.settle(report(run))

    run.refresh_from_db()
    assert run.status == Enrollment.Status.REPLIED_POSITIVE
    assert run.touches.get(position=1).bounced_at


def complaint(run: Enrollment, kind: str = "abuse") -> InboundMail:
    touch = run.touches.get(position=1)
    raw = (
        "From: feedback@isp.test\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=x\n\n"
        f"--x\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\n\n"
        f"--x\nContent-Type: message/rfc822\n\nMessage-ID: {touch.wire_message_id}\n\nHi\n--x--\n"
    )
    return inbox.deliver(run.mailbox, raw.encode(), f"complaint-{kind}")[0]


@pytest.mark.parametrize("steps", [1, 2])
def test_who_calls_a_mail_spam_is_never_written_to_again(workspace, steps):
    run = make_sent(workspace, steps=steps)

    assert replies.settle(complaint(run)) == "complaint"

    run.refresh_from_db()
    assert (run.status, run.end_reason) == ("archived", "complained")
    entry = Suppression.everywhere.get()
    assert (entry.value, entry.reason) == ("jordan@globex.test", "complained")
    assert not run.touches.get(position=1).bounced_at


def test_a_report_that_a_mail_was_no_spam_changes_nothing(workspace):
    run = make_sent(workspace)

    replies.settle(complaint(run, "not-spam"))

    run.refresh_from_db()
    assert run.status == Enrollment.Status.ACTIVE
    assert not Suppression.everywhere.exists()


def test_of_a_report_on_several_what_is_said_of_our_prospect_counts(workspace):
    run = make_sent(workspace)
    other = "Final-Recipient: rfc822; old@elsewhere.test\nAction: failed\nStatus: 5.1.1\n\n"

    mail = report(run, "5.7.1", **{"Final-Recipient": f"{other}Final-Recipient"})

    assert replies.settle(mail) == "policy bounce"
    assert not Suppression.everywhere.exists()
