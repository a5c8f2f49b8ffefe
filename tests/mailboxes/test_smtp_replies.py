"""What each answer of a server means for the mail, the mailbox and the recipient."""

import pytest

from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    Misconfigured,
    QuotaReached,
    RateLimited,
    RecipientRefused,
    TryAgain,
    Unknown,
)
from mailboxes.providers.smtp_replies import Phase, classify

HARD, SOFT = "hard", "soft"
TABLE = [
    # Addresses
    (Phase.RCPT, 550, "5.1.1 No such user", HARD),
    (Phase.RCPT, 550, "5.1.1 <a@b>: User unknown in relay recipient table", HARD),
    (Phase.RCPT, 550, "5.1.2 Bad destination system", HARD),
    (Phase.RCPT, 501, "5.1.3 Bad recipient address syntax", HARD),
    (Phase.RCPT, 551, "5.1.6 Mailbox has moved", HARD),
    (Phase.RCPT, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound", HARD),
    (Phase.RCPT, 550, "5.4.1 Recipient address rejected: Access denied.", HARD),
    (Phase.DOT, 550, "5.1.1 No such user", HARD),
    (Phase.RCPT, 550, "No such user here", HARD),
    (Phase.RCPT, 550, "Unrouteable address", HARD),
    (Phase.RCPT, 550, "<a@b>: User unknown in relay recipient table", HARD),
    (Phase.RCPT, 550, "5.5.0 Requested action not taken: mailbox unavailable", HARD),
    (Phase.RCPT, 550, "sorry, no mailbox here by that name (#5.1.1)", HARD),
    (Phase.RCPT, 550, "#5.1.0 Address rejected.", HARD),
    (Phase.RCPT, 550, "5.2.1 The account is disabled", SOFT),
    (Phase.RCPT, 552, "5.2.2 Mailbox full", SOFT),
    (Phase.DOT, 552, "5.2.2 Over quota", SOFT),
    (Phase.RCPT, 550, "5.4.4 Unable to route", SOFT),
    (Phase.DOT, 554, "5.4.7 Expired", SOFT),
    (Phase.RCPT, 551, "User not local", SOFT),
    (Phase.RCPT, 553, "Mailbox name not allowed", SOFT),
    (Phase.RCPT, 550, "5.2.0 Something about the mailbox", SOFT),
    # The sender or the text: the recipient is never to blame
    (Phase.RCPT, 550, "5.7.1 Service unavailable; client host blocked", ContentRefused),
    (Phase.RCPT, 554, "5.7.1 <a@b>: Relay access denied", ContentRefused),
    (Phase.RCPT, 550, "relay not permitted", ContentRefused),
    (Phase.RCPT, 550, "Your IP is on a block list", ContentRefused),
    (Phase.RCPT, 553, "sorry, not in my list of allowed rcpthosts (#5.7.1)", ContentRefused),
    (Phase.RCPT, 550, "Sender verify failed", ContentRefused),
    (Phase.RCPT, 554, "Transaction failed", ContentRefused),
    (Phase.DOT, 550, "5.7.26 This mail is unauthenticated", ContentRefused),
    (Phase.DOT, 550, "5.7.515 Access denied, sending domain", ContentRefused),
    (Phase.DOT, 550, "5.7.509 Access denied", ContentRefused),
    (Phase.DOT, 554, "5.6.0 Malformed", ContentRefused),
    (Phase.DOT, 552, "5.3.4 Message too big", ContentRefused),
    (Phase.DOT, 552, "5.2.3 Message exceeds the limit", ContentRefused),
    (Phase.MAIL, 552, "5.3.4 Message too big", ContentRefused),
    (Phase.MAIL, 552, "Size exceeds maximum", ContentRefused),
    (Phase.MAIL, 550, "5.7.60 Client may not send as this sender", ContentRefused),
    (Phase.DOT, 550, "Rejected", ContentRefused),
    (Phase.DOT, 554, "Transaction failed", ContentRefused),
    (Phase.DATA, 503, "5.5.1 RCPT first", ContentRefused),
    # The mailbox as it is set up
    (Phase.MAIL, 553, "5.1.7 Bad sender address", Misconfigured),
    (Phase.MAIL, 550, "5.1.1 No such user", Misconfigured),
    (Phase.MAIL, 501, "Syntax error", Misconfigured),
    (Phase.CONNECT, 554, "5.7.1 No service for you", Misconfigured),
    (Phase.HELLO, 502, "Not implemented", Misconfigured),
    (Phase.STARTTLS, 501, "No parameters", Misconfigured),
    (Phase.AUTH, 504, "5.5.4 Unrecognized mechanism", Misconfigured),
    (Phase.MAIL, 530, "5.7.0 Must issue a STARTTLS command first", Misconfigured),
    # The account's quota
    (Phase.DOT, 550, "5.4.5 Daily user sending limit exceeded", QuotaReached),
    (Phase.RCPT, 550, "5.1.8 Access denied, bad outbound sender", QuotaReached),
    (Phase.DOT, 550, "5.7.705 Access denied, tenant has exceeded threshold", QuotaReached),
    (Phase.DOT, 550, "5.7.708 Access denied, traffic not accepted", QuotaReached),
    (Phase.MAIL, 550, "5.7.750 Unregistered sending domain", QuotaReached),
    # Sign-in
    (Phase.AUTH, 535, "5.7.8 Username and Password not accepted", Disconnected),
    (Phase.AUTH, 535, "5.7.139 Authentication unsuccessful", Disconnected),
    (Phase.AUTH, 534, "5.7.9 Application-specific password required", Disconnected),
    (Phase.MAIL, 530, "5.7.0 Authentication required", Disconnected),
    (Phase.MAIL, 530, "5.7.57 Client not authenticated to send mail", Disconnected),
    (Phase.AUTH, 550, "5.7.30 Basic authentication is not supported", Disconnected),
    (Phase.AUTH, 554, "No", Disconnected),
    # Passing
    (Phase.RCPT, 450, "4.7.1 Greylisted", "smtp"),
    (Phase.RCPT, 451, "4.7.500 Server busy", "smtp"),
    (Phase.RCPT, 452, "4.2.2 Mailbox full", "smtp"),
    (Phase.RCPT, 452, "4.5.3 Too many recipients", "smtp"),
    (Phase.MAIL, 432, "4.3.2 Concurrent connections limit exceeded", "smtp"),
    (Phase.AUTH, 454, "4.7.0 Temporary authentication failure", "smtp"),
    (Phase.STARTTLS, 454, "TLS not available", "smtp"),
    (Phase.DOT, 451, "Requested action aborted", "smtp"),
    (Phase.DOT, 450, "5.1.1 mixed up codes", "smtp"),
    (Phase.CONNECT, 421, "4.7.0 Try again later", RateLimited),
    (Phase.RCPT, 421, "Too many", RateLimited),
    (Phase.DOT, 421, "4.3.2 Shutting down", RateLimited),
    # Not answers that SMTP knows
    (Phase.DATA, 250, "ok?", TryAgain),
    (Phase.MAIL, -1, "hello", TryAgain),
    (Phase.DOT, -1, "hello", Unknown),
    (Phase.DOT, 354, "more", Unknown),
    (Phase.DOT, 600, "more", Unknown),
    # Numbers that only look like codes
    (Phase.RCPT, 554, "5.1.1.9 is on our list", ContentRefused),
    (Phase.RCPT, 554, "mailer 5.1.1 says no", ContentRefused),
]


@pytest.mark.parametrize(("phase", "code", "text", "meaning"), TABLE)
def test_an_answer_names_the_next_action(phase: Phase, code: int, text: str, meaning: object):
    error = classify(phase, code, text)

    if meaning in (HARD, SOFT):
        assert type(error) is RecipientRefused
        assert error.hard is (meaning == HARD)
        assert error.code
    elif meaning == "smtp":
        assert type(error) is TryAgain
        assert error.smtp
    else:
        assert type(error) is meaning
    assert text in str(error)


def test_words_are_bounded_and_safe_to_store():
    error = classify(Phase.DOT, 550, b"\xff\x00bell\x07\x1b[31m" + b"x" * 5000)

    assert str(error).startswith("550 \ufffd bell  [31mxxx")
    assert len(str(error)) == 2000
