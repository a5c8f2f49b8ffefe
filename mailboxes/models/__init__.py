"""Sending accounts, what they may send a day, and the mail that came in."""

from mailboxes.models.domain import DomainCheck
from mailboxes.models.inbound import InboundMail, SandboxMail
from mailboxes.models.inbox import Folder
from mailboxes.models.ledger import USUAL_INCREMENT, Ledger, WarmingUp
from mailboxes.models.mailbox import Mailbox, MailboxDay, WorkspaceDay
from mailboxes.models.push import Push

__all__ = [
    "USUAL_INCREMENT",
    "DomainCheck",
    "Folder",
    "InboundMail",
    "Ledger",
    "Mailbox",
    "MailboxDay",
    "Push",
    "SandboxMail",
    "WarmingUp",
    "WorkspaceDay",
]
