"""The product's settings, with what a test run must not share with a real one."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0123456789" * 5)
os.environ.setdefault("FIELD_ENCRYPTION_KEYS", "dGVzdHMtb25seS1rZXktMDEyMzQ1Njc4OWFiY2RlZmc=")
if "VAR_DIR" not in os.environ:
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="outreach-tests-")
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)
# Not beside the database, whose files come and go while WhiteNoise reads the folder.
os.environ.setdefault("STATIC_ROOT", str(Path(os.environ["VAR_DIR"]) / "static"))
Path(os.environ["STATIC_ROOT"]).mkdir(parents=True, exist_ok=True)
os.environ.setdefault("LOG_LEVEL", "WARNING")
# The servers of the tests are on this machine, also where a database server is named.
os.environ.setdefault("ALLOW_PRIVATE_HOSTS", "true")
# Test runs beside each other know the same mailboxes by other names.
os.environ.setdefault("REDIS_PREFIX", f"test-{os.getpid()}")
# No test asks the world's DNS: nobody answers here, and those that need answers start a server.
os.environ.setdefault("DNS_SERVER", "127.0.0.1:9")

from outreach.settings import *

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file and not memory: threads of a test then lock as those of the product do.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(VAR_DIR) / f"test-{os.getpid()}.sqlite3")}
    # No test cuts the power.
    DATABASES["default"]["OPTIONS"] = DATABASES["default"]["OPTIONS"] | {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;"
    }
else:
    # Nor here: what is committed outlives a killed process all the same.
    DATABASES["default"]["OPTIONS"] = DATABASES["default"].get("OPTIONS", {}) | {
        "options": "-c synchronous_commit=off"
    }

# That is what these two checks are for; processes that a test starts go on without them.
SILENCED_SYSTEM_CHECKS = ["outreach.E001", "outreach.E002"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = STORAGES | {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
ACCOUNT_RATE_LIMITS = False
