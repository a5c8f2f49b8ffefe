"""Opens the bytes of a mail whatever they are: what is made to burst a parser is cut off first."""

import codecs
import email.message
import email.utils
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.parser import BytesHeaderParser
from email.policy import compat32

MAX_RAW = 5_000_000
MAX_PARTS = 100
# Python's parser compares every line with every boundary that is open, and makes an object of
# every part: lines times depth is its time, and the number of parts its memory.
MAX_LINES = 60_000
MAX_CONTAINERS = 30
MAX_DELIMITERS = 2_000
MAX_FIELD = 2_000
MAX_ADDRESSES = 8_000

CONTAINER = re.compile(rb"^content-type\s{0,5}:\s{0,5}(?:multipart|message)/", re.I | re.M)
DELIMITER = re.compile(rb"^--", re.M)
# Codecs that are no character sets, some of them slow on purpose-made input.
NO_CHARSETS = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"}
CONTENT_FIELD = re.compile(rb"^content-[a-z-]{1,40}[ \t]{0,5}:", re.I | re.M)
END_OF_FIELD = re.compile(rb"\r?\n(?![ \t])")


def opened(raw: bytes, *, lines: int = MAX_LINES) -> email.message.Message:
    """Return the mail, or as much of its beginning as is safe to read; never an error.

    >>> opened(b"Subject: Hi\\n\\nHello")["Subject"]
    'Hi'
    """
    raw = _cut(raw, lines)
    try:
        return message_from_bytes(raw, policy=compat32)
    except RecursionError:
        # Parts within parts: the head is still good.
        return BytesHeaderParser(policy=compat32).parsebytes(raw)


def _cut(raw: bytes, lines: int) -> bytes:
    raw = raw[:MAX_RAW]
    for pattern, most in ((CONTAINER, MAX_CONTAINERS), (DELIMITER, MAX_DELIMITERS)):
        raw = _before(pattern, most, raw)
    # A lone carriage return ends a line as well.
    if raw.count(b"\n") + raw.count(b"\r") > lines:
        raw = _before(re.compile(rb"[\r\n]"), lines, raw)
    return _with_short_fields(raw)


def _with_short_fields(raw: bytes) -> bytes:
    """Return the mail with its fields on content cut: their parameters take quadratic time."""
    kept: list[bytes] = []
    at = 0
    while field := CONTENT_FIELD.search(raw, at):
        end = END_OF_FIELD.search(raw, field.end())
        stop = end.start() if end else len(raw)
        kept.append(raw[at : min(stop, field.start() + MAX_FIELD)])
        at = stop
    return b"".join([*kept, raw[at:]])


def _before(pattern: re.Pattern[bytes], most: int, raw: bytes) -> bytes:
    """Return what stands before the pattern is found once too often."""
    for number, found in enumerate(pattern.finditer(raw)):
        if number == most:
            return raw[: found.start()]
    return raw


def parts(message: email.message.Message) -> Iterator[email.message.Message]:
    """Yield every part in order, containers before what they hold; no more than a hundred."""
    waiting = [message]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        yield part
        waiting.extend(reversed(inner(part)))


def inner(part: email.message.Message) -> list[email.message.Message]:
    """Return what a container holds; of a leaf, nothing."""
    # Of a leaf, get_payload() would decode the text by whatever codec the mail names.
    payload = part.get_payload() if part.is_multipart() else None
    if not isinstance(payload, list):
        return []
    return [each for each in payload if isinstance(each, email.message.Message)]


def text_of(part: email.message.Message) -> str:
    """Return the text of a leaf, whatever it says of its encoding; nothing where it has none."""
    payload = part.get_payload(decode=True)
    return clean(decode(payload, _charset(part))) if isinstance(payload, bytes) else ""


def addresses(value: str) -> list[tuple[str, str]]:
    """Return the names and addresses in a field; no more of them than anybody needs.

    >>> addresses("Ana <Ana@acme.test>")
    [('Ana', 'Ana@acme.test')]
    """
    try:
        return email.utils.getaddresses([value[:MAX_ADDRESSES]])[:MAX_PARTS]
    except RecursionError:
        return []  # Comments within comments.


def decode(octets: bytes, charset: str) -> str:
    """Return the text in the given character set, or else in UTF-8 or Windows Western."""
    for name in (charset, "utf-8"):
        try:
            codec = codecs.lookup(name)
            if codec.name not in NO_CHARSETS:
                return octets.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return octets.decode("cp1252", "replace")


def clean(text: str) -> str:
    """Return the text without what a database refuses: NUL and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _charset(part: email.message.Message) -> str:
    try:
        return part.get_content_charset() or "utf-8"
    except (LookupError, UnicodeError, ValueError, TypeError):
        return "utf-8"
