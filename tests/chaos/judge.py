"""What must be true after every experiment, judged by what the providers themselves wrote down."""

from collections import Counter
from collections.abc import Collection
from io import StringIO

from django.core.management import CommandError, call_command
from django.db import connection

from mailboxes.models import SandboxMail
from sequences.engine import sending
from sequences.models import Event, Touch
from tests.chaos.experiment import Broken
from tests.chaos.provider import Journal
from tests.chaos.world import World

# After so long everything must have settled, which `verify` asks about.
LONG_AFTER = 25 * 60
SHOWN = 5


def judge(world: World) -> Counter[str]:
    """Raise Broken unless every promise holds; returns how the steps ended."""
    if world.ended is None:
        world.end()
        world.clock.let_pass(LONG_AFTER)
        verify(world.journal)
        world.ended = nothing_doubled_nothing_lost(world.journal, world.allowed)
    return world.ended


def verify(taken: Journal) -> None:
    """Ask the product's own judge, `manage.py verify`, with the journal of the providers."""
    said = StringIO()
    journal = str(taken.path) if taken.times else None
    try:
        call_command("verify", journal=journal, stdout=said)
    except CommandError as problem:
        lines = [line for line in said.getvalue().splitlines() if "BROKEN" in line]
        raise Broken(f"verify: {problem} {' | '.join(lines)}") from problem
    finally:
        connection.close()


def nothing_doubled_nothing_lost(journal: Journal, allowed: dict[str, int | None]) -> Counter[str]:
    """Raise Broken unless each approved mail left once, or is uncertain and on the list."""
    taken = Counter(journal.times)
    caught = SandboxMail.everywhere.exclude(accepted_at=None)
    ids = dict(Touch.objects.exclude(message_id="").values_list("message_id", "pk"))
    for message_id in caught.values_list("message_id", flat=True):
        taken[f"t{ids[message_id]}" if message_id in ids else message_id] += 1
    ended: Counter[str] = Counter()
    wrong: list[str] = []
    rows = Touch.objects.select_related("mailbox", "enrollment").exclude(approved_at=None)
    for touch in rows.order_by("pk"):
        times = taken.pop(sending.reference(touch), 0)
        how = how_it_ended(touch, times, allowed)
        ended[how or touch.status] += 1
        if not how:
            listed = touch.enrollment.blocked_by or "not on the list"
            wrong.append(f"touch {touch.pk}: {touch.status}, taken {times} times, {listed}")
    wrong += [f"{mail}: unknown, taken {times} times" for mail, times in taken.items()]
    asked = Event.everywhere.filter(kind="needs_decision").exclude(touch__mailbox__provider="smtp")
    wrong += [f"touch {pk}: a person was asked" for pk in asked.values_list("touch", flat=True)]
    wrong += [
        f"{ended[how]} are {how}, not {number}"
        for how, number in allowed.items()
        if number is not None and ended[how] != number
    ]
    connection.close()
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise Broken("; ".join(wrong[:SHOWN]) + more)
    return ended


def how_it_ended(touch: Touch, times: int, allowed: Collection[str]) -> str:
    """Name the end of a step if it is one of those that are allowed."""
    if touch.status == Touch.Status.SENT:
        return "sent" if times == 1 else ""
    if touch.status == Touch.Status.UNCERTAIN:
        listed = touch.decide and touch.enrollment.blocked_by == "uncertain_touch"
        nobody_can_tell = touch.mailbox.provider == "smtp"
        return "uncertain" if listed and nobody_can_tell and times <= 1 else ""
    return touch.status if touch.status in allowed and not times else ""
