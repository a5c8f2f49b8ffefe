"""The frame around every page."""

from datetime import timedelta

import pytest
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django_htmx.middleware import HtmxDetails

from outreach import ticks
from outreach.context import NAV
from outreach.htmx import SignInMiddleware, page_or_part
from outreach.models import Tick, User, Workspace
from outreach.times import now


def three(workspace: Workspace) -> int:
    return 3


def beat(*, seconds_ago: int) -> None:
    at = now() - timedelta(seconds=seconds_ago)
    Tick.objects.update_or_create(name=ticks.HEARTBEAT, defaults={"finished_at": at})


@pytest.fixture
def page_of(rf: RequestFactory):
    def render(user: User, workspace: Workspace | None, path: str = "/sequences/") -> str:
        request = rf.get(path)
        request.user, request.workspace = user, workspace
        request.session = {}
        request._messages = FallbackStorage(request)
        request.htmx = HtmxDetails(request)
        return render_to_string("base.html", {}, request)

    return render


def test_the_page_we_are_on_is_marked(page_of, alice, workspace):
    text = page_of(alice, workspace, "/enrollments/42/")

    assert '<a href="/sequences/" aria-current="page"' in text
    assert text.count('aria-current="page"') == 1


def test_the_review_count_comes_from_whoever_registered_it(page_of, alice, workspace, settings):
    settings.SHELL_COUNTS = {"review": "tests.outreach.test_shell.three"}

    assert 'id="count-review">3<' in page_of(alice, workspace)


def test_without_a_registered_count_there_is_none(page_of, alice, workspace, settings):
    settings.SHELL_COUNTS = {}

    assert 'id="count-review" hidden' in page_of(alice, workspace)


def test_the_sandbox_is_listed_in_sandbox_workspaces_only(page_of, alice, workspace):
    workspace.is_sandbox = False
    assert 'href="/sandbox/"' not in page_of(alice, workspace)

    workspace.is_sandbox = True
    assert 'href="/sandbox/"' in page_of(alice, workspace)


def test_the_theme_is_on_the_page_before_the_first_paint(page_of, alice, workspace):
    alice.theme = User.Theme.DARK

    assert 'data-theme="dark"' in page_of(alice, workspace)


def test_the_frame_costs_three_queries(
    page_of, alice, workspace, settings, django_assert_num_queries
):
    settings.SHELL_COUNTS = {"review": "tests.outreach.test_shell.three"}

    # Memberships and heartbeat; whoever counts adds one. Whether sending is held is asked at most
    # once a second in each process.
    with django_assert_num_queries(2):
        page_of(alice, workspace)


def test_the_frame_renders_without_a_workspace(page_of, alice):
    assert "<h1>" in page_of(alice, None)


@pytest.mark.parametrize(("seconds", "state"), [(4, "well"), (59, "well"), (75, "late")])
def test_a_scheduler_silent_for_a_minute_is_late(alice, client: Client, seconds, state):
    beat(seconds_ago=seconds)
    client.force_login(alice)

    text = client.get("/heartbeat/").content.decode()

    assert f'data-state="{state}"' in text
    assert ("The scheduler is not running" in text) is (state == "late")


def test_a_scheduler_that_never_ran_is_late(alice, client: Client):
    client.force_login(alice)

    assert "Scheduler has not run yet" in client.get("/heartbeat/").content.decode()


def test_asking_stops_when_nobody_is_signed_in(db, client: Client):
    assert client.get("/heartbeat/").status_code == 286


def test_a_session_that_ended_sends_the_whole_page_to_sign_in(rf: RequestFactory):
    url = "http://testserver/sequences/?status=replied"
    headers = {"HX-Request": "true", "HX-Current-URL": url}
    request = rf.post("/enrollments/42/approve/", headers=headers)
    request.htmx = HtmxDetails(request)

    response = SignInMiddleware(lambda _: redirect("/accounts/login/?next=/x/"))(request)

    assert response.status_code == 200
    assert response["HX-Redirect"] == "/accounts/login/?next=%2Fsequences%2F%3Fstatus%3Dreplied"


def test_other_redirects_are_left_alone(rf: RequestFactory):
    request = rf.post("/x/", headers={"HX-Request": "true"})
    request.htmx = HtmxDetails(request)

    assert SignInMiddleware(lambda _: redirect("/sequences/"))(request).status_code == 302


@pytest.mark.parametrize(
    ("headers", "whole"),
    [
        ({}, True),
        ({"HX-Request": "true"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, True),
        ({"HX-Request": "true", "HX-Boosted": "true"}, True),
    ],
)
def test_one_address_gives_the_page_or_its_part(rf: RequestFactory, headers, whole):
    request: HttpRequest = rf.get("/", headers=headers)
    request.user, request.workspace = User(), None
    request.htmx = HtmxDetails(request)

    response: HttpResponse = page_or_part(
        request, "404.html", "partials/_status.html", {"status": "active", "label": "Active"}, 409
    )

    assert response.status_code == 409
    assert ("<!doctype html>" in response.content.decode()) is whole
    assert "HX-Request" in response["Vary"]


def test_every_address_of_the_sidebar_ends_in_a_slash():
    assert all(place.url.startswith("/") and place.url.endswith("/") for place in NAV)


def test_a_phones_bar_leaves_mailboxes_to_the_account_menu_in_a_sandbox(page_of, alice, workspace):
    folded = '<a href="/mailboxes/" class="wide-only"'
    in_menu = '<a class="phone-only" href="/mailboxes/">'

    assert folded not in page_of(alice, workspace) and in_menu not in page_of(alice, workspace)
    workspace.is_sandbox = True
    assert folded in page_of(alice, workspace) and in_menu in page_of(alice, workspace)


def test_the_switcher_leads_to_a_new_workspace(page_of, alice, workspace):
    assert 'href="/workspaces/new/"' in page_of(alice, workspace)
