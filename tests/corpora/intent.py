"""What a reply means: is the label one that a person would accept?"""

from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

from mailboxes.quoting import own_words, reply_text
from sequences.writers import offline
from tests.corpora.measuring import Table, read_cases, share

TODAY = date(2026, 11, 21)


def measure(folder: Path) -> Table:
    """Label every text of the folder's cases by the rules alone."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    table = Table("Intent", ("accepted label", "replies", "accepted"))
    missed = wrongly = 0
    for number, case in enumerate(read_cases(folder / "cases.jsonl", "body", "accept"), 1):
        accepted = list(case["accept"])
        found = offline.label(own_words(reply_text(case["body"])), today=TODAY).kind
        count = counts[accepted[0] if accepted else "none"]
        count["replies"] += 1
        count["accepted"] += found in accepted
        missed += accepted == ["unsubscribe"] and found != "unsubscribe"
        wrongly += found == "unsubscribe" and "unsubscribe" not in accepted
        if found not in accepted:
            name = case.get("id") or f"case {number}"
            table.failed.append(
                f"{name}: {found}, not {' or '.join(accepted)}: {case['body'][:90]!r}"
            )
    for label, count in sorted(counts.items()):
        table.rows.append((label, str(count["replies"]), str(count["accepted"])))
    total = sum(counts.values(), Counter[str]())
    table.sums = [
        f"Accepted: {share(total['accepted'], total['replies'])}.",
        f"Wishes to be left alone that were missed: {missed}; seen where there is none: {wrongly}.",
    ]
    return table
