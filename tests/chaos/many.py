"""Too many of everything at once: schedulers, and workers that want the same mails."""

import subprocess
import sys

from django.db import connection

from tests.chaos import machine, provider
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World

# Claims what is due without taking turns with the others, as if every worker drained at once.
CLAIMER = """
import django
django.setup()
from mailboxes.providers import provider_for
from sequences.engine import sending
from sequences.models import Touch
for touch in Touch.objects.filter(status="scheduled").select_related("mailbox").order_by("pk"):
    sending.send_one(touch.pk, provider_for(touch.mailbox))
"""
LIMIT = 40


@experiment("F16", "two beats, then three, over the same workers")
def several_beats(world: World) -> None:
    with provider.smtp(world.journal) as smtp:
        touches = world.mails(world.size(120), smtp)
        with world.at_work(beats=2) as crew:
            world.wait_for(lambda: len(world.journal) >= len(touches) // 2, "half of the mails")
            crew.start("beat", "beat2")
            world.mails(world.size(60), smtp)
            world.settle()
    rows = world.postgres.ask("SELECT name, count(*) FROM outreach_tick GROUP BY 1")
    expect(all(count == 1 for _, count in rows), f"a tick has several rows: {rows}")
    once = {"accepted"}
    outcomes = {row[0] for row in world.postgres.ask("SELECT outcome FROM sequences_attempt")}
    expect(outcomes == once, f"beats got in each other's way: {outcomes}")


@experiment("F17", "2 beats, 8 claimers, one mailbox: 400 due, 40 allowed")
def many_claimers_one_limit(world: World) -> None:
    count = world.size(400, least=120)
    claimers = 8 if world.scale >= 1 else 4
    with provider.smtp(world.journal) as smtp:
        touches = world.mails(count, smtp, mailboxes=1, per_mailbox=LIMIT)
        with world.at_work(workers=1, beats=2):
            connection.close()
            env = {**world.env, **world.clock.environment()}
            words = [sys.executable, "-c", CLAIMER]
            with (world.folder / "claimers.log").open("ab") as log:
                running = [
                    subprocess.Popen(words, cwd=machine.ROOT, env=env, stderr=log)
                    for _ in range(claimers)
                ]
            try:
                with world.clock.flowing(5):
                    world.wait_for(lambda: len(world.journal) >= LIMIT, "the limit")
                    world.wait_for(
                        lambda: all(each.poll() is not None for each in running),
                        "the claimers",
                        seconds=180,
                    )
            finally:
                for each in running:
                    each.kill()
                    each.wait()
            expect(all(not each.returncode for each in running), "a claimer failed; see its log")
            world.wait_for(lambda: not world.states()["sending"], "the last ones")
    world.allowed["scheduled"] = len(touches) - LIMIT
    expect(len(world.journal) == LIMIT, f"{len(world.journal)} left, {LIMIT} were allowed")
