"""The audit log in words."""

from django.apps import apps

from outreach.models import AuditEntry

# What a stored verb is called once it has been done.
DONE = {
    "activate": "activated",
    "add_to_list": "added to a list",
    "archive": "archived",
    "change": "changed",
    "change_role": "changed the role of",
    "configure": "changed the settings of",
    "connect": "connected",
    "create": "created",
    "delete": "deleted",
    "delete_contact": "deleted",
    "disconnect": "disconnected",
    "duplicate": "duplicated",
    "edit_step": "corrected a step of",
    "enroll": "enrolled contacts in",
    "import": "imported",
    "invite": "invited",
    "join": "joined",
    "leave": "left",
    "pause": "paused",
    "reconnect": "connected again",
    "redraft": "had new drafts written for",
    "remove_member": "removed",
    "resume": "resumed",
    "resume_sending": "resumed sending in",
    "stop_sending": "stopped sending in",
    "suppress": "put on the suppression list",
    "unsuppress": "took off the suppression list",
    "withdraw_invitation": "withdrew the invitation of",
}
# Whose verb says already what it is about.
BARE = {"outreach.Membership", "outreach.Invitation", "outreach.User", "sequences.Suppression"}


def done(entry: AuditEntry) -> str:
    """Say what was done: "paused the mailbox"."""
    words = DONE.get(entry.verb, entry.verb.replace("_", " "))
    if not entry.model or entry.model in BARE:
        return words
    return f"{words} the {apps.get_model(entry.model)._meta.verbose_name}"


def details(entry: AuditEntry) -> str:
    """Say which of its fields were changed: "time zone, undo window"."""
    names = entry.detail.get("fields") or entry.detail.get("changed") or []
    if not entry.model or not isinstance(names, list):
        return ""
    meta = apps.get_model(entry.model)._meta
    known = {field.name: str(field.verbose_name) for field in meta.concrete_fields}
    return ", ".join(known.get(name, str(name).replace("_", " ")) for name in names)
