"""The settings as a new process reads them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

# Processes with an environment of their own, which ask no database.
pytestmark = pytest.mark.once

SHOW = (
    "from django.conf import settings as s;"
    "d = s.DATABASES['default'];"
    "print(d['ENGINE'].rsplit('.', 1)[-1], s.SECRET_KEY, s.ACCOUNT_EMAIL_VERIFICATION,"
    " s.SESSION_COOKIE_SECURE, s.BASE_URL, sep='|')"
)


def start(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", SHOW],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_any_setting_it_starts_on_sqlite_and_keeps_its_key(tmp_path: Path):
    first, second = start(tmp_path), start(tmp_path)

    engine, key, verification, secure, base_url = first.stdout.strip().split("|")
    assert (engine, verification, secure) == ("sqlite3", "none", "False")
    assert base_url == "http://127.0.0.1:8000"
    assert len(key) > 50
    assert second.stdout == first.stdout


def test_a_deployment_needs_a_key_of_its_own(tmp_path: Path):
    refused = start(tmp_path, DATABASE_URL="postgresql://outreach@db.test/outreach")

    assert refused.returncode == 1
    assert refused.stderr == (
        "Not started. Set SECRET_KEY (or SECRET_KEY_FILE) in the environment.\n"
    )


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "http", "use a whole number from 1 to 65535"),
        ("DEBUG", "yes", "use true or false"),
        ("LOG_LEVEL", "LOUD", "use one of DEBUG, INFO, WARNING, ERROR"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x", "use postgresql://"),
        ("REDIS_URL", "http://cache", "use redis://…, rediss://…"),
        ("EMAIL_URL", "pigeon://loft", "use smtp+tls://"),
        ("GMAIL_URL", "ftp://gmail", "use https://…"),
        ("FIELD_ENCRYPTION_KEYS", "short", "use one or more Fernet keys"),
    ],
)
def test_a_bad_value_stops_the_process_with_its_name_and_what_is_allowed(
    tmp_path: Path, name: str, value: str, allowed: str
):
    refused = start(tmp_path, **{name: value})

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Not started. {name}")
    assert allowed in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "hunter2" not in refused.stderr


def test_a_public_address_with_https_secures_the_cookies(tmp_path: Path):
    shown = start(tmp_path, BASE_URL="https://outreach.example.com", EMAIL_URL="smtp://mail.test")

    _, _, verification, secure, base_url = shown.stdout.strip().split("|")
    assert (verification, secure) == ("mandatory", "True")
    assert base_url == "https://outreach.example.com"


def test_tokens_go_nowhere_in_the_clear_where_hosts_of_this_machine_are_off_limits(tmp_path: Path):
    given = {"GRAPH_URL": "http://127.0.0.1:9050/v1.0"}

    refused = start(tmp_path, ALLOW_PRIVATE_HOSTS="false", **given)

    assert refused.stderr.startswith("Not started. GRAPH_URL")
    assert start(tmp_path, **given).returncode == 0


def test_the_documentation_names_every_setting():
    code = (settings.BASE_DIR / "outreach" / "settings.py").read_text()
    page = (settings.BASE_DIR / "docs" / "settings.md").read_text()
    read = set(re.findall(r'(?:env\.\w+|secret)\(\s*"([A-Z_]+)"', code))
    described = {name for row in re.findall(r"^\| (`.*?) \|", page, re.M) for name in words(row)}

    assert len(read) > 20
    assert read == described


def words(row: str) -> list[str]:
    return re.findall(r"`([A-Z_]+)`", row)
