"""Automatic replies: are they told from people, and is the day of return read?"""

from collections import Counter, defaultdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from mailboxes.quoting import own_words, reply_text
from sequences.writers import offline
from tests.corpora.measuring import Table, Unreadable, read_cases, share

AUTOMATIC = ("out_of_office", "bounce_or_auto")


def measure(folder: Path) -> Table:
    """Label every mail of the folder's cases as the product would, without a model."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    table = Table("Automatic replies", ("kind", "mails", "told apart", "with a day", "day read"))
    for number, case in enumerate(read_cases(folder / "cases.jsonl", "body", "is_auto_reply"), 1):
        found = labelled(case)
        count = counts[str(case.get("kind") or ("automatic" if case["is_auto_reply"] else "human"))]
        told = found.is_automatic == case["is_auto_reply"]
        day = day_of(case.get("return_date"))
        count["mails"] += 1
        count["told"] += told
        if not told:
            said = "a machine" if found.is_automatic else "a person"
            table.failed.append(f"{name(case, number)}: taken for {said} ({found.kind})")
        if case["is_auto_reply"]:
            count["days"] += bool(day)
            count["read"] += bool(day) and found.return_on == day
            count["none"] += not day
            count["invented"] += not day and found.return_on is not None
            if found.return_on != day:
                table.failed.append(f"{name(case, number)}: day {found.return_on}, not {day}")
    for kind, count in sorted(counts.items()):
        names = ("mails", "told", "days", "read")
        table.rows.append((kind, *(str(count[each]) for each in names)))
    total = sum(counts.values(), Counter[str]())
    table.sums = [
        f"Told apart: {share(total['told'], total['mails'])}.",
        f"Day of return read: {share(total['read'], total['days'])}; "
        f"read where there is none: {share(total['invented'], total['none'])}.",
    ]
    return table


def labelled(case: dict[str, Any]) -> offline.Label:
    headers = {str(name): str(value) for name, value in (case.get("headers") or {}).items()}
    today = day_of(case.get("now")) or date.today()
    return offline.label(
        own_words(reply_text(case["body"])),
        subject=case.get("subject") or "",
        headers=headers,
        today=today,
    )


def day_of(value: Any) -> date | None:
    """Return the day of an ISO date or time."""
    if not value:
        return None
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError:
        raise Unreadable(f"“{value}” is no date; write it as 2026-11-30.") from None


def name(case: dict[str, Any], number: int) -> str:
    return str(case.get("id") or f"case {number}")
