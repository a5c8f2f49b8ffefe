"""How gunicorn serves the product: gunicorn --config python:outreach.gunicorn outreach.wsgi"""

from typing import Any

import django
from django.conf import settings

from outreach import checks

bind = (
    f"[{settings.HOST}]:{settings.PORT}"
    if ":" in settings.HOST
    else f"{settings.HOST}:{settings.PORT}"
)
worker_class = "gthread"
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
timeout = 60
graceful_timeout = 5
keepalive = 5
# A worker is renewed now and then, not all at once: memory cannot creep up for weeks.
max_requests = 10_000
max_requests_jitter = 1_000
control_socket_disable = True
proc_name = "outreach"
logconfig_dict = settings.LOGGING


def on_starting(server: Any) -> None:
    """Refuse to serve with a database or keys that the product's promises would not hold with."""
    django.setup()
    if found := checks.objections():
        raise SystemExit(f"Not started. {' '.join(found)}")
