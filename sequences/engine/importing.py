"""Contacts from a CSV file: read it, check every row, take the rows over, go on after a crash."""

import io
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F, Q

from outreach.models import User, Workspace
from outreach.times import database_now, now
from outreach.transitions import IllegalTransition
from sequences.engine.people import take_over
from sequences.models import Contact, Import, ImportProblem, Suppression
from sequences.rules import csvs
from sequences.rules.people import FREE, NotTaken, Person, free_name, read

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 100_000
MAX_COLUMNS = 100
CHUNK = 500
SAMPLES = 3
# Rows that tell what a column holds.
TELLING_ROWS = 50
LEASE = timedelta(seconds=30)
# How long one tick may work before it lets the others of its worker have a turn.
WORK_SECONDS = 8
# The column that an error file has more than the file it came from.
PROBLEM_COLUMN = "Import problem"

# The row of a job without the file in it.
BUT_CONTENT = [field.attname for field in Import._meta.concrete_fields if field.name != "content"]

logger = structlog.get_logger(__name__)


class Unreadable(ValueError):
    """The file cannot be imported as it is; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file: the line it begins on, and the person in it or why there is none."""

    number: int
    cells: list[str]
    person: Person | None = None
    reason: str = ""


def read_file(workspace: Workspace, name: str, content: bytes, *, by: User | None) -> Import:
    """Keep an uploaded file as a job whose columns are guessed; nothing is imported yet.

    Raises Unreadable with a sentence for the person who chose the file.
    """
    refuse_what_is_no_csv(content, MAX_BYTES)
    dialect = csvs.sniff(content[: csvs.HEAD_BYTES])
    rows = csvs.rows(io.BytesIO(content), dialect)
    head = list(itertools.islice(rows, TELLING_ROWS + 1))
    total = len(head) + sum(1 for _ in itertools.islice(rows, MAX_ROWS + 2 - len(head)))
    if not head:
        raise Unreadable("The file is empty. Choose one with a row for each contact.")
    first, *below = head
    if len(first) > MAX_COLUMNS:
        raise Unreadable(
            f"The file has {len(first)} columns; up to {MAX_COLUMNS} can be imported. "
            "Delete those that are not needed."
        )
    has_header = csvs.has_header(first, below)
    if total - has_header > MAX_ROWS:
        raise Unreadable(
            f"The file has more than {MAX_ROWS:,} rows. Split it and import the parts one by one."
        )
    if has_header and not below:
        raise Unreadable("The file has a row of column names and no contacts below it.")
    return Import.everywhere.create(
        workspace=workspace,
        created_by=by,
        name=name[-200:],
        content=content,
        encoding=dialect.encoding,
        delimiter=dialect.delimiter,
        has_header=has_header,
        header=first,
        samples=below[:TELLING_ROWS],
        mapping=guess(first, below, has_header=has_header),
        list_name=_list_name(name),
        rows_total=total - has_header,
    )


def refuse_what_is_no_csv(content: bytes, most: int) -> None:
    """Raise Unreadable where the file is too large, or plainly something else."""
    if len(content) > most:
        raise Unreadable(
            f"The file has {len(content) / 1024 / 1024:.1f} MB; up to "
            f"{most // 1024 // 1024} MB can be imported. Split it into parts."
        )
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable(
            "This is a spreadsheet workbook. Save it as CSV (in Excel: “CSV UTF-8”) first."
        )
    if content.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b")):
        raise Unreadable("This is no table. Choose a CSV file.")
    text = content[: csvs.HEAD_BYTES]
    if b"\x00" in text and csvs.sniff(text).encoding not in ("utf-16-le", "utf-16-be"):
        raise Unreadable("This is no text file. Choose a CSV file.")


def _list_name(file_name: str) -> str:
    stem = file_name.rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
    stem = stem.rpartition(".")[0] or stem
    return " ".join(stem.replace("_", " ").split())[:120]


def guess(
    first: Sequence[str], below: Sequence[Sequence[str]], *, has_header: bool
) -> dict[str, str]:
    """Return the field of each column: those recognised, and free fields for the named others."""
    header = first if has_header else []
    rows = below if has_header else [first, *below]
    found = csvs.guess_columns(header, rows[:TELLING_ROWS])
    taken: list[str] = []
    for column, name in enumerate(header):
        filled = any(row[column].strip() for row in rows[:TELLING_ROWS] if column < len(row))
        if column not in found and filled and name.strip() and name.strip() != PROBLEM_COLUMN:
            taken.append(free_name(name, taken))
            found[column] = FREE + taken[-1]
    return {str(column): field for column, field in sorted(found.items())}


def check(
    job: Import,
    *,
    mapping: dict[str, str],
    has_header: bool,
    list_name: str,
    update_existing: bool,
) -> None:
    """Have the file checked with this choice of columns."""
    job.check_rows(
        mapping=mapping,
        has_header=has_header,
        list_name=list_name,
        update_existing=update_existing,
        rows_total=job.rows_total + job.has_header - has_header,
    )


def tick() -> int:
    """Work on the files that wait, for a few seconds, and return how many rows that were."""
    until = time.monotonic() + WORK_SECONDS
    done = 0
    for pk in _waiting().values_list("pk", flat=True)[:100]:
        if time.monotonic() >= until:
            break
        done += work_on(pk, WORK_SECONDS)
    return done


def _waiting() -> Any:
    free = Q(lease_until=None) | Q(lease_until__lt=database_now())
    # The one that has waited longest first, so that a large file holds up no small one.
    return Import.everywhere.filter(free, status__in=Import.WORKING).order_by("updated_at", "pk")


def work_on(pk: int, seconds: float) -> int:
    """Deal with rows of one file for some seconds, unless another worker does; say how many."""
    lease = database_now() + LEASE
    if not _waiting().order_by().filter(pk=pk).update(lease_until=lease, updated_at=now()):
        return 0
    job = Import.everywhere.select_related("workspace").get(pk=pk)
    begun = job.position
    try:
        if job.is_working:
            _work(job, seconds)
    except (OperationalError, InterfaceError):
        # The database was away or busy: the next tick goes on from the last committed chunk.
        raise
    except Exception as problem:
        logger.exception("An import stopped", job=job.pk, position=job.position, exc_info=problem)
        _fail(job)
    finally:
        mine = Import.everywhere.filter(pk=pk, lease_until=job.lease_until)
        mine.update(lease_until=None, updated_at=now())
    # Closing a stage counts as work even where no row was left.
    return max(job.position - begun, 1)


def _fail(job: Import) -> None:
    # The chunk that failed is not among those dealt with.
    job.refresh_from_db(fields=["position", "lease_until"])
    error = (
        f"It stopped after row {job.position:,} of {job.rows_total:,} because of a fault of "
        "the program, which is in its log. What was imported before is kept."
    )
    try:
        job.fail(error)
    except IllegalTransition:
        return  # somebody cancelled it meanwhile


def _work(job: Import, seconds: float) -> None:
    deal_with = _check if job.status == Import.Status.CHECKING else _import
    until = 0.0
    for lines in _chunks(_lines(job)):
        # Getting to where it went on does not count, or a slow machine would never get further.
        until = until or time.monotonic() + seconds
        begin, lease = job.position, job.lease_until
        try:
            mine = deal_with(job, lines)
        except IntegrityError:
            # Somebody made one of these contacts, or deleted the list, in this very moment.
            job.position, job.lease_until = begin, lease
            mine = deal_with(job, lines)
        if not mine:
            return
        if time.monotonic() >= until and job.position < job.rows_total:
            return
    try:
        job.finish()
    except IllegalTransition:
        return  # somebody cancelled it meanwhile


def _chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    lines = iter(lines)
    while chunk := list(itertools.islice(lines, CHUNK)):
        yield chunk


def rows_of(job: Import) -> Iterator[csvs.Row]:
    """Yield the rows below the header, one at a time."""
    dialect = csvs.Dialect(job.encoding, job.delimiter)
    rows = csvs.rows(io.BytesIO(bytes(job.content)), dialect)
    return itertools.islice(rows, 1 if job.has_header else 0, None)


def _lines(job: Import) -> Iterator[Line]:
    """Yield what has not been dealt with yet.

    The check looks at the rows before again, for their addresses: it has to know which of the
    coming ones are their doubles. The import reads past them; the check has said which to leave.
    """
    if job.status == Import.Status.CHECKING:
        return itertools.islice(_checked_lines(job), job.position, None)
    return _lines_to_import(job)


def _checked_lines(job: Import) -> Iterator[Line]:
    columns = job.columns
    seen: dict[str, int] = {}
    for row in rows_of(job):
        person, reason = _read(row, columns)
        if person is not None:
            first = seen.setdefault(person.email, row.line)
            if first != row.line:
                person = None
                reason = f"Duplicate in the file: line {first} has the same address."
        yield Line(row.line, list(row), person, reason)


def _lines_to_import(job: Import) -> Iterator[Line]:
    columns = job.columns
    for row in itertools.islice(rows_of(job), job.position, None):
        person, reason = _read(row, columns)
        yield Line(row.line, list(row), person, reason)


def _read(row: csvs.Row, columns: dict[int, str]) -> tuple[Person | None, str]:
    if row.problem:
        return None, f"Broken row: {row.problem}"
    try:
        return read(row, columns), ""
    except NotTaken as problem:
        return None, str(problem)


def _check(job: Import, lines: list[Line]) -> bool:
    """Count what would become of these rows, and write down what is wrong with them."""
    people = [line.person for line in lines if line.person]
    emails = [person.email for person in people]
    with transaction.atomic():
        if not job.advance(len(lines), lease_until=_lease()):
            return False
        ImportProblem.objects.bulk_create(
            [
                ImportProblem(job=job, row=line.number, reason=line.reason[:200], cells=line.cells)
                for line in lines
                if not line.person
            ]
        )
        mine = Contact.everywhere.filter(workspace=job.workspace)
        known = mine.filter(email__in=emails).count()
        new = len(people) - known
        refused = len(lines) - len(people)
        notes = Counter(remark for person in people for remark in set(person.remarks))
        notes["suppressed"] += _suppressed(job.workspace, emails)
        if not job.update_existing:
            notes["kept"] += known
        _tally(
            job,
            created=new,
            updated=known if job.update_existing else 0,
            skipped=refused + (0 if job.update_existing else known),
            notes=dict(+(Counter(job.notes) + notes)),
        )
    return True


def _suppressed(workspace: Workspace, emails: list[str]) -> int:
    domains = {email.rpartition("@")[2] for email in emails}
    listed = set(
        Suppression.everywhere.filter(
            workspace=workspace, value__in=[*emails, *domains]
        ).values_list("value", flat=True)
    )
    return sum(1 for email in emails if listed & {email, email.rpartition("@")[2]})


def _import(job: Import, lines: list[Line]) -> bool:
    """Take these rows over in one transaction, except those that the check refused."""
    with transaction.atomic():
        if not job.advance(len(lines), lease_until=_lease()):
            return False
        refused = set(
            job.problems.filter(row__gte=lines[0].number, row__lte=lines[-1].number).values_list(
                "row", flat=True
            )
        )
        people = [line.person for line in lines if line.person and line.number not in refused]
        # Read again: somebody may have deleted the list meanwhile.
        job.refresh_from_db(fields=["list"])
        taken = take_over(job.workspace, people, update=job.update_existing, into=job.list)
        _tally(
            job,
            created=taken.created,
            updated=taken.updated,
            skipped=len(lines) - len(people) + taken.kept,
        )
    return True


def _tally(job: Import, *, created: int, updated: int, skipped: int, **values: Any) -> None:
    counts = {"created": created, "updated": updated, "skipped": skipped}
    grown = {name: F(name) + count for name, count in counts.items()}
    Import.everywhere.filter(pk=job.pk).update(**grown, **values)
    for name, value in values.items():
        setattr(job, name, value)


def _lease() -> datetime:
    return database_now() + LEASE


def finish_now(job: Import) -> Iterator[Import]:
    """Work on this file in this process until its stage is over, and yield it after each turn."""
    while True:
        work_on(job.pk, WORK_SECONDS)
        job.refresh_from_db(fields=BUT_CONTENT)
        yield job
        if not job.is_working:
            return
        if job.lease_until is not None:
            # A scheduler works on it too.
            time.sleep(0.2)


def problem_rows(job: Import) -> Iterator[list[str]]:
    """Yield the error file: what was not taken and why, ready to be mended and imported again."""
    width = len(job.header)
    names = job.header if job.has_header else [f"Column {number + 1}" for number in range(width)]
    yield [PROBLEM_COLUMN, *map(guarded, names)]
    for problem in job.problems.order_by("row").iterator(chunk_size=CHUNK):
        reason = f"Line {problem.row}: {problem.reason}"
        yield [guarded(reason), *map(guarded, problem.cells)]


def guarded(cell: str) -> str:
    """Return the cell so that no spreadsheet takes it for a formula; an import undoes this.

    >>> guarded("=1+1"), guarded("+49 30 123"), guarded("＝1+1"), guarded("Ana")
    ("'=1+1", "'+49 30 123", "'＝1+1", 'Ana')
    """
    return f"'{cell}" if cell.startswith(tuple("=+-@\t\r\n＝＋－＠")) else cell
