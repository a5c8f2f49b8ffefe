"""How much one mailbox may send in a day: pure, no database and no clock."""


def day_limit(daily_limit: int) -> int:
    """Today's ceiling of a mailbox; warm-up will lower it here.

    >>> day_limit(50)
    50
    >>> day_limit(-1)
    0
    """
    return max(0, daily_limit)
