import json
import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings

from outreach import logs

# What is told asks no database.
pytestmark = pytest.mark.once

TELL = """
import logging, structlog, django
django.setup()
log = structlog.get_logger("outreach.test")
headers = {"Authorization": "Bearer hunter2hunter2"}
log.info("Connected", mailbox=7, password="hunter2", headers=headers)
other = logging.getLogger("other")
other.warning("GET /x?token=%s", "hunter2", extra={"refresh_token": "hunter2"})
try:
    raise ValueError("cannot reach smtp://user:hunter2@mail.test")
except ValueError:
    log.exception("Failed\\nnext line")
"""


def told(**environment: str) -> list[str]:
    answer = subprocess.run(
        [sys.executable, "-c", TELL],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return answer.stderr.strip().splitlines()


@pytest.mark.parametrize("as_json", ["true", "false"])
def test_no_secret_reaches_the_log(as_json: str):
    lines = told(LOG_JSON=as_json, LOG_LEVEL="INFO")

    assert "Connected" in "\n".join(lines)
    assert "mail.test" in "\n".join(lines)
    assert "hunter2" not in "\n".join(lines)


def test_with_log_json_every_event_is_one_line_of_json():
    events = [json.loads(line) for line in told(LOG_JSON="true", LOG_LEVEL="INFO")]

    assert [event["event"] for event in events] == [
        "Connected",
        "GET /x?token=***",
        "Failed\nnext line",
    ]
    assert events[0]["mailbox"] == 7
    assert events[0]["headers"] == {"Authorization": "***"}
    assert events[1]["refresh_token"] == "***"
    assert "ValueError" in events[2]["exception"]
    assert {event["level"] for event in events} == {"info", "warning", "error"}


@pytest.mark.parametrize(
    "sentence",
    [
        "GET /mailboxes/connect/google/back/?code=abcdefgh1234&scope=x HTTP/1.1",
        "GET /mailboxes/connect/microsoft/back/?scope=x&state=abcdefgh1234 HTTP/1.1",
        "Authorization: Bearer abcdefgh1234",
        "password=abcdefgh1234",
        '{"access_token": "abcdefgh1234"}',
        "postgresql://outreach:abcdefgh1234@db/outreach",
        "redis://:abcdefgh1234@cache/0",
        "api_key: abcdefgh1234, next",
        "<WSGIRequest: POST '/invitations/abcdefgh1234/'>",
        "Not Found: /u/abcdefgh1234/",
        "/accounts/password/reset/key/1-abcdefgh1234/",
    ],
)
def test_a_secret_inside_a_sentence_is_masked(sentence: str):
    masked = logs.mask(sentence)

    assert "abcdefgh1234" not in masked
    assert logs.MASK in masked


def test_a_secret_in_what_an_object_says_of_itself_is_masked(rf):
    request = rf.get("/invitations/abcdefgh1234/")
    event = logs.mask_secrets(logging.getLogger(), "warning", {"request": request, "status": 404})

    assert "abcdefgh1234" not in event["request"]
    assert "/invitations/***/" in event["request"]
    assert event["status"] == 404


def test_ordinary_sentences_stay_as_they_are():
    sentence = "Sent 3 touches to https://outreach.test/sequences/?status=replied in 0.4 s"

    assert logs.mask(sentence) == sentence
    assert logs.mask({"touch": 7, "sent": [1, 2]}) == {"touch": 7, "sent": [1, 2]}


def test_the_logs_of_django_and_gunicorn_take_the_same_way():
    loggers = settings.LOGGING["loggers"]

    assert logging.getLogger("django.request").propagate
    for name in ("django", "django.server", "gunicorn.error", "gunicorn.access"):
        assert loggers[name]["handlers"] == []
        assert loggers[name]["propagate"]
