"""Mailboxes at the fake Google and Microsoft, signed in, and adapters for them."""

from dataclasses import replace
from typing import Any

from mailboxes.models import Mailbox
from mailboxes.providers import provider_for
from mailboxes.providers.base import Mail, Provider
from tests.fakes.far_side import FarSide
from tests.mailboxes.sending import make_mail

ADDRESS = "alex@brightline.test"


def unsaved(far_side: FarSide, provider: str, **values: Any) -> Mailbox:
    """A mailbox that is in no database, for tests of the adapter alone."""
    sign_in = far_side.sign_in(provider, ADDRESS)
    return Mailbox(**{"provider": provider, "email": ADDRESS, "sign_in": sign_in} | values)


def adapter(far_side: FarSide, provider: str) -> Provider:
    return provider_for(unsaved(far_side, provider))


def mail_of(
    text: str = "Hi Jordan,\n\nhow are you?", *, thread_id: str = "", **changes: Any
) -> Mail:
    usual = {"sender_email": ADDRESS, "reference": "t7", "message_id": "<t7@brightline.test>"}
    return replace(make_mail(text, **usual | changes), thread_id=thread_id)
