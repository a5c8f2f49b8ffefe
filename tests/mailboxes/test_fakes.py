"""The fake providers as other processes and people meet them: over HTTP."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
import requests

from sequences.engine.invariants import journal
from tests.factories import make_mailbox
from tests.fakes.web import Answer, Asked, Website, serving
from tests.mailboxes.far_mailboxes import ADDRESS, adapter, mail_of

JORDAN = "jordan@globex.test"


def test_the_journal_can_be_read_by_verify(far_side, workspace):
    make_mailbox(workspace, provider="gmail", email=ADDRESS)
    adapter(far_side, "gmail").prepare(mail_of()).commit()

    text = requests.get(f"{far_side.url}/journal", timeout=5).text

    [line] = journal.read(text.splitlines()).lines
    assert (line["recipient"], line["touch"]) == (JORDAN, 7)


def test_faults_are_asked_for_by_name_and_healed(far_side):
    url = f"{far_side.url}/faults"
    fault = {"name": "gmail.profile", "status": 503, "times": 2}

    assert requests.post(url, json=fault, timeout=5).status_code == 204
    assert requests.post(url, json={"name": "gmail.fly"}, timeout=5).status_code == 400
    profile = f"{far_side.url}/gmail/v1/users/me/profile"
    assert requests.get(profile, timeout=5).status_code == 503
    requests.delete(url, timeout=5)
    assert requests.get(profile, timeout=5).status_code == 401


@pytest.mark.parametrize("provider", ["gmail", "microsoft"])
def test_another_process_gets_a_sign_in_and_lets_mail_come_in(far_side, provider):
    named = {"provider": provider, "mailbox": ADDRESS}
    given = requests.post(f"{far_side.url}/grants", json=named, timeout=5).json()
    raw = b64encode(b"From: jordan@globex.test\r\nSubject: Hi\r\n\r\nHello\r\n").decode()
    requests.post(f"{far_side.url}/inbound", json={**named, "raw": raw}, timeout=5)

    assert json.loads(given["sign_in"])
    side = far_side.google if provider == "gmail" else far_side.microsoft
    mailbox = side.mailbox(ADDRESS)
    came_in = mailbox.messages if provider == "gmail" else mailbox.items
    assert len(came_in) == 1


@pytest.mark.parametrize("provider", ["gmail", "microsoft"])
def test_a_person_reads_what_left_and_answers_as_the_prospect(far_side, provider):
    adapter(far_side, provider).prepare(mail_of(subject="<b>Hi</b> Jordan")).commit()

    front = requests.get(far_side.url, timeout=5).text
    mail = requests.get(f"{far_side.url}/mails/0", timeout=5).text
    form = {"kind": "interested", "text": "Yes, let us talk."}
    requests.post(f"{far_side.url}/mails/0/answer", data=form, timeout=5)
    requests.post(f"{far_side.url}/mails/0/bounce", timeout=5)

    assert "&lt;b&gt;Hi&lt;/b&gt; Jordan" in front
    assert "<b>Hi</b>" not in front + mail
    assert "how are you?" in mail
    [sent] = far_side.journal
    if provider == "gmail":
        came_in = [each.raw for each in far_side.google.mailbox(ADDRESS).thread(sent.thread_id)]
        answer, bounce = came_in[1:]
    else:
        items = list(far_side.microsoft.mailbox(ADDRESS).items.values())
        answer, bounce = (each.raw for each in items[1:])
    assert b"Yes, let us talk." in answer
    assert sent.message_id.encode() in answer
    assert b"Final-Recipient: rfc822; jordan@globex.test" in bounce


def test_an_expired_cursor_is_refused_as_each_provider_does_it(far_side):
    google = json.loads(far_side.google_sign_in(ADDRESS))["token"]
    far_side.google.mailbox(ADDRESS).forget_history()
    old = requests.get(
        f"{far_side.url}/gmail/v1/users/me/history?startHistoryId=1",
        headers={"Authorization": f"Bearer {google}"},
        timeout=5,
    )
    cache = json.loads(far_side.microsoft_sign_in(ADDRESS))
    [token] = [each["secret"] for each in cache["AccessToken"].values()]
    headers = {"Authorization": f"Bearer {token}"}
    inbox = f"{far_side.url}/v1.0/me/mailFolders/inbox/messages/delta"
    link = requests.get(inbox, headers=headers, timeout=5).json()["@odata.deltaLink"]
    assert requests.get(link, headers=headers, timeout=5).json()["value"] == []
    far_side.microsoft.mailbox(ADDRESS).forget_deltas()
    gone = requests.get(link, headers=headers, timeout=5)

    assert old.status_code == 404
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "syncStateNotFound")


class Listener(Website):
    """Somebody who subscribed: repeats the word, and keeps what is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict] = []
        self.on("POST", "/hook", "hook")(self.take)

    def take(self, asked: Asked) -> Answer:
        if word := asked.query.get("validationToken"):
            return Answer(200, word, kind="text/plain")
        self.told.append(asked.json)
        return Answer(202)


def test_notifications_come_twice_and_in_any_order(far_side):
    google = json.loads(far_side.google_sign_in(ADDRESS))["token"]
    cache = json.loads(far_side.microsoft_sign_in(ADDRESS))
    [graph] = [each["secret"] for each in cache["AccessToken"].values()]
    with serving(Listener()) as listener:
        hook = f"{listener.url}/hook"
        far_side.google.push_url = hook
        requests.post(
            f"{far_side.url}/gmail/v1/users/me/watch",
            json={"topicName": "projects/fake/topics/outreach"},
            headers={"Authorization": f"Bearer {google}"},
            timeout=5,
        )
        subscribed = requests.post(
            f"{far_side.url}/v1.0/subscriptions",
            json={
                "changeType": "created",
                "notificationUrl": hook,
                "resource": "/me/mailFolders('inbox')/messages",
                "clientState": "our secret",
                "expirationDateTime": f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}",
            },
            headers={"Authorization": f"Bearer {graph}"},
            timeout=5,
        )
        raw = b"From: jordan@globex.test\r\nSubject: Hi\r\n\r\nHello\r\n"
        far_side.deliver("gmail", ADDRESS, raw)
        far_side.deliver("microsoft", ADDRESS, raw)

        told = {"times": 2, "backwards": True}
        answered = requests.post(f"{far_side.url}/notices", json=told, timeout=30).json()

    assert subscribed.status_code == 201
    assert answered == {"answered": [202] * 4}
    assert [next(iter(each)) for each in listener.told] == ["value", "message"] * 2
    assert listener.told[0]["value"][0]["clientState"] == "our secret"


def test_a_subscription_to_a_deaf_address_is_refused(far_side):
    cache = json.loads(far_side.microsoft_sign_in(ADDRESS))
    [graph] = [each["secret"] for each in cache["AccessToken"].values()]

    refused = requests.post(
        f"{far_side.url}/v1.0/subscriptions",
        json={
            "notificationUrl": "http://127.0.0.1:9/hook",
            "expirationDateTime": f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}",
        },
        headers={"Authorization": f"Bearer {graph}"},
        timeout=20,
    )

    assert refused.json()["error"]["code"] == "ValidationError"
