"""What the logs look like, and what never gets into them."""

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"
SECRET_NAMES = re.compile(
    r"passw(or)?d|passphrase|token|secret|authorization|cookie|session_?key"
    r"|api_?key|encryption_?key|private_?key|credential|refresh|csrf",
    re.IGNORECASE,
)
# The same secrets inside a sentence: "password=…", "Authorization: Bearer …", "smtp://user:…@host".
SECRET_VALUES = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"),
    re.compile(
        r"""(?ix)((?:passw(?:or)?d|token|secret|api_?key|authorization)["']?\s*[=:]\s*["']?)"""
        r"""(?!bearer\b|basic\b)[^\s"'&,;]+"""
    ),
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+(?=@)"),
    # What a person brings back from signing in at Google or Microsoft.
    re.compile(r"([?&](?:code|state|session_state|nonce|code_challenge)=)[^\s&\"'<>]+"),
    # Links that let in, or act for, whoever has them.
    re.compile(
        r"(/(?:u|invitations|accounts/confirm-email|accounts/password/reset/key)/)[\w:.=~-]{6,}"
    ),
)


def mask(value: Any) -> Any:
    """Return the value with every secret in it replaced, however deep it sits."""
    if isinstance(value, dict):
        return {
            key: MASK if SECRET_NAMES.search(str(key)) else mask(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [mask(inner) for inner in value]
    if isinstance(value, str):
        for pattern in SECRET_VALUES:
            value = pattern.sub(rf"\g<1>{MASK}", value)
        return value
    # Anything else is written as its repr: that of a request names its address.
    return value if value is None or isinstance(value, int | float) else mask(repr(value))


def mask_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if not key.startswith("_"):
            event[key] = MASK if SECRET_NAMES.search(key) else mask(value)
    return event


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(allow=None),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def lines(*, as_json: bool) -> list[Processor]:
    """Return what turns an event into one line: for machines, or for a person at a terminal."""
    # The traceback becomes text before the masking, which so reads it too.
    common: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    if as_json:
        return [*common, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [*common, structlog.dev.ConsoleRenderer(colors=False)]


def configure(*, as_json: bool, level: str) -> dict[str, Any]:
    """Send structlog through logging and return the LOGGING setting."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": lines(as_json=as_json),
                "foreign_pre_chain": SHARED,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Handlers of their own would write the same lines again, in another form and unmasked.
            name: {"handlers": [], "propagate": True, "level": level}
            for name in ("django", "django.server", "gunicorn.error", "gunicorn.access")
        }
        # Three lines for every tick, several ticks a second.
        | {
            name: {"level": "WARNING"}
            for name in ("celery.beat", "celery.app.trace", "celery.worker.strategy")
        },
    }
