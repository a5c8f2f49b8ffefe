"""A person at the product's pages, over HTTP, who knows which of their clicks were answered."""

from http.client import HTTPConnection, HTTPException

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from outreach.models import User

CSRF = "c" * 32
NOBODY_ANSWERED = 0
WAIT_SECONDS = 20


class Browser:
    """Signed in as somebody, at the web process of one port."""

    def __init__(self, user: User, port: int) -> None:
        self.port = port
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        connection.close()
        self.cookies = f"session={session.session_key}; csrftoken={CSRF}"

    def get(self, path: str) -> int:
        """Return the status of the answer; 0 where none came."""
        return self._ask("GET", path)

    def approve(self, run_id: int, shown: str) -> bool:
        """Click on Approve; True when the product has said that it is approved."""
        return self._ask("POST", f"/enrollments/{run_id}/approve/", f"shown={shown}") == 302

    def _ask(self, method: str, path: str, body: str = "") -> int:
        line = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        headers = {
            "Cookie": self.cookies,
            "X-CSRFToken": CSRF,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        try:
            line.request(method, path, body, headers)
            return line.getresponse().status
        except (OSError, HTTPException):
            return NOBODY_ANSWERED
        finally:
            line.close()
