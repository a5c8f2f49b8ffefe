"""What the four measurements share: cases read from a folder, and tables of shares."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Unreadable(Exception):
    """A folder or a file of the corpora is not as it should be; the text says what is missing."""


@dataclass
class Table:
    """Named rows of counts, and the sentences that sum them up; `failed` names what went wrong."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    sums: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.columns))]
        lines = [
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        rule = "-" * max(len(line) for line in lines)
        return "\n".join([self.title, "", lines[0], rule, *lines[1:], "", *self.sums])


def read_cases(path: Path, *needed: str) -> list[dict[str, Any]]:
    """Return the cases of a JSON-lines file; Unreadable names the line that is none."""
    cases = list(_read_lines(path))
    if not cases:
        raise Unreadable(f"{path} holds no cases.")
    for number, case in cases:
        if missing := [name for name in needed if name not in case]:
            raise Unreadable(f"{path}, line {number}: the field “{missing[0]}” is missing.")
    return [case for _, case in cases]


def _read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as problem:
        raise Unreadable(f"{path} cannot be read: {problem}") from problem
    # Not splitlines(): a JSON string may hold the line separators of Unicode.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except ValueError as problem:
            raise Unreadable(f"{path}, line {number}: not JSON ({problem}).") from problem
        if not isinstance(case, dict):
            raise Unreadable(f"{path}, line {number}: an object is needed.")
        yield number, case


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Unreadable(f"{path} cannot be read: {problem}") from problem


def share(part: int, whole: int) -> str:
    """Return a share for a reader.

    >>> share(3, 4), share(0, 0)
    ('3/4 (75.0 %)', '0/0')
    """
    return f"{part}/{whole} ({100 * part / whole:.1f} %)" if whole else f"{part}/{whole}"
