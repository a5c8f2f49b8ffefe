"""Google and Microsoft say that something came in: only they, and nothing but that is believed."""

import json
import time
from base64 import b64encode, urlsafe_b64decode
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from mailboxes import connecting, pushing
from mailboxes.models import Mailbox, Push
from mailboxes.providers import gmail
from outreach import times
from outreach.times import now
from sequences.engine import reading
from tests.factories import make_mailbox, make_workspace
from tests.fakes.far_side import FarSide
from tests.fakes.signing import PUSHER, signed
from tests.mailboxes.far_mailboxes import ADDRESS

pytestmark = pytest.mark.django_db(transaction=True)
RAW = b"From: jordan@globex.test\r\nMessage-ID: <1@globex.test>\r\nSubject: Hi\r\n\r\nHello\r\n"
GOOGLE, MICROSOFT = "/push/google/", "/push/microsoft/"
AT_GOOGLE = pytest.mark.parametrize("mailbox", ["gmail"], indirect=True)
AT_MICROSOFT = pytest.mark.parametrize("mailbox", ["microsoft"], indirect=True)


@pytest.fixture
def far(far_side: FarSide, live_server, settings) -> FarSide:
    """Both providers, and this installation where they can reach it, set up for pushes."""
    settings.BASE_URL = live_server.url
    settings.GOOGLE_PUSH_TOPIC = "projects/fake-project/topics/outreach"
    settings.GOOGLE_PUSH_ACCOUNT = PUSHER
    settings.MICROSOFT_PUSH = True
    far_side.google.push_url = pushing.address("gmail")
    return far_side


@pytest.fixture(params=["gmail", "microsoft"])
def mailbox(request, far, workspace) -> Mailbox:
    """A mailbox whose provider has promised to push, and whose inbox was just read."""
    sign_in = far.sign_in(request.param, ADDRESS)
    made = make_mailbox(workspace, provider=request.param, email=ADDRESS, sign_in=sign_in)
    assert pushing.tick() == 1
    reading.read(made.pk)
    return Mailbox.everywhere.select_related("push").get(pk=made.pk)


def waiting() -> list[int]:
    return reading.mailboxes_to_read(times.database_now())


def read_what_waits() -> int:
    """What a worker does, or the clock; how many mails were new."""
    return sum(reading.read(each) for each in waiting())


def woken_at(mailbox: Mailbox) -> Any:
    return Mailbox.everywhere.get(pk=mailbox.pk).woken_at


def subscription(far: FarSide) -> dict[str, Any]:
    [found] = far.microsoft.subscriptions.values()
    return found


def notice(mailbox: Mailbox, **other: str) -> dict[str, Any]:
    push = Push.objects.get(mailbox=mailbox)
    return {"subscriptionId": push.subscription_id, "clientState": push.secret} | other


def test_a_notification_has_the_inbox_read_at_once(far, mailbox):
    assert waiting() == []

    far.deliver(mailbox.provider, ADDRESS, RAW)
    answered = far.post.deliver()

    assert answered in ([204], [202])
    assert waiting() == [mailbox.pk]
    assert read_what_waits() == 1
    assert waiting() == []


def test_notifications_twice_and_in_any_order_change_nothing_else(far, mailbox):
    for number in b"12":
        far.deliver(mailbox.provider, ADDRESS, RAW.replace(b"<1@", b"<%c@" % number))
    answered = far.post.deliver(times=2, backwards=True)

    assert set(answered) in ({204}, {202}) and len(answered) == 4
    assert read_what_waits() == 2
    # What comes late finds everything read already.
    pushing.wake([mailbox.pk])
    assert read_what_waits() == 0


def test_what_comes_in_while_an_inbox_is_read_is_read_after_it(far, mailbox):
    began = times.database_now()
    assert mailbox.begin_reading(began)
    pushing.wake([mailbox.pk])

    assert waiting() == []  # One reader at a time.
    mailbox.was_read(began)

    assert waiting() == [mailbox.pk]


def test_an_inbox_that_cannot_be_read_keeps_its_waits(far, mailbox):
    mailbox.could_not_be_read("The server is away.", times.database_now())

    pushing.wake([mailbox.pk])

    assert waiting() == []


def test_a_mailbox_out_of_service_is_not_woken_and_nobody_repeats_it(far, mailbox, alice):
    far.deliver(mailbox.provider, ADDRESS, RAW)
    connecting.disconnect(mailbox, by=alice)

    assert far.post.deliver() in ([204], [202])

    assert woken_at(mailbox) is None
    assert pushing.tick() == 0


def pushes_far(far: FarSide, mailbox: Mailbox) -> bool:
    """Whether the provider would still tell us about this mailbox."""
    if mailbox.provider == "gmail":
        return far.google.mailbox(ADDRESS).watched_until > far.clock()
    return bool(far.microsoft.subscriptions)


STOPS = {"gmail": "gmail.stop", "microsoft": "graph.subscriptions.delete"}


def test_disconnecting_ends_the_promise_at_the_provider(far, mailbox, alice):
    assert pushes_far(far, mailbox)

    connecting.disconnect(mailbox, by=alice)

    assert not pushes_far(far, mailbox)
    assert len(far.calls(STOPS[mailbox.provider])) == 1
    push = Push.objects.get()
    assert (push.expires_at, push.renew_at) == (None, None)


def test_a_token_that_has_ended_is_renewed_for_it_and_kept_nowhere(far, mailbox, alice):
    provider = far.google if mailbox.provider == "gmail" else far.microsoft
    provider.grants.end_access_tokens()

    connecting.disconnect(mailbox, by=alice)

    assert not pushes_far(far, mailbox)
    assert Mailbox.everywhere.get().sign_in == ""


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 403}, {"line": "reset"}])
def test_a_provider_that_refuses_to_end_it_keeps_no_mailbox(far, mailbox, alice, fault):
    far.fail(STOPS[mailbox.provider], **fault, times=None)

    with capture_logs() as logs:
        connecting.disconnect(mailbox, by=alice)

    assert Mailbox.everywhere.get().status == "disconnected"
    [said] = [each for each in logs if each["event"] == "A provider did not end its pushes"]
    assert said["mailbox"] == mailbox.pk and said["why"]
    assert not pushing.pushes(Mailbox.everywhere.select_related("push").get(), now())


def test_nobody_waits_for_a_provider_that_does_not_answer(client, far, mailbox, alice, monkeypatch):
    monkeypatch.setattr(pushing, "STOP_SECONDS", 0.3)
    far.fail(STOPS[mailbox.provider], line="hang", times=None)
    client.force_login(alice)
    began = time.monotonic()

    with capture_logs() as logs:
        client.post(f"/mailboxes/{mailbox.pk}/disconnect/")
        took = time.monotonic() - began

    assert Mailbox.everywhere.get().status == "disconnected"
    assert took < gmail.READ_SECONDS / 2
    assert "A provider is slow to end its pushes" in [each["event"] for each in logs]
    far.heal()


def test_a_subscription_that_graph_has_forgotten_is_no_fault(far, workspace, alice):
    made = make_mailbox(
        workspace, provider="microsoft", email=ADDRESS, sign_in=far.sign_in("microsoft", ADDRESS)
    )
    assert pushing.tick() == 1
    far.microsoft.subscriptions.clear()

    with capture_logs() as logs:
        connecting.disconnect(made, by=alice)

    assert [each["event"] for each in logs] == ["A provider has ended its pushes"]


@AT_GOOGLE
def test_gmail_goes_on_for_another_workspace_that_uses_the_mailbox(far, mailbox, alice):
    other = make_workspace(alice, name="Elsewhere")
    sign_in = far.sign_in("gmail", ADDRESS)
    theirs = make_mailbox(other, provider="gmail", email=ADDRESS.upper(), sign_in=sign_in)
    assert pushing.tick() == 1

    connecting.disconnect(mailbox, by=alice)
    assert pushes_far(far, mailbox)

    connecting.disconnect(theirs, by=alice)
    assert not pushes_far(far, mailbox)


def test_where_nothing_was_promised_nothing_is_asked(far, workspace, alice, mailbox):
    Push.objects.update(expires_at=now() - timedelta(days=1))
    connecting.disconnect(mailbox, by=alice)
    for provider in ("smtp", "sandbox"):
        connecting.disconnect(make_mailbox(workspace, provider=provider), by=alice)

    assert not far.calls("gmail.stop") and not far.calls("graph.subscriptions.delete")


def test_a_promise_is_renewed_daily_and_after_connecting_again(far, mailbox, alice):
    before = mailbox.push
    assert pushing.tick() == 0

    with times.clock(lambda: before.renew_at):
        assert pushing.tick() == 1
    mailbox.push.refresh_from_db()
    assert mailbox.push.expires_at >= before.expires_at
    assert mailbox.push.subscription_id == before.subscription_id
    assert mailbox.push.secret == before.secret

    connecting.disconnect(mailbox, by=alice)
    mailbox.replace_sign_in(far.sign_in(mailbox.provider, ADDRESS))
    connecting.connect(mailbox, by=alice)
    assert pushing.tick() == 1


def test_renewing_is_long_before_the_end(mailbox):
    push = mailbox.push
    assert push.expires_at - now() > timedelta(days=5)
    assert push.renew_at - now() < timedelta(days=1, minutes=1)


def test_a_refusal_keeps_the_providers_words_and_is_waited_for(client, far, mailbox, alice):
    name = "gmail.watch" if mailbox.provider == "gmail" else "graph.subscriptions.update"
    body = {"error": {"code": 403, "message": "Not allowed to publish to the topic."}}
    far.fail(name, status=403, body=body, times=None)
    Push.objects.update(renew_at=None)

    assert pushing.tick() == 0
    assert pushing.tick() == 0  # Not at once again.

    push = Push.objects.get()
    assert "Not allowed to publish to the topic." in push.error and push.faults == 1
    # The last promise still stands.
    assert pushing.pushes(mailbox, now())
    client.force_login(alice)
    shown = client.get("/mailboxes/").content.decode()
    assert "did not promise to go on pushing" in shown and "Pushes, and polls" in shown
    assert len(far.calls(name)) == (2 if mailbox.provider == "gmail" else 1)
    far.heal()
    with times.clock(lambda: push.renew_at):
        assert pushing.tick() == 1
    assert Push.objects.get().error == ""


def test_another_target_in_the_settings_needs_a_new_promise(far, mailbox, settings, live_server):
    settings.GOOGLE_PUSH_TOPIC = "projects/fake-project/topics/another"
    settings.BASE_URL = live_server.url.replace("localhost", "127.0.0.1")
    assert not pushing.pushes(mailbox, now())

    assert pushing.tick() == 1

    mailbox = Mailbox.everywhere.select_related("push").get()
    assert pushing.pushes(mailbox, now())
    if mailbox.provider == "microsoft":
        assert len(far.microsoft.subscriptions) == 2


def test_where_nothing_is_set_up_nothing_changes(client, far, workspace, settings):
    settings.GOOGLE_PUSH_ACCOUNT, settings.MICROSOFT_PUSH = "", False
    for provider in ("gmail", "microsoft"):
        make_mailbox(workspace, provider=provider, email=f"{provider}@brightline.test")

    assert pushing.tick() == 0
    assert not Push.objects.exists()
    assert not far.calls("gmail.watch") and not far.microsoft.subscriptions
    for address in (GOOGLE, f"{MICROSOFT}?validationToken=word"):
        assert client.post(address, "{}", content_type="application/json").status_code == 404


# Who is believed


def told(client: Any, token: str, email: str = ADDRESS) -> int:
    data = b64encode(json.dumps({"emailAddress": email, "historyId": "7"}).encode()).decode()
    body = {"message": {"data": data, "messageId": "1"}, "subscription": "projects/x"}
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = client.post(GOOGLE, body, content_type="application/json", headers=headers)
    return int(answer.status_code)


@pytest.mark.once
@AT_GOOGLE
def test_google_is_believed_only_with_its_own_token(client, far, mailbox):
    token = far.google.push_token
    head, claims, signature = token().split(".")
    forged = [
        "",
        "no.token",
        "a.b.c",
        "e30.e30.e30",
        "W10.W10.W10",
        f"{head}.{claims}.",
        f"{head}.{token(email='a@b.test').split('.')[1]}.{signature}",
        "x" * 5000,
        signed({"iss": "accounts.google.com"}),
        token(aud="https://elsewhere.test/push/google/"),
        token(iss="https://elsewhere.test"),
        token(email="somebody@fake-project.iam.gserviceaccount.com"),
        token(email_verified=False),
        token(email_verified="true"),
        token(exp=int(far.clock()) - 60, iat=int(far.clock()) - 3660),
        signed(json.loads(pad(claims)), by="another key"),
    ]

    assert [told(client, each) for each in forged] == [401] * len(forged)
    assert woken_at(mailbox) is None

    assert told(client, token()) == 204
    assert woken_at(mailbox) is not None


def pad(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.once
@AT_GOOGLE
def test_googles_keys_are_asked_for_once(client, far, mailbox):
    token = far.google.push_token()

    assert [told(client, token) for _ in range(3)] == [204] * 3
    assert told(client, "a.b.c") == 401

    assert len(far.calls("google.certs")) <= 1


@pytest.mark.once
@AT_GOOGLE
def test_without_googles_keys_it_is_asked_to_come_again(client, far, mailbox, settings):
    settings.GOOGLE_CERTS_URL = "http://127.0.0.1:9/certs"

    assert told(client, far.google.push_token()) == 503
    assert woken_at(mailbox) is None


@AT_GOOGLE
def test_an_address_that_nobody_connected_is_refused(client, far, mailbox):
    token = far.google.push_token()

    assert told(client, token, "stranger@elsewhere.test") == 404
    assert woken_at(mailbox) is None
    assert told(client, token, ADDRESS.upper()) == 204


@AT_MICROSOFT
def test_microsoft_is_believed_only_with_the_word_of_the_subscription(client, mailbox):
    def post(*notices: Any) -> int:
        body = {"value": list(notices)}
        return int(client.post(MICROSOFT, body, content_type="application/json").status_code)

    known = notice(mailbox)
    assert post(known | {"clientState": "guessed"}) == 401
    assert post(known | {"clientState": ""}) == 401
    assert post({"subscriptionId": known["subscriptionId"]}) == 401
    assert post(known | {"subscriptionId": "unknown"}) == 404
    assert post(known | {"subscriptionId": ""}) == 404
    # One forgery among them, and none is believed.
    assert post(known, known | {"clientState": "guessed", "lifecycleEvent": "missed"}) == 401
    assert post() == 404
    assert woken_at(mailbox) is None

    # One that Microsoft still sends for an earlier subscription keeps no other waiting.
    assert post(known | {"subscriptionId": "earlier"}, known) == 202
    assert woken_at(mailbox) is not None


@AT_MICROSOFT
def test_a_word_that_was_forgotten_is_matched_by_nothing(client, mailbox):
    known = notice(mailbox)
    Push.objects.update(secret="")

    body = {"value": [known | {"clientState": ""}]}

    assert client.post(MICROSOFT, body, content_type="application/json").status_code == 401


NO_NOTIFICATIONS = [
    *[b"", b"no json", b"7", b"[]", b"{}", b"\xff\xfe", b"[" * 9000],
    *[b'{"message": 7}', b'{"message": {"data": "7"}}', b'{"message": {"data": "e30="}}'],
    b'{"message": {"data": "eyJlbWFpbEFkZHJlc3MiOjd9"}}',
    *[b'{"value": 7}', b'{"value": [7]}', b'{"value": [{}]}', b'{"value": {"0": {}}}'],
]


@pytest.mark.once
def test_what_is_no_notification_is_refused(client, far):
    headers = {"Authorization": f"Bearer {far.google.push_token()}"}
    options = {"content_type": "application/json", "headers": headers}

    for body in NO_NOTIFICATIONS:
        for address in (GOOGLE, MICROSOFT):
            assert client.post(address, body, **options).status_code == 400, (address, body[:50])


@pytest.mark.once
def test_more_than_any_notification_has_is_not_even_read(client, far):
    for address in (GOOGLE, MICROSOFT):
        body = b'{"value": ["' + b"x" * 300_000 + b'"]}'
        assert client.post(address, body, content_type="application/json").status_code == 413


@pytest.mark.once
def test_only_what_is_posted_is_taken(client, far):
    for address in (GOOGLE, MICROSOFT):
        assert client.get(address, {"validationToken": "word"}).status_code == 405


# Microsoft's own ways


@pytest.mark.once
def test_the_word_is_repeated_as_plain_text(client, far):
    answer = client.post(f"{MICROSOFT}?validationToken=Validation%3A+%3Cb%3E%26")

    assert answer.content == b"Validation: <b>&"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies
    assert client.post(f"{MICROSOFT}?validationToken={'x' * 2000}").status_code == 400


@AT_MICROSOFT
def test_a_subscription_that_must_be_allowed_again_is_renewed_at_once(far, mailbox):
    far.microsoft.say("reauthorizationRequired", subscription(far)["id"])
    assert far.post.deliver() == [202]

    assert pushing.tick() == 1
    assert len(far.calls("graph.subscriptions.update")) == 1


@AT_MICROSOFT
def test_a_subscription_that_was_removed_is_made_anew(far, mailbox):
    before = notice(mailbox)
    far.microsoft.say("subscriptionRemoved", subscription(far)["id"])
    told = [*far.post.waiting]
    assert far.post.deliver() == [202]
    assert not pushing.pushes(Mailbox.everywhere.get(), now())
    # Something may have come in that nobody told of.
    assert waiting() == [mailbox.pk]

    assert pushing.tick() == 1
    far.post.waiting = told
    assert far.post.deliver() == [404]  # Told again: it is not the one of now.

    after = notice(mailbox)
    assert after["subscriptionId"] == subscription(far)["id"] != before["subscriptionId"]
    assert after["clientState"] == subscription(far)["clientState"] != before["clientState"]
    assert pushing.pushes(Mailbox.everywhere.get(), now())


@AT_MICROSOFT
def test_what_microsoft_has_missed_to_tell_is_read(far, mailbox):
    far.microsoft.say("missed", subscription(far)["id"])

    assert far.post.deliver() == [202]

    assert waiting() == [mailbox.pk]


@AT_MICROSOFT
def test_a_subscription_that_microsoft_forgot_is_made_anew(far, mailbox):
    far.microsoft.subscriptions.clear()
    Push.objects.update(renew_at=None)

    assert pushing.tick() == 1

    assert subscription(far)["id"] == Push.objects.get().subscription_id


@AT_MICROSOFT
def test_one_removed_while_it_was_renewed_is_not_taken_for_alive(far, mailbox):
    push = Push.objects.get()
    push.ended()

    kept = push.was_granted(
        target=push.target,
        until=now() + timedelta(days=6),
        renew_at=now() + timedelta(days=1),
        subscription_id=push.subscription_id,
        secret=push.secret,
    )

    assert not kept and Push.objects.get().expires_at is None


@AT_MICROSOFT
def test_an_address_that_microsoft_does_not_reach_is_told_in_its_words(
    client, far, mailbox, settings, alice
):
    settings.BASE_URL = "http://127.0.0.1:9"

    assert pushing.tick() == 0

    client.force_login(alice)
    shown = client.get("/mailboxes/").content.decode()
    assert "Microsoft 365 does not push." in shown and "The validation request failed." in shown
    assert "Polls every 10 minutes" in shown


def test_the_mailbox_page_says_whether_its_provider_pushes(client, far, mailbox, settings, alice):
    client.force_login(alice)

    assert "Pushes, and polls every 10 minutes" in client.get("/mailboxes/").content.decode()
    assert "none yet" in client.get("/mailboxes/").content.decode()
    pushing.wake([mailbox.pk])
    assert "none yet" not in client.get("/mailboxes/").content.decode()

    with times.clock(lambda: mailbox.push.expires_at):
        assert "<dd>Polls every 10 minutes</dd>" in client.get("/mailboxes/").content.decode()
    settings.GOOGLE_PUSH_TOPIC, settings.MICROSOFT_PUSH = "", False
    assert "<dd>Polls every 10 minutes</dd>" in client.get("/mailboxes/").content.decode()
