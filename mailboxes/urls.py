"""Addresses of sending accounts and of the sandbox."""

from django.urls import path

from mailboxes.views import cards, connect, domains, push, sandbox, sign_in

app_name = "mailboxes"
urlpatterns = [
    path("mailboxes/", cards.mailboxes, name="list"),
    path("mailboxes/connect/", connect.connect, name="connect"),
    path("mailboxes/connect/sandbox/", connect.connect_sandbox, name="connect_sandbox"),
    path("mailboxes/connect/smtp/", connect.SMTPMailbox.as_view(), name="connect_smtp"),
    path(
        "mailboxes/connect/google/", sign_in.connect, {"provider": "gmail"}, name="connect_google"
    ),
    path(
        "mailboxes/connect/google/back/",
        sign_in.back,
        {"provider": "gmail"},
        name="connect_google_back",
    ),
    path(
        "mailboxes/connect/microsoft/",
        sign_in.connect,
        {"provider": "microsoft"},
        name="connect_microsoft",
    ),
    path(
        "mailboxes/connect/microsoft/back/",
        sign_in.back,
        {"provider": "microsoft"},
        name="connect_microsoft_back",
    ),
    path("mailboxes/<int:pk>/connected/", sign_in.connected, name="connected"),
    path("mailboxes/<int:pk>/edit/", connect.edit, name="edit"),
    path("mailboxes/<int:pk>/domain/", domains.domain, name="domain"),
    path("mailboxes/<int:pk>/domain/check/", domains.recheck, name="recheck"),
    path("mailboxes/<int:pk>/pause/", cards.pause, name="pause"),
    path("mailboxes/<int:pk>/resume/", cards.resume, name="resume"),
    path("mailboxes/<int:pk>/disconnect/", cards.disconnect, name="disconnect"),
    path("mailboxes/<int:pk>/reconnect/", cards.reconnect, name="reconnect"),
    path("mailboxes/<int:pk>/put-back/", cards.put_back, name="put_back"),
    path("mailboxes/<int:pk>/test/", cards.test, name="test"),
    path("mailboxes/<int:pk>/watch/", cards.watch, name="watch"),
    path("mailboxes/<int:pk>/unwatch/", cards.unwatch, name="unwatch"),
    path("push/google/", push.google, name="push_google"),
    path("push/microsoft/", push.microsoft, name="push_microsoft"),
    path("sandbox/", sandbox.sandbox, name="sandbox"),
    path("sandbox/<int:pk>/", sandbox.mail, name="sandbox_mail"),
    path("sandbox/<int:pk>/html/", sandbox.html, name="sandbox_html"),
]
