"""How much one request may bring."""

from io import BytesIO

import pytest

from outreach.uploads import MOST_BYTES


class Endless(BytesIO):
    """A body that must not be read."""

    def read(self, *args: object) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("length", [str(MOST_BYTES + 1), "9" * 30, "-1", "many"])
def test_a_request_that_is_too_large_is_refused_unread(client, length):
    answer = client.generic(
        "POST",
        "/contacts/import/",
        b"",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=length,
        **{"wsgi.input": Endless()},
    )

    assert answer.status_code == 413
    assert b"64 MB" in answer.content


def test_a_request_that_is_large_enough_to_be_told_so_reaches_its_page(client, db):
    answer = client.post("/contacts/import/", b"", content_type="text/csv", CONTENT_LENGTH="1000")

    assert answer.status_code == 302 and "/accounts/login/" in answer.url
