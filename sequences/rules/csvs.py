"""Reading the CSV files that people have: any usual encoding and separator, broken rows included.

Read a piece of the file with `sniff`, then all of it with `rows`; both take time and memory in
proportion to what they read.
"""

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sequences.rules.columns import guess_columns, has_header

__all__ = ["Dialect", "Row", "guess_columns", "has_header", "rows", "sniff"]

HEAD_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024
MAX_LINE = 1_000_000
MAX_QUOTED = 100_000  # a quotation mark that is not closed within so many characters is a mistake
MAX_CELLS = 1000
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 50

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Spreadsheets may write the separator into the first line.
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.I)
# A carriage return at the end of a piece may have its line feed in the next.
LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True)
class Dialect:
    encoding: str
    delimiter: str


class Row(list[str]):
    """The cells of one row, the line it begins on, and what is odd about it."""

    __slots__ = ("line", "problem")

    def __init__(self, cells: Iterable[str], line: int = 0, problem: str = "") -> None:
        super().__init__(cells)
        self.line = line
        self.problem = problem


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Read the bytes that are not UTF-8 as what older Windows programs write."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # Of a broken UTF-16 pair nothing can be read.
    if error.encoding.startswith(("utf-16", "utf16")):
        return "\ufffd", error.end
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("outreach-cp1252", _as_cp1252)


def sniff(head: bytes) -> Dialect:
    """Return the encoding and the separator of a file that begins with the bytes.

    >>> sniff("nom;prénom\\nSilva;Ana\\n".encode("cp1252"))
    Dialect(encoding='cp1252', delimiter=';')
    >>> sniff("name\\temail\\n".encode("utf-16"))
    Dialect(encoding='utf-16-le', delimiter='\\t')
    """
    encoding = _sniff_encoding(head[:HEAD_BYTES])
    text = head[:HEAD_BYTES].decode(encoding, "outreach-cp1252").lstrip("\ufeff")
    if named := SEPARATOR_LINE.match(text):
        return Dialect(encoding, named[1])
    whole = len(head) < HEAD_BYTES
    return Dialect(encoding, _sniff_delimiter(text, whole=whole))


def _sniff_encoding(head: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    # Western text in UTF-16 has a zero in every other byte.
    if len(head) >= 4:
        half = len(head) // 2
        if head[1::2].count(0) > half * 0.4 > head[::2].count(0):
            return "utf-16-le"
        if head[::2].count(0) > half * 0.4 > head[1::2].count(0):
            return "utf-16-be"
    try:
        # The last character may be cut in two.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        # A few stray bytes in UTF-8 are read one by one; a file of them is Windows text.
        good = len(re.findall(rb"[\xc2-\xf4][\x80-\xbf]+", head))
        bad = len(re.findall(rb"[\x80-\xff]", head)) - 2 * good
        return "utf-8" if good > bad else "cp1252"
    return "utf-8"


def _sniff_delimiter(text: str, *, whole: bool) -> str:
    """Return the separator that cuts the most rows into the same number of cells."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        found = []
        for row in _records(_split_lines([text], last=whole), delimiter):
            found.append(len(row))
            if len(found) == SAMPLE_ROWS:
                break
        if not found:
            continue
        (width, count), *_ = Counter(found).most_common(1)
        # A separator that the header does not have is hardly one.
        agreement = count / len(found) * (1 if found[0] > 1 else 0.5)
        score = (round(agreement, 1), width) if width > 1 else (0.0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def rows(source: BinaryIO | Iterable[bytes], dialect: Dialect) -> Iterator[Row]:
    """Yield the rows that are not blank; short ones are filled up, long ones say so.

    The first row tells how many cells a row should have.

    >>> pieces = [b'name,city\\n"Silva, ', b'Ana"\\n\\nBo,Ulm,x\\n']
    >>> found = list(rows(pieces, Dialect("utf-8", ",")))
    >>> found
    [['name', 'city'], ['Silva, Ana', ''], ['Bo', 'Ulm', 'x']]
    >>> found[2].line, found[2].problem
    (4, 'Line 4 has 3 cells where the first row has 2.')
    """
    width = 0
    for row in _records(
        _split_lines(_decode(_chunks(source), dialect.encoding)), dialect.delimiter
    ):
        if not any(cell.strip() for cell in row):
            continue
        if not width:
            if row.line == 1 and SEPARATOR_LINE.fullmatch(dialect.delimiter.join(row)):
                continue
            width = len(row)
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) > width and not row.problem:
            row.problem = f"Line {row.line} has {len(row)} cells where the first row has {width}."
        row.extend([""] * (width - len(row)))
        yield row


def _chunks(source: BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    """Yield the source's bytes; from a file in pieces of one size, its lines may be endless."""
    read: Callable[[int], bytes] | None = getattr(source, "read", None)
    if read is None:
        yield from source
        return
    while chunk := read(CHUNK_BYTES):
        yield chunk


def _decode(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Yield the text without byte order mark and NUL characters."""
    decoder = codecs.getincrementaldecoder(encoding)("outreach-cp1252")
    at_start = True
    for chunk in chunks:
        text = decoder.decode(chunk)
        if at_start and text:
            text = text.removeprefix("\ufeff")
            at_start = False
        yield text.replace("\x00", "")
    yield decoder.decode(b"", final=True)


def _split_lines(texts: Iterable[str], *, last: bool = True) -> Iterator[str]:
    """Yield the lines without their ends; `last` says whether to yield one without end."""
    rest: list[str] = []
    size = 0
    for text in texts:
        if rest and rest[-1].endswith("\r"):
            size -= len(rest[-1])
            text = rest.pop() + text
        *lines, tail = LINE_END.split(text)
        for line in lines:
            yield "".join([*rest, line])[:MAX_LINE]
            rest, size = [], 0
        if size < MAX_LINE and tail:
            rest.append(tail)
            size += len(tail)
    if last and rest:
        line = "".join(rest)
        yield line.removesuffix("\r")[:MAX_LINE]


def _records(lines: Iterator[str], delimiter: str) -> Iterator[Row]:
    """Yield each record's cells; a cell in quotation marks may run over several lines."""
    reader = _Lines(lines)
    while (line := reader.take()) is not None:
        number = reader.number
        problem = "" if len(line) < MAX_LINE else f"Line {number} is too long and was cut."
        if '"' not in line:
            cells = line.split(delimiter)
        else:
            cells, closed = _cells(line, delimiter, reader)
            if not closed:
                problem = f"Line {number} has a quotation mark that is never closed."
        if len(cells) > MAX_CELLS:
            problem = f"Line {number} has more than {MAX_CELLS} cells; the rest was cut."
        yield Row(cells[:MAX_CELLS], number, problem)


class _Lines:
    """Lines that can be looked at ahead of time."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.ahead: list[str] = []
        self.number = 0

    def take(self) -> str | None:
        self.number += 1
        return self.ahead.pop() if self.ahead else next(self.lines, None)

    def put_back(self, lines: list[str]) -> None:
        self.number -= len(lines)
        self.ahead += reversed(lines)


def _cells(line: str, delimiter: str, reader: _Lines) -> tuple[list[str], bool]:
    """Return the cells of a record that begins with the line, and whether its quotes are closed."""
    cells: list[str] = []
    position = 0
    closed = True
    while True:
        begin = position
        while line[begin : begin + 1] == " ":
            begin += 1
        if closed and line[begin : begin + 1] == '"':
            quoted = _quoted(line, begin + 1, reader)
            if quoted is not None:
                text, line, position = quoted
                # What stands behind the closing mark belongs to the cell.
                end = line.find(delimiter, position)
                cells.append(text + line[position : end if end >= 0 else len(line)].rstrip())
                if end < 0:
                    return cells, closed
                position = end + 1
                continue
            # Nobody closes this one, so no mark in this line opens a cell any more.
            closed = False
        end = line.find(delimiter, position)
        cells.append(line[position : end if end >= 0 else len(line)])
        if end < 0:
            return cells, closed
        position = end + 1


def _quoted(line: str, position: int, reader: _Lines) -> tuple[str, str, int] | None:
    """Return the text up to the closing mark, the line that is on, and the place behind it.

    Where there is none, the lines looked at are put back and nothing is returned. They hold no
    single mark then, so no line is looked at more than twice.
    """
    parts: list[str] = []
    size = 0
    looked_at: list[str] = []
    while True:
        end = line.find('"', position)
        if end >= 0:
            parts.append(line[position:end])
            if line[end + 1 : end + 2] != '"':
                return "".join(parts), line, end + 1
            parts.append('"')
            position = end + 2
            continue
        parts.append(f"{line[position:]}\n")
        size += len(line) - position + 1
        following = reader.take() if size < MAX_QUOTED else None
        if following is None:
            if size < MAX_QUOTED:
                reader.number -= 1  # the end of the file is no line
            reader.put_back(looked_at)
            return None
        looked_at.append(following)
        line, position = following, 0
