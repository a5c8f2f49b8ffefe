"""The product's settings, on PostgreSQL, with the pages that it is compared with."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-benchmarks-" + "0123456789" * 5)
os.environ.setdefault("FIELD_ENCRYPTION_KEYS", "dGVzdHMtb25seS1rZXktMDEyMzQ1Njc4OWFiY2RlZmc=")
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ.setdefault("VAR_DIR", "/tmp/outreach-benchmarks")

from outreach.settings import *

ROOT_URLCONF = "tests.benchmarks.urls"
STORAGES = STORAGES | {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
SECURE_SSL_REDIRECT = False
