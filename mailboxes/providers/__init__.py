"""The mail providers by name; each is loaded when first used."""

from typing import Any

from django.utils.module_loading import import_string

from mailboxes.providers.base import Misconfigured, Provider

PROVIDERS = {
    "gmail": "mailboxes.providers.gmail.Gmail",
    "microsoft": "mailboxes.providers.microsoft.Microsoft",
    "smtp": "mailboxes.providers.smtp.SMTP",
    "sandbox": "mailboxes.providers.sandbox.Sandbox",
}


def provider_for(mailbox: Any) -> Provider:
    """The adapter that sends this mailbox's mail."""
    try:
        path = PROVIDERS[mailbox.provider]
    except KeyError:
        raise Misconfigured(
            f"Mailboxes of the kind “{mailbox.provider}” cannot send; connect one of: "
            f"{', '.join(PROVIDERS)}."
        ) from None
    return import_string(path).for_mailbox(mailbox)
