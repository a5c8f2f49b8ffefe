"""Connecting a mailbox at Google or Microsoft: a person is sent there, and comes back with leave
to use it. What was begun is kept in their session, for ten minutes and for one use."""

import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from mailboxes import connecting
from mailboxes.models import Mailbox
from mailboxes.providers import (
    google_consent,
    google_sign_in,
    microsoft_consent,
    microsoft_sign_in,
)
from mailboxes.providers.base import Misconfigured, ProviderError, TryAgain
from mailboxes.providers.gmail import Gmail
from mailboxes.providers.microsoft import Microsoft
from outreach.models import User, Workspace

SESSION_KEY = "mailbox_sign_in"
GOOD_FOR_SECONDS = 600


@dataclass(frozen=True)
class Permission:
    """One thing that a person is asked to allow: as they read it, and as the provider calls it."""

    name: str
    why: str

    @property
    def short(self) -> str:
        """Its name without the address of who defined it."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class Far:
    """One of the two providers, as the pages speak of it."""

    provider: str
    company: str
    product: str
    route: str
    settings: tuple[str, ...]
    guide: str
    permissions: tuple[Permission, ...]

    @property
    def page(self) -> str:
        """The name of the page that explains and asks."""
        return f"mailboxes:{self.route}"

    @property
    def redirect_uri(self) -> str:
        """The address that the operator registers and that people come back to."""
        return settings.BASE_URL + reverse(f"{self.page}_back")

    @property
    def missing(self) -> list[str]:
        """The settings that the operator still has to make."""
        return [name for name in self.settings if not getattr(settings, name)]


GMAIL = Far(
    provider=Mailbox.Provider.GMAIL,
    company="Google",
    product="Gmail",
    route="connect_google",
    settings=("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
    guide="docs/connect-google.md",
    permissions=(
        Permission(
            google_sign_in.SCOPES[0],
            "To write a draft of each approved mail and send it. What is not sent is deleted.",
        ),
        Permission(
            google_sign_in.SCOPES[1],
            "To see replies and bounces, and what became of a mail after a broken connection. "
            "Nothing is marked as read, moved or deleted.",
        ),
    ),
)
MICROSOFT = Far(
    provider=Mailbox.Provider.MICROSOFT,
    company="Microsoft",
    product="Microsoft 365",
    route="connect_microsoft",
    settings=("MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET"),
    guide="docs/connect-microsoft.md",
    permissions=(
        Permission(
            microsoft_sign_in.SCOPES[0],
            "To write a draft of each approved mail, and to see replies and bounces. "
            "Only drafts of our own are deleted; nothing is marked as read or moved.",
        ),
        Permission(microsoft_sign_in.SCOPES[1], "To send the draft."),
        Permission(microsoft_sign_in.SCOPES[2], "To know which address this mailbox has."),
    ),
)
BY_PROVIDER = {far.provider: far for far in (GMAIL, MICROSOFT)}


class NotConnected(Exception):
    """The person came back without a mailbox that can be used; the text says why and what to do."""


def begin(
    far: Far, session: MutableMapping[str, Any], workspace: Workspace, mailbox: Mailbox | None
) -> str:
    """Note in the session what was begun, and return where to send the person."""
    connecting.allow(workspace, far.provider)
    ask = google_consent.begin if far is GMAIL else microsoft_consent.begin
    url, kept = ask(far.redirect_uri, hint=mailbox.email if mailbox else "")
    session[SESSION_KEY] = {
        "provider": str(far.provider),
        "workspace": workspace.pk,
        "mailbox": mailbox.pk if mailbox else None,
        "begun": time.time(),
        "kept": kept,
    }
    return url


def finish(
    far: Far,
    session: MutableMapping[str, Any],
    answer: Mapping[str, str],
    workspace: Workspace,
    *,
    by: User,
) -> Mailbox:
    """Connect the mailbox that the person came back with, or raise NotConnected.

    A mailbox of this address that exists already is the one that is connected again.
    """
    begun = session.pop(SESSION_KEY, None)
    check_begun(far, begun, answer, workspace)
    if error := answer.get("error"):
        raise NotConnected(refusal(far, error, answer.get("error_description", "")))
    try:
        connecting.allow(workspace, far.provider)
        sign_in = exchange(far, begun["kept"], answer)
        address = address_of(far, sign_in)
    except Misconfigured as problem:
        raise NotConnected(
            f"{far.company} does not accept this installation: {problem.words} "
            f"Whoever runs it has to check {' and '.join(far.settings)}."
        ) from problem
    except TryAgain as problem:
        raise NotConnected(
            f"{far.company} could not be asked: {problem.words} Begin again in a moment."
        ) from problem
    except ProviderError as problem:
        raise NotConnected(
            f"{far.company} did not let us into the mailbox: {problem.words} Nothing was connected."
        ) from problem
    return admit(far, workspace, begun["mailbox"], address.lower(), sign_in, by=by)


def check_begun(far: Far, begun: Any, answer: Mapping[str, str], workspace: Workspace) -> None:
    """Raise NotConnected unless exactly this sign-in was begun in this session just now."""
    if begun is None or begun["provider"] != far.provider:
        raise NotConnected(
            "This sign-in was not begun in this browser, or it was finished before. Begin again."
        )
    if not compare_digest(begun["kept"]["state"].encode(), answer.get("state", "").encode()):
        raise NotConnected("This answer belongs to another sign-in. Nothing was connected.")
    if time.time() - begun["begun"] > GOOD_FOR_SECONDS:
        raise NotConnected(
            f"The sign-in took longer than {GOOD_FOR_SECONDS // 60} minutes. Begin again."
        )
    if begun["workspace"] != workspace.pk:
        raise NotConnected(
            "You have changed to another workspace meanwhile. Begin again in the one that the "
            "mailbox is for."
        )


def refusal(far: Far, error: str, description: str) -> str:
    """Say what the provider's page answered in place of a permission."""
    if error in ("access_denied", "consent_declined"):
        return f"You cancelled at {far.company}. Nothing was connected."
    words = f"{error}: {description}" if description else error
    return f"{far.company} did not give its permission ({words[:500]}). Nothing was connected."


def exchange(far: Far, kept: Mapping[str, Any], answer: Mapping[str, str]) -> str:
    """What the mailbox signs in with from now on; NotConnected if a permission was left out."""
    if far is GMAIL:
        credentials = google_consent.finish(kept, answer, far.redirect_uri)
        check_granted(far, credentials.granted_scopes or credentials.scopes or [])
        if not credentials.refresh_token:
            raise NotConnected("Google gave no lasting permission. Begin again.")
        return google_sign_in.as_text(credentials)
    sign_in, granted = microsoft_consent.finish(kept, answer, far.redirect_uri)
    check_granted(far, granted)
    return sign_in


def address_of(far: Far, sign_in: str) -> str:
    """The address of the mailbox that this sign-in opens, which shows that it does."""
    adapter: type[Gmail] | type[Microsoft] = Gmail if far is GMAIL else Microsoft
    opened = adapter.for_mailbox(Mailbox(provider=far.provider, sign_in=sign_in))
    try:
        return opened.address()
    finally:
        opened.close()


def check_granted(far: Far, granted: list[str]) -> None:
    """Raise NotConnected where a permission is missing, naming it in words."""
    # Microsoft names them with their resource or without.
    given = {name.rpartition("/")[2].lower() for name in granted}
    missing = [each.short for each in far.permissions if each.short.lower() not in given]
    if missing:
        names = ", ".join(missing)
        raise NotConnected(
            f"A permission was left out at {far.company}: {names}. All of them are needed, else "
            "mails could be sent without their replies being seen. Begin again and leave every "
            "box ticked."
        )


def admit(
    far: Far,
    workspace: Workspace,
    mailbox_id: int | None,
    address: str,
    sign_in: str,
    *,
    by: User,
) -> Mailbox:
    """Take the mailbox into service under this sign-in, in place of an earlier one."""
    with transaction.atomic():
        rows = Mailbox.objects.within(workspace).select_for_update()
        known = rows.filter(pk=mailbox_id).first() if mailbox_id else None
        if known and known.email.lower() != address:
            raise NotConnected(
                f"You signed in as {address}, but this mailbox is {known.email}. Nothing was "
                f"changed. Choose {known.email} at {far.company}, or connect {address} as a "
                "mailbox of its own."
            )
        known = known or rows.filter(email__iexact=address).first()
        if known and known.provider != far.provider:
            raise NotConnected(
                f"{known.email} is connected already, by {known.get_provider_display()}. One "
                "address is one mailbox, so that its limits and history stay together."
            )
        if known:
            known.replace_sign_in(sign_in)
            return connecting.connect(known, by=by)
        mailbox = Mailbox(
            workspace=workspace,
            provider=far.provider,
            email=address,
            sender_name=by.name,
            zone=workspace.zone,
            sign_in=sign_in,
        )
        return connecting.connect(mailbox, by=by)
