"""The whole way without fakes: Celery over Redis, and a real SMTP server."""

from email import message_from_bytes
from email.message import Message

import pytest
from django.conf import settings

from mailboxes.models import Mailbox
from sequences.engine import enrolling
from sequences.models import Enrollment, Sequence, Touch
from tests.factories import make_contact, make_mailbox, make_sequence, make_user, make_workspace
from tests.fakes.smtp import running_sink
from tests.processes import celery, wait_for

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="needs REDIS_URL: workers speak over Redis"),
    pytest.mark.django_db(transaction=True),
]


def test_an_approved_touch_and_its_follow_up_arrive_as_real_mail_in_one_thread():
    with running_sink() as sink:
        workspace = make_workspace(undo_seconds=0)
        mailbox = make_mailbox(
            workspace,
            provider=Mailbox.Provider.SMTP,
            smtp_host=sink.host,
            smtp_port=sink.port,
            smtp_security=Mailbox.Security.PLAIN,
        )
        sequence = make_sequence(workspace, steps=2, mailbox=mailbox)
        sequence.steps.update(delay_days=0)
        contact, alice = make_contact(workspace, first_name="Amélie"), make_user()
        enrolling.enroll(sequence, [contact.pk], by=alice)

        with celery():
            wait_for(lambda: drafted(sequence), what="the drafts")
            run = Enrollment.everywhere.get()
            run.approve(by=alice, shown=run.approval_token())
            wait_for(lambda: len(sink.accepted) == 2, what="two mails")
            wait_for(lambda: complete(run), what="the end of the run")

        first, second = (message_from_bytes(each.raw) for each in sink.accepted)
        assert [each.recipients for each in sink.accepted] == [[contact.email]] * 2
        assert "Amélie, this is step 1." in text_of(first)
        assert workspace.postal_address in text_of(first)
        assert second["In-Reply-To"] == first["Message-ID"] == second["References"]
        assert second["Subject"] == f"Re: {first['Subject']}"
        assert first["List-Unsubscribe"].startswith("<http")
        assert [t.wire_message_id for t in run.touches.all()] == [
            first["Message-ID"],
            second["Message-ID"],
        ]


def drafted(sequence: Sequence) -> bool:
    return Enrollment.everywhere.filter(sequence=sequence, drafted_at__isnull=False).exists()


def complete(run: Enrollment) -> bool:
    run.refresh_from_db()
    sent = run.touches.filter(status=Touch.Status.SENT).count()
    return run.status == Enrollment.Status.COMPLETE and sent == 2


def text_of(mail: Message) -> str:
    part = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    return part.get_payload(decode=True).decode()
