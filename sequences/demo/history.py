"""Three weeks of the demo's past, lived through by the real engine under a clock set back."""

from datetime import datetime, time, timedelta

from mailboxes.models import SandboxMail
from outreach import times
from outreach.models import User
from sequences.engine import drafting, draining, enrolling, lifecycle, replies, sandbox
from sequences.models import Contact, Enrollment, Sequence
from sequences.rules import schedule

DAYS = 24
# When people of the demo look at their work, in the sequence's own zone.
HOURS = (time(9, 40), time(14, 10))
MINUTE = timedelta(minutes=1)
THINKING = timedelta(hours=3)

# Who answers which step, and how; the rest never answers.
ANSWERS = {
    0: (1, "interested"),
    3: (1, "objection"),
    5: (2, "interested"),
    7: (1, "unsubscribe"),
    9: (1, "bounce"),
    11: (3, "objection"),
    13: (2, "out_of_office"),
    15: (1, "interested"),
}
PAUSED = 17
STOPPED = 18
# On which working day of the past each group is enrolled, and how many come in.
GROUPS = ((0, 9), (5, 8), (12, 7))


class Past:
    """A clock that only this play moves."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def play(sequence: Sequence, contacts: list[Contact], *, by: User) -> None:
    """Enroll, approve, send and answer day by day, from three weeks ago until now."""
    end = times.now()
    past = Past(end - timedelta(days=DAYS))
    groups = {day: _slice(contacts, number) for number, (day, _) in enumerate(GROUPS)}
    with times.clock(past):
        for day in range(DAYS):
            for at in _moments(sequence, end - timedelta(days=DAYS - day)):
                if at >= end:
                    return
                past.at = max(past.at, at)
                if arriving := groups.pop(day, []):
                    _enroll(sequence, arriving, past, by)
                _work(past, end)
                _answer(contacts, past)
                _decide(contacts, past, by)


def _slice(contacts: list[Contact], number: int) -> list[Contact]:
    start = sum(count for _, count in GROUPS[:number])
    return contacts[start : start + GROUPS[number][1]]


def _moments(sequence: Sequence, day: datetime) -> list[datetime]:
    local = schedule.local_day(day, sequence.zone)
    return [schedule.instant(datetime.combine(local, hour), sequence.zone) for hour in HOURS]


def enroll(sequence: Sequence, contacts: list[Contact], *, by: User) -> list[Enrollment]:
    """Enroll now and write the drafts, as the scheduler would."""
    batch = enrolling.enroll(sequence, [contact.pk for contact in contacts], by=by)
    while enrolling.work(batch):
        batch.refresh_from_db()
    while drafting.tick():
        pass
    runs = Enrollment.everywhere.filter(sequence=sequence, contact__in=contacts)
    return list(runs.unfinished().order_by("pk"))


def approve(runs: list[Enrollment], *, by: User) -> None:
    for run in runs:
        run.approve(by=by, shown=run.approval_token())


def _enroll(sequence: Sequence, contacts: list[Contact], past: Past, by: User) -> None:
    runs = enroll(sequence, contacts, by=by)
    past.at += 5 * MINUTE
    approve(runs, by=by)
    past.at += MINUTE


def _work(past: Past, end: datetime) -> None:
    """Let everything that is due leave, at the sequence's own pace."""
    while past.at < end - MINUTE and draining.drain_all():
        past.at += MINUTE
    lifecycle.tick()


def _answer(contacts: list[Contact], past: Past) -> None:
    """Let those answer who have the step that they answer."""
    for number, (position, kind) in ANSWERS.items():
        if number >= len(contacts):
            continue
        run = Enrollment.everywhere.filter(contact=contacts[number]).order_by("pk").last()
        if run is None or run.replies.exists() or not run.may_send:
            continue
        sent = run.touches.filter(position=position, status="sent").first()
        if sent is None or sent.sent_at is None or past.at < sent.sent_at + THINKING:
            continue
        caught = SandboxMail.everywhere.caught().filter(recipient=contacts[number].email)
        if mail := caught.order_by("-pk").first():
            sandbox.answer(mail, kind)
    replies.tick()


def _decide(contacts: list[Contact], past: Past, by: User) -> None:
    """Let the team hold one run and end another, once their second step has gone out."""
    for number, verb in ((PAUSED, "pause"), (STOPPED, "stop")):
        run = Enrollment.everywhere.filter(contact=contacts[number], steps_done__gte=1).first()
        if run is None or not run.may_send:
            continue
        if verb == "pause":
            run.pause(by=by, note="Asked us to wait for their budget round")
        else:
            run.stop(by=by, note="Met them at the fair")
