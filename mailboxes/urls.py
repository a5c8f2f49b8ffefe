"""Addresses of sending accounts and of the sandbox."""

from django.urls import path

from mailboxes.views import cards, connect, sandbox

app_name = "mailboxes"
urlpatterns = [
    path("mailboxes/", cards.mailboxes, name="list"),
    path("mailboxes/connect/", connect.connect, name="connect"),
    path("mailboxes/connect/sandbox/", connect.connect_sandbox, name="connect_sandbox"),
    path("mailboxes/connect/smtp/", connect.SMTPMailbox.as_view(), name="connect_smtp"),
    path("mailboxes/<int:pk>/edit/", connect.edit, name="edit"),
    path("mailboxes/<int:pk>/pause/", cards.pause, name="pause"),
    path("mailboxes/<int:pk>/resume/", cards.resume, name="resume"),
    path("mailboxes/<int:pk>/disconnect/", cards.disconnect, name="disconnect"),
    path("mailboxes/<int:pk>/reconnect/", cards.reconnect, name="reconnect"),
    path("mailboxes/<int:pk>/test/", cards.test, name="test"),
    path("sandbox/", sandbox.sandbox, name="sandbox"),
    path("sandbox/<int:pk>/", sandbox.mail, name="sandbox_mail"),
    path("sandbox/<int:pk>/html/", sandbox.html, name="sandbox_html"),
]
