"""When to try a failed send again, and when to ask about one whose outcome is unknown."""

from datetime import timedelta

WAITS = [timedelta(seconds=s) for s in (30, 60, 120, 240)]

# Servers that greylist turn a stranger away for minutes, some for hours.
SMTP_WAITS = [timedelta(minutes=m) for m in (5, 15, 60, 240)]

MAX_ATTEMPTS = len(WAITS) + 1

# Counted from the moment the outcome became unknown, not from the look-up before.
CHECKS_AT = [timedelta(seconds=s) for s in (30, 60, 120, 240, 480, 900)]
# A provider that could not be asked at the last mark is asked every 30 s until then.
LAST_CHECK_AT = timedelta(minutes=19)


def wait_after(attempts: int, *, smtp: bool = False) -> timedelta | None:
    """Return how long to wait after that many failed attempts, or None to give up.

    >>> wait_after(1)
    datetime.timedelta(seconds=30)
    >>> wait_after(4, smtp=True)
    datetime.timedelta(seconds=14400)
    >>> wait_after(5) is None
    True
    """
    if attempts < 1:
        raise ValueError("There is nothing to wait for before the first attempt.")
    waits = SMTP_WAITS if smtp else WAITS
    return waits[attempts - 1] if attempts <= len(waits) else None


def next_check(checks: int) -> timedelta | None:
    """Return when, after the uncertain send, to ask the provider next, or None to ask a person.

    >>> [next_check(n).total_seconds() for n in range(6)]
    [30.0, 60.0, 120.0, 240.0, 480.0, 900.0]
    >>> next_check(6) is None
    True
    """
    if checks < 0:
        raise ValueError("The number of look-ups cannot be negative.")
    return CHECKS_AT[checks] if checks < len(CHECKS_AT) else None
