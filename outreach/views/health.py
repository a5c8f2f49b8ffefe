"""Whether the product is alive, for probes."""

import structlog
from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from outreach import guards, ticks
from outreach.times import now

logger = structlog.get_logger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the database answers, the scheduler runs and mail may leave; else 503."""
    try:
        beat = ticks.last_beat()
        held = guards.hold()
    except Error:
        # The reason is for the log and not for whoever asks.
        logger.exception("The database cannot be reached")
        return answer(ok=False, database="unreachable", scheduler="unknown")
    sending = {"sending": f"held: {held.code}", "reason": str(held)} if held else {}
    if beat is None:
        return answer(ok=False, database="ok", scheduler="never ran", **sending)
    age = now() - beat
    return answer(
        ok=age < ticks.LATE and held is None,
        database="ok",
        scheduler="ok" if age < ticks.LATE else "late",
        scheduler_age_seconds=round(age.total_seconds(), 1),
        **sending,
    )


def answer(*, ok: bool, **parts: str | float) -> JsonResponse:
    body = {"status": "ok" if ok else "failing", **parts}
    return JsonResponse(body, status=200 if ok else 503)
