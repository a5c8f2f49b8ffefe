import base64

import pytest

from mailboxes.bounces import Bounce, failures_of, kind_of, report

OURS = "<mail-1@us.test>"


def dsn(
    status: str = "5.1.1",
    words: str = "smtp; 550 5.1.1 No such user",
    action: str = "failed",
    recipient: str = "jordan@globex.test",
    extra: str = "",
) -> bytes:
    return f"""From: Mail Delivery System <mailer-daemon@globex.test>
To: bo@us.test
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

<{recipient}>: host mx.globex.test said: {words.partition(";")[2]} (in reply to RCPT TO command)

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.globex.test

Final-Recipient: rfc822; {recipient}
{extra}Action: {action}
Status: {status}
Diagnostic-Code: {words}

--x
Content-Type: message/rfc822

From: bo@us.test
To: {recipient}
Message-ID: {OURS}
X-Outreach-Ref: t7

Hi Jordan
--x--
""".encode()


def prose(text: str, **headers: str) -> bytes:
    heads = {
        "From": "MAILER-DAEMON@mx.globex.test",
        "Subject": "failure notice",
        "To": "bo@us.test",
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (heads | headers).items()]
    return "\n".join([*lines, "", text]).encode()


def kinds(raw: bytes) -> dict[str, Bounce]:
    return {each["recipient"]: kind_of(each) for each in failures_of(report(raw))}


def test_a_report_says_who_why_and_about_which_mail():
    found = report(dsn())

    assert (found["recipient"], found["status"], found["action"]) == (
        "jordan@globex.test",
        "5.1.1",
        "failed",
    )
    assert found["words"] == "550 5.1.1 No such user"
    assert (found["message_id"], found["reference"]) == (OURS, "t7")


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("5.1.1", "smtp; 550 5.1.1 No such user", "hard"),
        ("5.1.10", "smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound", "hard"),
        ("5.4.1", "smtp; 550 5.4.1 Recipient address rejected: Access denied", "hard"),
        ("5.0.0", "smtp; 550 5.1.1 No such user", "hard"),
        ("5.0.0", "smtp; 550 User unknown", "hard"),
        ("5.2.2", "smtp; 552 5.2.2 Mailbox full", "soft"),
        ("5.2.1", "smtp; 550 5.2.1 Account disabled", "soft"),
        ("4.4.7", "smtp; 451 4.4.7 Delivery time expired", "soft"),
        ("5.4.4", "dns; Host not found", "soft"),
        ("4.0.0", "smtp; 450 User unknown", "soft"),
        ("5.0.0", "smtp; 550 User unknown: mailbox over quota", "soft"),
        ("5.7.1", "smtp; 550 5.7.1 Blocked by policy", "policy"),
        ("5.7.515", "smtp; 550 5.7.515 Access denied, authentication", "policy"),
        ("5.6.0", "smtp; 554 5.6.0 Virus found", "policy"),
        ("5.1.1", "smtp; 550 5.7.1 IP address blacklisted by recipient", "policy"),
        ("5.0.0", "smtp; 550 Rejected as spam", "policy"),
        ("", "", "soft"),
    ],
)
def test_a_failure_is_hard_only_where_the_address_is_to_blame(status, words, kind):
    assert kind_of(report(dsn(status, words))) == kind


def test_what_is_unknown_after_the_whole_mail_may_be_the_verdict_of_a_filter():
    raw = dsn("5.0.0", "smtp; 550 User unknown").replace(b"RCPT TO command", b"end of DATA command")

    assert kind_of(report(raw)) == Bounce.SOFT


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "Expanded"])
def test_a_mail_that_has_not_failed_is_no_bounce(action):
    assert kind_of(report(dsn(action=action))) == Bounce.NONE


def test_an_alias_is_known_by_the_address_that_was_written_to():
    found = report(dsn(extra="Original-Recipient: rfc822; JORDAN.LEE@globex.test\n"))

    assert (found["recipient"], found["final"]) == ("jordan.lee@globex.test", "jordan@globex.test")


def test_a_report_on_several_says_what_became_of_each():
    second = (
        "Final-Recipient: rfc822; kim@globex.test\nAction: failed\nStatus: 5.2.2\n\n--x\n"
        "Content-Type: message/rfc822"
    )
    raw = dsn().replace(b"--x\nContent-Type: message/rfc822", second.encode())

    assert kinds(raw) == {"jordan@globex.test": Bounce.HARD, "kim@globex.test": Bounce.SOFT}


def test_a_status_that_was_encoded_is_read():
    status = b"Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; a@b.test\nAction: failed\n"
    raw = b"""From: postmaster@b.test
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: message/delivery-status
Content-Transfer-Encoding: base64

%s
--x--
""" % base64.encodebytes(status + b"Status: 5.1.1\n")

    assert kinds(raw) == {"a@b.test": Bounce.HARD}


QMAIL = """Hi. This is the qmail-send program at mx.globex.test.
I'm afraid I wasn't able to deliver your message to the following addresses.

<jordan@globex.test>:
192.0.2.9 does not like recipient.
Remote host said: 550 sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <bo@us.test>
Received: (qmail 1 invoked from network)
Message-ID: <mail-1@us.test>
To: jordan@globex.test

Hi
"""
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  jordan@globex.test
    SMTP error from remote mail server after RCPT TO:<jordan@globex.test>:
    host mx.globex.test [192.0.2.9]: 550 Unknown user

------ This is a copy of the message, including all the headers. ------

Message-ID: <mail-1@us.test>
To: jordan@globex.test
"""
FULL = """Delivery to the following recipients failed.

       jordan@globex.test

The recipient's mailbox is full and cannot accept messages now.
"""
WAITING = """The original message was received at Mon, 2 Nov 2026 09:14:00 +0100

   ----- The following addresses had transient non-fatal errors -----
<jordan@globex.test>

Message will be retried for 2 more day(s)
"""


@pytest.mark.parametrize(
    ("text", "subject", "kind"),
    [
        (QMAIL, "failure notice", "hard"),
        (EXIM, "Mail delivery failed: returning message to sender", "hard"),
        (FULL, "Delivery Status Notification (Failure)", "soft"),
        (FULL.replace("full", "busy"), "Undeliverable: Hello", "soft"),
        (WAITING, "Warning: message delayed 24 hours", ""),
    ],
)
def test_reports_that_were_written_for_people_are_read(text, subject, kind):
    assert kinds(prose(text, Subject=subject)) == {"jordan@globex.test": kind}


@pytest.mark.parametrize("text", [QMAIL, EXIM])
def test_the_copy_in_a_report_tells_which_mail_it_was(text):
    assert report(prose(text))["message_id"] == OURS


def test_the_address_of_the_failed_recipient_may_stand_in_a_header():
    raw = prose("550 5.1.1 No such user", X_Failed_Recipients="jordan@globex.test")

    assert kinds(raw) == {"jordan@globex.test": Bounce.HARD}


@pytest.mark.parametrize(
    "raw",
    [
        b"From: ana@acme.test\nSubject: Re: Hello\n\nYour mail to kim@acme.test was rejected.",
        b"From: ana@acme.test\nSubject: Fwd: failure notice\n\n" + QMAIL.encode(),
        b"From: postmaster@acme.test\nSubject: Re: Hello\n\nPlease ask kim@acme.test instead.",
        b"From: Ana, Delivery System Lead <ana@acme.test>\nSubject: Re: Hello\n\n550 a@b.test",
        b"From: ana@acme.test\nSubject: Read: Hello\nContent-Type: multipart/report; "
        b"report-type=disposition-notification; boundary=x\n\n--x\n\n"
        b"Your message to kim@acme.test was displayed.\n--x--",
        b"From: ana@acme.test\nSubject: Automatic reply: Hello\n\nWrite to kim@acme.test.",
        b"",
    ],
)
def test_what_a_person_wrote_is_no_report(raw):
    assert report(raw) == {}


def complaint(kind: str = "abuse") -> bytes:
    return f"""From: feedback@isp.test
Subject: Email Feedback Report
Content-Type: multipart/report; report-type=feedback-report; boundary=x

--x
Content-Type: text/plain

This is an email abuse report.
--x
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Some/1.0
Version: 1
Original-Rcpt-To: <jordan@globex.test>

--x
Content-Type: message/rfc822

Message-ID: {OURS}
To: jordan@globex.test

Hi
--x--
""".encode()


@pytest.mark.parametrize(
    ("kind", "bounce"), [("abuse", "complaint"), ("auth-failure", ""), ("not-spam", "")]
)
def test_a_feedback_report_is_a_complaint_unless_it_says_otherwise(kind, bounce):
    found = report(complaint(kind))

    assert (found["recipient"], found["message_id"]) == ("jordan@globex.test", OURS)
    assert kind_of(found) == bounce


def test_a_report_over_which_the_library_falls_is_survived():
    raw = b"Subject: failure notice\n\n--------Message not delivered to the following:\n\n"

    assert report(raw) == {}
