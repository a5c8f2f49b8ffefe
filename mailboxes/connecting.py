"""Bringing a mailbox into service: checked against its server before it is kept."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from secrets import token_hex
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from mailboxes import pushing
from mailboxes.compose import compose, new_message_id
from mailboxes.models import Mailbox, Push
from mailboxes.providers import provider_for
from mailboxes.providers.smtp import SMTP, Step
from mailboxes.reading.imap import IMAP
from outreach.models import AuditEntry, User, Workspace
from outreach.times import now

# A person waits for the answer; a server that needs longer than this does not work well enough.
PATIENCE = timedelta(seconds=15)

STEP_NAMES = {
    "dns": "Server found",
    "tcp": "Server answers",
    "tls": "Encrypted connection",
    "auth": "Sign-in",
    "folders": "Folders",
}


@dataclass(frozen=True)
class Preset:
    """What to fill in for a well-known host."""

    name: str
    label: str
    host: str
    port: int = 587
    security: str = "starttls"
    hint: str = ""
    # Where its mail is read; empty at hosts that only send.
    imap_host: str = ""


PRESETS = (
    Preset(
        "fastmail",
        "Fastmail",
        "smtp.fastmail.com",
        465,
        "tls",
        "Use an app password.",
        "imap.fastmail.com",
    ),
    Preset(
        "gmail",
        "Gmail",
        "smtp.gmail.com",
        465,
        "tls",
        "Turn on 2-step verification, then make an app password for mail.",
        "imap.gmail.com",
    ),
    Preset(
        "icloud",
        "iCloud Mail",
        "smtp.mail.me.com",
        hint="Make an app-specific password first.",
        imap_host="imap.mail.me.com",
    ),
    Preset("zoho", "Zoho Mail", "smtp.zoho.com", 465, "tls", imap_host="imap.zoho.com"),
    Preset(
        "yahoo",
        "Yahoo Mail",
        "smtp.mail.yahoo.com",
        465,
        "tls",
        "Use an app password.",
        "imap.mail.yahoo.com",
    ),
    Preset("mailgun", "Mailgun", "smtp.mailgun.org"),
    Preset(
        "postmark",
        "Postmark",
        "smtp.postmarkapp.com",
        hint="The server's API token is both the user name and the password.",
    ),
    Preset("sendgrid", "SendGrid", "smtp.sendgrid.net", hint="The user name is “apikey”."),
)


class IsRead(Exception):
    """Nobody has to watch this inbox: the program reads it. The message says so."""


class NotHere(Exception):
    """This kind of mailbox does not belong in this workspace; the message says why."""


def allow(workspace: Workspace, provider: str) -> None:
    """Raise NotHere where real and caught mail would be mixed."""
    is_sandbox = provider == Mailbox.Provider.SANDBOX
    if workspace.is_sandbox and not is_sandbox:
        raise NotHere(
            f"{workspace} is a sandbox workspace: nothing leaves it, so it takes Sandbox mailboxes "
            "only. Make another workspace to send real mail."
        )
    if is_sandbox and not workspace.is_sandbox:
        raise NotHere(
            f"{workspace} sends real mail, so it takes no Sandbox mailbox: a prospect could wait "
            "for a mail that was only caught. Make a sandbox workspace to try things out."
        )


def check(mailbox: Mailbox) -> list[Step]:
    """Connect and sign in step by step, without sending; the last step tells how it ended."""
    provider = SMTP.for_mailbox(mailbox)
    provider.command_timeout = PATIENCE.total_seconds()
    return list(provider.check_step_by_step())


def check_inbox(mailbox: Mailbox) -> list[Step]:
    """Connect to where mail is read, step by step as far as the list of the folders."""
    reader = IMAP.for_mailbox(mailbox)
    reader.timeout = PATIENCE.total_seconds()
    return list(reader.check_step_by_step())


def connect(
    mailbox: Mailbox, fields: Iterable[str] = (), *, by: User, read_anew: bool = False
) -> Mailbox:
    """Take a mailbox into service; one that was disconnected comes back.

    Of one that exists only `fields` are written: what workers note on it is not overwritten.
    `read_anew` says that its inbox is at another place now.
    """
    allow(mailbox.workspace, mailbox.provider)
    with transaction.atomic():
        verb = "change"
        if mailbox.pk is None:
            mailbox.created_by, verb = by, "connect"
            mailbox.save()
        elif fields:
            mailbox.save(update_fields=[*fields, "updated_at"])
        if read_anew:
            mailbox.read_anew()
        if mailbox.status == Mailbox.Status.DISCONNECTED:
            mailbox.reconnect()
            verb = "reconnect"
        # What its provider had promised may have ended with the earlier permission.
        Push.objects.filter(mailbox=mailbox).update(renew_at=None, faults=0)
        AuditEntry.note(mailbox.workspace, verb, by=by, about=mailbox)
    return mailbox


def keep(mailbox: Mailbox, fields: Iterable[str], *, by: User) -> None:
    """Store what was changed about a mailbox, in or out of service."""
    with transaction.atomic():
        mailbox.save(update_fields=[*fields, "updated_at"])
        AuditEntry.note(mailbox.workspace, "change", by=by, about=mailbox)


def connect_sandbox(workspace: Workspace, *, by: User) -> Mailbox:
    """Make a Sandbox mailbox in the name of this person."""
    allow(workspace, Mailbox.Provider.SANDBOX)
    name = slugify(by.email.partition("@")[0]) or "sandbox"
    domain = f"{slugify(workspace.name)[:50].strip('-') or 'sandbox'}.test"
    taken = set(Mailbox.objects.within(workspace).values_list("email", flat=True))
    numbers = ("", *map(str, range(2, len(taken) + 3)))
    free = (f"{name}{number}@{domain}" for number in numbers)
    mailbox = Mailbox(
        workspace=workspace,
        provider=Mailbox.Provider.SANDBOX,
        email=next(email for email in free if email not in taken),
        sender_name=by.name,
        zone=workspace.zone,
    )
    return connect(mailbox, by=by)


def disconnect(mailbox: Mailbox, *, by: User) -> None:
    """Take a mailbox out of service and forget its password, or its leave to be used.

    After that its provider is told to push no more; the mailbox does not wait for it.
    """
    before = copy(mailbox)
    with transaction.atomic():
        mailbox.disconnect(f"Disconnected by {by.name or by.email}.")
        mailbox.replace_sign_in("")
        mailbox.smtp_password = mailbox.imap_password = ""
        mailbox.save(update_fields=["smtp_password", "imap_password"])
        AuditEntry.note(mailbox.workspace, "disconnect", by=by, about=mailbox)
        transaction.on_commit(partial(pushing.stop, before))


def change(mailbox: Mailbox, verb: str, *, by: User) -> None:
    """Pause or resume a mailbox; raises IllegalTransition when it is too late."""
    with transaction.atomic():
        {"pause": mailbox.pause, "resume": mailbox.resume}[verb]()
        AuditEntry.note(mailbox.workspace, verb, by=by, about=mailbox)


def put_back(mailbox: Mailbox, *, by: User) -> bool:
    """Let a mailbox that had left its pools take turns again; False where it does already."""
    with transaction.atomic():
        if not mailbox.return_to_pools():
            return False
        AuditEntry.note(mailbox.workspace, "put_back", by=by, about=mailbox)
    return True


def watch(mailbox: Mailbox, *, by: User) -> None:
    """Take a person's word that they watch an inbox that cannot be read; else raises IsRead."""
    if mailbox.can_read_inbox and not mailbox.inbox_error:
        raise IsRead(f"The inbox of {mailbox} is read by the program; nobody has to watch it.")
    with transaction.atomic():
        mailbox.watch(by)
        AuditEntry.note(mailbox.workspace, "watch", by=by, about=mailbox)


def unwatch(mailbox: Mailbox, *, by: User) -> None:
    """Let follow-ups wait again until the inbox is read, or somebody else watches it."""
    with transaction.atomic():
        mailbox.unwatch()
        AuditEntry.note(mailbox.workspace, "unwatch", by=by, about=mailbox)


def send_test(mailbox: Mailbox, to: User) -> str:
    """Send one short mail to a member; returns the server's answer.

    Raises a ProviderError with the server's words when it is not taken.
    """
    domain = mailbox.email.rpartition("@")[2]
    mail = compose(
        sender_email=mailbox.email,
        sender_name=mailbox.sender_name,
        recipient=to.email,
        recipient_name=to.name,
        subject=f"Test from {mailbox.email}",
        text=f"This mail shows that {mailbox.email} can send.\n\n{mailbox.signature}".strip(),
        message_id=new_message_id(f"test:{token_hex(16)}", domain),
        date=now(),
    )
    provider: Any = provider_for(mailbox)
    try:
        return str(provider.prepare(mail).commit().words)
    finally:
        provider.close()
