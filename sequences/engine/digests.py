"""The mail that tells a member which replies wait: once an hour or a day, where something is new.

A digest is taken by moving its time on, in one statement, before anything is sent: of two drivers
one sends it, and one that is killed in between has lost that digest, never doubled it. What it
would have said is said by the next one, since what counts as told is written down only after the
mail server has taken the mail.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from outreach import guards, ticks
from outreach.models import Membership
from outreach.times import database_now
from sequences.engine import counts
from sequences.models import Reply, Touch

AT_ONCE = 100
# So many replies are named; the others are counted.
NAMED = 20

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class News:
    """What waits for one member: what is new of it, and how much there is in all."""

    named: list[Reply]
    new: str
    waiting: str
    latest: int


def tick() -> int:
    """Send the digests that are due; returns how many mails left."""
    if guards.hold():
        # A copy of the installation writes to nobody, its own people included.
        return 0
    at = database_now()
    due = Membership.objects.filter(digest_at__lte=at, user__is_active=True)
    oldest = due.select_related("user", "workspace").order_by("digest_at", "pk")[:AT_ONCE]
    return sum(_send_or_log(membership, at) for membership in ticks.for_a_while(oldest))


def _send_or_log(membership: Membership, at: datetime) -> bool:
    try:
        return send(membership, at)
    except Exception:
        # A mail server that is down must not keep the others from theirs.
        logger.exception("A digest could not be sent", membership=membership.pk)
        return False


def send(membership: Membership, at: datetime) -> bool:
    """Send one digest, outside of any transaction; False where nothing is new, or another did."""
    if not take(membership, at):
        return False
    news = news_for(membership, at)
    if news is None:
        return False
    mail_of(membership, news).send()
    told = Membership.objects.filter(pk=membership.pk)
    told.update(digested_at=at, digest_seen=news.latest)
    return True


def take(membership: Membership, at: datetime) -> bool:
    """Move the digest's time on; False when somebody else has, or it was switched off."""
    mine = Membership.objects.filter(pk=membership.pk, digest_at=membership.digest_at)
    return bool(mine.update(digest_at=membership.next_digest(at)))


def news_for(membership: Membership, at: datetime) -> News | None:
    """Return what the digest says; None where nothing is new since the last one."""
    waiting = waiting_for(membership)
    new = waiting.filter(_new_since(membership))
    number = new.order_by()[: counts.LIMIT + 1].count()
    if not number:
        return None
    together = ("mail", "assigned_to", "enrollment__contact__company")
    heavy = ("mail__text", "mail__html", "mail__headers", "mail__references", "mail__report")
    return News(
        named=list(new.select_related(*together).defer(*heavy).order_by("-pk")[:NAMED]),
        new=counts.said(number),
        waiting=counts.said(waiting.order_by()[: counts.LIMIT + 1].count()),
        latest=waiting.aggregate(latest=Max("pk"))["latest"] or 0,
    )


def waiting_for(membership: Membership) -> QuerySet[Reply]:
    """Return the replies that wait for this member: theirs, and nobody's."""
    mine = Q(assigned_to=membership.user) | Q(assigned_to__isnull=True)
    replies = Reply.everywhere.filter(mine, workspace=membership.workspace)
    return replies.filter(enrollment__dropped_at__isnull=True).open()


def _new_since(membership: Membership) -> Q:
    """Keep what came in, came back, or did not get on alone since the last digest."""
    new = Q(pk__gt=membership.digest_seen)
    if last := membership.digested_at:
        new |= Q(snoozed_until__gt=last)
        stuck = Touch.objects.filter(
            Q(status=Touch.Status.FAILED) | Q(status=Touch.Status.UNCERTAIN, decide=True),
            in_reply_to=OuterRef("pk"),
            updated_at__gt=last,
        )
        new |= Q(Exists(stuck))
    return new


def mail_of(membership: Membership, news: News) -> EmailMessage:
    """Build the mail: whom it is from, what they say, and where to answer."""
    base = settings.BASE_URL.rstrip("/")
    context = {
        "membership": membership,
        "news": news,
        "base": base,
        "more": news.new != str(len(news.named)),
        "inbox": base + reverse("sequences:inbox"),
        "change": base + reverse("outreach:profile"),
    }
    replies = "reply waits" if news.new == "1" else "replies wait"
    workspace = " ".join(membership.workspace.name.split())
    return EmailMessage(
        subject=f"{news.new} new {replies} in {workspace}",
        body=render_to_string("inbox/digest.txt", context),
        to=[membership.user.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
