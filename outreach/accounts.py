"""How people come in: sign-up can be closed, and an invitation opens it for one address."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import SignupForm
from allauth.core import context
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from outreach.models import Invitation, User
from outreach.times import now

INVITATION_KEY = "invitation"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


class AccountAdapter(DefaultAccountAdapter):
    """django-allauth, with our say in who may sign up and where one arrives."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "This address and this password do not belong together."
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Tell whether a new account may be made here: always, or with an invitation."""
        return settings.SIGN_UP_OPEN or open_invitation(request) is not None

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return to the invitation that brought this person here, else to the start page."""
        found = open_invitation(request)
        if found is not None:
            return reverse("outreach:invitation", args=[found.token])
        return super().get_login_redirect_url(request)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("outreach:profile")

    def save_user(
        self, request: HttpRequest, user: User, form: forms.Form, commit: bool = True
    ) -> User:
        """Keep the name that was given at sign-up."""
        user.name = form.cleaned_data.get("name", "")
        return super().save_user(request, user, form, commit=commit)


class SignUpForm(SignupForm):
    """A name beside the address; where sign-up is closed, the invited address only."""

    name = forms.CharField(
        label="Your name",
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ("name", "email", "password1")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.invitation = open_invitation(context.request)
        if self.invitation is not None:
            self.fields["email"].initial = self.invitation.email

    def clean_email(self) -> str:
        email = super().clean_email()
        if not settings.SIGN_UP_OPEN and email != self.invitation.email.lower():
            raise forms.ValidationError(
                f"This invitation is for {self.invitation.email}; sign up with that address."
            )
        return email


def open_invitation(request: HttpRequest) -> Invitation | None:
    """Return the invitation that this browser followed, if it still holds."""
    token = request.session.get(INVITATION_KEY, "")
    if not token:
        return None
    waiting = Invitation.objects.filter(token=token, accepted_at=None, expires_at__gt=now())
    return waiting.select_related("workspace", "invited_by").first()


def is_local(request: HttpRequest) -> bool:
    """Tell whether this is a run on one's own machine, opened from there."""
    return settings.LOCAL and urlsplit(f"//{request.get_host()}").hostname in LOCAL_HOSTS
