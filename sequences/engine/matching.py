"""Which mail of ours an inbound mail answers: never guessed from its subject."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q

from mailboxes.compose import ANY_MESSAGE_ID
from mailboxes.models import InboundMail, Mailbox
from outreach.models import Membership
from sequences.models import Touch
from sequences.rules.addresses import domain_of, is_free_mail

RECENT = timedelta(days=30)
MOST_REFERENCES = 50


@dataclass(frozen=True, slots=True)
class Match:
    """The touch that was answered, and by what it was recognised."""

    touch: Touch
    by: str


def is_own(mail: InboundMail) -> bool:
    """Tell whether our own people wrote it; that is no answer of a prospect."""
    if Mailbox.everywhere.filter(workspace=mail.workspace_id, email=mail.from_email).exists():
        return True
    members = Membership.objects.filter(workspace=mail.workspace_id)
    return members.filter(user__email=mail.from_email).exists()


def match(mail: InboundMail) -> Match | None:
    """Find what a reply answers: by message ids, our reference, the thread, a recent send."""
    for by, find in WAYS:
        if touch := find(mail):
            return Match(touch, by)
    return None


def match_report(mail: InboundMail) -> Match | None:
    """Find the mail that a bounce is about.

    Only by a Message-ID, which nobody can guess who has not seen the mail: anybody can send us
    a forged report about anybody.
    """
    if touch := _by_ids(mail, [mail.report.get("message_id", "")]):
        return Match(touch, "report")
    touch = _by_in_reply_to(mail) or _by_references(mail)
    return Match(touch, "headers") if touch else None


def _by_in_reply_to(mail: InboundMail) -> Touch | None:
    return _by_ids(mail, [mail.in_reply_to])


def _by_references(mail: InboundMail) -> Touch | None:
    # The last one is what was answered, the ones before it are its thread.
    return _by_ids(mail, ANY_MESSAGE_ID.findall(mail.references)[::-1])


def _by_ids(mail: InboundMail, ids: list[str]) -> Touch | None:
    wanted = [each for each in ids if each][:MOST_REFERENCES]
    if not wanted:
        return None
    same = Q(wire_message_id__in=wanted) | Q(message_id__in=wanted)
    rows = Touch.objects.filter(same, enrollment__workspace=mail.workspace_id)
    found: dict[str, Touch] = {}
    for touch in rows.select_related("enrollment"):
        found |= {touch.message_id: touch, touch.wire_message_id: touch}
    return next((found[each] for each in wanted if each in found), None)


def _by_reference(mail: InboundMail) -> Touch | None:
    """By our own header; since its value can be guessed, the sender's domain must fit too."""
    number = mail.reference.removeprefix("t")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    touches = Touch.objects.filter(pk=int(number), enrollment__workspace=mail.workspace_id)
    sender, domain = mail.from_email, domain_of(mail.from_email)
    if not domain or is_free_mail(domain):
        return touches.filter(recipient=sender).first()
    return touches.filter(recipient__iendswith=f"@{domain}").first()


def _by_thread(mail: InboundMail) -> Touch | None:
    if not mail.thread_id:
        return None
    mine = Touch.objects.filter(mailbox=mail.mailbox_id, thread_id=mail.thread_id)
    return mine.order_by("-sent_at", "-pk").first()


def _by_sender(mail: InboundMail) -> Touch | None:
    recent = Touch.objects.filter(
        enrollment__workspace=mail.workspace_id,
        enrollment__contact__email=mail.from_email,
        mailbox=mail.mailbox_id,
        sent_at__gte=mail.received_at - RECENT,
        sent_at__lte=mail.received_at,
    )
    return recent.order_by("-sent_at", "-pk").first()


WAYS = (
    ("in_reply_to", _by_in_reply_to),
    ("references", _by_references),
    ("reference", _by_reference),
    ("thread", _by_thread),
    ("sender", _by_sender),
)
