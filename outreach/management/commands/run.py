import hashlib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, close_old_connections

from outreach import broker, env, ticks
from outreach.supervisor import Supervisor
from outreach.times import now


class Command(BaseCommand):
    help = (
        "Bring the database and the files up to date and run the whole product on this machine: "
        "web and clock, or with REDIS_URL web, Celery worker and beat."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = settings.HOST, settings.PORT
        if not is_free(host, port):
            raise CommandError(
                f"Port {port} on {host} is in use. Stop what uses it, or choose another port: "
                f"make run PORT={port + 1}"
            )
        if settings.REDIS_URL and (problem := broker.objection(settings.REDIS_URL)):
            raise CommandError(problem)
        self.prepare()
        supervisor = Supervisor(commands(), say=self.say)
        self.say(f"Starting {', '.join(commands())}.")
        supervisor.run(ready=self.announce, silent=silent)
        self.say("Stopped.")

    def prepare(self) -> None:
        call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        if not get_user_model()._default_manager.exists():
            call_command("demo", stdout=self.stdout)
        seen = settings.VAR_DIR / "static-fingerprint"
        found = static_fingerprint()
        if not settings.DEBUG and (not seen.exists() or seen.read_text() != found):
            call_command("collectstatic", interactive=False, clear=True, verbosity=0)
            seen.parent.mkdir(parents=True, exist_ok=True)
            seen.write_text(found)

    def announce(self) -> bool:
        """Say where the product is, once it listens."""
        if not listens(settings.HOST, settings.PORT):
            return False
        self.say(f"Outreach is ready at {settings.BASE_URL}/  (Ctrl-C stops it)")
        if settings.EVERY_ADDRESS and not env.given("ALLOWED_HOSTS"):
            self.say("Set ALLOWED_HOSTS and BASE_URL to reach it under another name or address.")
        if settings.DEMO_PASSWORD_FILE.exists():
            password = settings.DEMO_PASSWORD_FILE.read_text(encoding="utf-8").strip()
            self.say(f"Sign in as {settings.DEMO_EMAIL} with the password {password}")
        return True

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def commands() -> dict[str, Sequence[str]]:
    """Return what runs beside each other on this machine."""
    python, manage = sys.executable, str(settings.BASE_DIR / "manage.py")
    celery = [python, "-m", "celery", "--quiet", "--app", "outreach"]
    celery += ["--workdir", str(settings.BASE_DIR)]
    web = [python, "-m", "gunicorn", "--config", "python:outreach.gunicorn", "outreach.wsgi"]
    web += ["--chdir", str(settings.BASE_DIR)]
    if settings.REDIS_URL:
        return {
            "web": web,
            "worker": [*celery, "worker", "--without-gossip", "--without-mingle"],
            "beat": [*celery, "beat"],
        }
    return {"web": web, "clock": [python, manage, "clock"]}


def silent() -> list[str]:
    """Return the processes that should make the scheduler run, if it has not for a while."""
    try:
        beat = ticks.last_beat()
    except Error:
        # Without its database no process can do anything; that is not the process's fault.
        return []
    finally:
        close_old_connections()
    if beat is None or now() - beat >= ticks.LATE:
        # It may be the one that says when, or the one that does it.
        return ["worker", "beat"] if settings.REDIS_URL else ["clock"]
    return []


def is_free(host: str, port: int) -> bool:
    for family, kind, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            # As the web server does: a port whose last connections are only fading away is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError:
                return False
    return True


def listens(host: str, port: int) -> bool:
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((local, port), timeout=1):
            return True
    except OSError:
        return False


def static_fingerprint() -> str:
    """Return a digest that changes when a file to be served does, or what is made of it."""
    made_by = settings.STORAGES["staticfiles"]["BACKEND"]
    seen = hashlib.sha256(f"{settings.STATIC_ROOT} {made_by}\n".encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            seen.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return seen.hexdigest()
