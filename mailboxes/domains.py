"""Checking the domains that mailboxes send from, and stopping cold mail of those that fail."""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from mailboxes import dns
from mailboxes.models import DomainCheck, Mailbox
from outreach import ticks
from outreach.models import AuditEntry, User
from outreach.times import now

EVERY = timedelta(hours=6)
# From the first failed check on, as long as none after it passes.
GRACE = timedelta(hours=72)
AT_ONCE = 5

# What a provider's customers have to publish: SPF include, DKIM selectors, mail server.
GOOGLE = ("_spf.google.com", "Google", ("google",), "1 smtp.google.com")
MICROSOFT = ("spf.protection.outlook.com", "Microsoft", ("selector1", "selector2"), "")
BY_HOST = {
    "smtp.fastmail.com": ("spf.messagingengine.com", "Fastmail", ("fm1", "fm2", "fm3"), ""),
    "smtp.gmail.com": GOOGLE,
    "smtp.office365.com": MICROSOFT,
    "smtp.mail.me.com": ("icloud.com", "iCloud Mail", ("sig1",), ""),
    "smtp.zoho.com": ("zohomail.com", "Zoho Mail", ("zmail", "zoho"), ""),
}


def sender_of(mailbox: Mailbox, selector: str = "") -> dns.Sender:
    """Say what is to be asked about a mailbox's domain."""
    domain = mailbox.email.rpartition("@")[2].lower()
    known = {Mailbox.Provider.GMAIL: GOOGLE, Mailbox.Provider.MICROSOFT: MICROSOFT}.get(
        Mailbox.Provider(mailbox.provider)
    ) or BY_HOST.get(mailbox.smtp_host.lower())
    if known is None:
        return dns.Sender(domain, selector=selector)
    include, provider, selectors, exchange = known
    # Their own domains are not made of what their customers publish.
    is_own = domain in ("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com")
    return dns.Sender(
        domain, "" if is_own else include, provider, selector, exchange, tuple(selectors)
    )


def check(mailbox: Mailbox) -> DomainCheck:
    """Ask DNS about a mailbox's domain and take in what it says. Not inside a transaction."""
    asked, _ = DomainCheck.objects.get_or_create(mailbox=mailbox)
    at = now()
    DomainCheck.objects.filter(pk=asked.pk).update(asked_at=at)
    findings = dns.check(sender_of(mailbox, asked.dkim_selector))
    take_in(asked.pk, findings, at)
    asked.refresh_from_db()
    mailbox.refresh_from_db()
    return asked


def take_in(pk: int, findings: list[dns.Finding], at: datetime) -> bool:
    """Store what was found at this instant; False where somebody has asked again since.

    Only a check that failed for certain stops cold mail. What could not be asked leaves things
    as they are: a stop stays, and none begins.
    """
    with transaction.atomic():
        asked = DomainCheck.objects.select_for_update().get(pk=pk)
        if asked.asked_at is not None and asked.asked_at > at:
            return False
        before = set(asked.failing)
        proof = [each for each in findings if each.kind in dns.AUTHENTICATION]
        fails = [each.kind for each in proof if each.status == dns.FAILING]
        unasked = [each.kind for each in proof if not each.asked and each.kind in before]
        asked.findings = [asdict(each) for each in findings]
        asked.failing, asked.checked_at = [*fails, *unasked], at
        asked.save(update_fields=["findings", "failing", "checked_at"])
        mailbox = Mailbox.everywhere.select_for_update().get(pk=asked.mailbox_id)
        if not asked.failing:
            _trust_again(mailbox)
        elif fails:
            _distrust(mailbox, fails, at)
    return True


def _distrust(mailbox: Mailbox, fails: list[str], at: datetime) -> None:
    since = mailbox.failing_since or at
    domain = mailbox.email.rpartition("@")[2]
    names = [dns.LABELS[kind] for kind in fails]
    said = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    verb = "fails" if len(names) == 1 else "fail"
    stops = mailbox.cold_stopped_at is None and at - since >= GRACE
    mailbox.failing_since, mailbox.failing_note = since, f"{said} of {domain} {verb}"[:200]
    mailbox.updated_at = at
    if stops:
        mailbox.cold_stopped_at = at
        AuditEntry.note(
            mailbox.workspace, "stop_cold", about=mailbox, why=f"{mailbox.failing_note}."
        )
    mailbox.save(update_fields=["failing_since", "failing_note", "cold_stopped_at", "updated_at"])


def _trust_again(mailbox: Mailbox) -> None:
    if mailbox.failing_since is None:
        return
    if mailbox.cold_stopped_at is not None:
        AuditEntry.note(mailbox.workspace, "resume_cold", about=mailbox)
    mailbox.failing_since = mailbox.cold_stopped_at = None
    mailbox.failing_note, mailbox.updated_at = "", now()
    mailbox.save(update_fields=["failing_since", "failing_note", "cold_stopped_at", "updated_at"])


def stops_at(mailbox: Mailbox) -> datetime | None:
    """Return when cold sending stops, where nothing passes before."""
    return mailbox.failing_since + GRACE if mailbox.failing_since else None


def choose_selector(mailbox: Mailbox, selector: str, *, by: User) -> None:
    """Look for the DKIM key under this name from now on, or under the usual ones."""
    with transaction.atomic():
        DomainCheck.objects.update_or_create(mailbox=mailbox, defaults={"dkim_selector": selector})
        AuditEntry.note(mailbox.workspace, "change", by=by, about=mailbox, fields=["dkim_selector"])


def tick() -> int:
    """Check the domains that nobody has asked about for some hours; returns how many."""
    before = now() - EVERY
    due = Q(domain_check=None) | Q(domain_check__asked_at=None)
    due |= Q(domain_check__asked_at__lte=before)
    rows = Mailbox.everywhere.filter(due, status=Mailbox.Status.CONNECTED)
    rows = rows.exclude(provider=Mailbox.Provider.SANDBOX).select_related("workspace")
    order = F("domain_check__asked_at").asc(nulls_first=True)
    oldest = rows.order_by(order, "pk")[:AT_ONCE]
    return len([check(mailbox) for mailbox in ticks.for_a_while(oldest)])
