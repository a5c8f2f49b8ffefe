"""Fill the queue of one peer, or send it: `python -m tests.benchmarks.peers fill mailer 5000`."""

import os
import smtplib
import sys
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate, make_msgid

import django
import psycopg
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.peers.settings")


def fill_post_office(count: int) -> None:
    from post_office import mail

    from tests.benchmarks import letters

    mail.send_many(
        [
            {
                "recipients": [f"p{n}@example.test"],
                "sender": letters.SENDER,
                "subject": letters.subject(n),
                "message": letters.text(n),
                "html_message": letters.html(n),
                "headers": letters.headers(n),
                "priority": "medium",
            }
            for n in range(count)
        ]
    )


def fill_mailer(count: int) -> None:
    from django.core.mail import EmailMultiAlternatives, get_connection

    from tests.benchmarks import letters

    get_connection("mailer.backend.DbBackend").send_messages(
        [
            EmailMultiAlternatives(
                letters.subject(n),
                letters.text(n),
                letters.SENDER,
                [f"p{n}@example.test"],
                headers=letters.headers(n),
                alternatives=[(letters.html(n), "text/html")],
            )
            for n in range(count)
        ]
    )


def fill_floor(count: int) -> None:
    from tests.benchmarks import letters

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
        db.execute(
            "CREATE TABLE outbox (id bigserial PRIMARY KEY, status text NOT NULL, "
            "send_at timestamptz NOT NULL, recipient text, subject text, body text, html text, "
            "message_id text, sent_at timestamptz)"
        )
        db.execute("CREATE INDEX outbox_due ON outbox (send_at) WHERE status = 'queued'")
        with db.cursor().copy(
            "COPY outbox (status, send_at, recipient, subject, body, html) FROM STDIN"
        ) as rows:
            for n in range(count):
                letter = letters.subject(n), letters.text(n), letters.html(n)
                rows.write_row(("queued", "2026-01-01", f"p{n}@example.test", *letter))
        db.execute("ANALYZE outbox")


def send_floor() -> None:
    """Claim a hundred, build, send, mark each: no gate, no limit, no lease, no journal."""
    from tests.benchmarks import letters

    with (
        psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db,
        smtplib.SMTP("127.0.0.1", settings.EMAIL_PORT) as server,
    ):
        while rows := db.execute(
            "UPDATE outbox SET status = 'sending' WHERE id IN (SELECT id FROM outbox "
            "WHERE status = 'queued' AND send_at <= now() ORDER BY send_at LIMIT 100 "
            "FOR UPDATE SKIP LOCKED) RETURNING id, recipient, subject, body, html"
        ).fetchall():
            for pk, recipient, subject, body, html in rows:
                mail = MIMEMultipart("alternative")
                mail["From"], mail["To"], mail["Subject"] = letters.SENDER, recipient, subject
                mail["Date"] = formatdate()
                mail["Message-ID"] = make_msgid(domain="sender.test")
                for name, value in letters.headers(pk).items():
                    mail[name] = value
                mail.attach(MIMEText(body))
                mail.attach(MIMEText(html, "html"))
                server.sendmail("dana@sender.test", [recipient], mail.as_bytes())
                db.execute(
                    "UPDATE outbox SET status = 'sent', sent_at = now(), message_id = %s "
                    "WHERE id = %s",
                    [mail["Message-ID"], pk],
                )


def main() -> None:
    verb, peer, *rest = sys.argv[1:]
    django.setup()
    from django.core.management import call_command

    if verb == "fill":
        call_command("migrate", verbosity=0)
        {"post_office": fill_post_office, "mailer": fill_mailer, "floor": fill_floor}[peer](
            int(rest[0])
        )
    elif peer == "post_office":
        # One process, five threads, a hundred at a time: its defaults.
        call_command("send_queued_mail", verbosity=0)
    elif peer == "mailer":
        call_command("send_mail", verbosity=0)
    else:
        send_floor()


if __name__ == "__main__":
    main()
