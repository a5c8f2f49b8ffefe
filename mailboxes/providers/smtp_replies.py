"""What an SMTP server's refusal means for the mail, the mailbox and the recipient: a pure table."""

import re
from enum import StrEnum

from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    Misconfigured,
    ProviderError,
    QuotaReached,
    RateLimited,
    RecipientRefused,
    TryAgain,
    Unknown,
)

LONGEST_WORDS = 2000


class Phase(StrEnum):
    """How far the dialogue with the server had come."""

    CONNECT = "connect"
    HELLO = "hello"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"  # the answer to the whole mail


BEFORE_ANY_MAIL = {Phase.CONNECT, Phase.HELLO, Phase.STARTTLS, Phase.AUTH}
ABOUT_THE_RECIPIENT = {Phase.RCPT, Phase.DATA, Phase.DOT}

# Enhanced codes, RFC 3463, and what Google and Microsoft make of them.
ADDRESS_UNKNOWN = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.4.1"}
ADDRESS_OUT_OF_ORDER = {"5.2.1", "5.2.2", "5.4.4", "5.4.7"}
TOO_LARGE = {"5.2.3", "5.3.4"}
ACCOUNT_USED_UP = {"5.1.8", "5.4.5", "5.7.705", "5.7.708", "5.7.750"}
SIGN_IN_REFUSED = {"5.7.8", "5.7.9", "5.7.30", "5.7.57", "5.7.139"}
SIGN_IN_CODES = {530, 534, 535}

# qmail puts its code last, as "(#5.1.1)".
ENHANCED = re.compile(r"(?:^\s*[\[(<#]{0,2}|#)([245]\.\d{1,3}\.\d{1,3})(?![.\d])", re.MULTILINE)

# A bare 550 to RCPT usually means "no such address", unless its text blames the sender.
BLAMES_THE_SENDER = re.compile(
    r"relay(?!\s+recipient)|spam|\bspf\b|dkim|dmarc|black\W?list|block\W?list|\brbl\b|blocked|"
    r"banned|policy|reputation|authent|sender|\byour\b|client host|access denied|"
    r"virus|content",
    re.IGNORECASE,
)


def words_of(code: int, text: bytes | str) -> str:
    """The server's own words, safe to store and to show."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    words = f"{code} {text}" if code > 0 else text
    return re.sub(r"[^\n\x20-\x7e\xa0-\U0010ffff]", " ", words).strip()[:LONGEST_WORDS]


def classify(phase: Phase, code: int, text: bytes | str) -> ProviderError:
    """The error that names the next action after this answer, at this point of the dialogue."""
    words = words_of(code, text)
    found = ENHANCED.search(words.partition(" ")[2])
    enhanced = found[1] if found and found[1][0] == str(code)[0] else ""

    if code == 421:
        return RateLimited(words)
    if 400 <= code <= 499:
        return TryAgain(words, smtp=True)
    if not 500 <= code <= 599:
        # Not an answer that SMTP knows: only the one to the whole mail leaves its fate open.
        return Unknown(words) if phase is Phase.DOT else TryAgain(words)
    if enhanced in ACCOUNT_USED_UP:
        return QuotaReached(words)
    if code in SIGN_IN_CODES and "STARTTLS" in words.upper():
        return Misconfigured(words)
    if code in SIGN_IN_CODES or enhanced in SIGN_IN_REFUSED:
        return Disconnected(words)
    if phase is Phase.AUTH and code not in (500, 502, 503, 504, 538):
        return Disconnected(words)
    if phase in BEFORE_ANY_MAIL:
        return Misconfigured(words)
    return refused_mail(phase, code, enhanced, words)


def refused_mail(phase: Phase, code: int, enhanced: str, words: str) -> ProviderError:
    """A permanent refusal once the mail itself was spoken of."""
    subject = enhanced.split(".")[1] if enhanced else ""
    if subject in ("6", "7") or enhanced in TOO_LARGE:
        return ContentRefused(words)
    if phase is Phase.MAIL:
        # 552 is about the size that was announced; all else is about the mailbox's own address.
        return ContentRefused(words) if code == 552 else Misconfigured(words)
    if phase in ABOUT_THE_RECIPIENT:
        if enhanced in ADDRESS_UNKNOWN:
            return RecipientRefused(words, hard=True, code=enhanced)
        if enhanced in ADDRESS_OUT_OF_ORDER:
            return RecipientRefused(words, hard=False, code=enhanced)
    if phase is Phase.RCPT and code in (550, 551, 552, 553):
        if BLAMES_THE_SENDER.search(words):
            return ContentRefused(words)
        # Only a plain 550 is trusted enough to suppress an address for good.
        hard = code == 550 and subject in ("", "0", "1", "5")
        return RecipientRefused(words, hard=hard, code=enhanced or str(code))
    return ContentRefused(words)
