from datetime import timedelta

import pytest
from django.test import Client

from mailboxes.models import SandboxMail
from outreach import times
from outreach.models import Membership, User, Workspace
from sequences.engine import draining, sandbox
from sequences.models import Enrollment, NotReady, Reply, Suppression, Touch
from tests.factories import approve, make_due_touch, make_enrollment, make_sequence, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def playground(alice) -> Workspace:
    Membership.objects.filter(user=alice).delete()
    return make_workspace(alice, name="Playground", is_sandbox=True)


@pytest.fixture
def caught(playground) -> SandboxMail:
    make_due_touch(workspace=playground, steps=2)
    draining.drain_all()
    return SandboxMail.everywhere.caught().get()


def run_of(caught: SandboxMail) -> Enrollment:
    return Touch.objects.get(wire_message_id=caught.message_id).enrollment


def test_caught_mail_is_listed_newest_first_and_found_by_recipient(alice, caught):
    client = signed_in(alice)

    page = client.get("/sandbox/").content.decode()
    found = client.get("/sandbox/", {"q": caught.recipient[:8].upper()}).content.decode()
    nothing = client.get("/sandbox/", {"q": "nobody"}).content.decode()

    assert caught.recipient in page and caught.recipient in found
    assert "No caught mail to such a recipient" in nothing


def test_drafts_are_not_listed(alice, caught):
    SandboxMail.everywhere.update(accepted_at=None)

    assert "Nothing caught yet" in signed_in(alice).get("/sandbox/").content.decode()


def test_pages_go_by_key_both_ways(alice, caught):
    for number in range(60):
        caught.pk, caught.draft_id = None, f"copy{number}"
        caught.recipient = f"p{number}@globex.test"
        caught.save()
    client = signed_in(alice)

    first = client.get("/sandbox/")
    second = client.get(f"/sandbox/{first.context['older_url']}")
    back = client.get(f"/sandbox/{second.context['newer_url']}")

    shown = [mail.recipient for mail in first.context["mails"]]
    assert shown == [f"p{number}@globex.test" for number in range(59, 34, -1)]
    assert second.context["mails"][0].recipient == "p34@globex.test"
    assert [mail.recipient for mail in back.context["mails"]] == shown


def test_asking_for_news_costs_nothing_while_there_is_none(alice, caught):
    client = signed_in(alice)
    headers = {"HX-Request": "true"}

    assert client.get("/sandbox/", {"seen": caught.pk}, headers=headers).status_code == 204
    assert client.get("/sandbox/", {"seen": 0}, headers=headers).status_code == 200


def test_a_mail_shows_its_headers_and_its_text(alice, caught):
    page = signed_in(alice).get(f"/sandbox/{caught.pk}/").content.decode()

    assert "Message-ID" in page and "List-Unsubscribe" in page
    assert "Hi Jordan, this is step 1." in page
    assert f'src="/sandbox/{caught.pk}/html/"' in page


def test_the_html_comes_from_its_own_address_where_it_can_do_nothing(alice, caught):
    answer = signed_in(alice).get(f"/sandbox/{caught.pk}/html/")

    policy = answer["Content-Security-Policy"]
    rules = {rule.strip() for rule in policy.split(";")}
    assert rules >= {
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "frame-ancestors 'self'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    }
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "script-src" not in policy
    assert "<p>Hi Jordan, this is step 1.</p>" in answer.content.decode()


@pytest.mark.parametrize(
    ("kind", "status", "label"),
    [
        ("interested", "replied_positive", "interested"),
        ("objection", "replied_objection", "objection"),
        ("out_of_office", "active", "out_of_office"),
        ("unsubscribe", "archived", "unsubscribe"),
    ],
)
def test_a_button_answers_and_the_run_follows_at_once(alice, caught, kind, status, label):
    answer = signed_in(alice).post(f"/sandbox/{caught.pk}/answer/", {"kind": kind}, follow=True)

    run = run_of(caught)
    assert (run.status, Reply.everywhere.get().label) == (status, label)
    page = answer.content.decode()
    assert f"/sequences/?open={run.pk}" in page
    assert "What came back" in page


def test_a_bounce_comes_back_and_archives(alice, caught):
    signed_in(alice).post(f"/sandbox/{caught.pk}/answer/", {"kind": "bounce"})

    assert run_of(caught).end_reason == "bounced"
    assert Suppression.everywhere.get().value == caught.recipient


def test_an_answer_in_own_words_is_read_as_any_mail(alice, caught):
    data = {"kind": "text", "text": "What does it cost? {braces} <b>and tags</b>"}

    signed_in(alice).post(f"/sandbox/{caught.pk}/answer/", data)

    reply = Reply.everywhere.get()
    assert reply.text == data["text"]
    assert run_of(caught).status == Enrollment.Status.REPLIED_OBJECTION


def test_an_empty_answer_is_not_sent(alice, caught):
    signed_in(alice).post(f"/sandbox/{caught.pk}/answer/", {"kind": "text", "text": " "})

    assert not Reply.everywhere.exists()


# Time


def test_fast_forward_sends_the_follow_up_without_the_wait(alice, playground, caught):
    answer = signed_in(alice).post("/sandbox/fast-forward/", follow=True)

    run = run_of(caught)
    assert [touch.status for touch in run.touches.all()] == ["sent", "sent"]
    assert SandboxMail.everywhere.caught().count() == 2
    assert "skipped: 1 mail leaves now." in answer.content.decode()
    assert "2 days 23 hours" in answer.content.decode()


def test_fast_forward_passes_a_closed_window(playground):
    today = times.now().isoweekday()
    sequence = make_sequence(playground, weekdays=[today % 7 + 1])
    touch = approve(make_enrollment(sequence=sequence)).touches.get(position=1)
    assert draining.drain_all() == 0

    skipped = sandbox.fast_forward(playground)

    assert timedelta(0) < skipped.time <= timedelta(days=2) and skipped.leaving == 1
    assert draining.drain_all() == 1
    touch.refresh_from_db()
    assert touch.status == Touch.Status.SENT


def test_everything_that_lies_ahead_keeps_its_order(playground):
    sequence = make_sequence(playground)
    soon, later = (approve(make_enrollment(sequence=sequence)) for _ in range(2))
    paused = approve(make_enrollment(sequence=sequence))
    at = times.now()
    soon.touches.filter(position=1).update(due_at=at + timedelta(days=2))
    later.touches.filter(position=1).update(due_at=at + timedelta(days=5))
    paused.pause(by=None, until=at + timedelta(days=4))

    skipped = sandbox.fast_forward(playground)

    first = soon.touches.get(position=1)
    second = later.touches.get(position=1)
    paused.refresh_from_db()
    assert skipped.leaving == 1
    assert first.is_hurried and not second.is_hurried
    assert second.due_at - first.due_at == timedelta(days=3)
    assert paused.paused_until - first.due_at == timedelta(days=2)


def test_nothing_planned_is_said(alice, playground):
    answer = signed_in(alice).post("/sandbox/fast-forward/", follow=True)

    assert "Nothing is planned" in answer.content.decode()


def test_a_paused_sequence_is_not_hurried(alice, playground, caught):
    run_of(caught).sequence.pause(by=alice)

    assert sandbox.fast_forward(playground) is None


def test_real_time_is_not_moved(alice, workspace):
    make_due_touch(workspace=workspace)
    due = Touch.objects.get(position=1).due_at

    with pytest.raises(NotReady):
        sandbox.fast_forward(workspace)
    answer = signed_in(alice).post("/sandbox/fast-forward/", follow=True)

    assert "in a sandbox workspace only" in answer.content.decode()
    assert Touch.objects.get(position=1).due_at == due


# Rights


@pytest.mark.parametrize("path", ["", "html/"])
def test_a_stranger_reads_nothing(carol, caught, path):
    assert signed_in(carol).get(f"/sandbox/{caught.pk}/{path}").status_code == 404


def test_a_stranger_answers_nothing(carol, caught):
    client = signed_in(carol)

    assert client.post(f"/sandbox/{caught.pk}/answer/", {"kind": "bounce"}).status_code == 404
    assert caught.recipient not in client.get("/sandbox/").content.decode()


def test_a_viewer_reads_and_plays_nothing(bob, playground, caught):
    Membership.objects.filter(user=bob).update(workspace=playground)
    client = signed_in(bob)

    assert client.get(f"/sandbox/{caught.pk}/").status_code == 200
    assert client.post(f"/sandbox/{caught.pk}/answer/", {"kind": "bounce"}).status_code == 403
    assert client.post("/sandbox/fast-forward/").status_code == 403


def test_a_link_answers_nothing(alice, caught):
    client = signed_in(alice)

    assert client.get(f"/sandbox/{caught.pk}/answer/").status_code == 405
    assert client.get("/sandbox/fast-forward/").status_code == 405


# Correcting a label in the browser


def make_reply(caught: SandboxMail) -> Reply:
    return sandbox.answer(caught, "objection").reply


def test_one_click_corrects_a_label(alice, caught):
    reply = make_reply(caught)

    answer = signed_in(alice).post(f"/replies/{reply.pk}/relabel/", {"label": "interested"})

    assert answer.status_code == 302
    assert run_of(caught).status == Enrollment.Status.REPLIED_POSITIVE


def test_a_label_that_does_not_exist_is_refused(alice, caught):
    reply = make_reply(caught)

    answer = signed_in(alice).post(f"/replies/{reply.pk}/relabel/", {"label": "nonsense"})

    assert answer.status_code == 400


def test_strangers_and_viewers_correct_nothing(carol, bob, playground, caught):
    reply = make_reply(caught)
    path, data = f"/replies/{reply.pk}/relabel/", {"label": "interested"}
    Membership.objects.filter(user=bob).update(workspace=playground)

    assert signed_in(carol).post(path, data).status_code == 404
    assert signed_in(bob).post(path, data).status_code == 403
    assert signed_in(carol).get(path).status_code == 405
    reply.refresh_from_db()
    assert reply.label == "objection"
