"""What a reviewer should know before a run goes out, and when it would leave."""

from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from mailboxes.models import Mailbox
from outreach.models import User, Workspace
from outreach.times import now
from sequences.engine import colleagues, explain, pacing, pooling, restoring
from sequences.models import Enrollment, Event, Suppression, Touch
from sequences.rules import schedule, texts

LINKS_AT_MOST = 2
WORDS_AT_MOST = 180
PACE_FROM, PACE_AT_LEAST = 20, 3
BREAK = 180


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: fine (empty level), worth a look (warn), or in the way."""

    level: str
    text: str
    advice: str = ""


def checks(run: Enrollment) -> list[Check]:
    """Look at everything that could embarrass the sender, the gravest first."""
    found = [_values(run), _prospect(run), _elsewhere(run), _wording(run), _mailbox(run)]
    if restoring.may_have_left(run):
        found.append(Check("warn", "It may have been sent already", restoring.ADVICE))
    if said := colleagues.warning(run):
        found.append(Check("warn", "A colleague has answered", said))
    order = {"block": 0, "warn": 1, "": 2}
    return sorted(found, key=lambda check: order[check.level])


def if_approved(run: Enrollment, at: datetime | None = None) -> explain.Answer | None:
    """Say when the next step would leave if it were approved now, and which rule decides."""
    at = at or now()
    touch = run.touches.select_related("step").open().first()
    if touch is None or run.is_finished:
        return None
    facts = explain.read_facts(touch, run, at)
    if facts.mailbox is None:
        return None
    undo = at + timedelta(seconds=run.workspace.undo_seconds)
    as_if = copy(touch)
    as_if.status = Touch.Status.SCHEDULED
    as_if.due_at = max(touch.planned(run, at), undo)
    return explain.said(explain.clock(replace(facts, touch=as_if), at), touch)


def _values(run: Enrollment) -> Check:
    lists = run.touches.exclude(missing=[]).values_list("missing", flat=True)
    names = list(dict.fromkeys(name for each in lists for name in each))
    if names:
        return Check("block", "A value is missing", f"Fill in {', '.join(names)}.")
    return Check("", "All names and fields filled in")


def _prospect(run: Enrollment) -> Check:
    contact = run.contact
    if contact is None:
        return Check("block", "The contact was deleted", "Nothing can be sent.")
    entries = Suppression.everywhere.filter(workspace_id=run.workspace_id)
    if entry := entries.covering(contact.email).first():
        return Check("block", f"{entry} is on the suppression list", "Nothing can be sent.")
    if contact.opted_out:
        return Check("block", f"{contact} opted out", "Nothing can be sent.")
    return Check("", "Not suppressed, has not opted out")


def _elsewhere(run: Enrollment) -> Check:
    others = Enrollment.everywhere.filter(contact=run.contact, workspace_id=run.workspace_id)
    others = others.exclude(pk=run.pk).filter(dropped_at__isnull=True)
    if live := others.unfinished().select_related("sequence").first():
        return Check("warn", "In another sequence too", f"“{live.sequence}” is still running.")
    if before := others.exclude(last_sent_at=None).order_by("-last_sent_at").first():
        said = f"“{before.sequence}” ended: {before.get_status_display().lower()}."
        return Check("warn", "Was written to before", said)
    return Check("", "First contact from this workspace")


def _wording(run: Enrollment) -> Check:
    first = run.touches.order_by("position").first()
    body = first.body if first else ""
    links, words = body.count("http://") + body.count("https://"), texts.word_count(body)
    if links > LINKS_AT_MOST:
        return Check("warn", f"{links} links in the first mail", "Filters dislike more than two.")
    if words > WORDS_AT_MOST:
        return Check("warn", f"{words} words in the first mail", "Short ones are read.")
    return Check("", f"{words} words, {links or 'no'} link{'' if links == 1 else 's'}")


def _mailbox(run: Enrollment) -> Check:
    if run.rotates:
        return _pool(run)
    mailbox = run.mailbox or run.sequence.mailbox
    if mailbox is None:
        return Check("block", "No mailbox to send from", "Choose one in the sequence's settings.")
    if mailbox.status != Mailbox.Status.CONNECTED:
        return Check(
            "warn", f"{mailbox} is {mailbox.get_status_display().lower()}", "Nothing leaves."
        )
    left, most = pacing.left_today(mailbox, now())
    return Check("", f"{mailbox} works, {left} of {most} left today")


def _pool(run: Enrollment) -> Check:
    mailbox, turn = pooling.Pools(pacing.Look(now())).next(run.sequence)
    if turn is None:
        return Check("warn", "Nobody is left in the pool", f"It leaves from {mailbox}.")
    mailboxes = f"{turn.among} mailbox{'' if turn.among == 1 else 'es'}"
    return Check("", f"Leaves from any of {mailboxes}; {mailbox} is next")


@dataclass(frozen=True, slots=True)
class Today:
    """What somebody has reviewed on the day it is, and the seconds that one takes them."""

    number: int
    pace: float | None

    def minutes_for(self, waiting: int) -> int | None:
        """Return how long so many more will take; None while nobody can tell."""
        if self.pace is None or not waiting:
            return None
        return max(1, round(self.pace * waiting / 60))


def reviewed_today(workspace: Workspace, by: User) -> Today:
    """Count what this person has approved or refused on the local day it is."""
    at = now()
    midnight = schedule.next_midnight(at - timedelta(days=1), workspace.zone)
    events = Event.objects.within(workspace).filter(by=by, at__gte=midnight)
    done = events.filter(kind__in=["approved", "stopped"])
    latest = list(done.order_by("-at").values_list("at", flat=True)[: PACE_FROM + 1])
    # A longer gap was a break, and says nothing about how fast somebody reads.
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(latest)]
    reading = [gap for gap in gaps if gap <= BREAK]
    pace = sum(reading) / len(reading) if len(reading) >= PACE_AT_LEAST else None
    return Today(done.count(), pace)
