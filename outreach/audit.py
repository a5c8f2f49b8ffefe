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
    "change_pool": "changed the pool of",
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
    "import_suppressions": "imported a suppression list into",
    "invite": "invited",
    "join": "joined",
    "leave": "left",
    "leave_pools": "took out of its pools",
    "pause": "paused",
    "pause_itself": "paused for its bounces",
    "put_back": "put back into its pools",
    "reconnect": "connected again",
    "redraft": "had new drafts written for",
    "remove_member": "removed",
    "resume": "resumed",
    "resume_cold": "found the domain in order again of",
    "resume_sending": "resumed sending in",
    "stop_cold": "stopped for its failing domain",
    "stop_sending": "stopped sending in",
    "suppress": "put on the suppression list",
    "unwatch": "no longer watches the inbox of",
    "unsuppress": "took off the suppression list",
    "watch": "promised to watch the inbox of",
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
