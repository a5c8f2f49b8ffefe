import stat
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.test import Client

from mailboxes.models import SandboxMail
from outreach.models import User, Workspace
from outreach.times import now
from sequences.models import (
    Contact,
    Deal,
    Enrollment,
    Event,
    Reply,
    Sequence,
    Suppression,
    Touch,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def password_file(settings: Any, tmp_path: Path) -> Path:
    settings.DEMO_PASSWORD_FILE = tmp_path / "demo-password"
    return settings.DEMO_PASSWORD_FILE


def demo() -> str:
    said = StringIO()
    call_command("demo", stdout=said)
    return said.getvalue()


def test_the_demo_is_made_once_and_shows_the_whole_loop(password_file, client: Client, settings):
    said = demo()

    # Somebody can sign in, with a password that only this account can read.
    password = password_file.read_text(encoding="utf-8")
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    assert settings.DEMO_EMAIL in said and password in said
    assert client.login(username=settings.DEMO_EMAIL, password=password)
    workspace = Workspace.objects.get()
    assert workspace.is_sandbox and workspace.postal_address
    assert Contact.everywhere.count() >= 40
    assert Contact.everywhere.values("country").distinct().count() >= 15

    # Every status is there, and each comes from a life that was lived.
    runs = Enrollment.everywhere.all()
    assert {run.status for run in runs} == set(Enrollment.Status.values)
    assert {sequence.status for sequence in Sequence.everywhere.all()} == {"active", "draft"}
    first = Sequence.everywhere.get(name="First meeting")
    waiting = first.enrollments.filter(status="pending_approval")
    assert waiting.count() == 12 and not waiting.filter(drafted_at__isnull=True).exists()
    assert first.enrollments.count() - 12 >= 20
    sent = Touch.objects.filter(status="sent")
    assert sent.count() == SandboxMail.everywhere.caught().count() > 40
    assert not sent.filter(sent_at__gt=now()).exists()
    assert all(touch.is_as_approved and touch.approved_by for touch in sent)
    assert Event.everywhere.filter(kind="sent").count() == sent.count()
    labels = set(Reply.everywhere.values_list("label", flat=True))
    assert {"interested", "objection", "unsubscribe", "out_of_office"} <= labels
    assert Deal.everywhere.count() == runs.filter(status="replied_positive").count() > 0
    assert Suppression.everywhere.count() >= 2
    assert Touch.objects.filter(status="failed").exclude(error="").exists()

    # Nothing left outside of the hours of its sequence, or faster than it may.
    lisbon = ZoneInfo(first.zone)
    hours = [touch.sent_at.astimezone(lisbon) for touch in sent]
    assert all(at.isoweekday() <= 5 and 9 <= at.hour < 18 for at in hours)
    times = sorted(sent.filter(enrollment__sequence=first).values_list("sent_at", flat=True))
    assert all(b - a >= first.spacing for a, b in zip(times, times[1:], strict=False))

    # What is waiting can be approved as it stands.
    owner = User.objects.get()
    for run in Enrollment.everywhere.filter(status="pending_approval"):
        run.approve(by=owner, shown=run.approval_token())

    # And a second time nothing changes.
    before = (Contact.everywhere.count(), runs.count(), Workspace.objects.count())
    assert "here already" in demo()
    assert before == (Contact.everywhere.count(), runs.count(), Workspace.objects.count())
    assert password_file.read_text(encoding="utf-8") == password
