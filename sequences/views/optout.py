"""The public unsubscribe page: no sign-in, no session, no cookie."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from sequences.engine.suppressing import link_of, opt_out
from sequences.models import Suppression


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def optout(request: HttpRequest, token: str) -> HttpResponse:
    """Ask before anything is changed; a POST, by a person or a mail program, unsubscribes.

    Mail scanners follow every link, so GET changes nothing. Mail programs post without
    cookies and follow no redirect (RFC 8058), so the answer is the page itself.
    """
    link = link_of(token)
    if link is None:
        return render(request, "optout/unknown.html", status=404)
    if request.method == "POST":
        opt_out(link)
    done = Suppression.objects.within(link.workspace).filter(value=link.email).exists()
    context = {"workspace": link.workspace, "address": masked(link.email), "done": done}
    return render(request, "optout/page.html", context)


def masked(email: str) -> str:
    """Hide most of the address from whoever the mail was forwarded to.

    >>> masked("jordan.lee@globex.test"), masked("a@b.test")
    ('j…e@globex.test', 'a…@b.test')
    """
    name, _, domain = email.partition("@")
    return f"{name[:1]}…{name[-1] if len(name) > 3 else ''}@{domain}"
