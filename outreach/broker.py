"""What Redis, as the carrier of wake-ups, must be set to."""

import redis

KEEPS_EVERYTHING = "noeviction"


def eviction_policy(url: str) -> str | None:
    """Return Redis' maxmemory-policy, or None where the host does not tell."""
    with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
        try:
            answer = client.config_get("maxmemory-policy")
        except redis.ResponseError:
            # Hosts that rent out Redis often forbid CONFIG.
            return None
    value = next(iter(answer.values()), None)
    return value.decode() if isinstance(value, bytes) else value


def objection(url: str) -> str:
    """Return what is wrong with this Redis in a sentence, or nothing."""
    try:
        policy = eviction_policy(url)
    except redis.RedisError as problem:
        return f"Redis (REDIS_URL) cannot be reached: {problem}"
    if policy not in (None, KEEPS_EVERYTHING):
        return (
            f"Redis (REDIS_URL) has maxmemory-policy {policy} and may throw queued work away; "
            f"set it to {KEEPS_EVERYTHING}."
        )
    return ""
