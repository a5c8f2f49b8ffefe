"""A real IMAP server for tests: Dovecot with mails in a folder of its own, on a loopback port.

`python -m tests.fakes.dovecot --port 8143` runs it, to look into with a mail program.
"""

import argparse
import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from imap_tools import MailBoxUnencrypted

PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MISSING = "needs Dovecot, a real IMAP server (apt-get install dovecot-imapd)"
PASSWORD = "only-for-tests"
STARTS_WITHIN = 10

CONFIG = """
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
protocols = imap
listen = 127.0.0.1
{tls}
disable_plaintext_auth = no
mail_location = maildir:{place}/mail/%u
maildir_stat_dirs = yes
first_valid_uid = 1
default_internal_user = {internal}
default_login_user = {login}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={place}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    special_use = \\Junk
    auto = create
  }}
  mailbox "Gesendete Elemente" {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Drafts {{
    special_use = \\Drafts
    auto = create
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running server; every user name has a mailbox of its own, with the same password."""

    host: str
    port: int
    place: Path
    tls_port: int = 0

    @contextmanager
    def open(self, user: str, folder: str = "INBOX") -> Iterator[MailBoxUnencrypted]:
        """Sign in as the user's own mail program does."""
        with MailBoxUnencrypted(self.host, self.port, timeout=10) as box:
            box.login(user, PASSWORD, initial_folder=folder)
            yield box

    def put(self, user: str, raw: bytes, folder: str = "INBOX", at: datetime | None = None) -> None:
        """Let a mail lie in a folder, as if it had come in at that moment."""
        with self.open(user) as box:
            box.append(raw, folder, dt=at or datetime.now(UTC))

    def unread(self, user: str, folder: str = "INBOX") -> int:
        """Count the mails that nobody has read."""
        with self.open(user, folder) as box:
            return len(box.uids("UNSEEN"))

    def count(self, user: str, folder: str = "INBOX") -> int:
        with self.open(user, folder) as box:
            return len(box.uids("ALL"))

    def number_anew(self, user: str) -> None:
        """Lose the numbers of the inbox's mails, as a server does that was moved elsewhere."""
        for name in (
            "dovecot-uidlist",
            "dovecot.index",
            "dovecot.index.log",
            "dovecot.index.cache",
        ):
            (self.place / "mail" / user / name).unlink(missing_ok=True)
        # The new one is made of the time in seconds.
        time.sleep(1.1)


@contextmanager
def running_dovecot(port: int = 0, certificate: Path | None = None) -> Iterator[Dovecot]:
    """Run a server of one's own; its mails are gone when it ends.

    With a certificate it offers STARTTLS, and TLS from the first byte on a second port.
    """
    if PROGRAM is None:
        raise RuntimeError(MISSING)
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="dovecot-") as name:
        place = Path(name)
        config = place / "dovecot.conf"
        tls_port = free_port() if certificate else 0
        tls = f"ssl = yes\nssl_cert = <{certificate}\nssl_key = <{certificate}"
        config.write_text(
            CONFIG.format(
                place=place,
                port=port,
                tls_port=tls_port,
                tls=tls if certificate else "ssl = no",
                password=PASSWORD,
                **whose(place),
            )
        )
        command = [PROGRAM, "-F", "-c", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_it_answers(process, port, place / "log")
            yield Dovecot("127.0.0.1", port, place, tls_port)
        finally:
            process.terminate()
            process.wait(10)


def whose(place: Path) -> dict[str, str]:
    """Name the users it runs as: those of its package, or one's own where one is not root."""
    for part in ("run", "state", "mail"):
        (place / part).mkdir()
    if os.geteuid() == 0:
        place.chmod(0o755)
        shutil.chown(place / "mail", "mail", "mail")
        names = {"internal": "dovecot", "login": "dovenull", "owner": "mail", "group": "mail"}
    else:
        me = getpass.getuser()
        names = {"internal": me, "login": me, "owner": str(os.getuid()), "group": str(os.getgid())}
    return names


def wait_until_it_answers(process: subprocess.Popen, port: int, log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                if connection.recv(4) == b"* OK":
                    return
        except OSError:
            time.sleep(0.05)
    said = log.read_text() if log.exists() else ""
    raise RuntimeError(f"Dovecot does not answer on port {port}. {said[-2000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8143)
    chosen = parser.parse_args()
    with running_dovecot(chosen.port) as server:
        sys.stdout.write(f"IMAP at {server.host}:{server.port}, any name, {PASSWORD}. Ctrl+C.\n")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
