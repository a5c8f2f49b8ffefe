"""What the scheduler costs while nothing is due: its send tick beside a million waiting mails."""

import time
from statistics import median

from django.conf import settings
from django.db import connection

from outreach.times import now
from sequences.engine import draining
from sequences.models import Contact, Enrollment, Sequence, Touch
from tests.benchmarks import seed
from tests.benchmarks.databases import seeded
from tests.benchmarks.report import Targets, judge, say

SMALL = 10_000
ROUNDS, TICKS = 9, 20
TARGETS: Targets = {"tick_ms": ("<=", 5), "tick_growth": ("<=", 1.2)}


def run(rows: int) -> int:
    """Seed, measure and report; the exit code is 1 when a target is missed."""
    say(f"Seeding {rows:,} and {SMALL:,} waiting mails ...")
    # The tick of a deployment: it finds the mailboxes and wakes the workers, and there are none.
    settings.REDIS_URL = settings.REDIS_URL or "redis://127.0.0.1:6379/15"
    times: dict[int, list[float]] = {rows: [], SMALL: []}
    with seeded([rows, SMALL], waiting) as databases:
        for number in range(ROUNDS + 1):
            for each in databases:
                with each.used():
                    begin = time.perf_counter()
                    found = sum(draining.tick() for _ in range(TICKS))
                    taken = (time.perf_counter() - begin) / TICKS * 1000
                    due = draining.mailboxes_with_work(now())
                if found or due:
                    raise RuntimeError("Something was due, and nothing should have been.")
                # The first round only warms up.
                if number:
                    times[each.size].append(taken)
    large, small = median(times[rows]), median(times[SMALL])
    noise = ", ".join(f"{min(t):.2f}-{max(t):.2f} ms at {size:,}" for size, t in times.items())
    figures = {"tick_ms": round(large, 2), "tick_growth": round(large / small, 2)}
    return judge(figures, TARGETS, tick_ms=noise)


def waiting(rows: int) -> None:
    """Fill a database with approved mails whose time has not come."""
    from tests import factories

    workspace = factories.make_workspace(name="Benchmark")
    mailboxes = [factories.make_mailbox(workspace, daily_limit=10_000) for _ in range(20)]
    for number, mailbox in enumerate(mailboxes * 5):
        factories.make_sequence(workspace, name=f"Sequence {number}", mailbox=mailbox)
    assert Sequence.everywhere.count() == len(mailboxes) * 5
    with seed.fast():
        seed.insert(Contact, rows, email="'p' || i || '@company.test'")
        seed.insert(
            Enrollment,
            rows,
            sequence_id="1 + i % 100",
            contact_id="i",
            mailbox_id="1 + i % 20",
            status="'approved'",
            steps_total="2",
        )
        seed.insert(
            Touch,
            rows,
            enrollment_id="i",
            position="1",
            mailbox_id="1 + i % 20",
            status="'scheduled'",
            subject="'A question for ' || i",
            body="repeat('Hello, this is a mail of some length. ', 6)",
            approved_at="now()",
            approved_hash="md5(i::text)",
            due_at="now() + make_interval(secs => 86400 + i % 2592000)",
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
