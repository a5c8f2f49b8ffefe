"""What a person's answer does to the runs of their colleagues in the same sequence.

A company is known by its domain; free mail is nobody's company. Every function is called inside
the lock of the run and of the runs that `of` names.
"""

from django.db.models import Q

from sequences.models import Enrollment, Event, Sequence
from sequences.rules.addresses import company_domain, is_free_mail

ANSWERED = Q(
    status__in=[Enrollment.Status.REPLIED_POSITIVE, Enrollment.Status.REPLIED_OBJECTION]
) | Q(end_reason=Enrollment.EndReason.UNSUBSCRIBED)


def of(run: Enrollment) -> Q | None:
    """Return which runs the rule of the sequence reaches; None where it reaches none."""
    same = _same_company(run)
    return None if same is None else same & Q(status__in=Enrollment.UNFINISHED)


def _same_company(run: Enrollment) -> Q | None:
    """Return the runs of this run's colleagues in its sequence; None where no rule asks."""
    contact = run.contact
    if contact is None or run.sequence.company_rule == Sequence.CompanyRule.CONTINUE:
        return None
    same = Q(pk__in=())
    company, domain = contact.company, company_domain(contact.email)
    if company is not None and not is_free_mail(company.domain):
        same |= Q(contact__company=company)
    if domain:
        same |= Q(contact__email__endswith=f"@{domain}")
    return same & ~Q(contact=contact.pk) & Q(sequence=run.sequence_id)


def answered(run: Enrollment) -> int:
    """Pause or stop the colleagues' runs, as the sequence says; returns how many.

    A draft that waits for approval goes on waiting, but no longer for automatic mode: a person
    decides, who reads that a colleague has answered.
    """
    which = of(run)
    if which is None:
        return 0
    stops = run.sequence.company_rule == Sequence.CompanyRule.STOP
    note, changed = note_of(run), 0
    for other in _runs(run, which):
        if stops:
            other.stop(reason=Enrollment.EndReason.CANCELLED, note=note)
        elif other.may_send:
            other.pause(by=None, note=note)
        elif other.paused_until is not None:
            other.stay_paused(note=note)
        elif other.status == Enrollment.Status.PENDING_APPROVAL:
            Event.log(other, "colleague_answered", note=note)
        else:
            continue
        changed += 1
    if changed:
        kind = "colleagues_stopped" if stops else "colleagues_paused"
        Event.log(run, kind, note=f"{changed} {'run' if changed == 1 else 'runs'}")
    return changed


def release(run: Enrollment) -> int:
    """Resume what `answered` has paused: it was no answer after all; returns how many.

    Not where another of them has answered. What it stopped stays stopped.
    """
    which = of(run)
    if which is None or _who_answered(run):
        return 0
    paused = Q(status=Enrollment.Status.PAUSED, pause_note=note_of(run))
    resumed = 0
    for other in _runs(run, which & paused):
        other.resume()
        resumed += 1
    return resumed


def warning(run: Enrollment) -> str:
    """Say which colleague has answered, to whoever is about to approve; nothing if none has."""
    other = _who_answered(run)
    return f"{note_of(other)}." if other else ""


def note_of(run: Enrollment) -> str:
    """Say who answered, as the runs of the colleagues keep it."""
    company = run.contact.company if run.contact else None
    at = f" at {company}" if company else ""
    return f"{run.prospect}{at} answered in this sequence"[:200]


def _runs(run: Enrollment, which: Q) -> list[Enrollment]:
    rows = Enrollment.everywhere.filter(which, workspace=run.workspace_id)
    return list(rows.select_related("contact__company").order_by("pk"))


def _who_answered(run: Enrollment) -> Enrollment | None:
    """Return the colleague's run that has last ended with an answer, if there is one."""
    same = _same_company(run)
    if same is None:
        return None
    rows = Enrollment.everywhere.filter(same & ANSWERED, workspace=run.workspace_id)
    return rows.select_related("contact__company").order_by("-ended_at", "-pk").first()
