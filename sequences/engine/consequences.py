"""What an answer does to the run it answers: end it, move it, open a deal, stop the others.

Every function is called inside the lock of the run, those of the prospect's other runs, and
those of the colleagues that the sequence's rule reaches.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from outreach.times import now
from sequences.engine import colleagues
from sequences.engine.suppressing import suppress
from sequences.models import Contact, Deal, Enrollment, Event, Reply, Suppression, Touch
from sequences.rules import schedule

UNKNOWN_ABSENCE = timedelta(days=7)


def end_for(label: str) -> str:
    """Return the status that an answer with this label ends a run with; nothing for a machine's.

    >>> end_for("interested"), end_for("question"), end_for("out_of_office")
    ('replied_positive', 'replied_objection', '')
    """
    if label in Reply.AUTOMATIC:
        return ""
    if label == Reply.Label.INTERESTED:
        return str(Enrollment.Status.REPLIED_POSITIVE)
    if label == Reply.Label.UNSUBSCRIBE:
        return str(Enrollment.Status.ARCHIVED)
    return str(Enrollment.Status.REPLIED_OBJECTION)


def take_in(run: Enrollment, reply: Reply, *, by: Any = None) -> None:
    """Let a new answer have its effect."""
    if reply.label == Reply.Label.OUT_OF_OFFICE:
        Event.log(run, "out_of_office", touch=reply.touch, by=by)
        postpone(run, reply.return_on)
    elif reply.label == Reply.Label.BOUNCE_OR_AUTO:
        Event.log(run, "auto_replied", touch=reply.touch, by=by)
    else:
        Event.log(run, "replied", touch=reply.touch, by=by, label=reply.label, was=run.status)
        answered(run, reply)


def answered(run: Enrollment, reply: Reply, *, by: Any = None) -> None:
    """Stop for a person's answer. What had ended otherwise stays as it was."""
    note_contact(run)
    if by is not None or not reply.mail.is_automatic:
        # A machine that says somebody has left asks a person, and speaks for no company.
        colleagues.answered(run)
    if reply.label == Reply.Label.UNSUBSCRIBE:
        opt_out(run, reply, by=by)
        return
    to = end_for(reply.label)
    if not run.is_finished:
        run.end("stopped", to=to)
    elif run.status == Enrollment.Status.COMPLETE:
        # Complete means that nobody answered; the answer to the last step comes after it.
        run.conclude("stopped", to=to)
    if reply.label == Reply.Label.INTERESTED and run.status == to:
        open_deal(run)
    pause_others(run)


def opt_out(run: Enrollment, reply: Reply, *, by: Any = None) -> None:
    """Never write to the prospect again, and end every run of theirs."""
    email = run.contact.email if run.contact else reply.touch.recipient if reply.touch else ""
    if email:
        reason = Suppression.Reason.UNSUBSCRIBED
        suppress(run.workspace, email, reason=reason, source="Asked for it in a reply", by=by)
    run.refresh_from_db()
    unsubscribed = Enrollment.EndReason.UNSUBSCRIBED
    if not run.is_finished:
        run.stop(reason=unsubscribed, note="Asked for it in a reply")
    elif run.status != Enrollment.Status.ARCHIVED:
        run.conclude("stopped", to=Enrollment.Status.ARCHIVED, reason=unsubscribed)
    close_deal(run)
    Event.log(run, "unsubscribed", touch=reply.touch, by=by)


def note_contact(run: Enrollment) -> None:
    """Remember that the prospect has answered, unless more is known of them already."""
    if run.contact_id is None:
        return
    early = [Contact.Status.NEW, Contact.Status.CONTACTED]
    people = Contact.everywhere.filter(pk=run.contact_id, status__in=early)
    people.update(status=Contact.Status.REPLIED, updated_at=now())


def pause_others(run: Enrollment) -> None:
    """Hold the prospect's other runs: who has answered is not written to as if they had not."""
    if run.contact_id is None:
        return
    others = Enrollment.everywhere.filter(contact=run.contact_id, status__in=Enrollment.SENDING)
    for other in others.exclude(pk=run.pk).order_by("pk"):
        other.pause(by=None, note=f"Answered in {run.sequence}"[:200])


def open_deal(run: Enrollment) -> Deal:
    """Open the deal of this run; a run has one at most."""
    company = run.contact.company if run.contact else None
    deal, made = Deal.everywhere.get_or_create(
        enrollment=run,
        defaults={
            "workspace_id": run.workspace_id,
            "contact": run.contact,
            "company": company,
            "title": deal_title(run),
        },
    )
    if made:
        Event.log(run, "deal_opened", title=deal.title)
    return deal


def deal_title(run: Enrollment) -> str:
    company = run.contact.company if run.contact else None
    return f"{company or run.prospect} – {run.sequence}"[:200]


def close_deal(run: Enrollment) -> bool:
    """Delete the run's deal if nobody has worked on it since it was opened."""
    untouched = Deal.everywhere.filter(
        enrollment=run, stage=Deal.Stage.NEW, value__isnull=True, title=deal_title(run)
    )
    return bool(untouched.delete()[0])


def postpone(run: Enrollment, return_on: date | None) -> datetime | None:
    """Move the next waiting step to after an absence; never to an earlier time than it has."""
    waiting = [Touch.Status.SCHEDULED, Touch.Status.DRAFT]
    touch = run.touches.filter(status__in=waiting).order_by("position").first()
    if run.is_finished or touch is None:
        return None
    window = run.window
    if return_on:
        day_after = datetime.combine(return_on + timedelta(days=1), time(0))
        back = schedule.instant(day_after, window.zone)
    else:
        back = now() + UNKNOWN_ABSENCE
    due = schedule.next_open(back, window)
    planned = touch.due_at or touch.planned(run, now())
    if due <= planned:
        return None
    Touch.objects.filter(pk=touch.pk, status__in=waiting).update(
        due_at=due, is_rescheduled=True, is_hurried=False, updated_at=now()
    )
    Event.log(run, "postponed", touch=touch, due_at=due.isoformat())
    return due
