"""Toasts are said once, wherever the answer ends up."""

import pytest
from django.contrib.messages import info
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from outreach.models import User
from outreach.toasts import ToastMiddleware, pending, toast


@pytest.fixture
def request_of(rf: RequestFactory):
    def make(*, htmx: bool) -> HttpRequest:
        request = rf.get("/sequences/", headers={"HX-Request": "true"} if htmx else {})
        request.user = User(email="alice@brightline.test")
        request.workspace = None
        request.session = {}
        request._messages = FallbackStorage(request)
        request.htmx = HtmxDetails(request)
        return request

    return make


def answer(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    return ToastMiddleware(lambda _: response)(request)


def test_an_htmx_answer_carries_the_toast_out_of_band(request_of):
    request = request_of(htmx=True)
    toast(request, "Approved Tomás Herrera.", undo_url="/enrollments/42/undo/")

    text = answer(request, HttpResponse("<tr></tr>")).content.decode()

    assert text.startswith("<tr></tr>")
    assert 'hx-swap-oob="beforeend:#toasts"' in text
    assert "Approved Tomás Herrera." in text
    assert 'action="/enrollments/42/undo/"' in text
    assert 'role="status"' in text


def test_a_toast_is_said_once(request_of):
    request = request_of(htmx=True)
    toast(request, "Paused.")

    assert "Paused." in answer(request, HttpResponse("")).content.decode()
    assert "Paused." not in answer(request, HttpResponse("")).content.decode()


def test_a_whole_page_says_it_itself(request_of):
    request = request_of(htmx=False)
    toast(request, "Paused.")

    assert answer(request, HttpResponse("page")).content == b"page"
    assert "Paused." in render_to_string("partials/_toasts.html", {}, request)


def test_a_redirect_leaves_it_for_the_next_page(request_of):
    request = request_of(htmx=True)
    toast(request, "Paused.")

    assert answer(request, HttpResponseRedirect("/sequences/")).content == b""
    assert [one.text for one in pending(request)] == ["Paused."]


def test_a_page_change_by_header_leaves_it_for_the_next_page(request_of):
    request = request_of(htmx=True)
    toast(request, "Paused.")
    response = HttpResponse("")
    response["HX-Redirect"] = "/sequences/"

    assert answer(request, response).content == b""
    assert [one.text for one in pending(request)] == ["Paused."]


def test_an_empty_answer_becomes_one_that_htmx_reads(request_of):
    request = request_of(htmx=True)
    toast(request, "Undone.")

    response = answer(request, HttpResponse(status=204))

    assert response.status_code == 200
    assert response["HX-Reswap"] == "none"
    assert "Undone." in response.content.decode()


def test_an_error_is_an_alert_that_does_not_leave_by_itself(request_of):
    request = request_of(htmx=True)
    toast(request, "The mailbox is disconnected.", level="error")

    text = answer(request, HttpResponse("")).content.decode()

    assert 'role="alert"' in text
    assert "data-seconds" not in text


def test_words_of_other_people_are_escaped(request_of):
    request = request_of(htmx=True)
    toast(request, "Approved <script>x</script>.", link_url="/x/?a=1&b=2", link_text="<b>See</b>")

    text = answer(request, HttpResponse("")).content.decode()

    assert "<script>" not in text
    assert "<b>See</b>" not in text


def test_messages_of_other_apps_become_toasts(request_of):
    request = request_of(htmx=True)
    info(request, "You have signed in.")

    assert "You have signed in." in answer(request, HttpResponse("")).content.decode()


def test_json_is_left_alone(request_of):
    request = request_of(htmx=True)
    toast(request, "Paused.")

    response = answer(request, HttpResponse("{}", content_type="application/json"))

    assert response.content == b"{}"
