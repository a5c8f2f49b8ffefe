"""The Gmail adapter through Google's own client, against an HTTP server that acts as Google."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailboxes.providers import provider_for
from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    Misconfigured,
    QuotaReached,
    RateLimited,
    Receipt,
    TryAgain,
    Unknown,
    Verdict,
)
from mailboxes.providers.gmail import Gmail
from tests.factories import make_mailbox
from tests.fakes.google import READ, error
from tests.fakes.web import DROP, HANG, RESET
from tests.mailboxes.far_mailboxes import ADDRESS, adapter, mail_of, unsaved

JORDAN = "jordan@globex.test"
SEND = "gmail.drafts.send"


@pytest.fixture
def gmail(far_side) -> Iterator[Gmail]:
    gmail = adapter(far_side, "gmail")
    yield gmail
    gmail.close()


@pytest.fixture
def impatient(monkeypatch) -> None:
    monkeypatch.setattr("mailboxes.providers.gmail.SEND_SECONDS", 0.3)
    monkeypatch.setattr("mailboxes.providers.gmail.READ_SECONDS", 0.3)


def look_up(gmail: Gmail, draft, **changes) -> Verdict | Receipt:
    known = {
        "message_id": "<t7@brightline.test>",
        "recipient": JORDAN,
        "draft_id": draft.draft_id,
        "thread_id": draft.thread_id,
        "reference": "t7",
    }
    return gmail.look_up(**known | changes)


# Sending


def test_a_mail_goes_out_byte_for_byte_and_its_real_message_id_is_read_back(far_side, gmail):
    mail = mail_of("Grüße aus Köln,\n\n.\nbis bald", subject="Ein größerer Plan")

    receipt = gmail.prepare(mail).commit()

    [sent] = far_side.journal
    assert (sent.recipient, sent.reference) == (JORDAN, "t7")
    assert receipt.message_id == sent.message_id != mail.message_id
    assert (receipt.thread_id, receipt.provider_id) == (sent.thread_id, sent.provider_id)
    [created] = far_side.calls("gmail.drafts.create")
    assert urlsafe_b64decode(json.loads(created.body)["message"]["raw"]) == mail.raw


def test_nothing_has_left_before_the_commit(far_side, gmail):
    draft = gmail.prepare(mail_of())

    assert far_side.journal == []
    assert list(far_side.google.mailbox(ADDRESS).drafts) == [draft.draft_id]


def test_an_abandoned_mail_leaves_no_draft_behind(far_side, gmail):
    draft = gmail.prepare(mail_of())

    draft.abandon()

    assert far_side.google.mailbox(ADDRESS).drafts == {}
    assert far_side.journal == []
    with pytest.raises(RuntimeError):
        draft.commit()


def test_a_mail_cannot_be_committed_twice(far_side, gmail):
    draft = gmail.prepare(mail_of())
    draft.commit()

    with pytest.raises(RuntimeError):
        draft.commit()
    draft.abandon()

    assert len(far_side.journal) == 1


def test_a_follow_up_joins_the_conversation(far_side, gmail):
    first = gmail.prepare(mail_of()).commit()

    follow_up = mail_of(
        message_id="<t8@brightline.test>",
        subject="Re: A question about Globex",
        in_reply_to=first.message_id,
        references=[first.message_id],
        thread_id=first.thread_id,
    )

    second = gmail.prepare(follow_up).commit()

    assert second.thread_id == first.thread_id


def test_a_follow_up_goes_out_although_somebody_deleted_the_conversation(far_side, gmail):
    mail = mail_of(thread_id="no-such-thread")

    receipt = gmail.prepare(mail).commit()

    assert len(far_side.journal) == 1
    assert receipt.thread_id != "no-such-thread"


def test_a_mail_that_has_left_is_sent_even_if_its_id_cannot_be_read_back(far_side, gmail):
    far_side.fail("gmail.messages.get", status=503)

    receipt = gmail.prepare(mail_of()).commit()

    assert receipt.message_id == "<t7@brightline.test>"
    assert receipt.provider_id == far_side.journal[0].provider_id


def test_a_draft_that_a_lost_worker_left_behind_is_cleared_away(far_side, gmail):
    gmail.prepare(mail_of())  # and never heard of again
    gmail.prepare(mail_of(message_id="<t8@brightline.test>"))

    gmail.prepare(replace(mail_of(), is_again=True)).commit()

    left = [each.raw for each in far_side.google.mailbox(ADDRESS).drafts.values()]
    assert ["<t8@brightline.test>" in each.decode() for each in left] == [True]
    assert len(far_side.journal) == 1


def test_a_mail_goes_out_although_earlier_drafts_cannot_be_cleared_away(far_side, gmail):
    far_side.fail("gmail.drafts.list", status=400)

    gmail.prepare(replace(mail_of(), is_again=True)).commit()

    assert len(far_side.journal) == 1


# Every row of Gmail's table of errors

IN_3_HOURS = (datetime.now(UTC) + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
ROWS = [
    (400, error(400, "invalidArgument", "Invalid To header"), ContentRefused),
    (400, error(400, "badRequest", "Recipient address required"), ContentRefused),
    (400, error(400, "failedPrecondition", "Mail service not enabled"), Disconnected),
    (403, error(403, "insufficientPermissions", "Insufficient Permission"), Disconnected),
    (
        403,
        {
            "error": {
                "code": 403,
                "message": "Request had insufficient authentication scopes.",
                "status": "PERMISSION_DENIED",
                "errors": [{"reason": "forbidden"}],
                "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}],
            }
        },
        Disconnected,
    ),
    (403, error(403, "accessNotConfigured", "Gmail API has not been used"), Misconfigured),
    (
        403,
        {
            "error": {
                "code": 403,
                "message": "Gmail API has not been used in project 12 or it is disabled.",
                "details": [{"reason": "SERVICE_DISABLED"}],
            }
        },
        Misconfigured,
    ),
    (403, error(403, "domainPolicy", "The domain administrators disabled Gmail"), Disconnected),
    (403, error(403, "dailyLimitExceeded", "Daily Limit Exceeded"), Misconfigured),
    (403, error(403, "userRateLimitExceeded", "User-rate limit exceeded."), RateLimited),
    (403, error(403, "rateLimitExceeded", "Rate Limit Exceeded"), RateLimited),
    (429, error(429, "rateLimitExceeded", "Too many concurrent requests for user"), RateLimited),
    (
        429,
        {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}},
        RateLimited,
    ),
    (
        429,
        error(429, "userRateLimitExceeded", f"User-rate limit exceeded.  Retry after {IN_3_HOURS}"),
        QuotaReached,
    ),
    (
        429,
        error(429, "userRateLimitExceeded", "User sending limit exceeded."),
        QuotaReached,
    ),
    (403, error(403, "forbidden", "Something new"), Misconfigured),
    (413, "Your client issued a request that was too large.", ContentRefused),
]
IDS = [f"{number}: {row[0]} {row[2].__name__}" for number, row in enumerate(ROWS)]


@pytest.mark.parametrize("name", ["gmail.drafts.create", SEND])
@pytest.mark.parametrize(("status", "body", "kind"), ROWS, ids=IDS)
def test_each_refusal_means_one_next_action_and_keeps_googles_words(
    far_side, gmail, name, status, body, kind
):
    far_side.fail(name, status=status, body=body)

    with pytest.raises(kind) as refusal:
        gmail.prepare(mail_of()).commit()

    message = body["error"]["message"] if isinstance(body, dict) else body
    assert refusal.value.words == f"{status} {message}"
    assert far_side.journal == []
    assert far_side.google.mailbox(ADDRESS).drafts == {}, "nothing that could still be sent"


def test_the_wait_that_google_asks_for_is_kept(far_side, gmail):
    in_a_minute = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    words = f"User-rate limit exceeded.  Retry after {in_a_minute}"
    far_side.fail(SEND, status=429, body=error(429, "userRateLimitExceeded", words))
    with pytest.raises(RateLimited) as by_words:
        gmail.prepare(mail_of()).commit()

    far_side.fail(SEND, status=429, headers={"Retry-After": "120"})
    with pytest.raises(RateLimited) as by_header:
        gmail.prepare(mail_of()).commit()

    assert timedelta() < by_words.value.retry_after <= timedelta(minutes=1)
    assert by_header.value.retry_after == timedelta(seconds=120)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("accepts", [False, True])
def test_a_fault_of_google_on_the_send_itself_leaves_the_fate_open(
    far_side, gmail, status, accepts
):
    far_side.fail(SEND, status=status, accepts=accepts, body=error(status, "backendError", "Oops"))

    with pytest.raises(Unknown):
        gmail.prepare(mail_of()).commit()

    assert len(far_side.calls(SEND)) == 1, "never a second time"
    assert len(far_side.journal) == int(accepts)


@pytest.mark.parametrize("status", [404, 500, 502, 503, 504])
def test_the_same_fault_before_the_send_is_tried_again(far_side, gmail, status):
    far_side.fail("gmail.drafts.create", status=status, body=error(status, "backendError", "Oops"))

    with pytest.raises(TryAgain):
        gmail.prepare(mail_of())

    assert far_side.journal == []


@pytest.mark.parametrize("line", [DROP, RESET, HANG])
@pytest.mark.parametrize("accepts", [False, True])
def test_a_broken_line_on_the_send_is_unknown_and_never_sent_again(
    far_side, gmail, impatient, line, accepts
):
    far_side.fail(SEND, line=line, accepts=accepts)

    with pytest.raises(Unknown):
        gmail.prepare(mail_of()).commit()

    assert len(far_side.calls(SEND)) == 1
    assert len(far_side.journal) == int(accepts)


@pytest.mark.parametrize("line", [DROP, RESET, HANG])
def test_a_broken_line_before_the_send_is_tried_again(far_side, gmail, impatient, line):
    far_side.fail("gmail.drafts.create", line=line)

    with pytest.raises(TryAgain):
        gmail.prepare(mail_of())


def test_a_server_that_cannot_be_reached_has_taken_nothing(far_side, settings):
    settings.GMAIL_URL = "http://127.0.0.1:9"
    gmail = adapter(far_side, "gmail")

    with pytest.raises(TryAgain):
        gmail.prepare(mail_of())


def test_a_send_that_cannot_connect_has_sent_nothing(far_side, gmail):
    draft = gmail.prepare(mail_of())
    gmail.close()
    request = gmail.users.drafts().send(userId="me", body={"id": draft.draft_id})
    request.uri = request.uri.replace(far_side.url, "http://127.0.0.1:9")

    with pytest.raises(TryAgain):
        gmail.asked(request, sending=True)


def test_an_answer_that_is_not_gmails_is_no_receipt(far_side, gmail):
    far_side.fail(SEND, status=200, body="<html>Sign in to the hotel's network</html>")

    with pytest.raises(Unknown):
        gmail.prepare(mail_of()).commit()


# The sign-in


def test_a_token_that_ended_is_renewed_and_kept(db, far_side, workspace):
    mailbox = make_mailbox(
        workspace, provider="gmail", email=ADDRESS, sign_in=far_side.sign_in("gmail", ADDRESS)
    )
    before = mailbox.sign_in
    far_side.google.grants.end_access_tokens()

    provider_for(mailbox).check()

    mailbox.refresh_from_db()
    assert json.loads(mailbox.sign_in)["token"] != json.loads(before)["token"]
    provider_for(mailbox).check()
    assert len(far_side.calls("google.token")) == 1


def test_a_token_that_ends_between_draft_and_send_costs_nothing(far_side, gmail):
    draft = gmail.prepare(mail_of())
    far_side.google.grants.end_access_tokens()

    draft.commit()

    assert len(far_side.journal) == 1


SIGN_IN_ROWS = [
    (400, {"error": "invalid_grant", "error_description": "Token has been revoked."}, Disconnected),
    (401, {"error": "invalid_client", "error_description": "Unauthorized"}, Misconfigured),
    (401, {"error": "deleted_client", "error_description": "Deleted."}, Misconfigured),
    (401, {"error": "unauthorized_client", "error_description": "No."}, Misconfigured),
    (400, {"error": "admin_policy_enforced", "error_description": "Blocked."}, Disconnected),
    (403, {"error": "org_internal", "error_description": "Restricted."}, Disconnected),
    (403, {"error": "access_denied", "error_description": "Denied."}, Disconnected),
    (400, {"error": "invalid_scope", "error_description": "Bad scope."}, Misconfigured),
    (500, {"error": "internal_failure"}, TryAgain),
    (503, {"error": "temporarily_unavailable"}, TryAgain),
    (429, {"error": "rate_limited"}, TryAgain),
    (502, "<html>Bad Gateway</html>", TryAgain),
]


@pytest.mark.parametrize(("status", "body", "kind"), SIGN_IN_ROWS, ids=lambda each: str(each)[:40])
def test_each_refusal_of_a_new_token_means_one_next_action(
    far_side, gmail, monkeypatch, status, body, kind
):
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _: None)
    far_side.google.grants.end_access_tokens()
    far_side.fail("google.token", status=status, body=body, times=None)

    with pytest.raises(kind):
        gmail.prepare(mail_of())

    assert far_side.google.mailbox(ADDRESS).drafts == {}


def test_a_line_that_breaks_on_renewal_is_tried_again(far_side, gmail):
    far_side.google.grants.end_access_tokens()
    far_side.fail("google.token", line=DROP, times=None)

    with pytest.raises(TryAgain):
        gmail.prepare(mail_of())


def test_an_expired_app_secret_is_the_operators_and_disconnects_nobody(far_side, gmail):
    far_side.google.grants.client_secret = "another"
    far_side.google.grants.end_access_tokens()

    with pytest.raises(Misconfigured):
        gmail.prepare(mail_of())


def test_a_mailbox_without_a_sign_in_has_to_be_connected(far_side):
    with pytest.raises(Disconnected):
        provider_for(unsaved(far_side, "gmail", sign_in="")).check()


def test_an_installation_without_a_client_says_what_to_set(far_side, settings):
    settings.GOOGLE_CLIENT_ID = ""

    with pytest.raises(Misconfigured, match="GOOGLE_CLIENT_ID"):
        adapter(far_side, "gmail").check()


def test_a_grant_without_the_scope_to_write_has_to_be_given_again(far_side):
    mailbox = unsaved(far_side, "gmail", sign_in=far_side.google_sign_in(ADDRESS, scopes=(READ,)))

    with pytest.raises(Disconnected):
        provider_for(mailbox).prepare(mail_of())


def test_a_sign_in_to_another_account_is_not_this_mailbox(far_side):
    mailbox = unsaved(far_side, "gmail", email="other@brightline.test")

    with pytest.raises(Disconnected, match=ADDRESS):
        provider_for(mailbox).check()


# What became of a mail


def test_deleting_the_draft_proves_that_nothing_left(far_side, gmail):
    far_side.fail(SEND, status=503)
    draft = gmail.prepare(mail_of())
    with pytest.raises(Unknown):
        draft.commit()

    assert look_up(gmail, draft) == Verdict.NOT_SENT
    assert far_side.google.mailbox(ADDRESS).drafts == {}
    assert far_side.journal == []


def test_a_mail_that_left_is_found_with_its_real_message_id(far_side, gmail):
    far_side.fail(SEND, line=DROP, accepts=True)
    draft = gmail.prepare(mail_of())
    with pytest.raises(Unknown):
        draft.commit()

    found = look_up(gmail, draft)

    assert isinstance(found, Receipt)
    assert found.message_id == far_side.journal[0].message_id
    assert found.thread_id == far_side.journal[0].thread_id


def test_a_late_acceptance_is_stopped_by_the_look_up(far_side, gmail):
    far_side.fail(SEND, status=504, accepts=True, after=120)
    draft = gmail.prepare(mail_of())
    with pytest.raises(Unknown):
        draft.commit()

    assert look_up(gmail, draft) == Verdict.NOT_SENT
    far_side.pass_time(600)

    assert far_side.journal == [], "what was deleted is never sent"


def test_a_stalled_worker_cannot_send_after_the_look_up_has_said_not_sent(far_side, gmail):
    draft = gmail.prepare(mail_of())
    assert look_up(gmail, draft) == Verdict.NOT_SENT

    with pytest.raises(Unknown):
        draft.commit()

    assert far_side.journal == []


def test_a_mail_that_lost_its_thread_is_found_by_its_reference(far_side, gmail):
    draft = gmail.prepare(mail_of())
    draft.commit()

    found = look_up(gmail, draft, thread_id="gone")

    assert isinstance(found, Receipt)
    assert found.provider_id == far_side.journal[0].provider_id


def test_another_mail_to_the_same_person_is_not_taken_for_it(far_side, gmail):
    gmail.prepare(mail_of(message_id="<t6@brightline.test>", reference="t6")).commit()
    draft = gmail.prepare(mail_of())
    far_side.google.mailbox(ADDRESS).drafts.clear()  # somebody deleted it by hand

    assert look_up(gmail, draft, age=timedelta(minutes=1)) == Verdict.UNKNOWN
    assert look_up(gmail, draft, age=timedelta(minutes=2)) == Verdict.NOT_SENT


def test_a_look_up_whose_answer_is_lost_is_settled_by_the_next(far_side, gmail):
    far_side.fail(SEND, status=503)
    draft = gmail.prepare(mail_of())
    with pytest.raises(Unknown):
        draft.commit()
    far_side.fail("gmail.drafts.delete", line=DROP, accepts=True)
    with pytest.raises(TryAgain):
        look_up(gmail, draft)

    assert look_up(gmail, draft, age=timedelta(minutes=1)) == Verdict.UNKNOWN
    assert look_up(gmail, draft, age=timedelta(minutes=2)) == Verdict.NOT_SENT


def test_a_search_that_lags_behind_is_made_up_for_by_the_thread(far_side, gmail):
    far_side.google.search_lag = 3600
    draft = gmail.prepare(mail_of())
    draft.commit()

    assert isinstance(look_up(gmail, draft), Receipt)


@pytest.mark.parametrize("name", ["drafts.delete", "threads.get", "messages.list"])
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_look_up_that_fails_proves_nothing(far_side, gmail, name, status):
    draft = gmail.prepare(mail_of())
    draft.commit()
    far_side.fail(f"gmail.{name}", status=status, times=None)

    known = {"age": timedelta(hours=1)} | ({"thread_id": "gone"} if "messages" in name else {})

    with pytest.raises((TryAgain, RateLimited, Misconfigured, Disconnected)):
        look_up(gmail, draft, **known)
