"""The servers and the folder of one lane: everything that its experiments share."""

import argparse
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.chaos import machine
from tests.chaos.clock import Clock
from tests.chaos.servers import NAME, PATTERN, Postgres, Redis
from tests.fakes.dns import running_dns
from tests.fakes.smtp import free_port

CI_SCALE = 0.2


class House:
    """A PostgreSQL, a Redis, a clock and a folder for one experiment after the other."""

    def __init__(self, stack: ExitStack, *, cluster: Path | None = None) -> None:
        """Make a cluster of PostgreSQL, or move into one that `clusters` has copied."""
        self.folder = Path(tempfile.mkdtemp(prefix="outreach-chaos-"))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        # PostgreSQL runs under an account of its own and must find its way.
        self.folder.chmod(0o711)
        # Collected once, by whoever made the cluster.
        self.static = (cluster.parent if cluster else self.folder) / "static"
        self.clock = Clock(self.folder)
        self.clock.environment()
        self.postgres = Postgres(self.folder / "postgres", self.clock)
        self.redis = Redis(self.folder / "redis")
        if cluster:
            cluster.rename(self.postgres.folder)
        else:
            self.postgres.make()
        stack.callback(self.postgres.stop, "immediate")
        self.postgres.start()
        stack.callback(self.redis.kill)
        self.redis.start()
        if not cluster:
            self.postgres.ask(f"CREATE DATABASE {NAME}", database="postgres")
        # No domain of an experiment is asked for in the real world. A fault that is told at once
        # says nothing about a domain and keeps no worker waiting.
        self.dns = stack.enter_context(running_dns())
        self.dns.fail("*", "servfail")
        self.env = self.environment()
        self.set_up(stack)
        if not cluster:
            self.migrate()

    def environment(self) -> dict[str, str]:
        """Return what the product's processes need, and nothing of the caller's settings."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "outreach.settings",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "SECRET_KEY": "only-for-chaos-" + "0123456789" * 5,
            "FIELD_ENCRYPTION_KEYS": "dGVzdHMtb25seS1rZXktMDEyMzQ1Njc4OWFiY2RlZmc=",
            "ALLOW_PRIVATE_HOSTS": "true",
            "DNS_SERVER": self.dns.server,
            "VAR_DIR": str(self.folder / "var"),
            "STATIC_ROOT": str(self.static),
            "LOG_LEVEL": "WARNING",
            "WORKER_CONCURRENCY": "2",
            "WEB_WORKERS": "1",
            "PORT": str(free_port()),
        }

    def set_up(self, stack: ExitStack) -> None:
        """Have Django work on the database of this house, in the time of its clock."""
        for name in ("DATABASE_URL", "REDIS_URL", "CACHE_URL", "EMAIL_URL", "BASE_URL", "DEBUG"):
            os.environ.pop(name, None)
        os.environ.update(self.env)
        import django

        from outreach import times

        django.setup()
        stack.enter_context(times.clock(self.clock.now))

    def migrate(self) -> None:
        """Migrate a database that every experiment gets a copy of."""
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        connection.close()
        self.postgres.ask(f"CREATE DATABASE {PATTERN} TEMPLATE {NAME}", database="postgres")

    def clusters(self, count: int) -> list[Path]:
        """Copy the cluster for other houses, each of which moves into one."""
        copies = [self.folder / f"cluster-{number}" for number in range(count)]
        self.postgres.stop("fast")
        for each in copies:
            machine.copy(self.postgres.folder, each)
        self.postgres.start()
        return copies

    def heal(self) -> None:
        """Have both servers running, and no clock wrong, whatever an experiment left behind."""
        for who in self.clock.skews:
            self.clock.skew(who, 0)
        if not self.postgres.answers():
            self.postgres.stop("immediate")
            self.postgres.start()
        if not self.redis.answers():
            self.redis.kill()
            self.redis.start()

    def world(self, code: str, given: argparse.Namespace) -> Any:
        """Give an experiment its own database, folder and luck."""
        from tests.chaos.world import World

        folder = Path(tempfile.mkdtemp(prefix=f"{code}-", dir=self.folder))
        folder.chmod(0o711)
        self.postgres.copy_pattern()
        self.redis.flush()
        env = self.env | {"VAR_DIR": str(folder / "var")}
        scale = CI_SCALE if given.ci else float(os.environ.get("CHAOS_SCALE", "1"))
        seed = f"{given.seed} {code}"
        return World(folder, self.clock, self.postgres, self.redis, env, seed=seed, scale=scale)
