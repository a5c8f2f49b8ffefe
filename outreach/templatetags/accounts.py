"""What the pages of sign-in and sign-up have to know."""

from django import forms, template
from django.conf import settings

from outreach.accounts import is_local, open_invitation
from outreach.models import Invitation, User

register = template.Library()

PASSWORD_HELP = "At least 10 characters; not a common one, and not your name or address."


@register.filter
def plain_fields(form: forms.BaseForm) -> forms.BaseForm:
    """Take out placeholders that repeat the label, and say the password rules in one line."""
    for field in form:
        field.field.widget.attrs.pop("placeholder", None)
        if "<ul>" in str(field.help_text):
            field.help_text = PASSWORD_HELP
        field.label = str(field.label).replace("Email", "E-mail")
    return form


@register.simple_tag(takes_context=True)
def demo_address(context: template.Context) -> str:
    """Return whom to sign in as for a first look; empty anywhere but on one's own machine."""
    if not is_local(context["request"]) or not settings.DEMO_PASSWORD_FILE.exists():
        return ""
    known = User.objects.filter(email=settings.DEMO_EMAIL, is_active=True)
    return settings.DEMO_EMAIL if known.exists() else ""


@register.simple_tag(takes_context=True)
def waiting_invitation(context: template.Context) -> Invitation | None:
    """Return the invitation that this browser followed, if it still holds."""
    return open_invitation(context["request"])


@register.simple_tag(takes_context=True)
def sign_up_open(context: template.Context) -> bool:
    """Tell whether a new account may be made here."""
    return settings.SIGN_UP_OPEN or open_invitation(context["request"]) is not None


@register.simple_tag
def mail_goes_out() -> bool:
    """Tell whether mail about accounts reaches people, and not only the console."""
    return not settings.EMAIL_BACKEND.endswith("console.EmailBackend")
