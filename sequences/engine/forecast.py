"""When the mails of a sequence will leave: its calendar, before and after it is launched.

The scheduling rules played forward (`playing`) over everything that shares its mailboxes and
limits. Where nothing goes wrong and nobody does anything, it comes true to the microsecond.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby

from outreach.times import database_now
from sequences.engine import plans
from sequences.engine.answers import Answer
from sequences.engine.playing import Departure, Plan, Play
from sequences.models import Sequence
from sequences.rules import schedule
from sequences.rules.reasons import Reason

HORIZON = timedelta(days=60)
PLAYED_AT_MOST = 5_000
PROSPECTS, MOST_PROSPECTS = 100, 1_000
# A limit that puts off everything together by less than this is not worth a word.
WORTH_A_WORD = timedelta(minutes=30)

# What a limit that binds is called.
LIMITS = {
    Reason.THROTTLE: "the pace of {per_minute} a minute",
    Reason.GAP: "the pause of {mailbox} after each mail",
    Reason.MAILBOX_LIMIT: "the {mailbox_limit} mails a day of {mailbox}",
    Reason.MAILBOX_24_HOURS: "the {mailbox_limit} mails in 24 hours of {mailbox}",
    Reason.MAILBOX_WARM_UP: "the warm-up of {mailbox}",
    Reason.POOL: "what the mailboxes of its pool may send",
    Reason.SEQUENCE_LIMIT: "the {sequence_limit} mails a day of this sequence",
    Reason.SEQUENCE_WARM_UP: "the warm-up of this sequence",
    Reason.WORKSPACE_LIMIT: "the {workspace_limit} mails a day of the whole workspace",
}


@dataclass(frozen=True, slots=True)
class Day:
    """What leaves on one day of the sequence's clock, by step."""

    day: date
    by_step: Counter[int]
    # Those of them whose approval is only assumed.
    assumed: Counter[int]

    @property
    def total(self) -> int:
        return self.by_step.total()


@dataclass(slots=True)
class Forecast:
    """The mails of one sequence that are to leave, and when."""

    sequence: Sequence
    at: datetime
    until: datetime
    departures: list[Departure] = field(default_factory=list)
    # How many more are approved and leave later, and whether that is all that was read.
    later: int = 0
    is_cut: bool = False
    # What does not leave before a person acts: how many, and why the first of them.
    held: int = 0
    held_by: Answer | None = None
    # The limit that put off most, in words.
    limited_by: str = ""

    @property
    def first_at(self) -> datetime | None:
        return self.departures[0].at if self.departures else None

    @property
    def last_at(self) -> datetime | None:
        return self.departures[-1].at if self.departures else None

    @property
    def days(self) -> list[Day]:
        """Return the days on which something leaves, in order."""
        zone = self.sequence.zone
        found = []
        for day, mails in groupby(self.departures, lambda mail: schedule.local_day(mail.at, zone)):
            mine = list(mails)
            steps = Counter(mail.position for mail in mine)
            assumed = Counter(mail.position for mail in mine if mail.is_assumed)
            found.append(Day(day, steps, assumed))
        return found


def of(
    sequence: Sequence,
    *,
    at: datetime | None = None,
    horizon: timedelta = HORIZON,
    if_approved: bool = False,
    prospects: int = 0,
) -> Forecast:
    """Foresee what a sequence sends if sending goes on now.

    With `if_approved`, as if somebody approved now what waits for it. With `prospects`, as if
    so many were enrolled and approved now besides: for a sequence that has not begun.
    """
    at = at or database_now()
    until = at + horizon
    plan = plans.read(
        sequence.workspace,
        at,
        until=until,
        about=sequence,
        if_approved=if_approved,
        prospects=min(prospects, MOST_PROSPECTS),
    )
    held = [each for each in plan.held if each.touch.enrollment.sequence_id == sequence.pk]
    play = Play(plan)
    mine = [
        departure
        for departure in play.departures(until, PLAYED_AT_MOST)
        if departure.sequence_id == sequence.pk
    ]
    return Forecast(
        sequence=sequence,
        at=at,
        until=until,
        departures=mine,
        later=_later(plan, play, sequence),
        is_cut=play.is_cut or plan.has_more,
        held=len(held),
        held_by=held[0].answer if held else None,
        limited_by=_limited_by(plan, play, sequence),
    )


def _later(plan: Plan, play: Play, sequence: Sequence) -> int:
    """Count what has its approval and has not left by the end of the play."""
    waiting = [touch for touch in play.left if touch.enrollment.sequence_id == sequence.pk]
    following = (
        len(touches)
        for touches in plan.following.values()
        if touches and touches[0].enrollment.sequence_id == sequence.pk
    )
    return len(waiting) + sum(following)


def _limited_by(plan: Plan, play: Play, sequence: Sequence) -> str:
    """Name the limit that put off the mails of this sequence for longest."""
    held = [
        (duration, reason, line.mailbox_id)
        for line in play.lines.values()
        if line.sequence.pk == sequence.pk
        for reason, duration in line.held_for.items()
        if reason in LIMITS
    ]
    longest, reason, mailbox_id = max(held, default=(timedelta(0), Reason.NOW, 0))
    if longest < WORTH_A_WORD:
        return ""
    # A pool has no mailbox of its own; where nobody is left in it, the sequence's own sends.
    mailbox = plan.mailboxes.get(mailbox_id) or sequence.mailbox
    if mailbox is None:
        return ""
    return LIMITS[reason].format(
        mailbox=mailbox,
        mailbox_limit=mailbox.daily_limit,
        per_minute=sequence.per_minute,
        sequence_limit=sequence.daily_limit,
        workspace_limit=sequence.workspace.daily_limit,
    )
