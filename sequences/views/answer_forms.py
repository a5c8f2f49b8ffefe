"""What the form says that a person answers a prospect with."""

import secrets
from typing import Any

from outreach.requests import MemberRequest
from sequences.engine import answering
from sequences.models import Reply, Touch


def about(request: MemberRequest, reply: Reply) -> dict[str, Any]:
    """Return what the form needs: may it be answered, by whom, with which text."""
    latest = answering.by_hand(reply.enrollment).order_by("-pk").first()
    taken_back = latest and latest.status == Touch.Status.CANCELLED
    is_mine = latest and latest.in_reply_to_id == reply.pk
    return rights(request) | {
        "answer_token": secrets.token_urlsafe(24),
        "answer_seen": latest.pk if latest else 0,
        "why_not": answering.hindrance(reply),
        "typed": latest.body if latest and taken_back and is_mine else "",
    }


def rights(request: MemberRequest) -> dict[str, Any]:
    """Return whether this member may answer: to write is to approve."""
    return {"may_answer": request.membership.may("approver")}
