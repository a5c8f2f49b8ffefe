"""Which Chromium is driven, and how somebody is signed in to it."""

import os
import shutil

from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext

from outreach.models import User

CHROMIUM = (
    os.environ.get("CHROMIUM")
    or shutil.which("chromium-headless-shell")
    or shutil.which("chromium")
    or "/usr/bin/chromium"
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # One process draws, and one thread in it: the tests themselves need the other cores.
    "--in-process-gpu",
    "--num-raster-threads=1",
    "--renderer-process-limit=1",
]


def sign_in(context: BrowserContext, url: str, user: User) -> None:
    """Give the browser a session of this person."""
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])
