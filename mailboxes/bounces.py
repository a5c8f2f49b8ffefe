"""What a delivery report says: whose mail did not arrive, and whether the address is to blame."""

import re
from enum import StrEnum
from typing import Any

from mailboxes import bounce_prose, bounce_reports
from mailboxes.opening import opened
from mailboxes.providers.smtp_replies import ADDRESS_UNKNOWN, BLAMES_THE_SENDER

# Class codes that say no more than "failed".
VAGUE = {"", "5.0.0", "4.0.0", "5.5.0", "5.3.0"}
# What a feedback report must say to be a complaint of the recipient's.
COMPLAINTS = {"abuse", "fraud", "opt-out", "opt-out-list", "virus", "other", "miscategorized"}


# What follows is our own mail, or nothing.
MAX_REPORT = 300_000
MAX_LINES = 5_000


class Bounce(StrEnum):
    """What to do about a report."""

    HARD = "hard"  # no such address: never write to it again
    SOFT = "soft"  # did not arrive this time
    POLICY = "policy"  # refused for what we are or wrote; the address is not to blame
    COMPLAINT = "complaint"  # arrived, and was called spam by who got it
    NONE = ""  # delayed, delivered or relayed: nothing has failed


NO_SUCH_ADDRESS = re.compile(
    r"""(?:no\ such|unknown|invalid|non-?existent|unrouteable)\s+(?:local\s+)?
        (?:user|recipient|mailbox|address|account|person|destination|e-?mail)
    | (?:user|recipient|mailbox|account|address|addressee|e-?mail|person|name|local\ part)
        [^.;\n]{0,60}?\s(?:is\s+|was\s+)?
        (?:unknown|not\ (?:be\ )?(?:found|known|exist|listed|recogni[sz]ed|valid)|invalid
        |(?:doesn't|does\ not|do\ not|did\ not|didn't)\ exist)
    | unknown\ to\ us | no\ (?:longer\ )?(?:an?\ )?(?:valid|existing)\ (?:mailbox|address|user)
    | no\ mailbox\ (?:here|by\ that\ name) | account\ (?:has\ been\ )?(?:deleted|closed|removed)
    """,
    re.IGNORECASE | re.VERBOSE,
)
NO_SUCH_HOST = re.compile(
    r"host unknown|unknown host|no such (?:host|domain)|nxdomain"
    r"|(?:host|domain)(?: or domain)?(?: name)? (?:\S{1,80} )?(?:was |is |does )?"
    r"(?:not found|unknown|not exist)",
    re.IGNORECASE,
)
YOUR_MESSAGE = re.compile(r"\byour (?:e-?mail |mail )?(?:message|e-?mail|mail)\b", re.IGNORECASE)
NOT_FOR_GOOD = re.compile(
    r"""(?:mailbox|mail\ box|quota|inbox|storage|disk|maildir)[^.;\n]{0,60}(?:full|exceed|over)
    | over\ ?quota | quota | suspended | disabled | inactive | not\ active | temporar
    | timed?\ ?out | too\ (?:large|big|many) | try\ again | deferred | delayed
    """,
    re.IGNORECASE | re.VERBOSE,
)


def report(raw: bytes) -> dict[str, Any]:
    """Read a report of a mail that did not arrive, or was complained of; {} for any other mail.

    The first recipient's failure stands at the top, those of further ones are its "others".
    """
    message = opened(raw[:MAX_REPORT], lines=MAX_LINES)
    failures = bounce_reports.failures(message)
    if failures:
        said = bounce_prose.commands(message, [each["recipient"] for each in failures])
        failures = [{"command": said[each["recipient"]], **each} for each in failures]
    elif bounce_prose.is_report(message):
        failures = bounce_prose.failures(message)
    if not failures and not bounce_reports.is_one(message):
        return {}
    first, *others = failures or [{"recipient": "", "action": "", "status": "", "words": ""}]
    return {**first, **bounce_reports.original(message), "others": others}


def failures_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a report says of each of its recipients.

    >>> [each["recipient"] for each in failures_of({"recipient": "a@b.test"})]
    ['a@b.test']
    """
    return [report, *report.get("others", [])] if report else []


def failure_of(report: dict[str, Any], recipient: str) -> dict[str, Any]:
    """Return what a report says of this recipient, or else of its first one."""
    failures = failures_of(report)
    mine = [each for each in failures if each.get("recipient") == recipient.lower()]
    return next(iter(mine), report)


def kind_of(failure: dict[str, Any]) -> Bounce:
    """Say what a report means for the address.

    >>> kind_of({"action": "failed", "status": "5.1.1", "words": "550 5.1.1 No such user"})
    <Bounce.HARD: 'hard'>
    >>> kind_of({"action": "failed", "status": "5.7.1", "words": "550 5.7.1 Blocked"})
    <Bounce.POLICY: 'policy'>
    >>> kind_of({"action": "failed", "status": "5.2.2", "words": "Mailbox full"})
    <Bounce.SOFT: 'soft'>
    >>> kind_of({"action": "delayed", "status": "4.4.1", "words": ""})
    <Bounce.NONE: ''>
    >>> kind_of({"complaint": "abuse"})
    <Bounce.COMPLAINT: 'complaint'>
    """
    status, words = failure.get("status", ""), failure.get("words", "")
    if complaint := failure.get("complaint"):
        return Bounce.COMPLAINT if complaint in COMPLAINTS else Bounce.NONE
    if failure.get("action") != "failed":
        return Bounce.NONE
    if status.startswith("4."):
        return Bounce.SOFT
    if status.startswith(("5.6.", "5.7.")) or re.search(r"(?<![\d.])5\.[67]\.\d", words):
        return Bounce.POLICY
    if status in ADDRESS_UNKNOWN:
        return Bounce.HARD
    if status in VAGUE or status.startswith("5.1."):
        # A code of the address class vouches for the words, whatever the command was.
        about_address = status.startswith("5.1.") or failure.get("command") == "rcpt"
        return _by_words(words, about_address)
    return Bounce.SOFT


def _by_words(words: str, about_address: bool) -> Bounce:
    """Judge a failure whose code says nothing.

    A "user unknown" in answer to anything but RCPT, or nobody knows to what, may well be the
    verdict of a filter: it counts, but it is no proof.
    """
    if NOT_FOR_GOOD.search(words):
        return Bounce.SOFT
    if NO_SUCH_HOST.search(words):
        return Bounce.HARD
    if NO_SUCH_ADDRESS.search(words):
        return Bounce.HARD if about_address else Bounce.SOFT
    # "Your message could not be delivered" blames nobody.
    words = YOUR_MESSAGE.sub("", words)
    return Bounce.POLICY if BLAMES_THE_SENDER.search(words) else Bounce.SOFT
