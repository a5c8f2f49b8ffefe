"""No follow-up before it is known who has answered: the inbox was read since it fell due."""

from datetime import UTC, datetime, timedelta

from django.db.models import Q

from mailboxes.models import Mailbox
from sequences.engine.answers import Answer, Facts, Fix
from sequences.rules.reasons import Reason

# How often an inbox is read while follow-ups are due.
OFTEN = timedelta(minutes=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
MAILBOXES = Fix("Mailboxes", "mailboxes:list")


def is_follow_up(facts: Facts) -> bool:
    """Tell whether its prospect could have answered a mail of this run.

    What a person writes by hand is an answer itself: they have read what came in.
    """
    return facts.run.last_sent_at is not None and not facts.touch.is_by_hand


def is_heard(facts: Facts, at: datetime) -> bool:
    """Tell whether all that came in before it fell due, and until lately, is known."""
    mailbox, due_at = facts.mailbox, facts.touch.due_at
    if mailbox is None or not is_follow_up(facts):
        return True
    heard = mailbox.heard_until(at)
    return heard is not None and (due_at is None or due_at <= heard)


def known_until(mailbox: Mailbox, at: datetime) -> datetime:
    """Return the moment up to which every answer is known, long ago where that is stale."""
    return mailbox.heard_until(at) or NEVER


def may_be_known(until: datetime) -> Q:
    """Return which touches `is_heard` lets leave; the others must keep nobody waiting."""
    return Q(enrollment__last_sent_at__isnull=True) | Q(due_at__lte=until)


def warning(mailbox: Mailbox | None) -> str:
    """Say why follow-ups from this mailbox would wait for a person; nothing where they do not."""
    if mailbox is None or mailbox.watched_at:
        return ""
    if mailbox.needs_watching:
        return _unwatched(mailbox)
    return _unreadable(mailbox) if mailbox.inbox_error else ""


def _unwatched(mailbox: Mailbox) -> str:
    return (
        f"The inbox of {mailbox} is not read, so nobody would notice an answer. Follow-ups leave "
        "once it can be read, or somebody watches it."
    )


def _unreadable(mailbox: Mailbox) -> str:
    return f"The inbox of {mailbox} cannot be read: {mailbox.inbox_error}"


def unwatched(facts: Facts, at: datetime) -> Answer | None:
    """Nobody knows what comes into the mailbox, and nobody has promised to look."""
    mailbox = facts.mailbox
    if mailbox is None or not mailbox.needs_watching or not is_follow_up(facts):
        return None
    if facts.touch.status == facts.touch.Status.DRAFT:
        return None  # Its turn has not come yet.
    return Answer(Reason.UNWATCHED, _unwatched(mailbox), None, MAILBOXES)


def wait(facts: Facts, at: datetime) -> Answer | None:
    """Say that it waits for the inbox, where nothing else holds it."""
    mailbox = facts.mailbox
    if mailbox is None or is_heard(facts, at):
        return None
    if mailbox.inbox_error:
        return Answer(Reason.UNREADABLE, _unreadable(mailbox), None, MAILBOXES)
    sentence = f"It waits until the inbox of {mailbox} has been read: an answer would stop it."
    return Answer(Reason.INBOX, sentence, at + OFTEN)
