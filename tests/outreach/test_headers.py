"""What every answer tells the browser it may do."""

import pytest
from django.test import Client
from django.urls import reverse


@pytest.fixture(params=["account_login", "healthz", "admin:login"])
def headers(request: pytest.FixtureRequest, client: Client, db: None) -> dict[str, str]:
    return dict(client.get(reverse(request.param)).headers)


def test_only_the_products_own_files_are_loaded_and_nothing_inline(headers: dict[str, str]):
    rules = dict(
        rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";")
    )

    assert rules["default-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert rules["img-src"] == "'self' data:"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "http" not in headers["Content-Security-Policy"]


def test_no_page_may_be_framed_sniffed_or_leak_its_address(headers: dict[str, str]):
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
