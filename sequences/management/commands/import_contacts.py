"""Import a CSV file from a terminal, with the same engine as the pages."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from outreach.models import Workspace
from sequences.engine import importing
from sequences.models import Import


class Command(BaseCommand):
    help = "Import contacts from a CSV file in this process. For large files and for scripts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="A CSV file; its columns are guessed.")
        parser.add_argument("--workspace", required=True, help="Name or number of the workspace.")
        parser.add_argument(
            "--list", help="List to add the contacts to; else named after the file."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Check every row and import nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        job = self._read(options["file"], _workspace(options["workspace"]))
        named = ", ".join(
            f"{_title(job, column)} → {field}" for column, field in job.columns.items()
        )
        self.stdout.write(f"{job.rows_total:,} rows. Columns: {named}.")
        self._check(job, options["list"])
        if options["dry_run"]:
            job.delete()
            self.stdout.write("Nothing was imported, as asked.")
            return
        if not job.created + job.updated:
            job.cancel()
            raise CommandError("No row of the file can be imported.")
        begun = time.monotonic()
        job.start()
        self._finish(job, Import.Status.DONE)
        seconds = max(time.monotonic() - begun, 0.001)
        where = f" into the list {job.list}" if job.list else ""
        self.stdout.write(
            self.style.SUCCESS(
                f"Imported {job.created + job.updated:,} contacts{where}: {job.created:,} created, "
                f"{job.updated:,} updated, {job.skipped:,} rows skipped "
                f"({job.rows_total / seconds:,.0f} rows/s)."
            )
        )

    def _read(self, file: Path, workspace: Workspace) -> Import:
        try:
            with file.open("rb") as source:
                content = source.read(importing.MAX_BYTES + 1)
        except OSError as problem:
            raise CommandError(f"Cannot read {file}: {problem.strerror}.") from problem
        try:
            return importing.read_file(workspace, file.name, content, by=None)
        except importing.Unreadable as problem:
            raise CommandError(str(problem)) from problem

    def _check(self, job: Import, list_name: str | None) -> None:
        if "email" not in job.mapping.values():
            job.delete()
            raise CommandError(
                "No column holds e-mail addresses. Name one “E-mail”, or import the file in the "
                "browser, where columns can be chosen."
            )
        importing.check(
            job,
            mapping=job.mapping,
            has_header=job.has_header,
            list_name=job.list_name if list_name is None else list_name.strip()[:120],
            update_existing=True,
        )
        self._finish(job, Import.Status.CHECKED)
        self.stdout.write(
            f"Checked: {job.created:,} to create, {job.updated:,} to update, "
            f"{job.skipped:,} to skip."
        )
        for problem in job.problems.order_by("row")[:5]:
            self.stdout.write(f"  Line {problem.row}: {problem.reason}")

    def _finish(self, job: Import, wanted: str) -> None:
        for turn in importing.finish_now(job):
            if turn.is_working:
                self.stdout.write(f"  {turn.position:,} of {turn.rows_total:,}")
        if job.status != wanted:
            raise CommandError(job.error or f"The import is {job.get_status_display().lower()}.")


def _workspace(wanted: str) -> Workspace:
    found = Workspace.objects.filter(pk=wanted) if wanted.isdecimal() else None
    if not found:
        found = Workspace.objects.filter(name=wanted)
    if len(found) == 1:
        return found[0]
    if found:
        numbers = ", ".join(str(workspace.pk) for workspace in found)
        raise CommandError(f"Several workspaces are called {wanted}: give one of {numbers}.")
    names = ", ".join(Workspace.objects.order_by("name").values_list("name", flat=True)[:20])
    raise CommandError(f"There is no workspace {wanted}. There are: {names or 'none'}.")


def _title(job: Import, column: int) -> str:
    return job.header[column] if job.has_header else f"column {column + 1}"
