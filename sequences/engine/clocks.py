"""The clocks that hold a touch which may leave by itself, and which of them decides.

Clocks only move the time on, never back: its own time first, then pace, then the hours, then
what lasts for days. The last one that moved it is the one that is named.
"""

from datetime import datetime, timedelta

from mailboxes.models import Mailbox, WarmingUp
from sequences.engine import pooling
from sequences.engine.answers import Answer, Facts, Fix
from sequences.engine.pacing import Full
from sequences.models import Sequence, Touch
from sequences.rules import calendars, places, schedule
from sequences.rules.reasons import Reason

MAILBOXES = Fix("Mailboxes", "mailboxes:list")


def clock(facts: Facts, at: datetime) -> Answer:
    """Say when it leaves by itself: the latest of all the clocks that hold it decides."""
    if facts.touch.status == Touch.Status.DRAFT and (before := _step_before(facts.touch)):
        return Answer(Reason.STEP_BEFORE, f"Waits for step {before.position}.")
    answer = Answer(Reason.NOW, "It leaves as soon as a worker takes it.", at)
    for move in (_its_own_time, _pace, _hours):
        answer = move(facts, answer)
    return _days(facts, answer)


def _its_own_time(facts: Facts, answer: Answer) -> Answer:
    touch, run, mailbox = facts.touch, facts.run, facts.mailbox
    if touch.attempts_made and touch.error:
        sentence = f"It is tried again. The provider said: {touch.error}"
        answer = _later(answer, touch.due_at, Reason.RETRY, sentence)
    elif touch.is_by_hand:
        answer = _later(answer, touch.due_at, Reason.UNDO, "It can still be taken back.")
    elif touch.is_rescheduled:
        answer = _later(answer, touch.due_at, Reason.RESCHEDULED, "A person chose this time.")
    else:
        answer = _later(answer, touch.due_at, Reason.DELAY, _delay_sentence(facts))
    if not run.last_sent_at and not touch.is_by_hand:
        sentence = "The approval can still be undone."
        answer = _later(answer, run.undo_until, Reason.UNDO, sentence)
    if facts.turn:
        return answer
    sentence = f"{mailbox} is held. The provider said: {mailbox.last_error}"
    return _later(answer, mailbox.held_until, Reason.HOLD, sentence)


def _pace(facts: Facts, answer: Answer) -> Answer:
    sequence, mailbox = facts.sequence, facts.mailbox
    if not facts.touch.is_by_hand:
        sentence = f"Mails of this sequence leave at most {sequence.per_minute} a minute."
        settings = _settings_of(sequence)
        answer = _later(answer, sequence.next_free_at, Reason.THROTTLE, sentence, settings)
    if mailbox is None or mailbox.gap_least is None or facts.turn:
        return answer
    return _later(answer, mailbox.next_free_at, Reason.GAP, _gap_sentence(mailbox), MAILBOXES)


def _pool_sentence(full: Full) -> str:
    if full.most == 1:
        return f"{full.owner} is the one mailbox left in the pool, and it may not send before."
    return f"None of the pool's {full.most} mailboxes may send before; {full.owner} is the first."


def _gap_sentence(mailbox: Mailbox) -> str:
    least, most = mailbox.gap_least, mailbox.gap_most
    seconds = f"{least}" if least == most else f"{least} to {most}"
    return f"{mailbox} pauses after each mail, for {seconds} s."


def _hours(facts: Facts, answer: Answer) -> Answer:
    run, at = facts.run, answer.at
    if at is None or not facts.touch.keeps_hours:
        return answer
    window, clock, settings = run.window, run.clock, _settings_of(facts.sequence)
    is_their_own = clock.zone != facts.sequence.zone
    opens = schedule.next_open(at, window)
    if opens == at and not (is_their_own and _was_put_off(answer, window)):
        return answer
    if day := schedule.day_off(at, window):
        name = calendars.holiday(day, window.country)
        where = places.country_name(window.country)
        why = f"{name} in {where}" if name else "a day off of this sequence"
        sentence = f"Nothing leaves on {day.day} {day:%B}: it is {why}."
        return Answer(Reason.HOLIDAY, sentence, opens, settings, is_their_own)
    decided = f" ({clock.decided_by})" if clock.decided_by else ""
    sentence = f"It waits for the sending hours: {schedule.describe(window)}{decided}."
    return Answer(Reason.WINDOW, sentence, opens, settings, is_their_own)


def _was_put_off(answer: Answer, window: schedule.Window) -> bool:
    """Tell whether a worker moved it to where the prospect's hours begin (`outcomes.refuse`)."""
    if answer.reason != Reason.DELAY or answer.at is None:
        return False
    return not schedule.is_open(answer.at - timedelta(seconds=1), window)


def _days(facts: Facts, answer: Answer) -> Answer:
    """Move on to where the sender is back and every used-up limit is free, within the hours."""
    answer = _vacation(facts, answer)
    for full in sorted(facts.full, key=lambda each: each.until):
        if answer.at and full.until > answer.at:
            sentence, fix = _said(facts, full)
            opens = _open_from(facts, full.until)
            answer = _later(answer, opens, full.reason, sentence, fix)
    return _vacation(facts, answer)


def _vacation(facts: Facts, answer: Answer) -> Answer:
    mailbox, at = facts.mailbox, answer.at
    if mailbox is None or at is None or not facts.touch.keeps_hours or facts.turn:
        return answer
    back = pooling.back_from_vacation(mailbox, at)
    if back == at or mailbox.away_until is None:
        return answer
    last = mailbox.away_until
    sentence = f"The sender of {mailbox} is away until {last.day} {last:%B}."
    return _later(answer, _open_from(facts, back), Reason.VACATION, sentence, MAILBOXES)


def are_open(facts: Facts, at: datetime) -> bool:
    """Tell whether the hours, the holidays and the sender's vacation let it leave right now."""
    mailbox = facts.mailbox
    if not facts.touch.keeps_hours:
        return True
    away = mailbox is not None and mailbox.is_away(schedule.local_day(at, mailbox.zone))
    return not away and schedule.is_open(at, facts.run.window)


def _said(facts: Facts, full: Full) -> tuple[str, Fix]:
    """Say a used-up limit in words, and where it is changed."""
    settings = _settings_of(facts.sequence)
    match full.reason:
        case Reason.GAP if isinstance(full.owner, Mailbox):
            return _gap_sentence(full.owner), MAILBOXES
        case Reason.MAILBOX_LIMIT:
            return f"{full.owner} has sent its {_mails(full.most)} of the day.", MAILBOXES
        case Reason.MAILBOX_WARM_UP:
            return f"{full.owner} {_warms_up(full)}", MAILBOXES
        case Reason.POOL:
            return _pool_sentence(full), settings
        case Reason.SEQUENCE_LIMIT:
            return f"The sequence has sent its {_mails(full.most)} of the day.", settings
        case Reason.MAILBOX_24_HOURS:
            return f"{full.owner} has sent its {_mails(full.most)} within 24 hours.", MAILBOXES
        case Reason.WORKSPACE_LIMIT:
            sentence = f"All mailboxes together have sent the {_mails(full.most)} of the day."
            return sentence, Fix("Workspace settings", "outreach:settings")
        case Reason.SEQUENCE_WARM_UP:
            return f"The sequence {_warms_up(full)}", settings
    raise ValueError(f"{full.reason} is not a limit.")


def _mails(count: int) -> str:
    return f"{count:,} mail{'' if count == 1 else 's'}"


def _warms_up(full: Full) -> str:
    owner = full.owner
    if not isinstance(owner, WarmingUp):
        raise ValueError(f"{owner} does not warm up.")
    return (
        f"is warming up and has sent the {_mails(full.most)} of its day. It may send "
        f"{owner.warm_up_increment} more each day, up to {owner.daily_limit}."
    )


def _later(
    answer: Answer, until: datetime | None, reason: Reason, sentence: str, fix: Fix | None = None
) -> Answer:
    """Return the answer that this clock gives, where it is later than the one so far."""
    if until is None or answer.at is None or until <= answer.at:
        return answer
    return Answer(reason, sentence, until, fix)


def _open_from(facts: Facts, at: datetime) -> datetime:
    """Return the first instant from then on at which the hours let it leave."""
    return schedule.next_open(at, facts.run.window) if facts.touch.keeps_hours else at


def _settings_of(sequence: Sequence) -> Fix:
    return Fix("Change", "sequences:settings", (sequence.pk,))


def _step_before(touch: Touch) -> Touch | None:
    before = Touch.steps.filter(enrollment_id=touch.enrollment_id, position__lt=touch.position)
    return before.open().last()


def _delay_sentence(facts: Facts) -> str:
    touch, step = facts.touch, facts.touch.step
    if step is None:
        return "Its time has not come yet."
    parts = []
    if step.delay_days:
        kind = "business day" if facts.sequence.business_days else "day"
        parts.append(f"{step.delay_days} {kind}{'s' if step.delay_days > 1 else ''}")
    if step.delay_hours:
        parts.append(f"{step.delay_hours} hour{'s' if step.delay_hours > 1 else ''}")
    delay = " and ".join(parts)
    before = "enrollment" if touch.position == 1 else "the step before"
    return f"{delay} after {before}." if delay else "Its time has not come yet."
