"""How much one request may bring, decided before any of it is read."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# Above the largest file that a page takes, so that the page itself can say what is too large.
MOST_BYTES = 64 * 1024 * 1024


class SizeMiddleware:
    """Refuse a larger request with 413; otherwise it would be written to the disk first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > MOST_BYTES:
            words = f"This is more than {MOST_BYTES // 1024 // 1024} MB. Send less at once.\n"
            return HttpResponse(words, status=413, content_type="text/plain; charset=utf-8")
        return self.get_response(request)
