"""Every address of the product; each app lists its own."""

from django.contrib import admin
from django.urls import include, path

from outreach.views.health import healthz
from outreach.views.shell import heartbeat

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("heartbeat/", heartbeat, name="heartbeat"),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    path("", include("outreach.urls_app")),
    path("", include("mailboxes.urls")),
    path("", include("sequences.urls")),
]
