"""The small words of every page: icons, times, plurals, status chips."""

from datetime import datetime
from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone_name

from outreach import localtime, toasts
from outreach.requests import Request

register = template.Library()

STATUS_ICONS = {
    "pending_approval": "hourglass",
    "approved": "check",
    "active": "send",
    "paused": "pause",
    "replied_positive": "thumbs-up",
    "replied_objection": "message-square-warning",
    "complete": "circle-check-big",
    "completed": "circle-check-big",
    "archived": "archive",
    "draft": "pencil",
    "writing": "pencil",
    "scheduled": "calendar-clock",
    "sending": "send",
    "sent": "check",
    "failed": "octagon-x",
    "uncertain": "circle-help",
    "skipped": "skip-forward",
    "cancelled": "ban",
    "waiting": "clock-3",
    "done": "check",
    "passing": "circle-check",
    "failing": "octagon-x",
    "unknown": "circle-help",
    "connected": "plug",
    "disconnected": "triangle-alert",
    "error": "octagon-x",
    "running": "refresh-cw",
    "interested": "thumbs-up",
    "objection": "message-square-warning",
    "question": "circle-help",
    "unsubscribe": "ban",
    "not_interested": "x",
    "not_now": "calendar-clock",
    "referral": "users",
    "out_of_office": "clock-3",
    "bounce_or_auto": "settings",
    "other": "message-square",
    # The stages of a deal.
    "new": "star",
    "meeting": "calendar-clock",
    "proposal": "file-text",
    "won": "circle-check-big",
    "lost": "x",
    # What happens to a prospect, as the activity tells it.
    "enrolled": "user-plus",
    "drafted": "pencil",
    "filled": "pencil",
    "edited": "pencil",
    "touch_approved": "check",
    "approval_undone": "undo-2",
    "approval_revoked": "undo-2",
    "approval_withdrawn": "undo-2",
    "stop_undone": "undo-2",
    "stopped": "archive",
    "resumed": "play",
    "retried": "refresh-cw",
    "written": "reply",
    "taken_back": "undo-2",
    "withheld": "ban",
    "rescheduled": "calendar-clock",
    "deferred": "clock-3",
    "held": "hourglass",
    "needs_decision": "circle-help",
    "replied": "reply",
    "bounced": "octagon-x",
    "soft_bounce": "triangle-alert",
    "soft_bounced": "triangle-alert",
    "complained": "octagon-x",
    "unsubscribed": "ban",
    "auto_replied": "settings",
    "postponed": "clock-3",
    "relabelled": "tag",
    "deal_opened": "star",
    "deal_moved": "star",
    "deal_valued": "star",
    "dropped": "trash-2",
}


@lru_cache(maxsize=512)
def _icon(address: str, name: str, size: str) -> SafeString:
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        f" {size}" if size else "",
        address,
        name,
    )


@lru_cache(maxsize=1)
def _sprite() -> str:
    # Asked for once: a page of rows has hundreds of icons.
    return static("img/icons.svg")


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """Draw an icon of the sprite; the words beside it, or aria-label, say what it means."""
    return _icon(_sprite(), name, size)


@register.simple_tag
def status_icon(status: str) -> SafeString:
    """Draw the icon that belongs to a stored status."""
    return _icon(_sprite(), STATUS_ICONS.get(status, "circle"), "")


@register.simple_tag
def status(word: str, label: str) -> SafeString:
    """Draw a status chip: the stored word picks colour and icon, the label is what is read."""
    return format_html(
        '<span class="status" data-status="{}">{}{}</span>', word, status_icon(word), label
    )


@register.simple_tag
def ago(moment: datetime | None, nothing: str = "–") -> SafeString | str:
    """Say how long ago, with the whole time in the title."""
    if moment is None:
        return nothing
    return _time(moment, localtime.ago(moment), localtime.absolute(moment))


@register.simple_tag
def when(moment: datetime | None, zone: str = "", nothing: str = "–") -> SafeString | str:
    """Say when it will be, on the clock of `zone` (else the reader's), naming the zone."""
    if moment is None:
        return nothing
    mine = localtime.absolute(moment)
    other = zone and zone != get_current_timezone_name()
    return _time(moment, localtime.when(moment, zone), f"{mine} for you" if other else mine)


@register.simple_tag
def at(moment: datetime | None, nothing: str = "–") -> SafeString | str:
    """Say a past time, in the reader's zone."""
    if moment is None:
        return nothing
    return _time(moment, localtime.past(moment), localtime.absolute(moment))


def _time(moment: datetime, text: str, title: str) -> SafeString:
    stamp = moment.isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp, title, text)


@register.filter
def plural(count: int, words: str) -> str:
    """Write a count with its noun: {{ 3|plural:"step" }}, {{ 2|plural:"company,companies" }}."""
    one, _, many = words.partition(",")
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@register.filter
def initials(name: object) -> str:
    """Take the letters of an avatar.

    >>> initials("Ana Ruiz"), initials("ana@brightline.io")
    ('AR', 'A')
    """
    words = str(name).split("@")[0].split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.filter
def place(zone: str) -> str:
    """Name a zone by its city."""
    return localtime.place(zone)


@register.simple_tag(takes_context=True)
def waiting_toasts(context: template.Context) -> list[toasts.Toast]:
    """Take the toasts that this page should say."""
    request: Request | None = context.get("request")
    return list(toasts.pending(request)) if request is not None else []
