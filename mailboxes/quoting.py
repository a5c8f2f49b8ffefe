"""What a person wrote in a mail, without what the mail program put around it.

Losing a word that was written is worse than leaving a quote in, so every rule wants proof.
"""

import re

from inscriptis import Inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree, html

MAX_TEXT = 100_000
MAX_HTML = 1_000_000
MAX_LINE = 1_000
ATTRIBUTION_LINES = 4
HEADER_LINES = 8
MAX_QUOTES = 500
SIGNATURE_LINES = 12

QUOTED = re.compile(r"\s{0,3}[>|]")
# What a line that introduces a quote begins with: a preposition, a weekday or a date, or a name.
ATTRIBUTION_START = re.compile(
    r"""[\s*_-]{0,8}(
        (on|at|am|le|el|em|no\s+dia|a|il|il\s+giorno|op|den|vào|w\s+dniu|dnia|на|на\s+\w{2}|в)\s
        | \d{1,4}[-./年\s]\s?(\d{1,2}|\w{3,10})
        | [^\W\d]{2,12}\.?,?\s\d{1,2}\b
        | .{0,120}<[^<>\s]{1,100}@[^<>\s]{1,100}>
        | 在
    )""",
    re.IGNORECASE | re.VERBOSE,
)
WROTE = re.compile(
    r"""\b(wrote|writes|said|schrieb|(a|à)\s+(é|e)crit|escribi(ó|o)|escreveu|ha\s+scritto|scrisse
        |schreef|heeft\s+.{0,80}geschreven|skrev|kirjoitti|napisał(\(a\)|a)?|написал\w{0,3}|пишет
        |pisze|a\s+scris|yazdı|yazmış)\b|写道|寫道|のメッセージ|>""",
    re.IGNORECASE | re.VERBOSE,
)
ORIGINAL = re.compile(
    r"""\s{0,3}[-_*=]{2,40}\s{0,2}(
        original\s+(message|appointment|email) | forwarded\s+message | begin\s+forwarded
        | urspr(ü|ue)ngliche\s+(nachricht|e-?mail) | weitergeleitete\s+nachricht
        | message\s+(d.origine|original|initial) | message\s+transf(é|e)r(é|e) | mensaje\s+original
        | mensaje\s+reenviado | mensagem\s+(original|encaminhada) | messaggio\s+originale
        | messaggio\s+inoltrato | oorspronkelijk\s+bericht | doorgestuurd\s+bericht
        | oprindelig\s+(meddelelse|besked) | ursprungligt\s+meddelande | opprinnelig\s+melding
        | reply\s+(message|above\s+this\s+line)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
HEADER_FROM = re.compile(
    r"[\s*]{0,4}(from|von|de|da|van|från|fra|od|от|expéditeur|发件人|寄件者|差出人)\s?\*?\s?[:：]",
    re.IGNORECASE,
)
HEADER_OTHER = re.compile(
    r"""[\s*]{0,4}(sent|date|to|cc|subject|reply-to|gesendet|datum|an|betreff|envoyé|envoyé\s+le|à
        |objet|enviado(\s+el)?|fecha|para|asunto|enviada(\s+em)?|data|assunto|inviato|a|oggetto
        |verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|wysłano|do|temat|дата|кому|тема
        |发送时间|收件人|主题|日期)\s?\*?\s?[:：]""",
    re.IGNORECASE | re.VERBOSE,
)
RULE = re.compile(r"\s{0,3}([_]{5,}|[-]{5,}|[=]{5,}|[—]{3,})\s*")
SIGNATURE = re.compile(r"(--|—|__)\s?")
SENT_FROM = re.compile(
    r"""[\s*_]{0,4}(
        sent\s+(from|via|with|using)\s+(my\s+|a\s+|the\s+|an\s+)?[\w<(] | get\s+outlook\s+for\s
        | (von|mit)\s+(meinem|meinen|mein)\s.{1,40}\s(gesendet|geschickt)
        | gesendet\s+(von|mit|über|via)\s
        | envoy(é|e)\s+(de|depuis|à\s+partir\s+de|avec|via)\s | t(é|e)l(é|e)charge[rz]\s+outlook
        | enviado\s+(desde|do|de|a\s+partir|via|con|com)\s | obtener\s+outlook\s+para
        | inviato\s+(da|dal|con|tramite)\s | scarica\s+outlook
        | (verstuurd|verzonden)\s+(vanaf|met|via|van)\s | outlook\s+voor\s
        | skickat\s+från\s | sendt\s+fra\s | wysłane\s+z\s | отправлено\s+(с|из)\s
    ).{0,80}""",
    re.IGNORECASE | re.VERBOSE,
)


def reply_text(text: str) -> str:
    """Return what the person wrote, without quotes, headers and signature; something for any text.

    >>> reply_text("Sounds good.\\n\\nOn Mon, 2 Nov 2026 at 9:14, Bo <bo@a.test> wrote:\\n> Hi Ana")
    'Sounds good.'
    >>> reply_text("> Shall we talk?\\nYes.\\n\\nSent from my iPhone")
    'Yes.'
    >>> reply_text("> Shall we talk?")
    '> Shall we talk?'
    """
    lines = _lines(text)
    written = _without_quotes(lines)
    for shorten in (_without_signature, _without_sent_from):
        written = shorten(written) or written
    found = "\n".join(written).strip() or "\n".join(lines).strip()
    return re.sub(r"\n{3,}", "\n\n", found)


def _lines(text: str) -> list[str]:
    """Return the lines with plain spaces and line ends, none of them endless."""
    text = text[:MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    return [line.rstrip().lstrip("\u200e\u200f\ufeff") for line in text.split("\n")]


def _without_quotes(lines: list[str]) -> list[str]:
    """Return the lines that are not quoted and do not introduce a quote."""
    kept: list[str] = []
    i = 0
    while i < len(lines):
        line = lines[i]
        if QUOTED.match(line):
            i += 1
        elif ends := _attribution(lines, i):
            if any(kept) and not _quote_follows(lines, ends):
                break  # all that is below was written by somebody else
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
        if "@" in joined and joined.endswith((" wrote", " schrieb", " a écrit", " escribió")):
            return j + 1
    return 0


def _quote_follows(lines: list[str], i: int) -> bool:
    """Say whether the next line with text is marked as a quote."""
    following = next((line for line in lines[i : i + 5] if line.strip()), "")
    return QUOTED.match(following) is not None


def _is_header_block(lines: list[str], i: int) -> bool:
    """Say whether a mail's From, Sent, To and Subject begin here."""
    if not HEADER_FROM.match(lines[i][:MAX_LINE]):
        return False
    below = [line[:MAX_LINE] for line in lines[i + 1 : i + HEADER_LINES]]
    return sum(1 for line in below if HEADER_OTHER.match(line)) >= 2


def _without_signature(lines: list[str]) -> list[str]:
    """Return the lines above the signature mark, if no more than a signature is below it."""
    for i in range(len(lines) - 1, -1, -1):
        if SIGNATURE.fullmatch(lines[i]):
            below = [line for line in lines[i + 1 :] if line.strip()]
            return lines[:i] if len(below) <= SIGNATURE_LINES and any(lines[:i]) else lines
    return lines


def _without_sent_from(lines: list[str]) -> list[str]:
    """Return the lines without the one that names the phone, if it is near the end."""
    last = [i for i, line in enumerate(lines) if line.strip()][-4:]
    named = {i for i in last if SENT_FROM.fullmatch(lines[i][:MAX_LINE])}
    kept = [line for i, line in enumerate(lines) if i not in named]
    return kept if any(line.strip() for line in kept) else lines


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
