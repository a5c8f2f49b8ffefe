"""The send calendar of a sequence: what leaves on which day, as a chart and as a table."""

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from outreach.access import needs
from outreach.htmx import page_or_part
from outreach.requests import MemberRequest
from sequences.engine import forecast
from sequences.engine.forecast import Day, Forecast
from sequences.models import Enrollment, Sequence, Touch
from sequences.rules import schedule
from sequences.views.frame import find, frame

# The chart is at least so many days wide, and names each day of a short one.
SHORTEST = 14
EVERY_DAY_UP_TO = 21
# Steps beyond it share the last colour.
COLOURS = 6
# The units of the drawing, which is stretched to the width of the page.
HEIGHT, BAR, BESIDE = 100, 8, 1


@dataclass(frozen=True, slots=True)
class Bar:
    """What one step sends on one day: a rectangle of the drawing."""

    colour: int
    y: float
    height: float
    is_assumed: bool


@dataclass(frozen=True, slots=True)
class Column:
    """One day of the chart."""

    day: date
    x: int
    total: int
    words: str
    bars: list[Bar]
    is_weekend: bool
    is_named: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """The calendar as it is drawn."""

    columns: list[Column]
    most: int
    width: int
    height: int
    bar: int
    is_long: bool


@require_GET
@needs("viewer")
def calendar(request: MemberRequest, pk: int) -> HttpResponse:
    """Show when the sequence's mails leave, if nothing goes wrong and nobody does anything."""
    sequence = find(request, pk)
    is_draft = sequence.status == Sequence.Status.DRAFT
    if_approved = request.GET.get("approved") == "all"
    prospects = _prospects(request.GET.get("prospects", "")) if is_draft else 0
    found = forecast.of(sequence, if_approved=if_approved, prospects=prospects)
    days = found.days
    context = frame(request, sequence, "overview") | {
        "forecast": found,
        "chart": _chart(found, days),
        "not_approved": sum(day.assumed.total() for day in days) if if_approved else 0,
        "days": [(day, _by_step(day, _positions(days))) for day in days],
        "steps": [
            (step, _colour(step), sum(day.by_step[step] for day in days))
            for step in _positions(days)
        ],
        "positions": _positions(days),
        "unapproved": _unapproved(sequence),
        "if_approved": if_approved,
        "assumed": prospects,
        "most_prospects": forecast.MOST_PROSPECTS,
        "is_over": sequence.status in (Sequence.Status.COMPLETED, Sequence.Status.ARCHIVED),
    }
    page, part = "sequences/definition/forecast.html", "sequences/definition/_forecast.html"
    return page_or_part(request, page, part, context)


def _prospects(text: str) -> int:
    """Return how many prospects are assumed; what is no such number is the usual one."""
    if text.isascii() and text.isdecimal() and len(text) < 9 and int(text):
        return min(int(text), forecast.MOST_PROSPECTS)
    return forecast.PROSPECTS


def _unapproved(sequence: Sequence) -> int:
    """Count the drafts of live runs that wait for somebody's approval."""
    drafts = Touch.steps.filter(
        status=Touch.Status.DRAFT,
        approved_at=None,
        enrollment__workspace=sequence.workspace_id,
        enrollment__sequence=sequence,
        enrollment__status__in=[*Enrollment.SENDING, Enrollment.Status.PENDING_APPROVAL],
    )
    return drafts.count()


# Drawing


def _positions(days: list[Day]) -> list[int]:
    return sorted({step for day in days for step in day.by_step})


def _by_step(day: Day, positions: list[int]) -> list[int]:
    return [day.by_step[step] for step in positions]


def _colour(step: int) -> int:
    return min(step, COLOURS)


def _chart(found: Forecast, days: list[Day]) -> Chart | None:
    """Lay out the days from today to the last on which something leaves; None: nothing does."""
    if not days:
        return None
    first = schedule.local_day(found.at, found.sequence.zone)
    width = max((days[-1].day - first).days + 1, SHORTEST)
    by_day = {day.day: day for day in days}
    most = max(day.total for day in days)
    is_long = width > EVERY_DAY_UP_TO
    # On a phone there is room for four.
    apart = 7 * ceil(width / 28)
    columns = []
    for number in range(width):
        day = first + timedelta(days=number)
        columns.append(
            Column(
                day=day,
                x=number * (BAR + 2 * BESIDE) + BESIDE,
                total=by_day[day].total if day in by_day else 0,
                words=_words(by_day[day]) if day in by_day else "",
                bars=_bars(by_day[day], most) if day in by_day else [],
                is_weekend=day.isoweekday() > 5,
                is_named=not is_long or (number % apart == 0 and number + 7 <= width),
            )
        )
    return Chart(columns, most, width * (BAR + 2 * BESIDE), HEIGHT, BAR, is_long)


def _bars(day: Day, most: int) -> list[Bar]:
    """Stack the steps of a day, the first at the foot, what is approved below what is not."""
    parts = []
    for step in sorted(day.by_step):
        assumed = day.assumed[step]
        parts += [(step, day.by_step[step] - assumed, False), (step, assumed, True)]
    bars, top = [], 0.0
    for step, count, is_assumed in parts:
        if count:
            height = count * HEIGHT / most
            top += height
            bars.append(Bar(_colour(step), round(HEIGHT - top, 2), round(height, 2), is_assumed))
    return bars


def _words(day: Day) -> str:
    steps = ", ".join(f"{count} of step {step}" for step, count in sorted(day.by_step.items()))
    return f"{day.day:%a} {day.day.day} {day.day:%b}: {steps}"
