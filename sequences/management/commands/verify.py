"""manage.py verify"""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from outreach.models import Workspace
from outreach.times import database_now
from sequences.engine import invariants
from sequences.engine.invariants import Finding, Journal, Look
from sequences.management.commands.enroll import named

NAMED_ON_A_LINE = 5
MAILBOXES_ON_A_LINE = 5


class Command(BaseCommand):
    help = (
        "Judge whether the 24 promises about sending hold in this database, reading only. "
        "For a live installation at any time, and after an incident. Ends with 1 if one is broken."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", help="Only this one, by its name or number.")
        parser.add_argument(
            "--journal",
            metavar="FILE",
            help="What a provider really took, one JSON object a line: message_id, recipient, "
            "mailbox (its e-mail), accepted_at, and if known sha256 of the bytes and reference "
            "(X-Outreach-Ref). It holds every mail of the mailboxes it names.",
        )
        parser.add_argument(
            "--since", type=instant, help="The journal begins only here, like 2026-11-01T00:00:00Z."
        )
        parser.add_argument(
            "--older-than",
            type=minutes,
            metavar="MINUTES",
            default=20,
            help="What has had as long as this must have settled (20).",
        )
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = None
        if options["workspace"]:
            workspace = named(Workspace.objects.all(), options["workspace"], "workspace").pk
        journal = read_journal(options["journal"], workspace) if options["journal"] else None
        if options["since"] and journal is None:
            raise CommandError("--since says where a journal begins; give it with --journal.")
        with invariants.reading():
            look = Look(
                at=database_now(),
                older_than=timedelta(minutes=options["older_than"]),
                workspace=workspace,
                journal=journal,
                since=options["since"],
            )
            show = self.as_json if options["json"] else self.as_lines
            broken = show(look)
        if broken:
            does = "does" if broken == 1 else "do"
            raise CommandError(f"{broken} of the {len(invariants.INVARIANTS)} {does} not hold.")

    def as_lines(self, look: Look) -> int:
        """Print a line for each as it is judged; returns how many are broken."""
        counts = {"holds": 0, "BROKEN": 0, "not judged": 0}
        for finding in invariants.judge(look):
            counts[finding.verdict] += 1
            self.stdout.write(line_of(finding))
        self.stdout.write(
            f"Held: {counts['holds']}. Broken: {counts['BROKEN']}. "
            f"Not judged: {counts['not judged']}."
        )
        if untold := [mailbox.email for mailbox in look.untold()[: MAILBOXES_ON_A_LINE + 1]]:
            more = " and others" if len(untold) > MAILBOXES_ON_A_LINE else ""
            self.stdout.write(
                "What was really delivered is unknown, without a journal, for "
                f"{', '.join(untold[:MAILBOXES_ON_A_LINE])}{more}."
            )
        return counts["BROKEN"]

    def as_json(self, look: Look) -> int:
        """Print all of it at once; returns how many are broken."""
        findings = list(invariants.judge(look))
        found = {
            "at": look.at.isoformat(),
            "invariants": [
                {
                    "code": each.invariant.code,
                    "promise": each.invariant.promise,
                    "verdict": each.verdict.lower(),
                    "found": each.offenders,
                    "has_more": each.has_more,
                    "not_judged": each.not_judged,
                }
                for each in findings
            ],
            "mailboxes_without_journal": [mailbox.email for mailbox in look.untold()[:100]],
        }
        self.stdout.write(json.dumps(found, indent=2))
        return sum(each.verdict == "BROKEN" for each in findings)


def line_of(finding: Finding) -> str:
    """Say what was found in one line."""
    code, promise = finding.invariant.code, finding.invariant.promise
    if finding.not_judged:
        return f"{code} not judged  {promise.rstrip('.')}: {finding.not_judged}."
    if not finding.offenders:
        return f"{code} holds       {promise}"
    number = len(finding.offenders)
    many = f"more than {number}" if finding.has_more else str(number)
    some = finding.offenders[:NAMED_ON_A_LINE]
    example = "e.g. " if number > len(some) else ""
    return f"{code} BROKEN      {promise.rstrip('.')}: {many} found, {example}{listed(some)}"


def listed(names: list[str]) -> str:
    """Name records, and what they are only once where they are all the same.

    >>> listed(["touch 12", "touch 15"]), listed(["touch 12", "attempt 3"])
    ('touch 12, 15', 'touch 12, attempt 3')
    """
    nouns = {name.rpartition(" ")[0] for name in names}
    if len(nouns) > 1:
        return ", ".join(names)
    return f"{nouns.pop()} {', '.join(name.rpartition(' ')[2] for name in names)}"


def read_journal(path: str, workspace: int | None) -> Journal:
    try:
        with open(path, encoding="utf-8") as lines:
            return invariants.read(lines, workspace)
    except OSError as problem:
        raise CommandError(f"{path} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not text in UTF-8.") from None
    except invariants.JournalProblem as problem:
        raise CommandError(f"{path}: {problem}") from problem


def minutes(text: str) -> int:
    """Return the number of minutes, from 0 to a year of them."""
    if not text.isdecimal() or int(text) > 366 * 24 * 60:
        raise ArgumentTypeError("a whole number of minutes, 0 or more, at most a year.")
    return int(text)


def instant(text: str) -> datetime:
    """Return the time, which names its zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ArgumentTypeError("a time with its zone, like 2026-11-01T00:00:00Z.")
    return at.astimezone(UTC)
