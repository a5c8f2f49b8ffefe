"""What Microsoft promises to tell us about a mailbox: a subscription, renewed before it ends."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from mailboxes.providers.base import TryAgain
from mailboxes.providers.microsoft import Microsoft, Refused

# What comes into other folders is found by reading now and then.
INBOX = "/me/mailFolders('inbox')/messages"
# Graph's most for mail is 10,080 minutes.
LIFE = timedelta(days=6)


def subscribe(mailbox: Any, address: str, secret: str, at: datetime) -> tuple[str, datetime]:
    """Have Graph tell the address when something comes in; the subscription and its end.

    Graph asks the address first whether it listens.
    """
    wanted = {
        "changeType": "created",
        "notificationUrl": address,
        "lifecycleNotificationUrl": address,
        "resource": INBOX,
        "expirationDateTime": written(at + LIFE),
        "clientState": secret,
    }
    with_graph = Microsoft.for_mailbox(mailbox)
    try:
        found = with_graph.asked("POST", "/subscriptions", json=wanted)
    finally:
        with_graph.close()
    if not found.get("id"):
        raise TryAgain("Graph answered without naming the subscription.")
    return str(found["id"]), end_of(found, at)


def renew(mailbox: Any, subscription_id: str, at: datetime) -> datetime | None:
    """Have the subscription last longer; None where Graph knows it no more."""
    with_graph = Microsoft.for_mailbox(mailbox)
    wanted = {"expirationDateTime": written(at + LIFE)}
    try:
        return end_of(with_graph.ask("PATCH", path_of(subscription_id), json=wanted), at)
    except Refused as refusal:
        if refusal.status == 404:
            return None
        raise refusal.translated() from refusal
    finally:
        with_graph.close()


def unsubscribe(mailbox: Any, subscription_id: str) -> None:
    """End the subscription; one that Graph knows no more has ended."""
    with_graph = Microsoft.for_mailbox(mailbox)
    try:
        with_graph.ask("DELETE", path_of(subscription_id))
    except Refused as refusal:
        if refusal.status != 404:
            raise refusal.translated() from refusal
    finally:
        with_graph.close()


def path_of(subscription_id: str) -> str:
    return f"/subscriptions/{quote(subscription_id, safe='')}"


def end_of(found: dict[str, Any], at: datetime) -> datetime:
    """Return until when Graph says that it lasts, or what was asked for."""
    try:
        end = datetime.fromisoformat(str(found.get("expirationDateTime") or ""))
    except ValueError:
        return at + LIFE
    return end if end.tzinfo else end.replace(tzinfo=UTC)


def written(at: datetime) -> str:
    """Write a time as Graph does.

    >>> written(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    '2026-11-21T12:00:00Z'
    """
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
