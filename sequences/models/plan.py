"""The plan of a run: its steps in their order, and what of them a person must see to."""

from collections.abc import Iterable

from outreach.prepared import Prepared
from sequences.models.touch import Touch

# All steps of a run in their order, without their texts.
PLAN = Prepared(
    lambda pk: (
        Touch.steps.filter(enrollment=pk)
        .order_by("position")
        .select_related("step")
        .only(
            "enrollment",
            "position",
            "status",
            "decide",
            "approved_at",
            "due_at",
            "is_rescheduled",
            "in_reply_to",
            "updated_at",
            "step__delay_days",
            "step__delay_hours",
        )
    ),
    int,
)


def undecided(plan: Iterable[Touch]) -> int | None:
    """Return the step of which no provider can tell whether it was sent: a person must."""
    unknown = (each for each in plan if each.status == Touch.Status.UNCERTAIN and each.decide)
    return next((each.position for each in unknown), None)


def block(plan: Iterable[Touch]) -> tuple[str, int | None]:
    """Return what a person must see to first, and at which step."""
    waits: dict[str, int] = {}
    for touch in plan:
        if touch.status == Touch.Status.UNCERTAIN and touch.decide:
            waits.setdefault("uncertain_touch", touch.position)
        elif touch.status == Touch.Status.FAILED:
            waits.setdefault("failed_touch", touch.position)
        elif touch.status == Touch.Status.DRAFT and not touch.is_approved:
            waits.setdefault("unapproved_touch", touch.position)
    for kind in ("uncertain_touch", "failed_touch", "unapproved_touch"):
        if kind in waits:
            return kind, waits[kind]
    return "", None
