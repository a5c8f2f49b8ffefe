from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client

from outreach import ticks, times

pytestmark = pytest.mark.django_db


def test_it_is_well_while_the_scheduler_runs(client: Client):
    ticks.run("heartbeat")

    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["scheduler_age_seconds"] < 10


def test_it_fails_before_the_scheduler_ever_ran(client: Client):
    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "database": "ok", "scheduler": "never ran"}


def test_it_fails_when_the_scheduler_is_late(client: Client):
    ticks.run("heartbeat")
    later = times.now() + timedelta(minutes=5)

    with times.clock(lambda: later):
        answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["scheduler"] == "late"
    assert answer.json()["scheduler_age_seconds"] >= 290


def test_it_fails_without_details_when_the_database_is_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    def gone() -> None:
        raise OperationalError("connection to db.internal as outreach failed")

    monkeypatch.setattr(ticks, "last_beat", gone)

    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "unreachable"
    assert b"db.internal" not in answer.content


def test_it_cannot_be_posted_to_and_is_not_cached(client: Client):
    assert client.post("/healthz").status_code == 405
    assert "no-store" in client.get("/healthz")["Cache-Control"]
