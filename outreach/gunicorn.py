"""How gunicorn serves the product: gunicorn --config python:outreach.gunicorn outreach.wsgi"""

from django.conf import settings

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
