"""What the review page counts and says, and what it leaves to nobody else."""

from datetime import timedelta

import pytest
from django.test import Client

from outreach.models import User, Workspace
from outreach.times import clock, now
from sequences.engine import preflight
from sequences.models import Enrollment, Touch
from tests.factories import approve, make_enrollment, make_sequence
from tests.sequences.table_page import text

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true", "HX-Target": "review"}


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def make_queue(workspace: Workspace, number: int) -> list[Enrollment]:
    sequence = make_sequence(workspace, steps=1)
    return [make_enrollment(sequence=sequence) for _ in range(number)]


def test_an_approval_renews_title_place_and_count(page: Client, workspace: Workspace) -> None:
    first, second, _ = make_queue(workspace, 3)

    assert "Review (3) · Brightline" in text(page.get("/review/"))
    answer = page.post(
        f"/review/{first.pk}/approve/", {"shown": first.approval_token()}, headers=HTMX
    )

    shown = answer.content.decode()
    assert "<title>Review (2) · Brightline</title>" in shown
    assert 'id="review-place" hx-swap-oob="true"><span><b>1</b> of 2' in shown
    assert 'value="1" max="3" aria-label="1 reviewed today, 2 to go"' in shown
    assert answer["HX-Push-Url"] == f"/review/?at={second.pk}"


def test_the_time_left_is_measured_on_todays_own_pace(alice: User, workspace: Workspace) -> None:
    start = now().replace(hour=12, minute=0)
    for number, run in enumerate(make_queue(workspace, 5)):
        # After the fourth there was a break, which is no reading time.
        seconds = 30 * number + (3600 if number == 4 else 0)
        with clock(lambda at=start + timedelta(seconds=seconds): at):
            approve(run, by=alice)

    with clock(lambda: start + timedelta(hours=2)):
        today = preflight.reviewed_today(workspace, alice)

    assert (today.number, today.pace) == (5, 30)
    assert today.minutes_for(10) == 5 and today.minutes_for(0) is None


def test_too_few_reviews_promise_no_time(alice: User, workspace: Workspace) -> None:
    for run in make_queue(workspace, 2):
        approve(run, by=alice)

    assert preflight.reviewed_today(workspace, alice).minutes_for(10) is None


def test_what_others_did_and_yesterdays_work_is_not_counted(
    alice: User, bob: User, workspace: Workspace
) -> None:
    first, second = make_queue(workspace, 2)
    long_ago = now() - timedelta(days=2)
    with clock(lambda: long_ago):
        approve(first, by=alice)
    approve(second, by=bob)

    assert preflight.reviewed_today(workspace, alice).number == 0


def test_the_queue_marks_who_lacks_a_value(page: Client, workspace: Workspace) -> None:
    _, second = make_queue(workspace, 2)
    Touch.objects.filter(enrollment=second).update(missing=["city"])

    shown = page.get("/review/").content.decode()

    assert shown.count("a value is missing") == 1
    assert page.get(f"/review/?at={second.pk}").content.decode().count("A value is missing") == 2


@pytest.mark.parametrize("verb", ["approve", "refuse"])
def test_a_stranger_finds_nothing_and_a_viewer_may_not(
    client: Client, carol: User, bob: User, workspace: Workspace, verb: str
) -> None:
    (run,) = make_queue(workspace, 1)
    values = {"shown": run.approval_token(), "reason": "Bad fit"}

    client.force_login(carol)
    assert client.post(f"/review/{run.pk}/{verb}/", values).status_code == 404
    assert client.get(f"/review/?at={run.pk}").status_code == 404
    client.force_login(bob)
    assert client.post(f"/review/{run.pk}/{verb}/", values).status_code == 403
    assert "Approve all" not in text(client.get("/review/"))
    run.refresh_from_db()
    assert run.status == Enrollment.Status.PENDING_APPROVAL
