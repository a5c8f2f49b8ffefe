"""Who works here and where: people, workspaces, their memberships, and the clock's memory."""

from outreach.models.audit import AuditEntry
from outreach.models.instance import Instance
from outreach.models.tick import Tick
from outreach.models.user import User
from outreach.models.workspace import Invitation, Membership, Workspace

__all__ = ["AuditEntry", "Instance", "Invitation", "Membership", "Tick", "User", "Workspace"]
