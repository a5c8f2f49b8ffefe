"""What a person wrote in a mail, without what the mail program put around it.

Losing a word that was written is worse than leaving a quote in, so every rule wants proof.
"""

import re
from itertools import islice, takewhile

from inscriptis import Inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree, html

from mailboxes.quote_marks import (
    ATTRIBUTION_START,
    BANNER,
    DISCLAIMER,
    HEADER_FROM,
    HEADER_OTHER,
    LIST_FOOTER,
    LIST_RULE,
    ORIGINAL,
    QUOTED,
    RULE,
    SENT_FROM,
    SIGNATURE,
    UNENDED,
    WROTE,
)

MAX_TEXT = 100_000
MAX_HTML = 1_000_000
MAX_LINE = 1_000
ATTRIBUTION_LINES = 4
HEADER_LINES = 8
MAX_QUOTES = 500
# Laying out a page takes time that grows faster than the page.
MAX_ELEMENTS = 20_000
SIGNATURE_LINES = 12
FOOTER_LINES = 12
# A quote of more lines than that is history, not what somebody answers.
ANSWERED_LINES = 15


def reply_text(text: str) -> str:
    """Return what the person wrote, without quotes, headers and signature; something for any text.

    What somebody quotes to answer it line by line stays.

    >>> reply_text("Sounds good.\\n\\nOn Mon, 2 Nov 2026 at 9:14, Bo <bo@a.test> wrote:\\n> Hi Ana")
    'Sounds good.'
    >>> reply_text("Hi\\n> Shall we talk?\\nYes.\\n\\nSent from my iPhone")
    'Hi\\n> Shall we talk?\\nYes.'
    >>> reply_text("> Shall we talk?")
    '> Shall we talk?'
    """
    lines = written = _lines(text)
    for shorten in (_without_signature, _without_quotes, _without_footers, _without_sent_from):
        written = shorten(written) or written
    found = "\n".join(written).strip() or "\n".join(lines).strip()
    return re.sub(r"\n{5,}", "\n\n", found)


def own_words(text: str) -> str:
    """Return a reply's text without the lines that quote somebody else, and without a signature.

    >>> own_words("Hi\\n> Shall we talk?\\nYes.\\n-- \\nAna\\ncalendly.com/ana")
    'Hi\\nYes.'
    """
    lines = [line for line in _lines(text) if not QUOTED.match(line)]
    return "\n".join(_without_signature(lines))


def _lines(text: str) -> list[str]:
    """Return the lines with plain spaces and line ends."""
    text = text[:MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    return [line.rstrip().lstrip("\u200e\u200f\ufeff") for line in text.split("\n")]


def _without_quotes(lines: list[str]) -> list[str]:
    """Return the lines that were written: those not quoted, and quotes that were answered."""
    kept: list[str] = []
    i = 0
    introduced = False
    while i < len(lines):
        line = lines[i]
        if QUOTED.match(line):
            end = _end_of_quote(lines, i)
            at_top = introduced and not any(kept)
            if not at_top and end - i <= ANSWERED_LINES and _is_written(lines, end):
                kept += lines[i:end]
            i = end
        elif ends := _attribution(lines, i):
            if any(kept) and not _quote_follows(lines, ends):
                break  # all that is below was written by somebody else
            introduced = True
            i = ends
        elif ORIGINAL.match(line[:MAX_LINE]) or _is_header_block(lines, i):
            break
        else:
            kept.append(line)
            i += 1
    # A rule that a mail program draws above the mail it answers.
    while kept and (not kept[-1].strip() or (i < len(lines) and RULE.fullmatch(kept[-1]))):
        kept.pop()
    return kept if any(line.strip() for line in kept) else []


def _end_of_quote(lines: list[str], i: int) -> int:
    """Return the index of the first line with text that is not quoted any more."""
    while i < len(lines) and (QUOTED.match(lines[i]) or not lines[i]):
        i += 1
    return i


def _is_written(lines: list[str], i: int) -> bool:
    """Say whether somebody wrote on here, and no mail program did."""
    if i == len(lines) or _attribution(lines, i) or _is_header_block(lines, i):
        return False
    line = lines[i][:MAX_LINE]
    machine = (ORIGINAL.match, SIGNATURE.fullmatch, RULE.fullmatch, SENT_FROM.fullmatch)
    return not any(says(line) for says in machine)


def _attribution(lines: list[str], i: int) -> int:
    """Return the index behind an "On … wrote:" of a few lines that begins here, or 0."""
    if not ATTRIBUTION_START.match(lines[i][:MAX_LINE]):
        return 0
    joined = ""
    for j in range(i, min(i + ATTRIBUTION_LINES, len(lines))):
        line = lines[j][:MAX_LINE].strip()
        if not line or (QUOTED.match(line) and line not in (">:", "> wrote:")):
            return 0
        joined = f"{joined} {line}".strip()
        # A date, a time or an address tells it from a sentence that says what somebody wrote.
        if joined.endswith((":", "：")):
            return j + 1 if re.search(r"\d|@", joined) and WROTE.search(joined) else 0
        if "@" in joined and UNENDED.search(joined):
            return j + 1
    return 0


def _quote_follows(lines: list[str], i: int) -> bool:
    """Say whether the next line with text is marked as a quote."""
    following = next((line for line in lines[i : i + 5] if line.strip()), "")
    return QUOTED.match(following) is not None


def _is_header_block(lines: list[str], i: int) -> bool:
    """Say whether a mail's From, Sent, To and Subject begin here."""
    line = lines[i][:MAX_LINE]
    below = [line[:MAX_LINE] for line in lines[i + 1 : i + HEADER_LINES]]
    if HEADER_FROM.match(line):
        return sum(1 for line in below if HEADER_OTHER.match(line)) >= 2
    if not HEADER_OTHER.match(line):
        return False
    # In another order; then nothing may stand between them.
    fields = list(
        takewhile(lambda line: HEADER_FROM.match(line) or HEADER_OTHER.match(line), below)
    )
    return len(fields) >= 2 and any(HEADER_FROM.match(line) for line in fields)


def _without_footers(lines: list[str]) -> list[str]:
    """Return the lines without what lists and companies put below every mail, or above it."""
    for i in range(len(lines) - 1, max(-1, len(lines) - FOOTER_LINES), -1):
        if LIST_RULE.fullmatch(lines[i]) and LIST_FOOTER.search(
            "\n".join(lines[i : i + 4])[:MAX_LINE]
        ):
            lines = lines[:i]
            break
    paragraphs = _paragraphs(lines)
    while len(paragraphs) > 1 and _begins(DISCLAIMER, lines, paragraphs[-1]):
        paragraphs.pop()
    if len(paragraphs) > 1 and _begins(BANNER, lines, paragraphs[0]):
        paragraphs.pop(0)
    return lines[paragraphs[0].start : paragraphs[-1].stop] if paragraphs else lines


def _begins(pattern: re.Pattern[str], lines: list[str], paragraph: range) -> bool:
    text = " ".join(lines[paragraph.start : paragraph.stop][:8])[:MAX_LINE]
    return pattern.match(text) is not None


def _paragraphs(lines: list[str]) -> list[range]:
    """Return where there is text between empty lines."""
    found: list[range] = []
    start = None
    for i, line in enumerate([*lines, ""]):
        if line and start is None:
            start = i
        elif not line and start is not None:
            found.append(range(start, i))
            start = None
    return found


def _without_signature(lines: list[str]) -> list[str]:
    """Return the lines above the signature mark, if no more than a signature is below it."""
    below = 0
    for i in range(len(lines) - 1, -1, -1):
        line = lines[i]
        if SIGNATURE.fullmatch(line):
            return lines[:i] if any(lines[:i]) else lines
        below += bool(line)
        if below > SIGNATURE_LINES or QUOTED.match(line) or _attribution(lines, i):
            return lines
    return lines


def _without_sent_from(lines: list[str]) -> list[str]:
    """Return the lines without those at the end that name a phone or a program."""
    end = len(lines)
    while end and (not lines[end - 1] or SENT_FROM.fullmatch(lines[end - 1][:MAX_LINE])):
        end -= 1
    start = end
    while start and lines[start - 1]:
        start -= 1
    # As part of a signature that was left in, they are left in as well.
    in_signature = any(SIGNATURE.fullmatch(line) for line in lines[start:end])
    return lines if in_signature else lines[:end] or lines


def as_text(markup: str) -> str:
    """Return the text of an HTML mail; what it quotes is marked with > as in plain mail.

    >>> as_text("<p>Yes</p><blockquote>Shall we <b>talk</b>?</blockquote>")
    'Yes\\n\\n> Shall we talk?'
    """
    if not markup.strip():
        return ""
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(markup[:MAX_HTML].encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError):
        return ""
    if sum(1 for _ in islice(tree.iter(), MAX_ELEMENTS + 1)) > MAX_ELEMENTS:
        etree.strip_elements(tree, "script", "style", "head", with_tail=False)
        return "\n".join(text.strip() for text in tree.itertext() if text.strip())
    for quote in _quotes(tree):
        marked = html.Element("pre")
        marked.text = "\n".join(f"> {line}".rstrip() for line in _plain(quote).split("\n"))
        marked.tail = quote.tail
        parent = quote.getparent()
        parent.replace(quote, marked)
    return _plain(tree)


def _quotes(tree: html.HtmlElement) -> list[html.HtmlElement]:
    """Return the outermost quotes of a page."""
    found = tree.xpath(
        "//body//*[self::blockquote or contains(concat(' ', @class, ' '), ' gmail_quote ')"
        " or contains(concat(' ', @class, ' '), ' yahoo_quoted ')]"
        "[not(ancestor::blockquote)]"
    )
    inside = set()
    outermost = []
    for quote in found:
        if quote not in inside:
            outermost.append(quote)
            inside.update(quote.iterdescendants())
    return outermost[:MAX_QUOTES]


def _plain(element: html.HtmlElement) -> str:
    text = Inscriptis(element, ParserConfig(css=CSS_PROFILES["strict"])).get_text()
    lines = [line.rstrip() for line in text.replace("\xa0", " ").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
