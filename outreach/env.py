"""Read settings from the environment; a bad value stops the process with its name."""

import os
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkstemp
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

Value = TypeVar("Value")


def given(name: str) -> bool:
    """Tell whether NAME or NAME_FILE is set to something."""
    return bool(os.getenv(name) or os.getenv(f"{name}_FILE"))


def text(name: str, default: str | None = None) -> str:
    """Return NAME, or the content of the file that NAME_FILE points to."""
    if path := os.getenv(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise ImproperlyConfigured(f"{name}_FILE={path!r} cannot be read: {problem}.") from None
    # An empty value counts as not set, as a line left empty in a .env file or compose file means.
    value = os.getenv(name) or default
    if value is None:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE) in the environment.")
    return value


def flag(name: str, default: bool) -> bool:
    value = text(name, "true" if default else "false").lower()
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f"{name}={value!r}: use true or false.")
    return value == "true"


def whole(name: str, default: int, low: int, high: int) -> int:
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
        raise ImproperlyConfigured(f"{name}={value!r}: use a whole number from {low} to {high}.")
    return int(value)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r}: use one of {', '.join(allowed)}.")
    return value


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return NAME split at its commas."""
    value = text(name, ",".join(default))
    return [word.strip() for word in value.split(",") if word.strip()]


def address(name: str, default: str, schemes: tuple[str, ...]) -> str:
    """Return NAME, a URL of one of the schemes, without a slash at its end."""
    value = text(name, default)
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        # The value is not shown: a URL may carry a password.
        allowed = ", ".join(f"{scheme}://…" for scheme in schemes)
        raise ImproperlyConfigured(f"{name} is not an address this program can use: use {allowed}.")
    return value.rstrip("/")


def parsed(name: str, parse: Callable[[str], Value], allowed: str) -> Value:
    """Return what `parse` makes of NAME; `allowed` says what it can read."""
    try:
        found = parse(text(name))
    except (ValueError, KeyError, ImproperlyConfigured):
        found = None
    if not found:
        raise ImproperlyConfigured(f"{name} cannot be understood: use {allowed}.")
    return found


def host_and_port(value: str) -> str:
    """Return an IP address and a port, as they were written; raises ValueError.

    >>> host_and_port("[::1]:53")
    '[::1]:53'
    """
    host, _, port = value.rpartition(":")
    ip_address(host.strip("[]"))
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(value)
    return value


def kept(path: Path, make: Callable[[], str]) -> str:
    """Return the secret kept in a file that only its owner may read, making it on first use."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes the file with mode 600. Of two processes starting at once one links its
        # file, whole, under the name; the other reads that one.
        handle, draft = mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(make() + "\n")
        with suppress(FileExistsError):
            os.link(draft, path)
        os.unlink(draft)
    return path.read_text(encoding="ascii").strip()
