"""Celery carries wake-ups and nothing else."""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery.utils.imports import symbol_by_name
from django.conf import settings

from outreach import ticks
from outreach.celery import app
from outreach.models import Tick
from outreach.tasks import tick
from outreach.timetable import TIMETABLE

FORBIDDEN_WORDS = {"eta", "countdown", "acks_late", "autoretry_for", "retry_backoff", "max_retries"}
CODE = [
    path
    for folder in ("outreach", "mailboxes", "sequences")
    for path in sorted((settings.BASE_DIR / folder).rglob("*.py"))
]
TASKS = {"shared_task", "task", "delay", "apply_async", "send_task", "s", "si", "signature"}


def forbidden(tree: ast.AST) -> Iterator[str]:
    """Yield what makes Celery wait, retry or redeliver."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = getattr(called, "attr", getattr(called, "id", ""))
        if name == "retry" and isinstance(called, ast.Attribute):
            owner = ast.unparse(called.value)
            if owner in ("self", "task", "tick") or owner.endswith(("_task", ".request.task")):
                yield f"line {node.lineno}: {ast.unparse(called)}()"
        if name in TASKS:
            for keyword in node.keywords:
                if keyword.arg in FORBIDDEN_WORDS:
                    yield f"line {node.lineno}: {keyword.arg}="


@pytest.mark.parametrize(
    "code",
    [
        "tick.apply_async(['send'], countdown=5)",
        "tick.apply_async(['send'], eta=later)",
        "app.send_task('tick', eta=later)",
        "shared_task(acks_late=True)",
        "app.task(bind=True, max_retries=3)",
        "self.retry()",
        "send_task.retry(exc=problem)",
    ],
)
def test_the_rule_catches_what_it_is_for(code: str):
    assert list(forbidden(ast.parse(code)))


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_nothing_waits_or_retries_in_celery(path: Path):
    assert list(forbidden(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_tasks_live_in_files_named_tasks_and_are_few_lines():
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                "shared_task" in ast.unparse(decorator) for decorator in node.decorator_list
            ):
                assert path.name == "tasks.py"
                assert len(node.body) <= 4


def test_beat_reads_the_same_timetable_as_the_clock():
    schedule = app.conf.beat_schedule

    assert {name: entry["schedule"] for name, entry in schedule.items()} == {
        name: entry.period for name, entry in TIMETABLE.items()
    }
    for name, entry in schedule.items():
        assert entry["task"] == tick.name
        assert entry["args"] == [name]
        assert entry["options"] == {"expires": 25}


class Beat(symbol_by_name(app.conf.beat_scheduler)):
    """The scheduler as it is, but for the messages, which it only counts."""

    sent = 0

    def setup_schedule(self) -> None:
        self.update_from_dict(app.conf.beat_schedule)

    def apply_entry(self, entry: object, producer: object = None) -> None:
        self.sent += 1

    producer = None

    def run_all(self) -> int:
        """Tick until there is nothing more to do at this moment; returns how many were sent."""
        before = self.sent
        while self.tick() <= 0:
            pass
        return self.sent - before


def test_beat_goes_on_when_its_clock_was_a_year_ahead(time_machine):
    beat = Beat(app)
    time_machine.move_to(beat.app.now() + timedelta(days=365))
    assert beat.run_all() == len(TIMETABLE)

    time_machine.shift(timedelta(days=-365))
    beat.run_all()
    time_machine.shift(timedelta(seconds=max(entry.period for entry in TIMETABLE.values())))

    assert beat.run_all() == len(TIMETABLE)


def test_a_message_is_acknowledged_early_and_leaves_nothing_behind():
    assert app.conf.task_acks_late is False
    assert app.conf.task_reject_on_worker_lost is False
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.task_ignore_result is True
    assert app.conf.result_backend is None
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"
    assert (app.conf.timezone, app.conf.enable_utc) == ("UTC", True)


def test_connections_outlive_a_task():
    assert app.conf.get("CELERY_DB_REUSE_MAX") > 1000


def test_every_key_in_redis_has_the_prefix():
    assert app.conf.broker_transport_options["global_keyprefix"] == f"{settings.REDIS_PREFIX}:"


@pytest.mark.django_db(transaction=True)
def test_the_task_runs_the_entry():
    tick("heartbeat")

    assert Tick.objects.get(name=ticks.HEARTBEAT).finished_at is not None
