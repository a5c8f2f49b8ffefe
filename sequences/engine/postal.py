"""Whether a workspace still needs the postal address that the law asks for under every mail."""

from outreach.models import Workspace
from sequences.models import Enrollment, Sequence


def why_needed(workspace: Workspace) -> str:
    """Say, in a sentence, what would go out without an address; nothing where nothing would."""
    running = [Sequence.Status.ACTIVE, Sequence.Status.PAUSED]
    mine = Sequence.everywhere.filter(workspace=workspace)
    names = list(mine.filter(status__in=running).order_by("name", "pk").values_list("name")[:1])
    if names:
        [(name,)] = names
        others = mine.filter(status__in=running).count() - 1
        more = f" and {others} more" if others else ""
        verb = "are" if others else "is"
        return f"“{name}”{more} {verb} active or paused. Archive what is no longer needed first."
    waiting = Enrollment.everywhere.filter(workspace=workspace).unfinished()
    if waiting.exists():
        return "Prospects are waiting in this workspace. Stop their runs first."
    return ""
