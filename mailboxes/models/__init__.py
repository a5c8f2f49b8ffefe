"""Sending accounts, what they may send a day, and the mail that came in."""

from mailboxes.models.inbound import InboundMail, SandboxMail
from mailboxes.models.ledger import USUAL_INCREMENT, Ledger, WarmingUp
from mailboxes.models.mailbox import Mailbox, MailboxDay, WorkspaceDay

__all__ = [
    "USUAL_INCREMENT",
    "InboundMail",
    "Ledger",
    "Mailbox",
    "MailboxDay",
    "SandboxMail",
    "WarmingUp",
    "WorkspaceDay",
]
