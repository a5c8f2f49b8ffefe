"""Being told that something came in: asked for at the providers, renewed, given up, and taken as
a wake-up.

A notification says nothing that is believed but whose inbox to look into. Reading it is done by
who reads inboxes anyway, so that one that is forged, lost, doubled or late changes nothing else.
Where nothing is set up, inboxes are read now and then as ever.
"""

import secrets
import threading
from collections.abc import Collection
from copy import copy
from datetime import datetime, timedelta
from itertools import chain

import structlog
from django.conf import settings
from django.db.models import F, Q
from django.urls import reverse

from mailboxes.models import Mailbox, Push
from mailboxes.providers import google_push, google_sign_in, microsoft_push, microsoft_sign_in
from mailboxes.providers.base import ProviderError
from outreach import ticks
from outreach.times import database_now, now

# Google and Microsoft both promise less than seven days.
RENEW_EVERY = timedelta(days=1)
# A worker that is gone is not waited for longer than this.
LEASE = timedelta(minutes=5)
AT_ONCE = 20
SECRET_BYTES = 32
# A person waits for their mailbox to be disconnected.
STOP_SECONDS = 5.0

logger = structlog.get_logger(__name__)

GMAIL, MICROSOFT = Mailbox.Provider.GMAIL, Mailbox.Provider.MICROSOFT


def target(provider: str) -> str:
    """Return where this provider is to push to; nothing where that is not set up."""
    if provider == GMAIL and google_sign_in.is_set_up() and settings.GOOGLE_PUSH_ACCOUNT:
        return str(settings.GOOGLE_PUSH_TOPIC)
    if provider == MICROSOFT and microsoft_sign_in.is_set_up() and settings.MICROSOFT_PUSH:
        return address(provider)
    return ""


def address(provider: str) -> str:
    """Return where a provider's notifications arrive."""
    name = {GMAIL: "push_google", MICROSOFT: "push_microsoft"}[Mailbox.Provider(provider)]
    return f"{settings.BASE_URL}{reverse(f'mailboxes:{name}')}"


def audience() -> str:
    """Return for whom Google's tokens are meant to be."""
    return settings.GOOGLE_PUSH_AUDIENCE or address(GMAIL)


def pushes(mailbox: Mailbox, at: datetime) -> bool:
    """Tell whether its provider has promised to push, to where we listen now."""
    push: Push | None = getattr(mailbox, "push", None)
    if push is None or push.expires_at is None or push.expires_at <= at:
        return False
    return push.target == target(mailbox.provider)


def problem_of(mailbox: Mailbox) -> str:
    """Return why its provider did not promise to push when it was last asked."""
    push: Push | None = getattr(mailbox, "push", None)
    return push.error if push and target(mailbox.provider) else ""


# Asking for it


def tick() -> int:
    """Ask for what nobody has promised yet, or what ends; returns how many were promised."""
    each = chain.from_iterable(due(name, target(name), now()) for name in (GMAIL, MICROSOFT))
    return sum(renew(mailbox) for mailbox in ticks.for_a_while(each))


def due(provider: str, to: str, at: datetime) -> list[Mailbox]:
    """Return the mailboxes whose provider is to be asked now, the longest waiting first."""
    if not to:
        return []
    turn = Q(push=None) | Q(push__renew_at=None) | Q(push__renew_at__lte=at)
    # A failure for the new target is waited for like any other.
    turn |= ~Q(push__target=to) & Q(push__faults=0) & ~Q(push__target="")
    rows = Mailbox.everywhere.filter(turn, provider=provider)
    rows = rows.exclude(status=Mailbox.Status.DISCONNECTED).select_related("push")
    order = F("push__renew_at").asc(nulls_first=True)
    return list(rows.order_by(order, "pk")[:AT_ONCE])


def renew(mailbox: Mailbox) -> bool:
    """Have the provider promise to push for some more days; False where it does not."""
    push, _ = Push.objects.get_or_create(mailbox=mailbox)
    at, to = now(), target(mailbox.provider)
    if not push.take_turn(at + LEASE):
        return False
    try:
        until, subscription_id, secret = _asked(mailbox, push, to, at)
    except ProviderError as problem:
        push.was_refused(problem.words, at)
        return False
    return push.was_granted(
        target=to,
        until=until,
        renew_at=min(at + RENEW_EVERY, at + (until - at) / 2),
        subscription_id=subscription_id,
        secret=secret,
    )


def _asked(mailbox: Mailbox, push: Push, to: str, at: datetime) -> tuple[datetime, str, str]:
    if mailbox.provider == GMAIL:
        return google_push.watch(mailbox, to), "", ""
    if push.subscription_id and push.secret and push.target == to:
        until = microsoft_push.renew(mailbox, push.subscription_id, at)
        if until is not None:
            return until, push.subscription_id, push.secret
    secret = secrets.token_urlsafe(SECRET_BYTES)
    subscription_id, until = microsoft_push.subscribe(mailbox, to, secret, at)
    return until, subscription_id, secret


# Giving it up


def stop(mailbox: Mailbox) -> None:
    """Have the provider push no more for a mailbox that was disconnected, as well as it goes.

    `mailbox` is the record as it was before, with the leave to ask for that. Whoever waits does so
    for STOP_SECONDS at most; a promise that nobody ends is over within a week.
    """
    push = Push.objects.filter(mailbox=mailbox.pk, expires_at__gt=now()).first()
    if push is None:
        return
    push.was_given_up()
    if mailbox.provider == GMAIL and _is_wanted_elsewhere(mailbox):
        return
    # Not the stored record: a token that is renewed for this is kept nowhere.
    asking = threading.Thread(target=_stop, args=(_unstored(mailbox), push), daemon=True)
    asking.start()
    asking.join(STOP_SECONDS)
    if asking.is_alive():
        logger.warning("A provider is slow to end its pushes", mailbox=push.mailbox_id)


def _is_wanted_elsewhere(mailbox: Mailbox) -> bool:
    """Tell whether another workspace uses this mailbox: Gmail pushes for all of us or for none."""
    rows = Mailbox.everywhere.filter(provider=GMAIL, email__iexact=mailbox.email)
    living = rows.exclude(status=Mailbox.Status.DISCONNECTED)
    return living.exclude(pk=mailbox.pk).exists()


def _unstored(mailbox: Mailbox) -> Mailbox:
    found = copy(mailbox)
    found.pk = None
    return found


def _stop(mailbox: Mailbox, push: Push) -> None:
    try:
        if mailbox.provider == GMAIL:
            google_push.stop(mailbox)
        else:
            microsoft_push.unsubscribe(mailbox, push.subscription_id)
    except ProviderError as problem:
        logger.warning(
            "A provider did not end its pushes", mailbox=push.mailbox_id, why=problem.words
        )
    else:
        logger.info("A provider has ended its pushes", mailbox=push.mailbox_id)


# Being told


def wake(mailbox_ids: Collection[int]) -> int:
    """Have these inboxes read at once, by whoever reads them; returns how many will be."""
    rows = Mailbox.everywhere.filter(pk__in=mailbox_ids)
    living = rows.exclude(status=Mailbox.Status.DISCONNECTED)
    return living.update(woken_at=database_now())


def told_by_google(email: str) -> bool:
    """Wake the mailboxes with this address at Google; False where there is none."""
    rows = Mailbox.everywhere.filter(provider=GMAIL, email__iexact=email)
    found = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    wake(found)
    return bool(found)


def told_by_microsoft(notices: list[tuple[str, str, str]]) -> bool:
    """Take in notifications (subscription, its word, event in its life); False where none is ours.

    Raises google_push.Forged, and changes nothing, if one of them carries another word than
    the one that only Microsoft and we know.
    """
    wanted = {subscription_id for subscription_id, _, _ in notices if subscription_id}
    rows = Push.objects.filter(subscription_id__in=wanted, mailbox__provider=MICROSOFT)
    known = {push.subscription_id: push for push in rows}
    ours = [(known[named], word, event) for named, word, event in notices if named in known]
    for push, word, _ in ours:
        if not push.secret or not secrets.compare_digest(push.secret.encode(), word.encode()):
            raise google_push.Forged("The word is not the one of this subscription.")
    wake({push.mailbox_id for push, _, _ in ours})
    for push, _, event in ours:
        if event == "reauthorizationRequired":
            push.ask_again()
        elif event == "subscriptionRemoved":
            push.ended()
    return bool(ours)
