"""One experiment played, judged and put into a line."""

import argparse
import shutil
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import machine
from tests.chaos.house import House

ROW = "{:<5} {:<63} {:>5} {:>8} {:>10}  {:<9} {:>5}  {}"
HEAD = ROW.format("id", "what", "kills", "restarts", "deliveries", "verdict", "s", "")


@dataclass
class Result:
    """How an experiment went: a line, and kills, restarts and deliveries."""

    text: str
    counts: list[int]
    is_green: bool


def play(house: House, number: int, given: argparse.Namespace) -> Result:
    """Play the experiment at this place of the list, and judge it."""
    # They import models, which can only be done once the settings are there.
    from tests.chaos.everything import EXPERIMENTS
    from tests.chaos.experiment import Broken
    from tests.chaos.judge import judge

    each, began = EXPERIMENTS[number], time.monotonic()
    try:
        for need in each.needs:
            need()
    except machine.Missing as problem:
        line = ROW.format(each.code, each.what, "-", "-", "-", "NOT RUN", 0, str(problem))
        return Result(line, [0, 0, 0], not given.ci)
    world = house.world(each.code, given)
    verdict, note, is_green = "green", "", True
    try:
        each.play(world)
        ended = judge(world)
        others = ", ".join(f"{number} {how}" for how, number in ended.items() if how != "sent")
        note = "; ".join(filter(None, (world.note, others)))
    except Broken as problem:
        verdict, note, is_green = "BROKEN", str(problem), False
    except Exception:
        verdict, note, is_green = "ERROR", traceback.format_exc(), False
    finally:
        world.end()
        house.heal()
    kills = world.crew.kills + world.servers_killed
    counts = [kills, world.crew.restarts, world.deliveries()]
    seconds = f"{time.monotonic() - began:.0f}"
    text = ROW.format(each.code, each.what, *counts, verdict, seconds, note).rstrip()
    if not is_green:
        text += logs_of(world.folder)
    shutil.rmtree(world.folder, ignore_errors=True)
    return Result(text, counts, is_green)


def logs_of(folder: Path) -> str:
    ends = ((log.name, log.read_text(errors="replace")[-1500:]) for log in folder.glob("*.log"))
    return "".join(
        f"\n--- the end of {name}\n{text}" for name, text in sorted(ends) if text.strip()
    )
