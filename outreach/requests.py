"""What a request is once the middleware has been over it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

from outreach.models import Membership, User, Workspace

SESSION_KEY = "workspace"


class Request(HttpRequest):
    """Any request of the product."""

    htmx: HtmxDetails
    workspace: Workspace | None
    membership: Membership | None


class SignedInRequest(Request):
    """The request of a view behind login_required: perhaps without any workspace yet."""

    user: User


class MemberRequest(SignedInRequest):
    """The request of a view behind @needs: somebody works in a workspace."""

    workspace: Workspace
    membership: Membership


class WorkspaceMiddleware:
    """Set request.workspace and request.membership: the chosen workspace, else the first one."""

    def __init__(self, get_response: Callable[[Request], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        request.membership = None
        request.workspace = None
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            memberships = user.memberships.select_related("workspace").order_by("pk")
            chosen = request.session.get(SESSION_KEY)
            membership = memberships.filter(workspace_id=chosen).first() if chosen else None
            request.membership = membership or memberships.first()
            if request.membership:
                request.workspace = request.membership.workspace
        return self.get_response(request)
