"""Delivery reports: are all recipients found, and is nobody suppressed who should not be?"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailboxes import bounces, parsing
from mailboxes.bounces import Bounce
from tests.corpora.measuring import Table, Unreadable, read_bytes, read_cases, share


@dataclass(frozen=True)
class Expected:
    """What is known of a report; `hard` are those who may be suppressed."""

    kind: str
    recipients: frozenset[str]
    hard: frozenset[str]


def measure(folder: Path) -> Table:
    """Read every report of the folder's sets and compare."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    table = Table("Bounces", ("kind", "mails", "all found", "suppressed", "should be", "wrongly"))
    for listing in sorted(folder.glob("*/expected.jsonl")):
        for case in read_cases(listing, "file"):
            judge(folder, case, counts, table.failed)
    if not counts:
        raise Unreadable(f"{folder} has no set with an expected.jsonl in it.")
    for kind, count in sorted(counts.items()):
        names = ("mails", "found", "suppressed", "hard", "wrong")
        table.rows.append((kind, *(str(count[name]) for name in names)))
    total = sum(counts.values(), Counter[str]())
    table.sums = [
        f"Mails with all recipients found: {share(total['found'], total['labelled'])}.",
        f"Suppressed though not in the expectation: {total['stranger']}; "
        f"though expected to be no more than soft: {total['wrong'] - total['stranger']}.",
        f"Of the addresses that are hard, found to be so: {share(total['hit'], total['hard'])}.",
        f"Crashes: {total['crashed']}.",
    ]
    return table


def judge(
    folder: Path, case: dict[str, Any], counts: dict[str, Counter[str]], failed: list[str]
) -> None:
    """Count one report."""
    expected = expectation(case)
    count = counts[expected.kind]
    raw = read_bytes(folder / case["file"])
    try:
        parsing.parse(raw)
        found, suppressed = read(raw)
    except Exception as problem:  # The measurement is there to count them.
        count["crashed"] += 1
        failed.append(f"{case['file']}: crashed: {problem!r}")
        return
    count["mails"] += 1
    if not expected.recipients:
        return  # Nothing is known of whom it is about.
    wrong = suppressed - expected.hard
    count["labelled"] += 1
    count["found"] += expected.recipients <= found
    count["suppressed"] += len(suppressed)
    count["hard"] += len(expected.hard)
    count["hit"] += len(expected.hard & suppressed)
    count["wrong"] += len(wrong)
    count["stranger"] += len(suppressed - expected.recipients)
    if not expected.recipients <= found:
        failed.append(f"{case['file']}: found {names(found)}, not {names(expected.recipients)}")
    if wrong:
        failed.append(f"{case['file']}: would suppress {names(wrong)}")


def expectation(case: dict[str, Any]) -> Expected:
    """Read either form of a case: one with `results`, or one with `permanent` and `temporary`."""
    if "results" in case:
        results = [result for result in case["results"] if result.get("recipient")]
        reason = case["results"][0].get("reason", "") if case["results"] else ""
        kind = str(case.get("kind", "bounce"))
        return Expected(
            kind=f"{kind}: {reason}" if kind == "bounce" else kind,
            recipients=lowered(result["recipient"] for result in results),
            hard=lowered(result["recipient"] for result in results if is_final(kind, result)),
        )
    permanent = lowered(case.get("permanent", []))
    temporary = lowered(case.get("temporary", []))
    # These say only that delivery has failed for good, not why.
    kind = "no status: permanent" if permanent else "no status: temporary or none"
    return Expected(kind=kind, recipients=permanent | temporary, hard=permanent)


def is_final(kind: str, result: dict[str, Any]) -> bool:
    """Tell whether nobody should write to this recipient again."""
    if kind == "complaint":
        return (result.get("feedback_type") or "abuse") in bounces.COMPLAINTS
    return bool(result.get("hard"))


def read(raw: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """Return the addresses that a report names, and those that it would suppress."""
    failures = bounces.failures_of(bounces.report(raw))
    final = [each for each in failures if bounces.kind_of(each) in (Bounce.HARD, Bounce.COMPLAINT)]
    # An alias is named twice: as it was written to, and as what it stands for.
    names = [each.get(name) for each in failures for name in ("recipient", "final")]
    return lowered(names), lowered(each["recipient"] for each in final)


def lowered(addresses: Iterable[str | None]) -> frozenset[str]:
    """Return the addresses as they are compared: quotes around the local part mean nothing."""
    return frozenset(each.lower().replace('"', "") for each in addresses if each)


def names(addresses: Collection[str]) -> str:
    return ", ".join(sorted(addresses)) or "nobody"
