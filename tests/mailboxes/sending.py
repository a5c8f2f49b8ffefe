"""One valid mail, and an SMTP adapter with the patience of a test."""

from datetime import UTC, datetime

from mailboxes.compose import compose
from mailboxes.providers.base import Mail, Receipt
from mailboxes.providers.smtp import SMTP
from mailboxes.providers.smtp_line import Connection


def make_mail(text: str = "Hi Jordan,\n\nhow are you?", **changes: object) -> Mail:
    meant = {
        "sender_email": "alice@acme.test",
        "sender_name": "Alice Archer",
        "recipient": "jordan@globex.test",
        "subject": "A question about Globex",
        "message_id": "<touch7@acme.test>",
        "date": datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    }
    return compose(text=text, **meant | changes)


def make_smtp(port: int, **changes: object) -> SMTP:
    """An adapter for a server on this machine, with the patience of a test."""
    patience = {"connect_timeout": 2, "command_timeout": 2, "final_timeout": 2}
    patience |= {"fresh": 1, "context": None}
    patience |= {name: changes.pop(name) for name in list(changes) if name in patience}
    usual = {"host": "127.0.0.1", "port": port, "security": "plain", "allow_private": True}
    return SMTP(Connection(**usual | changes), **patience)


def send(smtp: SMTP, mail: Mail | None = None) -> Receipt:
    try:
        return smtp.prepare(mail or make_mail()).commit()
    finally:
        smtp.close()
