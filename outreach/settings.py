"""Every setting, all of it from the environment; docs/settings.md lists the names."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environ import Env

from outreach import env, logs

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))

# Where the product listens and is found

DEBUG = env.flag("DEBUG", default=False)
HOST = env.text("HOST", "127.0.0.1")
PORT = env.whole("PORT", 8000, low=1, high=65535)
EVERY_ADDRESS = HOST in ("0.0.0.0", "::")
BASE_URL = env.address(
    "BASE_URL",
    f"http://{'127.0.0.1' if EVERY_ADDRESS else f'[{HOST}]' if ':' in HOST else HOST}:{PORT}",
    schemes=("http", "https"),
)
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]", urlsplit(BASE_URL).hostname or "")
)
HTTPS = env.flag("HTTPS", default=BASE_URL.startswith("https://"))
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", (BASE_URL,))

# Databases: SQLite in var/ until DATABASE_URL names a PostgreSQL

DATABASE_URL_GIVEN = env.given("DATABASE_URL")
# Off behind a pooler that hands each transaction another connection and keeps no statements.
DATABASE_KEEPS_PLANS = env.flag("DATABASE_KEEPS_PLANS", default=True)
SQLITE = {
    "CONN_MAX_AGE": 60,
    "OPTIONS": {
        # Writers wait for each other at BEGIN; a transaction that upgrades from reading to
        # writing later would fail with "database is locked" whatever the timeout.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # NORMAL loses commits at a power cut, and a lost wire mark is a mail sent twice.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            "PRAGMA cache_size=-16000;"
        ),
    },
}
POSTGRESQL = {
    # Connections stay open between requests and ticks. No pool: a pool that a Celery worker
    # forks is shared by its children.
    "CONN_MAX_AGE": 60,
    "CONN_HEALTH_CHECKS": True,
}


def database(url: str) -> dict[str, Any]:
    found = Env.db_url_config(url)
    if found["ENGINE"] == "django.db.backends.sqlite3":
        return SQLITE | {"ENGINE": found["ENGINE"], "NAME": found["NAME"]}
    if found["ENGINE"] == "django.db.backends.postgresql":
        options = {"connect_timeout": 10, "application_name": "outreach"}
        return found | POSTGRESQL | {"OPTIONS": options | found.get("OPTIONS", {})}
    raise ValueError("neither SQLite nor PostgreSQL")


if DATABASE_URL_GIVEN:
    DATABASES = {
        "default": env.parsed(
            "DATABASE_URL",
            database,
            allowed="postgresql://user:password@host:5432/name or sqlite:////path/to/file",
        )
    }
else:
    VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    DATABASES = {"default": database(f"sqlite:///{VAR_DIR / 'outreach.sqlite3'}")}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Secrets: given, or (for a local run only) made once and kept in var/

LOCAL = DEBUG or DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"

# Whether mail servers on this machine or its private network may be connected to (SSRF).
ALLOW_PRIVATE_HOSTS = env.flag("ALLOW_PRIVATE_HOSTS", default=LOCAL)

# Which DNS server is asked about senders' domains, as host:port; none: this machine's own
DNS_SERVER = (
    env.parsed("DNS_SERVER", env.host_and_port, "an IP address and a port, as 192.0.2.53:53")
    if env.given("DNS_SERVER")
    else ""
)

# A model that is asked about replies of which the rules are unsure

CHAT_BASE_URL = (
    env.address("CHAT_BASE_URL", "", schemes=("https", "http"))
    if env.given("CHAT_BASE_URL")
    else ""
)
CHAT_API_KEY = env.text("CHAT_API_KEY", "")
CHAT_MODEL = env.text("CHAT_MODEL", "")
CHAT_TIMEOUT = env.whole("CHAT_TIMEOUT", 10, low=1, high=60)


# Sending accounts at Google and Microsoft: how this installation introduces itself to them
# (docs/connect-google.md, docs/connect-microsoft.md), and where they are found

GOOGLE_CLIENT_ID = env.text("GOOGLE_CLIENT_ID", "")
GOOGLE_CLIENT_SECRET = env.text("GOOGLE_CLIENT_SECRET", "")
MICROSOFT_CLIENT_ID = env.text("MICROSOFT_CLIENT_ID", "")
MICROSOFT_CLIENT_SECRET = env.text("MICROSOFT_CLIENT_SECRET", "")
MICROSOFT_TENANT = env.text("MICROSOFT_TENANT", "common")
# Tokens go to these addresses: in the clear only where hosts of this machine may be used.
FAR_SIDE = ("https", "http") if ALLOW_PRIVATE_HOSTS else ("https",)
GMAIL_URL = env.address("GMAIL_URL", "https://gmail.googleapis.com", FAR_SIDE)
GOOGLE_ACCOUNTS_URL = env.address("GOOGLE_ACCOUNTS_URL", "https://accounts.google.com", FAR_SIDE)
GOOGLE_TOKEN_URL = env.address("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com", FAR_SIDE)
GRAPH_URL = env.address("GRAPH_URL", "https://graph.microsoft.com/v1.0", FAR_SIDE)
MICROSOFT_LOGIN_URL = env.address(
    "MICROSOFT_LOGIN_URL", "https://login.microsoftonline.com", FAR_SIDE
)

# Being told by them that something came in, on top of asking now and then (mailboxes/pushing.py)

GOOGLE_PUSH_TOPIC = env.text("GOOGLE_PUSH_TOPIC", "")
GOOGLE_PUSH_ACCOUNT = env.text("GOOGLE_PUSH_ACCOUNT", "")
# Empty: the address that Google pushes to, which is what it signs for unless told otherwise.
GOOGLE_PUSH_AUDIENCE = env.text("GOOGLE_PUSH_AUDIENCE", "")
GOOGLE_CERTS_URL = env.address(
    "GOOGLE_CERTS_URL", "https://www.googleapis.com/oauth2/v1/certs", FAR_SIDE
)
MICROSOFT_PUSH = env.flag("MICROSOFT_PUSH", default=False)


def secret(name: str, make: Any) -> str:
    if env.given(name) or not LOCAL:
        return env.text(name)
    return env.kept(VAR_DIR / name.lower().replace("_", "-"), make)


SECRET_KEY = secret("SECRET_KEY", lambda: secrets.token_urlsafe(50))
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
# The first key encrypts; all of them decrypt, so that keys can be changed one after the other.
FIELD_ENCRYPTION_KEYS = [
    key.strip()
    for key in secret("FIELD_ENCRYPTION_KEYS", lambda: Fernet.generate_key().decode()).split(",")
]
for key in FIELD_ENCRYPTION_KEYS:
    try:
        Fernet(key)
    except ValueError:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS: use one or more Fernet keys (32 bytes as urlsafe base64), "
            "separated by commas."
        ) from None

# What tells this installation from a copy of it (outreach/guards.py): INSTANCE_ID, else the
# public host where a database server is used, else an id kept in VAR_DIR

INSTANCE_ID = env.text("INSTANCE_ID", "")
if len(INSTANCE_ID) > 200:
    raise ImproperlyConfigured("INSTANCE_ID: use at most 200 characters.")
PUBLIC_HOST = (urlsplit(BASE_URL).hostname or "") if env.given("BASE_URL") and not LOCAL else ""

# Celery: only with REDIS_URL; without it `manage.py clock` does the same work

REDIS_URL = (
    env.address("REDIS_URL", "", schemes=("redis", "rediss")) if env.given("REDIS_URL") else ""
)
REDIS_PREFIX = env.text("REDIS_PREFIX", "outreach")

# How many of each process

WEB_WORKERS = env.whole("WEB_WORKERS", 2, low=1, high=64)
WEB_THREADS = env.whole("WEB_THREADS", 8, low=1, high=256)
WORKER_CONCURRENCY = env.whole("WORKER_CONCURRENCY", 200, low=2, high=1000)

# The application

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "django_htmx",
    "django_filters",
    "csp",
    "outreach",
    "mailboxes",
    "sequences",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "outreach.uploads.SizeMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "outreach.requests.WorkspaceMiddleware",
    "outreach.toasts.ToastMiddleware",
    "outreach.htmx.SignInMiddleware",
    "outreach.localtime.ZoneMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "outreach.context.shell",
            ],
        },
    }
]

# Numbers that the frame shows; the ground knows no other app, so they are named by dotted string.
SHELL_COUNTS: dict[str, str] = {
    "review": "sequences.engine.counts.review",
    "inbox": "sequences.engine.counts.inbox",
    "mailboxes": "mailboxes.counts.in_need",
}

# What a page says before a stopped workspace is resumed: how much is overdue and when it leaves.
RESUME_PREVIEW = "sequences.engine.resuming.preview"

# Why a workspace cannot do without its postal address, as a sentence; empty where it can.
POSTAL_ADDRESS_NEEDED = "sequences.engine.postal.why_needed"

ROOT_URLCONF = "outreach.urls"
WSGI_APPLICATION = "outreach.wsgi.application"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# A selection of rows comes as one field a row.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# Files of the page

STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "outreach.styles.OneSheet"
    },
}
MEDIA_ROOT = VAR_DIR / "files"

# People: the e-mail address is the name

AUTH_USER_MODEL = "outreach.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {"user_attributes": ("email", "name")}),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
# Whom `manage.py demo` makes, and where it keeps the password it made up.
DEMO_EMAIL = "demo@outreach.test"
DEMO_PASSWORD_FILE = VAR_DIR / "demo-password"
SIGN_UP_OPEN = env.flag("SIGN_UP_OPEN", default=True)

ACCOUNT_ADAPTER = "outreach.accounts.AccountAdapter"
ACCOUNT_FORMS = {"signup": "outreach.accounts.SignUpForm"}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
# Nobody could confirm an address while mail only reaches the console.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if env.given("EMAIL_URL") else "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
# How many proxies stand in front: the client's address is read that far from the right of
# X-Forwarded-For, so that nobody can talk the sign-in limits away with a header.
ALLAUTH_TRUSTED_PROXY_COUNT = env.whole("TRUSTED_PROXIES", 0, low=0, high=10)

# Mail about accounts (sign-up, forgotten password); sequences use the workspace's mailboxes

EMAIL = (
    env.parsed("EMAIL_URL", Env.email_url_config, allowed="smtp+tls://user:password@host:587")
    if env.given("EMAIL_URL")
    else {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
)
EMAIL_BACKEND = EMAIL["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = EMAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = EMAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = EMAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = EMAIL.get("EMAIL_FILE_PATH") or None
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text(
    "DEFAULT_FROM_EMAIL", f"outreach@{urlsplit(BASE_URL).hostname or 'localhost'}"
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# Counters of the sign-in limits; shared by several web processes when CACHE_URL names a Redis

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.address("CACHE_URL", "", schemes=("redis", "rediss")),
        "KEY_PREFIX": f"{REDIS_PREFIX}:cache",
    }
    if env.given("CACHE_URL")
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# What a browser may do

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_SSL_REDIRECT = HTTPS and env.flag("SSL_REDIRECT", default=True)
# Probes ask over plain HTTP, inside the network.
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = env.whole("HSTS_SECONDS", 31_536_000, low=0, high=63_072_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS and env.flag("HSTS_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = HTTPS and env.flag("HSTS_PRELOAD", default=True)
# Only behind a proxy that always sets the header itself: otherwise anyone could claim HTTPS.
if env.flag("PROXY_SETS_X_FORWARDED_PROTO", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 60 * 60

LOGGING = logs.configure(
    as_json=env.flag("LOG_JSON", default=False),
    level=env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
)
