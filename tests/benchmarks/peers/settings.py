"""The least that django-post-office and django-mailer need, at their defaults."""

import os

from django.core.exceptions import ImproperlyConfigured
from environ import Env

SECRET_KEY = "only-for-benchmarks"
INSTALLED_APPS = ["django.contrib.contenttypes", "post_office", "mailer"]
DATABASES = {"default": Env.db_url_config(os.environ["DATABASE_URL"])}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("Set DATABASE_URL to a PostgreSQL; SQLite is not measured.")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ["SINK_PORT"])
DEFAULT_FROM_EMAIL = "dana@sender.test"
# Both are told to send to the server itself; whoever puts mail into line names the line.
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
MAILER_EMAIL_BACKEND = EMAIL_BACKEND
# Its default keeps a share of the mails for later, which would not be measured then.
MAILER_EMAIL_MAX_BATCH = None
LOGGING_CONFIG = None
