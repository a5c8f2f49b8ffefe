"""Celery carries wake-ups only: what is to be done, and when, are columns in the database."""

import ctypes
import logging.config
import os
from typing import Any

import django
from celery import Celery
from celery.beat import Scheduler
from celery.signals import beat_init, celeryd_init, setup_logging
from django.conf import settings

from outreach import broker, checks
from outreach.timetable import TIMETABLE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "outreach.settings")
# Django's checks are for `make lint` and the web: they load every page, 25 MB that no worker needs.
# What a worker must not start without is looked at below.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

# glibc's M_ARENA_MAX, and how many: it would give every few threads an arena of their own, and
# what one of them has freed no other one uses.
M_ARENA_MAX, ARENAS = -8, 2

# A wake-up that waited this long is dropped; the next one does its work.
EXPIRES_SECONDS = 25

app = Celery("outreach")
app.conf.update(
    broker_url=settings.REDIS_URL or "memory://",
    broker_connection_retry_on_startup=True,
    broker_transport_options={"global_keyprefix": f"{settings.REDIS_PREFIX}:"},
    result_backend=None,
    task_ignore_result=True,
    # Acknowledged before it runs: a killed worker's wake-up is lost, which changes nothing,
    # and never comes back an hour later.
    task_acks_late=False,
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    # A mailbox whose server thinks costs a thread, not a process; what a thread waits for has
    # deadlines of its own. Database connections are those of the desks, however many threads.
    worker_pool="threads",
    worker_concurrency=settings.WORKER_CONCURRENCY,
    worker_soft_shutdown_timeout=30,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    enable_utc=True,
    imports=["outreach.tasks", "sequences.tasks"],
    # Keeps no file: every entry is a short interval, and a slot runs once however often beat asks.
    beat_scheduler="outreach.celery:SteadyScheduler",
    beat_max_loop_interval=1,
    beat_schedule={
        name: {
            "task": "outreach.tasks.tick",
            "args": [name],
            "schedule": entry.period,
            "options": {"expires": EXPIRES_SECONDS},
        }
        for name, entry in TIMETABLE.items()
    },
)
# Celery closes Django's connections around every task unless told to keep them; `ticks.run_alone`
# drops those that broke or grew old.
app.conf["CELERY_DB_REUSE_MAX"] = 10_000


class SteadyScheduler(Scheduler):
    """Beat's own scheduler, which also goes on when the clock of its machine is set back."""

    def tick(self, *args: Any, **options: Any) -> float:
        at = self.app.now()
        for entry in self.schedule.values():
            if entry.last_run_at > at:
                # Beat would say nothing until that time has come again.
                entry.last_run_at = at
                self._heap = None
        return super().tick(*args, **options)


@setup_logging.connect
def log_like_the_web(**signal: Any) -> None:
    logging.config.dictConfig(settings.LOGGING)


@celeryd_init.connect
def share_memory_between_threads(**signal: Any) -> None:
    library = ctypes.CDLL(None)
    # Not every C library knows it.
    if hasattr(library, "mallopt"):
        library.mallopt(M_ARENA_MAX, ARENAS)


@celeryd_init.connect
@beat_init.connect
def refuse_a_forgetful_redis(**signal: Any) -> None:
    if problem := broker.objection(settings.REDIS_URL):
        raise SystemExit(f"Not started. {problem}")


@celeryd_init.connect
def refuse_what_loses_mail(**signal: Any) -> None:
    django.setup()
    if found := checks.objections():
        raise SystemExit(f"Not started. {' '.join(found)}")
