"""Who may open a page: signed in, in a workspace, with the role the page needs."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from outreach.models import Membership
from outreach.requests import Request

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def needs(role: str) -> Callable[[View], View]:
    """Let members with at least this role in; others get a 403 that names the role.

    Signed out: the sign-in page, and back. Without any workspace: the page that makes one.
    """
    label = Membership.Role(role).label.lower()

    def protect(view: View) -> View:
        @login_required
        @wraps(view)
        def protected(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.membership is None:
                return redirect("outreach:new_workspace")
            if not request.membership.may(role):
                raise PermissionDenied(
                    f"This needs the role {label} or higher; "
                    f"you are {request.membership.get_role_display().lower()} here. "
                    "An admin of the workspace can change that."
                )
            return view(request, *args, **kwargs)

        return cast(View, protected)

    return protect
