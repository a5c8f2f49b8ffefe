"""How every benchmark says what it found."""

import json
import sys
from collections.abc import Callable

# What a figure has to reach: a comparison and a number. A figure without one is only reported.
Targets = dict[str, tuple[str, float]]


def judge(figures: dict[str, float], targets: Targets, **more: object) -> int:
    """Print one line of JSON for each figure; returns 1 when one misses its target."""
    missed = 0
    for name, value in figures.items():
        line: dict[str, object] = {"figure": name, "value": value}
        if name in targets:
            sign, target = targets[name]
            compare: Callable[[float, float], bool] = float.__ge__ if sign == ">=" else float.__le__
            missed |= not compare(float(value), float(target))
            line["target"] = f"{sign} {target}"
        if name in more:
            line["noise"] = more[name]
        say(json.dumps(line))
    return int(missed)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
