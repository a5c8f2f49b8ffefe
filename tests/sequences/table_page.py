"""What the tests of the table read from its pages."""

import re
from html import unescape
from typing import Any

from django.test import Client

from outreach.models import Workspace
from sequences.models import Enrollment, Sequence
from tests.factories import make_contact, make_enrollment, make_sequence

TABLE = "/sequences/"


def rows(answer: Any) -> list[int]:
    """Return the numbers of the rows that a page shows, in order."""
    return [int(pk) for pk in re.findall(r'<tr id="row-(\d+)"', answer.content.decode())]


def chips(answer: Any) -> dict[str, str]:
    """Return what each chip says it yields."""
    found = re.findall(r'id="chip-(\w+)".*?class="n">([^<]+)<', answer.content.decode(), re.S)
    return dict(found)


def link(answer: Any, rel: str) -> str:
    """Return the address of the pager's link, empty where there is none."""
    found = re.search(rf'rel="{rel}" href="([^"]+)"', answer.content.decode())
    return unescape(found[1]) if found else ""


def text(answer: Any) -> str:
    """Return the page's words without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def row_of(client: Client, run: Enrollment, url: str = TABLE) -> str:
    """Return the markup of one row."""
    page = client.get(url).content.decode()
    found = re.search(rf'<tr id="row-{run.pk}".*?</tr>', page, re.S)
    assert found, f"row {run.pk} is not on the page"
    return found[0]


def make_rows(workspace: Workspace, number: int, **values: Any) -> list[Enrollment]:
    """Make many runs at once, whose drafts nobody looks at."""
    sequence = values.pop("sequence", None) or make_sequence(workspace, steps=1)
    given = {"steps_total": 1, "mailbox": sequence.mailbox} | values
    return Enrollment.everywhere.bulk_create(
        Enrollment(workspace=workspace, sequence=sequence, contact=make_contact(workspace), **given)
        for _ in range(number)
    )


def set_row(run: Enrollment, **values: Any) -> Enrollment:
    """Put a run into a state that only its history could reach."""
    Enrollment.everywhere.filter(pk=run.pk).update(**values)
    run.refresh_from_db()
    return run


def run_in(workspace: Workspace, sequence: Sequence | None = None, **values: Any) -> Enrollment:
    """A run with drafts, in the given state."""
    run = make_enrollment(workspace, sequence=sequence)
    return set_row(run, **values) if values else run
