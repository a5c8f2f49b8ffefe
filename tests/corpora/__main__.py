"""Measure how mail is read: `python -m tests.corpora FOLDER [--failed]`.

The folder holds `bounces/*/expected.jsonl` and `reply_text/cases.jsonl`, and may hold
`auto_replies/cases.jsonl` and `intent/cases.jsonl`.
"""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from tests.corpora import auto_replies, bounces, intent, reply_text
from tests.corpora.measuring import Table, Unreadable

NEEDED: dict[str, Callable[[Path], Table]] = {
    "bounces": bounces.measure,
    "reply_text": reply_text.measure,
}
OPTIONAL: dict[str, Callable[[Path], Table]] = {
    "auto_replies": auto_replies.measure,
    "intent": intent.measure,
}


def main(arguments: list[str]) -> int:
    """Print a table for every part; returns 2 where the folder is not a corpus."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpora", description=__doc__)
    parser.add_argument("folder", nargs="?", default="")
    parser.add_argument("--failed", action="store_true", help="name what was read wrongly as well")
    given = parser.parse_args(arguments)
    try:
        for table in tables(given.folder):
            sys.stdout.write(f"{table}\n\n")
            if given.failed:
                sys.stdout.write("".join(f"  {line}\n" for line in table.failed) + "\n")
    except Unreadable as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    return 0


def tables(named: str) -> list[Table]:
    """Measure all that the folder has; Unreadable says what it lacks."""
    if not named:
        raise Unreadable("Name the folder of the corpora: make corpora CORPORA=<folder>")
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise Unreadable(f"{folder} is no folder. Name the one that holds bounces and reply_text.")
    if missing := [name for name in NEEDED if not (folder / name).is_dir()]:
        raise Unreadable(
            f"{folder} has no folder “{missing[0]}”. Needed are {' and '.join(NEEDED)}; "
            f"{' and '.join(OPTIONAL)} are measured where they are there."
        )
    found = [measure(folder / name) for name, measure in NEEDED.items()]
    found += [m(folder / name) for name, m in OPTIONAL.items() if (folder / name).is_dir()]
    return found


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    sys.exit(main(sys.argv[1:]))
