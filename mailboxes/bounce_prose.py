"""Reports written for people: whose mail did not arrive is read from what the server wrote.

Only of mail that a machine sent. A person who writes of a failed delivery, or quotes one, is not
believed, and nobody is suppressed by what this finds unless the report also names a mail of ours.
"""

import logging
import re
from email.message import Message

from flufl.bounce import all_failures

from mailboxes.bounce_reports import ADDRESS, address_in, originals
from mailboxes.opening import addresses, parts, text_of
from mailboxes.providers.smtp_replies import words_of
from mailboxes.quoting import as_text

logger = logging.getLogger(__name__)

MAX_TEXT = 20_000
MAX_RECIPIENTS = 50
MACHINES = re.compile(
    r"mailer-?_?daemon|mail-?daemon|mdaemon|post_?master|microsoftexchange|mail\.?delivery"
    r"|system ?administrator|delivery ?(?:sub)?system|mail deliver|^imss$|^bounce",
    re.IGNORECASE,
)
SUBJECT = re.compile(
    r"""\W{0,3}(?:\[\S{1,40}\]\s)?(?:
        undeliver | returned\s+mail | fail(?:ure|ed)\s+(?:notice|delivery) | non-?\s?delivery
        | (?:e-?mail\s+|message\s+|mail\s+|permanent\s+)?delivery\s+
            (?:status|fail|error|warning|incomplete)
        | mail\s+(?:delivery|not\s+delivered|could\s+not|failed|system\s+error)
        | message\s+(?:delivery|could\s+not) | warning:\s+(?:message|.{0,60}user\s+unknown)
        | delayed\s+mail | unzustellbar | nicht\s+zustellbar | non\s+remis | mail\s+non\s+recapitata
        | no\s+se\s+(?:ha\s+podido|pudo)\s+entregar | onbestelbaar | n(?:ã|a)o\s+entregue
        | there\s+was\s+an\s+error\s+sending | automatically\s+rejected
    )""",
    re.IGNORECASE | re.VERBOSE,
)
ANSWER = re.compile(r"\s*(?:re|aw|sv|antw|odp|fwd?|wg|tr|rv|enc)\s*:", re.IGNORECASE)
# Below one of these stands the mail that was not delivered.
COPY = re.compile(
    r"""^[-=*> \t]{0,60}(?:
        (?:below\s)?(?:this\sline\s)?(?:this\s)?is\s(?:a\s|the\s)?copy\sof
        | included\sis\sa\scopy | a\scopy\sof\s(?:the|your)\soriginal
        | (?:the\s)?(?:original|returned|unsent|rejected|failed)\s(?:message|mail|text)
            (?:\s(?:follows|below|headers?|text)\b|[-\s:.]*$)
        | (?:message\s|mail\s)?headers?\s(?:follow|of\sthe\soriginal)
        | (?:the\s)?(?:body|headers?|text|first\s\d+\slines)\sof\s(?:the|your)\s
            (?:original\s)?(?:message|mail)
        | end\sof\smessage
    )|^(?:Received|Return-Path|X-[\w-]{1,40}|DKIM-Signature|MIME-Version):[ \t]""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
DELAYED = re.compile(
    r"\bdelay|still being retried|will (?:be retried|retry|keep trying|continue)|not yet been"
    r"|warning",
    re.IGNORECASE,
)
FAILED = re.compile(r"fail|undeliver|returned|rejected|unknown|non-?delivery|error", re.IGNORECASE)
FIELD = re.compile(rf"^[> \t]{{0,8}}Final-Recipient:[^\n]{{0,40}}?({ADDRESS.pattern})", re.I | re.M)
LINE_OF_HEAD = re.compile(
    r"\s{0,8}(?:To|Cc|From|Sent|Sender|Subject|Reply-To|Date|Return-Path|Message-ID)\s?:",
    re.IGNORECASE,
)
CODE = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
REPLY_CODE = re.compile(r"(?<![\d.])([45])\d\d(?=[ -])")
# Which command of the dialogue was refused; only RCPT is about the address.
COMMAND = re.compile(
    r"""(?:in\sreply\sto|after|sending|command:?|like\sour|>>>|\[)
        \s{0,3}(?:the\s|initial\s|pipelined\s|end\sof\s|final\s|smtp\s)?
        (rcpt|data|mail|helo|ehlo|body|message\sbody)\b
    | \[(rcpt|data|mail)_ | (rcpt)(?:\sto)?\sgenerated | not\slike\s(recipient)""",
    re.IGNORECASE | re.VERBOSE,
)
TROUBLE = re.compile(
    r"""(?:could|can|was|is|been|were)\s?(?:no|n')t\s(?:yet\s)?(?:been\s|be\s)?deliver
    | cannot\sbe\sdeliver
    | able\sto\sdeliver | undeliver | not\s(?:been\s)?delivered | not\sreach | problem\sdeliver
    | deliver[^.\n]{0,40}(?:fail|error|problem|delay)
    | (?:fail|error|problem|trouble)[^.\n]{0,40}deliver
    | (?:rejected|returned|unknown|invalid|no\ssuch)\b | (?<![\d.])[45]\d\d[ -](?:\#?[45]\.\d)?""",
    re.IGNORECASE | re.VERBOSE,
)
# In a report on several recipients: what a line begins with that is not about the one before.
NEXT_VERDICT = re.compile(r"\s{0,8}(?:[45]\d\d[ -]|>>>|while talking)", re.IGNORECASE)


def is_report(message: Message) -> bool:
    """Tell whether a machine that carries mail has sent it; a person's answer never is."""
    if "X-Failed-Recipients" in message:
        return True
    subject = str(message.get("Subject", ""))[:300]
    if SUBJECT.match(subject):
        return True
    if message.get_content_type() == "multipart/report":
        # Not the receipt of a mail that was read, or deleted unread.
        return "disposition" not in str(message.get_param("report-type", "")).lower()
    sender = str(message.get("From", ""))[:300].strip()
    written = next((address for _, address in addresses(sender)), "")
    by_machine = MACHINES.match(written or "mailer-daemon")
    by_name = MACHINES.search(sender) and not ANSWER.match(subject)
    carried = originals(message) and not ANSWER.match(subject)
    return bool(by_machine or by_name or carried) and TROUBLE.search(prose(message)) is not None


def failures(message: Message) -> list[dict[str, str]]:
    """Return what is said of each recipient, in the form of a delivery status."""
    said = prose(message)
    subject = str(message.get("Subject", ""))[:300]
    late = DELAYED.search(subject) and not FAILED.search(subject)
    found = []
    for address, words in recipients(message, said).items():
        code, reply = CODE.search(words), REPLY_CODE.search(words)
        passing = late or (not code and not reply and DELAYED.search(words))
        found.append(
            {
                "recipient": address,
                "final": address,
                "action": "delayed" if passing else "failed",
                "status": code[1] if code else f"{reply[1]}.0.0" if reply else "",
                "words": words_of(0, re.sub(r"\s+", " ", words))[:500],
                "command": command(words),
            }
        )
    return found


def commands(message: Message, people: list[str]) -> dict[str, str]:
    """Return for each recipient which command was refused, as far as the report's text says so."""
    said = prose(message)
    return {each: command(about(each, people, said)) for each in people}


def command(words: str) -> str:
    """Return the command whose refusal is told of: "rcpt", "data", … or nothing.

    >>> command("550 No such user (in reply to RCPT TO command)")
    'rcpt'
    """
    named = {next(filter(None, found.groups())).lower() for found in COMMAND.finditer(words)}
    named = {"rcpt" if each == "recipient" else each for each in named}
    return named.pop() if len(named) == 1 else ""


def prose(message: Message) -> str:
    """Return what the server itself wrote: the text above the copy of our mail."""
    text = whole(message)
    end = next((e for e in COPY.finditer(text) if text[: e.start()].strip(" -=\n")), None)
    return text[: end.start()] if end else text


def whole(message: Message) -> str:
    """Return the first text of the report, with the copy of our mail that it may hold."""
    for part in parts(message):
        kind = part.get_content_type()
        if kind == "message/rfc822":
            break
        # A multipart without its boundary is text, of which the parts are paragraphs.
        if not part.is_multipart() and kind.startswith(("text/", "multipart/")):
            text = text_of(part)[:MAX_TEXT]
            text = as_text(text) if kind == "text/html" else text
            if text.strip():
                return text.replace("\r\n", "\n").replace("\r", "\n")
    return ""


def recipients(message: Message, said: str) -> dict[str, str]:
    """Return who did not get the mail, each with the words about them."""
    named = addresses(", ".join(map(str, message.get_all("X-Failed-Recipients", []))))
    people = [address.lower() for _, address in named if "@" in address]
    people = people or [address_in(found[1]) for found in FIELD.finditer(whole(message))]
    people = people or _by_library(message) or _in_sentences(message, said) or _in_copy(message)
    people = list(dict.fromkeys(people))[:MAX_RECIPIENTS]
    return {each: about(each, people, said) for each in people}


def _in_sentences(message: Message, said: str) -> list[str]:
    """Return the addresses in the text but for those of the two who write to each other."""
    ends = addresses(", ".join(str(message.get(field, "")) for field in ("From", "To")))
    others = {address.lower() for _, address in ends}
    lines = [line[:2000] for line in said.split("\n") if not LINE_OF_HEAD.match(line)]
    found = [address_in(each) for line in lines for each in ADDRESS.findall(line)]
    found = [each for each in found if each and each not in others]
    # "For help ask postmaster", unless that is who was written to.
    return [each for each in found if not MACHINES.match(each)] or found


def _in_copy(message: Message) -> list[str]:
    """Return whom the mail was to that the report has attached; for want of anything better."""
    named = addresses(", ".join(str(each.get("To", "")) for each in originals(message)))
    return [address.lower() for _, address in named if ADDRESS.fullmatch(address)]


def _by_library(message: Message) -> list[str]:
    """Return what flufl.bounce finds, which knows many servers, and trips over some mails."""
    if "From" not in message:
        message["From"] = ""
    try:
        temporary, permanent = all_failures(message)
    except Exception:
        logger.info("A delivery report could not be read by flufl.bounce", exc_info=True)
        return []
    found = (each.decode("utf-8", "replace").lower() for each in temporary | permanent)
    return sorted(each for each in found if ADDRESS.fullmatch(each))


def about(address: str, people: list[str], said: str) -> str:
    """Return the words about one recipient: all, or the lines up to what is about another one."""
    at = said.lower().find(address)
    if at < 0 or len(people) == 1:
        return said
    others = [each for each in people if each != address]
    first, *lines = said[said.rfind("\n", 0, at) + 1 :].split("\n")
    mine = [first]
    for line in lines:
        if NEXT_VERDICT.match(line) or any(each in line.lower() for each in others):
            break
        mine.append(line)
    return "\n".join(mine)
