"""The Graph adapter and msal against an HTTP server that acts as Microsoft 365."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes

import pytest

from mailboxes.providers import provider_for
from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    Misconfigured,
    QuotaReached,
    RateLimited,
    Receipt,
    RecipientRefused,
    TryAgain,
    Unknown,
    Verdict,
)
from mailboxes.providers.microsoft import Microsoft
from tests.factories import make_mailbox
from tests.fakes.far_side import RESOURCE
from tests.fakes.microsoft import error
from tests.fakes.web import DROP, HANG, RESET
from tests.mailboxes.far_mailboxes import ADDRESS, adapter, mail_of, unsaved

JORDAN = "jordan@globex.test"
SEND = "graph.messages.send"
CREATE = "graph.messages.create"
LATER = timedelta(minutes=5)


@pytest.fixture
def microsoft(far_side) -> Iterator[Microsoft]:
    microsoft = adapter(far_side, "microsoft")
    yield microsoft
    microsoft.close()


@pytest.fixture
def impatient(monkeypatch) -> None:
    monkeypatch.setattr("mailboxes.providers.microsoft.SEND_SECONDS", 0.3)
    monkeypatch.setattr("mailboxes.providers.microsoft.READ_SECONDS", 0.3)


def look_up(microsoft: Microsoft, draft, **changes) -> Verdict | Receipt:
    known = {
        "message_id": "<t7@brightline.test>",
        "recipient": JORDAN,
        "draft_id": draft.draft_id,
        "thread_id": draft.thread_id,
        "reference": "t7",
    }
    return microsoft.look_up(**known | changes)


def folder_of(far_side, draft) -> str:
    return far_side.microsoft.mailbox(ADDRESS).items[draft.draft_id].folder


# Sending


def test_a_mail_goes_out_as_it_was_approved_with_every_header_that_graph_allows(
    far_side, microsoft
):
    mail = mail_of(
        "Grüße aus Köln,\n\n.\nbis bald",
        subject="Re: Ein größerer Plan",
        in_reply_to="<t6@brightline.test>",
        references=["<t5@brightline.test>", "<t6@brightline.test>"],
        unsubscribe_url="https://outreach.test/u/abc/",
    )

    receipt = microsoft.prepare(mail).commit()

    [sent] = far_side.journal
    left = message_from_bytes(sent.raw)
    assert sent.recipient == JORDAN
    assert sent.subject == "Re: Ein größerer Plan"
    assert "Grüße aus Köln" in left.get_payload(1).get_payload(decode=True).decode()
    assert left["Message-ID"] == mail.message_id == receipt.message_id
    assert left["In-Reply-To"] == "<t6@brightline.test>"
    assert left["References"] == "<t5@brightline.test> <t6@brightline.test>"
    assert left["X-Outreach-Ref"] == "t7"
    assert left["List-Unsubscribe"] == "<https://outreach.test/u/abc/>"
    assert left["List-Unsubscribe-Post"] is None, "Microsoft would not sign it"
    assert receipt.thread_id == sent.thread_id


def test_the_draft_keeps_its_id_when_it_is_sent(far_side, microsoft):
    receipt = microsoft.prepare(mail_of()).commit()

    assert receipt.provider_id == far_side.journal[0].provider_id
    for call in far_side.seen:
        assert call.headers["prefer"] == 'IdType="ImmutableId"', call.name


def test_nothing_has_left_before_the_commit(far_side, microsoft):
    draft = microsoft.prepare(mail_of())

    assert far_side.journal == []
    assert folder_of(far_side, draft) == "drafts"


def test_an_abandoned_mail_is_no_draft_any_more(far_side, microsoft):
    draft = microsoft.prepare(mail_of())

    draft.abandon()

    assert folder_of(far_side, draft) == "deleteditems"
    with pytest.raises(RuntimeError):
        draft.commit()


def test_a_mail_cannot_be_committed_twice_nor_its_copy_be_abandoned(far_side, microsoft):
    draft = microsoft.prepare(mail_of())
    draft.commit()

    with pytest.raises(RuntimeError):
        draft.commit()
    draft.abandon()

    assert len(far_side.journal) == 1
    assert folder_of(far_side, draft) == "sentitems"


def test_a_message_id_that_microsoft_changes_is_read_back(far_side, microsoft):
    far_side.fail(
        CREATE,
        status=201,
        body={
            "id": "AA=",
            "conversationId": "c1",
            "internetMessageId": "<new@outlook.test>",
            "subject": "A question about Globex",
            "toRecipients": [{"emailAddress": {"address": JORDAN}}],
        },
    )
    far_side.fail(SEND, status=202)

    assert microsoft.prepare(mail_of()).commit().message_id == "<new@outlook.test>"


@pytest.mark.parametrize(
    "changed",
    [
        {"toRecipients": [{"emailAddress": {"address": "eve@evil.test"}}]},
        {"toRecipients": []},
        {"ccRecipients": [{"emailAddress": {"address": "eve@evil.test"}}]},
        {"subject": "Something else"},
    ],
)
def test_a_draft_that_is_not_what_was_meant_is_not_sent(far_side, microsoft, changed):
    meant = {
        "id": "AA=",
        "subject": "A question about Globex",
        "toRecipients": [{"emailAddress": {"address": JORDAN}}],
    }
    far_side.fail(CREATE, status=201, body=meant | changed)

    with pytest.raises(ContentRefused):
        microsoft.prepare(mail_of())

    assert far_side.calls(SEND) == []


def test_a_draft_that_a_lost_worker_left_behind_is_cleared_away(far_side, microsoft):
    left = microsoft.prepare(mail_of())
    other = microsoft.prepare(mail_of(message_id="<t8@brightline.test>"))

    microsoft.prepare(replace(mail_of(), is_again=True)).commit()

    assert (folder_of(far_side, left), folder_of(far_side, other)) == ("deleteditems", "drafts")
    assert len(far_side.journal) == 1


def test_a_mail_goes_out_although_earlier_drafts_cannot_be_cleared_away(far_side, microsoft):
    far_side.fail("graph.messages.list", status=400)

    microsoft.prepare(replace(mail_of(), is_again=True)).commit()

    assert len(far_side.journal) == 1


# Every row of Graph's table of errors

ROWS = [
    (403, "ErrorAccessDenied", Disconnected),
    (403, "ErrorSendAsDenied", ContentRefused),
    (404, "MailboxNotEnabledForRESTAPI", Disconnected),
    (400, "ErrorInvalidRecipients", RecipientRefused),
    (400, "InvalidInternetMessageHeader", ContentRefused),
    (400, "InvalidInternetMessageHeaderCollection", ContentRefused),
    (400, "ErrorMimeContentInvalidBase64String", ContentRefused),
    (400, "ErrorExceededMessageLimit", QuotaReached),
    (403, "ErrorExceededMessageLimit", QuotaReached),
    (429, "ErrorExceededMessageLimit", QuotaReached),
    (403, "ErrorExceededHourlyMessageLimit", QuotaReached),
    (429, "ErrorSubmissionQuotaExceeded", QuotaReached),
    (400, "ErrorExceededMaxRecipientLimit", QuotaReached),
    (403, "ErrorMessageSubmissionBlocked", Disconnected),
    (403, "ErrorAccountSuspend", Disconnected),
    (429, "ApplicationThrottled", RateLimited),
    (429, "TooManyRequests", RateLimited),
    (429, "activityLimitReached", RateLimited),
    (507, "ErrorQuotaExceeded", Disconnected),
    (400, "ErrorQuotaExceeded", Disconnected),
    (403, "SomethingNew", Misconfigured),
    (409, "ErrorIrresolvableConflict", TryAgain),
]


@pytest.mark.parametrize("name", [CREATE, SEND])
@pytest.mark.parametrize(("status", "code", "kind"), ROWS)
def test_each_refusal_means_one_next_action_and_keeps_microsofts_words(
    far_side, microsoft, name, status, code, kind
):
    far_side.fail(name, status=status, body=error(code, "Its own words."))

    with pytest.raises(kind) as refusal:
        microsoft.prepare(mail_of()).commit()

    assert refusal.value.words == f"{status} {code}: Its own words."
    assert far_side.journal == []
    items = far_side.microsoft.mailbox(ADDRESS).items.values()
    assert {each.folder for each in items} <= {"deleteditems"}, "no draft is left behind"


def test_a_recipient_whose_syntax_is_refused_is_not_suppressed(far_side, microsoft):
    far_side.fail(CREATE, status=400, body=error("ErrorInvalidRecipients"))

    with pytest.raises(RecipientRefused) as refusal:
        microsoft.prepare(mail_of())

    assert not refusal.value.hard


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_microsoft_asks_for_is_kept(far_side, microsoft, status):
    far_side.fail(SEND, status=status, headers={"Retry-After": "37"}, body=error("Throttled"))

    with pytest.raises(RateLimited) as refusal:
        microsoft.prepare(mail_of()).commit()

    assert refusal.value.retry_after == timedelta(seconds=37)
    assert far_side.journal == []


def test_a_throttled_send_that_left_all_the_same_is_looked_up(far_side, microsoft):
    far_side.fail(SEND, status=503, headers={"Retry-After": "37"}, accepts=True)

    with pytest.raises(Unknown):
        microsoft.prepare(mail_of()).commit()

    assert len(far_side.journal) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("accepts", [False, True])
def test_a_fault_of_microsoft_on_the_send_itself_leaves_the_fate_open(
    far_side, microsoft, status, accepts
):
    far_side.fail(SEND, status=status, accepts=accepts, body=error("InternalServerError"))

    with pytest.raises(Unknown):
        microsoft.prepare(mail_of()).commit()

    assert len(far_side.calls(SEND)) == 1, "never a second time"
    assert len(far_side.journal) == int(accepts)


@pytest.mark.parametrize("status", [404, 500, 502, 503, 504])
def test_the_same_fault_before_the_send_is_tried_again(far_side, microsoft, status):
    far_side.fail(CREATE, status=status, body=error("InternalServerError"))

    with pytest.raises(TryAgain):
        microsoft.prepare(mail_of())


def test_a_draft_that_is_gone_is_not_taken_for_unsent(far_side, microsoft):
    draft = microsoft.prepare(mail_of())
    far_side.fail(SEND, status=404, body=error("ErrorItemNotFound"))

    with pytest.raises(Unknown):
        draft.commit()


@pytest.mark.parametrize("line", [DROP, RESET, HANG])
@pytest.mark.parametrize("accepts", [False, True])
def test_a_broken_line_on_the_send_is_unknown_and_never_sent_again(
    far_side, microsoft, impatient, line, accepts
):
    far_side.fail(SEND, line=line, accepts=accepts)

    with pytest.raises(Unknown):
        microsoft.prepare(mail_of()).commit()

    assert len(far_side.calls(SEND)) == 1
    assert len(far_side.journal) == int(accepts)


@pytest.mark.parametrize("line", [DROP, RESET, HANG])
def test_a_broken_line_before_the_send_is_tried_again(far_side, microsoft, impatient, line):
    far_side.fail(CREATE, line=line)

    with pytest.raises(TryAgain):
        microsoft.prepare(mail_of())


def test_a_server_that_cannot_be_reached_has_taken_nothing(far_side, microsoft, settings):
    draft = microsoft.prepare(mail_of())
    settings.GRAPH_URL = "http://127.0.0.1:9/v1.0"

    with pytest.raises(TryAgain):
        draft.commit()
    with pytest.raises(TryAgain):
        microsoft.prepare(mail_of())


def test_an_answer_that_is_not_graphs_is_no_receipt(far_side, microsoft):
    far_side.fail(SEND, status=200, body="<html>Sign in to the hotel's network</html>")

    with pytest.raises(Unknown):
        microsoft.prepare(mail_of()).commit()


# The sign-in


def test_a_token_that_ended_is_renewed_and_kept_with_its_new_refresh_token(db, far_side, workspace):
    sign_in = far_side.sign_in("microsoft", ADDRESS)
    mailbox = make_mailbox(workspace, provider="microsoft", email=ADDRESS, sign_in=sign_in)
    far_side.microsoft.grants.end_access_tokens()

    provider_for(mailbox).check()

    mailbox.refresh_from_db()
    assert refresh_token_in(mailbox.sign_in) != refresh_token_in(sign_in)
    provider_for(mailbox).check()
    assert len(far_side.calls("microsoft.token")) == 1


def refresh_token_in(cache: str) -> str:
    [kept] = json.loads(cache)["RefreshToken"].values()
    return kept["secret"]


def test_a_kept_token_is_used_without_asking_microsofts_sign_in(far_side, microsoft):
    far_side.fail("microsoft.configuration", status=503, times=None)

    microsoft.prepare(mail_of()).commit()

    assert len(far_side.journal) == 1


def test_a_worker_that_was_slower_does_not_overwrite_newer_tokens(db, far_side, workspace):
    sign_in = far_side.sign_in("microsoft", ADDRESS)
    mailbox = make_mailbox(workspace, provider="microsoft", email=ADDRESS, sign_in=sign_in)
    slower = type(mailbox).everywhere.get(pk=mailbox.pk)
    far_side.microsoft.grants.end_access_tokens()
    provider_for(mailbox).check()

    provider_for(slower).check()

    kept = type(mailbox).everywhere.get(pk=mailbox.pk)
    assert kept.sign_in == mailbox.sign_in


SIGN_IN_ROWS = [
    ("invalid_grant", "AADSTS70008: The refresh token has expired.", Disconnected),
    ("invalid_grant", "AADSTS700082: Expired due to inactivity.", Disconnected),
    ("invalid_grant", "AADSTS50173: The grant was revoked.", Disconnected),
    ("invalid_grant", "AADSTS50057: The account is disabled.", Disconnected),
    ("interaction_required", "AADSTS50076: Use multi-factor authentication.", Disconnected),
    ("interaction_required", "AADSTS53003: Blocked by conditional access.", Disconnected),
    ("consent_required", "AADSTS65001: Nobody has consented.", Disconnected),
    ("invalid_client", "AADSTS7000215: Invalid client secret.", Misconfigured),
    ("invalid_client", "AADSTS7000222: The client secret is expired.", Misconfigured),
    ("unauthorized_client", "AADSTS700016: Application not found.", Misconfigured),
    ("temporarily_unavailable", "Try again.", TryAgain),
]


@pytest.mark.parametrize(("code", "words", "kind"), SIGN_IN_ROWS)
def test_each_refusal_of_a_new_token_means_one_next_action(far_side, microsoft, code, words, kind):
    far_side.microsoft.grants.end_access_tokens()
    body = {"error": code, "error_description": words, "error_codes": [1]}
    far_side.fail("microsoft.token", status=400, body=body, times=None)

    with pytest.raises(kind) as refusal:
        microsoft.prepare(mail_of())

    assert words in refusal.value.words


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 502, "body": "<html>"}, {"line": DROP}]
)
@pytest.mark.parametrize("name", ["microsoft.token", "microsoft.configuration"])
def test_a_sign_in_that_does_not_answer_is_tried_again(far_side, microsoft, name, fault):
    far_side.microsoft.grants.end_access_tokens()
    far_side.fail(name, times=None, **fault)

    with pytest.raises(TryAgain):
        microsoft.prepare(mail_of())


def test_an_expired_app_secret_is_the_operators_and_disconnects_nobody(far_side, microsoft):
    far_side.microsoft.grants.client_secret = "another"
    far_side.microsoft.grants.end_access_tokens()

    with pytest.raises(Misconfigured, match="AADSTS7000222"):
        microsoft.prepare(mail_of())


def test_a_token_that_is_refused_twice_disconnects(far_side, microsoft):
    body = error("InvalidAuthenticationToken", "Access token has expired.")
    far_side.fail(CREATE, status=401, body=body, times=None)

    with pytest.raises(Disconnected):
        microsoft.prepare(mail_of())

    assert len(far_side.calls("microsoft.token")) == 1


def test_a_mailbox_without_a_sign_in_has_to_be_connected(far_side):
    with pytest.raises(Disconnected):
        provider_for(unsaved(far_side, "microsoft", sign_in="")).check()


def test_an_installation_without_a_client_says_what_to_set(far_side, settings):
    settings.MICROSOFT_CLIENT_SECRET = ""

    with pytest.raises(Misconfigured, match="MICROSOFT_CLIENT_SECRET"):
        adapter(far_side, "microsoft").check()


def test_a_grant_without_the_permission_to_send_has_to_be_given_again(far_side):
    scopes = [f"{RESOURCE}Mail.ReadWrite", f"{RESOURCE}User.Read"]
    sign_in = far_side.microsoft_sign_in(ADDRESS, scopes=scopes)

    with pytest.raises(Disconnected):
        provider_for(unsaved(far_side, "microsoft", sign_in=sign_in)).prepare(mail_of()).commit()


def test_a_sign_in_to_another_account_is_not_this_mailbox(far_side):
    mailbox = unsaved(far_side, "microsoft", email="other@brightline.test")

    with pytest.raises(Disconnected, match=ADDRESS):
        provider_for(mailbox).check()


# What became of a mail


def test_a_draft_is_left_alone_until_microsoft_is_sure(far_side, microsoft):
    far_side.fail(SEND, status=503)
    draft = microsoft.prepare(mail_of())
    with pytest.raises(Unknown):
        draft.commit()

    assert look_up(microsoft, draft, age=timedelta(minutes=4)) == Verdict.UNKNOWN
    assert folder_of(far_side, draft) == "drafts"
    assert look_up(microsoft, draft, age=LATER) == Verdict.NOT_SENT
    assert folder_of(far_side, draft) == "recoverableitemsdeletions"
    assert far_side.journal == []


def test_a_mail_that_left_is_found_by_its_id(far_side, microsoft):
    far_side.fail(SEND, line=DROP, accepts=True)
    draft = microsoft.prepare(mail_of())
    with pytest.raises(Unknown):
        draft.commit()

    found = look_up(microsoft, draft)

    assert isinstance(found, Receipt)
    assert (found.message_id, found.thread_id) == ("<t7@brightline.test>", draft.thread_id)
    assert folder_of(far_side, draft) == "sentitems", "its copy is kept"


def test_a_mail_that_microsoft_is_slow_to_send_is_still_found(far_side, microsoft):
    far_side.microsoft.transport_delay = 200
    far_side.fail(SEND, status=504, accepts=True)
    draft = microsoft.prepare(mail_of())
    with pytest.raises(Unknown):
        draft.commit()

    assert look_up(microsoft, draft, age=timedelta(minutes=2)) == Verdict.UNKNOWN
    far_side.pass_time(240)

    assert isinstance(look_up(microsoft, draft, age=timedelta(minutes=4)), Receipt)


def test_a_mail_that_leaves_while_its_draft_is_deleted_counts_as_sent(far_side, microsoft):
    far_side.microsoft.transport_delay = 3600
    draft = microsoft.prepare(mail_of())
    draft.commit()
    mailbox = far_side.microsoft.mailbox(ADDRESS)
    before = far_side.microsoft.delete

    def sent_in_between(asked):
        answer = before(asked)
        far_side.microsoft.pick_up(mailbox, mailbox.items[draft.draft_id])
        return answer

    replace_operation(far_side, "graph.messages.delete", sent_in_between)

    assert isinstance(look_up(microsoft, draft, age=LATER), Receipt)
    assert len(far_side.journal) == 1


def test_a_draft_that_changes_just_then_is_not_deleted(far_side, microsoft):
    draft = microsoft.prepare(mail_of())
    mailbox = far_side.microsoft.mailbox(ADDRESS)
    before = far_side.microsoft.get

    def sent_in_between(asked):
        answer = before(asked)
        far_side.microsoft.pick_up(mailbox, mailbox.items[draft.draft_id])
        return answer

    replace_operation(far_side, "graph.messages.get", sent_in_between)

    assert look_up(microsoft, draft, age=LATER) == Verdict.UNKNOWN
    assert folder_of(far_side, draft) == "sentitems"


def replace_operation(far_side, name: str, operation) -> None:
    [route] = [each for each in far_side.routes if each.name == name]
    far_side.routes.remove(route)
    far_side.routes.append(type(route)(route.method, route.pattern, name, operation))


def test_a_stalled_worker_cannot_send_after_the_look_up_has_said_not_sent(far_side, microsoft):
    draft = microsoft.prepare(mail_of())
    assert look_up(microsoft, draft, age=LATER) == Verdict.NOT_SENT

    with pytest.raises(Unknown):
        draft.commit()

    assert far_side.journal == []


@pytest.mark.parametrize("nth", [1, 2])
def test_a_look_up_whose_answer_is_lost_is_settled_by_the_next(far_side, microsoft, nth):
    draft = microsoft.prepare(mail_of())
    if nth == 2:
        far_side.microsoft.mailbox(ADDRESS).items[draft.draft_id].folder = "deleteditems"
    far_side.fail("graph.messages.delete", line=DROP, accepts=True)
    with pytest.raises(TryAgain):
        look_up(microsoft, draft, age=LATER)

    assert look_up(microsoft, draft, age=LATER) == Verdict.NOT_SENT


def test_a_mail_that_a_person_moved_away_is_found_by_its_message_id(far_side, microsoft):
    draft = microsoft.prepare(mail_of())
    draft.commit()

    assert isinstance(look_up(microsoft, draft, draft_id="AAgone="), Receipt)


def test_an_apostrophe_in_a_message_id_asks_for_exactly_that_one(far_side, microsoft):
    mail = mail_of(message_id="<o'hara+1@brightline.test>")
    draft = microsoft.prepare(mail)
    draft.commit()

    found = look_up(microsoft, draft, draft_id="AAgone=", message_id=mail.message_id)

    assert isinstance(found, Receipt)


def test_a_draft_that_nobody_finds_proves_nothing(far_side, microsoft):
    draft = microsoft.prepare(mail_of())
    far_side.microsoft.mailbox(ADDRESS).items.clear()

    assert look_up(microsoft, draft, age=timedelta(minutes=15)) == Verdict.UNKNOWN


def test_the_draft_of_another_try_is_not_taken_for_this_one(far_side, microsoft):
    lost = microsoft.prepare(mail_of())
    draft = microsoft.prepare(mail_of())
    far_side.microsoft.mailbox(ADDRESS).items.pop(draft.draft_id)

    assert look_up(microsoft, draft, age=LATER) == Verdict.UNKNOWN
    assert folder_of(far_side, lost) == "drafts"


@pytest.mark.parametrize("name", ["get", "delete", "list"])
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_look_up_that_fails_proves_nothing(far_side, microsoft, name, status):
    draft = microsoft.prepare(mail_of())
    far_side.fail(f"graph.messages.{name}", status=status, times=None)
    known = {"draft_id": "AAgone="} if name == "list" else {}

    with pytest.raises((TryAgain, RateLimited, Misconfigured, Disconnected)):
        look_up(microsoft, draft, age=LATER, **known)
