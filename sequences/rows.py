"""Rows of the table, formatted once, so that its template only prints.

Everything a page of rows needs comes in at most three queries, however many rows it has.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from outreach import localtime
from outreach.models import Membership, Workspace
from outreach.templatetags import shell
from outreach.times import now
from sequences.models import Enrollment, Touch

FIELDS = (
    "pk",
    "status",
    "end_reason",
    "blocked_by",
    "blocked_position",
    "paused_until",
    "pause_note",
    "drafted_at",
    "steps_total",
    "steps_done",
    "last_sent_at",
    "created_at",
    "updated_at",
    "contact_id",
    "contact__first_name",
    "contact__last_name",
    "contact__email",
    "contact__title",
    "contact__company__name",
    "contact__company__domain",
)
Status = Enrollment.Status
Block = Enrollment.Block
Touches = dict[int, tuple[str, list[str]]]
# Steps that a bar shows otherwise than by counting.
SPECIAL = Q(status__in=[Touch.Status.FAILED, Touch.Status.UNCERTAIN, Touch.Status.SKIPPED]) | Q(
    status=Touch.Status.DRAFT
) & ~Q(missing=[])


def of(rows: QuerySet) -> QuerySet:
    """Read from these enrollments what `formatted` needs."""
    return rows.values(*FIELDS)


def formatted(found: Iterable[dict[str, Any]], membership: Membership) -> list[dict[str, Any]]:
    """Format rows for this member: what they see, and what they may do about it."""
    found = list(found)
    special = _special([row["pk"] for row in found])
    may_approve = membership.may("approver")
    awaiting = [row["pk"] for row in found if _awaits(row)] if may_approve else []
    tokens = _tokens(awaiting, membership.workspace)
    at = now()
    start = monday(at)
    times = {"until": f"{start:%Y-%m-%dT%H:%M}", "monday": f"{start:%a %H:%M}"}
    return [_row(row, special.get(row["pk"], {}), tokens, membership, at, times) for row in found]


def version(row: Mapping[str, Any]) -> str:
    """Name the state of a row, so that a page can ask later whether it still shows it."""
    return f"{row['pk']}.{microseconds(row['updated_at'])}"


def microseconds(moment: datetime) -> str:
    """Write an instant so that later ones compare as greater."""
    return f"{round(moment.timestamp() * 1_000_000):014x}"


def monday(at: datetime) -> datetime:
    """Return the next Monday at 09:00 on the reader's clock."""
    local = timezone.localtime(at)
    day = (local + timedelta(days=7 - local.weekday())).date()
    return timezone.make_aware(datetime.combine(day, datetime.min.time().replace(hour=9)))


def _row(
    row: dict[str, Any],
    special: Touches,
    tokens: dict[int, str],
    membership: Membership,
    at: datetime,
    times: dict[str, str],
) -> dict[str, Any]:
    status, pk = row["status"], row["pk"]
    name = name_of(row)
    lacks = any(missing for _, missing in special.values())
    words = segments(row["steps_total"], row["steps_done"], special)
    shown = "" if lacks else tokens.get(pk, "")
    url = f"/enrollments/{pk}/"
    return {
        "pk": pk,
        "url": url,
        "name": name,
        "title": row["contact__company__name"] or row["contact__company__domain"] or name,
        "about": _about(row, name),
        "status": status,
        "chip": _chip(status),
        "badge": _badge(row, special, at),
        "segments": _bars(words),
        "progress": _progress(row, special),
        "done": f"{row['steps_done']}/{row['steps_total']}",
        "sent": _time(row["last_sent_at"], at),
        "created": _time(row["created_at"], at),
        "seen": version(row),
        "shown": shown,
        "fills": lacks and pk in tokens,
        "menu": ""
        if shown
        else format_html(
            _menu(_verbs(row, membership)),
            pk=pk,
            url=url,
            name=name,
            step=row["blocked_position"] or "",
            **times,
        ),
    }


def _verbs(row: dict[str, Any], membership: Membership) -> tuple[str, ...]:
    """Return what this member may do to the row now, beside opening it."""
    status, block = row["status"], row["blocked_by"]
    resolves, moves = membership.may("approver"), membership.may("member")
    able = {
        "review": resolves and block == Block.UNAPPROVED_TOUCH,
        "retry": resolves and block == Block.FAILED_TOUCH,
        "pause": moves and status in Enrollment.SENDING,
        "resume": moves and status == Status.PAUSED,
        "stop": resolves and status in Enrollment.UNFINISHED,
    }
    return tuple(verb for verb, can in able.items() if can)


@lru_cache(maxsize=64)
def _menu(verbs: tuple[str, ...]) -> SafeString:
    """Draw the menu once for each set of verbs, as a format that every row fills in."""
    blanks = {name: f"{{{name}}}" for name in ("pk", "url", "name", "step", "until", "monday")}
    return render_to_string("sequences/_menu.html", {"verbs": verbs} | blanks)


def segments(total: int, done: int, special: Touches) -> tuple[str, ...]:
    """Say of each step what its segment shows.

    Steps leave in order, so the ones done, without those skipped, are the first of the rest.
    """
    states = {position: status for position, (status, _) in special.items() if status != "draft"}
    sent = done - sum(status == Touch.Status.SKIPPED for status in states.values())
    words = []
    for position in range(1, total + 1):
        if position in states:
            words.append(states[position])
        elif sent > 0:
            words.append("sent")
            sent -= 1
        else:
            words.append("waiting")
    return tuple(words)


def _awaits(row: dict[str, Any]) -> bool:
    return row["status"] == Status.PENDING_APPROVAL and row["drafted_at"] is not None


def _special(ids: list[int]) -> dict[int, Touches]:
    """Read the steps of these runs that failed, were skipped, or lack a value."""
    found: dict[int, Touches] = defaultdict(dict)
    touches = Touch.steps.filter(SPECIAL, enrollment__in=ids) if ids else Touch.steps.none()
    for pk, position, status, missing in touches.values_list(
        "enrollment_id", "position", "status", "missing"
    ):
        found[pk][position] = (status, missing)
    return found


def _tokens(ids: list[int], workspace: Workspace) -> dict[int, str]:
    """Return what the approve buttons of these runs carry, to say which texts were shown."""
    if not ids:
        return {}
    runs = (
        Enrollment.objects.within(workspace)
        .filter(pk__in=ids)
        .select_related("workspace", "contact", "mailbox", "sequence__mailbox")
    )
    owners, names = ("mailbox", "sequence__mailbox"), ("smtp_password", "imap_password")
    secret = [f"{owner}__{name}" for owner in owners for name in names]
    return {run.pk: run.approval_token() for run in runs.defer("variables", "metadata", *secret)}


def name_of(row: Mapping[str, Any]) -> str:
    """Name the prospect of a row that carries their `contact__` columns."""
    if row["contact_id"] is None:
        return "Deleted contact"
    full = f"{row['contact__first_name']} {row['contact__last_name']}".strip()
    return full or row["contact__email"]


def _about(row: dict[str, Any], name: str) -> str:
    """Say who it is, under the company; without a company the name stands above already."""
    title = row["contact__title"]
    if row["contact__company__name"] or row["contact__company__domain"]:
        return f"{name} · {title}" if title else name
    if name == row["contact__email"]:
        return title or ""
    return title or row["contact__email"] or ""


def _badge(row: dict[str, Any], special: Touches, at: datetime) -> dict[str, Any] | None:
    """Say what the status alone does not: what is wrong, or how long it lasts."""
    block = row["blocked_by"]
    if block == Block.MAILBOX:
        return _mark("Mailbox needs you", "plug", "danger")
    if block:
        level, icon = BLOCKS[block]
        step = f"Step {row['blocked_position']}" if row["blocked_position"] else "A step"
        return _mark(f"{step} {Block(block).label}", icon, level)
    if row["status"] == Status.PENDING_APPROVAL:
        if row["drafted_at"] is None:
            return _mark("Drafting…", "pencil", "")
        for position, (_, missing) in sorted(special.items()):
            if missing:
                return _mark(f"Step {position} needs {missing[0]}", "triangle-alert", "warn")
    if row["status"] == Status.PAUSED:
        if row["paused_until"]:
            return _mark(f"until {localtime.when(row['paused_until'], today=at)}", "clock-3", "")
        return _mark(row["pause_note"], "reply", "") if row["pause_note"] else None
    if row["end_reason"]:
        return _mark(Enrollment.EndReason(row["end_reason"]).label, "", "")
    return None


BLOCKS = {
    Block.FAILED_TOUCH: ("danger", "octagon-x"),
    Block.UNCERTAIN_TOUCH: ("danger", "circle-help"),
    Block.UNAPPROVED_TOUCH: ("warn", "hourglass"),
    Block.TASK: ("warn", "clock-3"),
}


def _mark(text: str, icon: str, level: str) -> dict[str, Any]:
    return {"text": text, "icon": shell.icon(icon) if icon else "", "level": level}


def _progress(row: dict[str, Any], special: Touches) -> str:
    """Say the bar in words, for those who hear it."""
    parts = [f"{row['steps_done']} of {row['steps_total']} steps done"]
    for position, (status, _) in sorted(special.items()):
        if status != Touch.Status.DRAFT:
            parts.append(f"step {position} {Touch.Status(status).label.lower()}")
    return ", ".join(parts)


def _time(moment: datetime | None, at: datetime) -> SafeString | str:
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        localtime.absolute(moment),
        localtime.ago(moment, at),
    )


@lru_cache(maxsize=64)
def _chip(status: str) -> SafeString:
    return shell.status(status, Status(status).label)


@lru_cache(maxsize=512)
def _bars(words: tuple[str, ...]) -> SafeString:
    return format_html_join("", '<i class="{}"></i>', ((word,) for word in words))
