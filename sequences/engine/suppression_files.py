"""Suppression lists as files: taking one in at once, with a report, and writing one out."""

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import transaction

from outreach.models import AuditEntry, User, Workspace
from sequences.engine.importing import Unreadable, guarded, refuse_what_is_no_csv
from sequences.engine.suppressing import suppress_many
from sequences.models import Suppression
from sequences.rules import csvs
from sequences.rules.suppressed import Unusable, column_of, is_name, read_value

MAX_BYTES = 2 * 1024 * 1024
MAX_ROWS = 10_000
MAX_SHOWN = 100
CHUNK = 500
HEADER = ["Address or domain", "Reason", "Source", "Added by", "Since"]


@dataclass(frozen=True)
class NotTaken:
    """A line of the file that says nothing that can be suppressed."""

    line: int
    text: str
    why: str


@dataclass
class Report:
    """What came of a file: how many were new, how many known, and what was not taken."""

    taken: int = 0
    known: int = 0
    refused: int = 0
    not_taken: list[NotTaken] = field(default_factory=list)

    def refuse(self, line: int, text: str, why: str) -> None:
        self.refused += 1
        if len(self.not_taken) < MAX_SHOWN:
            self.not_taken.append(NotTaken(line, text[:100], why))


def take_in(workspace: Workspace, name: str, content: bytes, *, by: User) -> Report:
    """Suppress every address and domain of a CSV file, and end the runs that they cover.

    Raises Unreadable with a sentence for the person who chose the file; then nothing is taken.
    """
    report = Report()
    values = _values(content, report)
    source = f"Import of {name[-150:]}"
    reason = Suppression.Reason.IMPORTED
    for at in range(0, len(values), CHUNK):
        part = values[at : at + CHUNK]
        new = suppress_many(workspace, part, reason=reason, source=source, by=by)
        report.taken += new
        report.known += len(part) - new
    with transaction.atomic():
        AuditEntry.note(
            workspace,
            "import_suppressions",
            by=by,
            about=workspace,
            file=name[-150:],
            taken=report.taken,
            known=report.known,
            refused=report.refused,
        )
    return report


def _values(content: bytes, report: Report) -> list[str]:
    """Read what the file names, each once; what is no address and no domain is reported."""
    refuse_what_is_no_csv(content, MAX_BYTES)
    dialect = csvs.sniff(content[: csvs.HEAD_BYTES])
    rows = list(itertools.islice(csvs.rows(io.BytesIO(content), dialect), MAX_ROWS + 2))
    if not rows:
        raise Unreadable("The file is empty. Choose one with an address or a domain on each line.")
    column = column_of(rows[0], [list(row) for row in rows[1:50]])
    if column is None:
        raise Unreadable("No column has addresses. Name it “Email” or “Domain” in the first row.")
    if is_name(rows[0][column]):
        rows = rows[1:]
    if len(rows) > MAX_ROWS:
        raise Unreadable(
            f"The file has more than {MAX_ROWS:,} rows. Split it and import the parts one by one."
        )
    found: dict[str, None] = {}
    for row in rows:
        # An export marks what a spreadsheet would take for a formula.
        cell = row[column].strip().removeprefix("'")
        try:
            found[read_value(cell)] = None
        except Unusable as problem:
            report.refuse(row.line, cell, str(problem) if cell else "There is nothing in it.")
    return list(found)


def rows_of(workspace: Workspace) -> Iterator[list[str]]:
    """Yield the whole list as a table, oldest first, so that no cell is taken for a formula."""
    yield HEADER
    entries = Suppression.objects.within(workspace).select_related("created_by").order_by("pk")
    for entry in entries.iterator(chunk_size=2000):
        by = str(entry.created_by) if entry.created_by else "Outreach"
        cells = [entry.value, entry.get_reason_display(), entry.source, by]
        yield [*map(guarded, cells), entry.created_at.isoformat(timespec="seconds")]
