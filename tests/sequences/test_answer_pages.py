"""Answering by hand from the inbox: the form, its refusals, and what the pages say of it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mailboxes.models import SandboxMail
from mailboxes.providers import provider_for
from outreach import times
from outreach.models import Membership, Workspace
from sequences.engine import draining, sandbox, sending
from sequences.engine.suppressing import suppress
from sequences.models import Reply, Touch
from tests.factories import make_due_touch, make_user

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true"}
SOME_TIME = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def page(client: Client, alice, workspace) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def reply(workspace) -> Reply:
    return answered(workspace)


def answered(workspace: Workspace) -> Reply:
    touch = make_due_touch(workspace=workspace, steps=2)
    draining.drain_all()
    caught = SandboxMail.everywhere.caught().get(recipient=touch.recipient)
    found: Reply = sandbox.answer(caught, "text", "How much is it?").reply
    return found


def form_of(page: Client, reply: Reply) -> dict[str, str]:
    """Fill in the form as a browser without JavaScript does."""
    html = page.get(f"/inbox/?at={reply.pk}").content.decode()
    form = re.search(r'<form class="answering".*?</form>', html, re.S)
    assert form, "there is no form"
    fields = dict(re.findall(r'name="(token|seen)" value="([^"]*)"', form[0]))
    return fields | {"text": "It is 40 a month."}


def written() -> list[Touch]:
    return list(Touch.objects.filter(in_reply_to__isnull=False).order_by("pk"))


def test_it_is_written_and_sent_without_javascript(page, alice, reply):
    answer = page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply), follow=True)

    (touch,) = written()
    said = answer.content.decode()
    assert answer.redirect_chain == [(f"/inbox/?at={reply.pk}", 302)]
    assert "Your answer to Jordan Lee leaves in 10 s." in said
    assert f'action="/answers/{touch.pk}/take-back/?"' in said
    assert (touch.approved_by, touch.recipient) == (alice, reply.mail.from_email)
    Touch.objects.filter(pk=touch.pk).update(due_at=times.now())
    assert draining.drain_all() == 1

    there = page.get(f"/inbox/{reply.pk}/", follow=True).content.decode()
    assert "It is 40 a month." in there and "Handled by Alice Reyes" in there


def test_a_form_that_is_sent_twice_writes_once(page, reply):
    form = form_of(page, reply)

    for _ in range(2):
        assert page.post(f"/inbox/{reply.pk}/answer/", form, headers=HTMX).status_code == 200

    assert len(written()) == 1


def test_it_is_taken_back_and_its_text_is_in_the_form_again(page, reply):
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    (touch,) = written()

    answer = page.post(f"/answers/{touch.pk}/take-back/", headers=HTMX)

    said = answer.content.decode()
    assert answer["HX-Retarget"] == "#inbox"
    assert "Taken back." in said and ">It is 40 a month.</textarea>" in said
    assert f'id="written-{touch.pk}"' not in said


def test_too_late_to_take_it_back_says_so(page, reply):
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    Touch.objects.filter(in_reply_to=reply).update(due_at=times.now())
    draining.drain_all()

    answer = page.post(f"/answers/{written()[0].pk}/take-back/", headers=HTMX)

    assert answer.status_code == 409
    assert "Too late to take it back: the answer is sent." in answer.content.decode()


def test_who_comes_second_keeps_their_text(page, client, workspace, reply):
    mine = form_of(page, reply)
    bea = make_user(name="Bea Fox")
    Membership.objects.create(user=bea, workspace=workspace, role="approver")
    other = Client()
    other.force_login(bea)
    other.post(f"/inbox/{reply.pk}/answer/", form_of(other, reply))

    answer = page.post(f"/inbox/{reply.pk}/answer/", mine | {"text": "Mine."}, headers=HTMX)

    said = answer.content.decode()
    assert answer.status_code == 409 and len(written()) == 1
    assert "Bea Fox has answered meanwhile. Yours is not sent yet." in said
    assert ">Mine.</textarea>" in said and f'name="seen" value="{written()[0].pk}"' in said


@pytest.mark.parametrize(
    ("text", "said"), [(" ", "Write something first."), ("x" * 50_001, "longer than 50,000")]
)
def test_a_refusal_says_why_and_keeps_the_text(page, reply, text, said):
    form = form_of(page, reply) | {"text": text}

    answer = page.post(f"/inbox/{reply.pk}/answer/", form, headers=HTMX)

    assert answer.status_code == 422 and said in answer.content.decode()
    assert answer.context["typed"] == text and not written()


def test_nobody_is_offered_to_write_to_a_suppressed_address(page, workspace, reply):
    form = form_of(page, reply)
    suppress(workspace, reply.mail.from_email, reason="by_hand", source="", by=None)

    shown = page.get(f"/inbox/?at={reply.pk}").content.decode()
    answer = page.post(f"/inbox/{reply.pk}/answer/", form, headers=HTMX)

    assert 'class="answering"' not in shown and "No answer can be written" in shown
    assert answer.status_code == 422 and "suppression list" in answer.content.decode()
    assert not written()


@pytest.mark.parametrize("role", ["viewer", "member"])
def test_who_may_not_approve_may_not_answer(client, workspace, reply, role):
    reader = make_user()
    Membership.objects.create(user=reader, workspace=workspace, role=role)
    client.force_login(reader)

    assert 'class="answering"' not in client.get(f"/inbox/?at={reply.pk}").content.decode()
    assert client.post(f"/inbox/{reply.pk}/answer/", {"text": "Hi"}).status_code == 403


def test_another_workspace_does_not_find_it(page, client, carol, reply):
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    (touch,) = written()
    client.force_login(carol)

    assert client.post(f"/inbox/{reply.pk}/answer/", {"text": "Hi"}).status_code == 404
    assert client.get(f"/answers/{touch.pk}/").status_code == 404
    for verb in ("take-back", "retry", "decide"):
        assert client.post(f"/answers/{touch.pk}/{verb}/").status_code == 404


def test_a_step_has_no_address_among_the_answers(page, reply):
    step = reply.enrollment.touches.get(position=1)

    assert page.post(f"/answers/{step.pk}/retry/").status_code == 404
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    for verb in ("edit", "approve", "skip", "reschedule", "retry"):
        assert page.post(f"/touches/{written()[0].pk}/{verb}/").status_code == 404


def test_a_failed_answer_says_why_and_is_retried(page, reply):
    reply.mail.from_email = "content+jordan@globex.test"
    reply.mail.save()
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    Touch.objects.filter(in_reply_to=reply).update(due_at=times.now())
    draining.drain_all()
    (touch,) = written()

    shown = page.get(f"/inbox/?at={reply.pk}").content.decode()
    assert touch.error in shown and "Text or sender refused" in shown
    answer = page.post(f"/answers/{touch.pk}/retry/", headers=HTMX)

    assert "Your answer is queued" in answer.content.decode()
    assert written()[0].status == "scheduled"


@pytest.mark.parametrize(("said", "status"), [("sent", "sent"), ("again", "scheduled")])
def test_a_person_decides_about_one_that_nobody_can_tell_about(page, reply, said, status):
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    Touch.objects.filter(in_reply_to=reply).update(due_at=times.now())
    (touch,) = written()
    stages = sending.sending(touch.pk, provider_for(touch.mailbox))
    while next(stages) != "on the wire":
        pass
    Touch.objects.filter(pk=touch.pk).update(lease_until=times.now() - timedelta(seconds=1))
    sending.reap()
    Touch.objects.filter(pk=touch.pk).update(decide=True, check_at=None)

    assert "Nobody knows yet" in page.get(f"/inbox/?at={reply.pk}").content.decode()
    assert page.post(f"/answers/{touch.pk}/decide/", headers=HTMX).status_code == 409
    page.post(f"/answers/{touch.pk}/decide/", {"answer": said})

    assert written()[0].status == status


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        ({"status": "failed"}, "answer failed"),
        ({"status": "uncertain", "decide": True}, "answer: nobody knows yet"),
        ({"status": "uncertain"}, "answer: provider being asked"),
        ({"status": "cancelled", "error": "The prospect opted out."}, "answer not sent"),
        ({"status": "sent", "bounced_at": SOME_TIME}, "answer bounced"),
        ({"status": "cancelled", "error": ""}, ""),
        ({"status": "sent"}, ""),
        ({"status": "scheduled"}, ""),
    ],
)
def test_the_list_marks_a_reply_whose_answer_is_in_trouble(page, reply, values, mark):
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    Touch.objects.filter(in_reply_to=reply).update(**values)

    list_of_replies = page.get("/inbox/?state=all").content.decode().split('class="thread"')[0]

    marks = re.findall(r'<span class="badge \w+"><svg.*?</svg>(answer[^<]*)', list_of_replies)
    assert marks == ([mark] if mark else [])


def test_the_newest_answer_decides_what_the_list_marks(page, reply):
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    Touch.objects.filter(in_reply_to=reply).update(status="failed")
    assert "answer failed" in page.get("/inbox/?state=all").content.decode()

    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    assert len(written()) == 2

    assert "answer failed" not in page.get("/inbox/?state=all").content.decode()


def test_the_marks_of_a_longer_list_cost_no_more_queries(page, workspace, reply):
    def look() -> int:
        with CaptureQueriesContext(connection) as asked:
            page.get(f"/inbox/?state=all&at={reply.pk}")
        return len(asked)

    one = look()
    for _ in range(3):
        other = answered(workspace)
        page.post(f"/inbox/{other.pk}/answer/", form_of(page, other))
    Touch.objects.filter(in_reply_to__isnull=False).update(status="failed")

    assert page.get("/inbox/?state=all").content.decode().count("answer failed") == 3
    assert look() == one


def test_the_drawer_shows_it_in_the_thread_and_the_activity_tells_of_it(page, reply):
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    run = reply.enrollment_id

    steps = page.get(f"/enrollments/{run}/").content.decode()
    activity = page.get(f"/enrollments/{run}/?tab=activity").content.decode()

    assert "Answered by hand by Alice Reyes" in steps and "It is 40 a month." in steps
    assert f'href="/inbox/?state=all&amp;at={reply.pk}#answer"' in steps
    assert "Answer by hand: written by Alice Reyes" in activity


def test_the_page_asks_for_news_while_there_is_some_to_come(page, reply):
    page.post(f"/inbox/{reply.pk}/answer/", form_of(page, reply))
    (touch,) = written()
    waiting = page.get(f"/answers/{touch.pk}/", headers=HTMX).content.decode()
    Touch.objects.filter(pk=touch.pk).update(due_at=times.now())
    draining.drain_all()

    settled = page.get(f"/answers/{touch.pk}/", headers=HTMX).content.decode()

    assert 'hx-trigger="every 3s"' in waiting and "It can still be taken back." in waiting
    assert "hx-trigger" not in settled and "Sent" in settled
