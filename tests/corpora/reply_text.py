"""What a person wrote: is exactly that left, and is nothing of it lost?"""

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from mailboxes import parsing
from mailboxes.quoting import as_text, reply_text
from tests.corpora.measuring import Table, read_bytes, read_cases, share


def measure(folder: Path) -> Table:
    """Read every mail of the folder's cases and compare with what its writer wrote."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    table = Table("Reply text", ("set", "mails", "as expected", "lines lost"))
    for case in read_cases(folder / "cases.jsonl", "id", "input", "compare"):
        got = written(read_bytes(folder / case["input"]), case.get("format", "text"))
        count = counts[case.get("source", "all")]
        fits, lost = is_as_expected(case, got), lines_lost(case, got)
        count["mails"] += 1
        count["fits"] += fits
        count["losing"] += bool(lost)
        if lost:
            table.failed.append(f"{case['id']}: lost {lost[0][:70]!r}")
        elif not fits:
            table.failed.append(f"{case['id']}: not as expected")
    for name, count in sorted(counts.items()):
        table.rows.append((name, *(str(count[each]) for each in ("mails", "fits", "losing"))))
    total = sum(counts.values(), Counter[str]())
    table.sums = [
        f"As expected: {share(total['fits'], total['mails'])}.",
        f"Mails of which an expected line is missing: {total['losing']}.",
    ]
    return table


def written(raw: bytes, kind: str) -> str:
    """Return what the product shows of a mail, or of a mail's text."""
    if kind == "eml":
        return reply_text(parsing.parse(raw).text)
    text = raw.decode("utf-8", "replace")
    return reply_text(as_text(text) if kind == "html" else text)


def is_as_expected(case: dict[str, Any], got: str) -> bool:
    if any(wanted not in got for wanted in case.get("must_contain") or []):
        return False
    if any(unwanted in got for unwanted in case.get("must_not_contain") or []):
        return False
    expected = case.get("expected")
    if expected is None:
        return bool(got.strip())
    if case["compare"] == "ignore_whitespace":
        return "".join(got.split()) == "".join(expected.split())
    if case["compare"] == "contains":
        return squeezed(expected) in squeezed(got)
    return got.strip() == expected.strip().replace("\r\n", "\n")


def lines_lost(case: dict[str, Any], got: str) -> list[str]:
    """Return the expected lines that are not in the result, whatever their spaces."""
    expected = [*(case.get("expected") or "").splitlines(), *(case.get("must_contain") or [])]
    there = squeezed(got)
    return [line for line in expected if squeezed(line) not in there]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)
