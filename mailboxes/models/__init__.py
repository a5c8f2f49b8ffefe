"""Sending accounts, what they may send a day, and the mail that came in."""

from mailboxes.models.inbound import InboundMail, SandboxMail
from mailboxes.models.ledger import Ledger
from mailboxes.models.mailbox import Mailbox, MailboxDay

__all__ = ["InboundMail", "Ledger", "Mailbox", "MailboxDay", "SandboxMail"]
