"""PostgreSQL crashes, restarts and cuts connections while mails leave and people click."""

import time
from collections.abc import Collection

from django.db import connection

from sequences.models import Enrollment
from tests.chaos import provider
from tests.chaos.browser import Browser
from tests.chaos.experiment import expect, experiment
from tests.chaos.world import World
from tests.factories import make_enrollment, make_mailbox, make_sequence

CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND application_name = 'outreach' ORDER BY random() LIMIT 3"""
ANSWERS_AGAIN = 10
PAGES = ("/healthz", "/sequences/")


def waiting_runs(world: World, count: int, through: provider.Provider) -> list[tuple[int, str]]:
    """Have runs that wait for approval; returns their ids and what their pages showed."""
    mailbox = make_mailbox(world.workspace, daily_limit=10_000, **through.mailbox())
    sequence = make_sequence(world.workspace, steps=1, mailbox=mailbox, name="To be approved")
    runs = [make_enrollment(sequence=sequence) for _ in range(count)]
    return [(run.pk, run.approval_token()) for run in runs]


@experiment("F11", "PostgreSQL crashes while mails leave and people approve")
def database_crashes(world: World) -> None:
    with provider.smtp(world.journal) as smtp:
        world.mails(world.size(120), smtp)
        waiting = waiting_runs(world, world.size(24), smtp)
        browser = Browser(world.alice, int(world.env["PORT"]))
        world.crew.start("web")
        approved: list[int] = []
        with world.at_work():
            world.wait_for(lambda: len(world.journal) > 5, "the first mails")
            world.wait_for(lambda: browser.get("/healthz"), "the web process")
            crashes = world.size(3)
            for number in range(crashes):
                for run_id, shown in waiting[number::crashes]:
                    if browser.approve(run_id, shown):
                        approved.append(run_id)
                world.postgres.stop("immediate")
                world.servers_killed += 1
                time.sleep(world.luck.uniform(0.2, 1.5))
                world.postgres.start()
                time.sleep(1)
            connection.close()
            expect(approved, "no approval was answered")
            nothing_unapproved(approved)
            world.settle()
    world.note = f"{len(approved)} answered approvals, all of them there"


def nothing_unapproved(answered: Collection[int]) -> None:
    """Who was told that a run is approved finds it so."""
    pending = Enrollment.everywhere.filter(status="pending_approval", pk__in=answered)
    forgotten = sorted(pending.values_list("pk", flat=True))
    connection.close()
    expect(not forgotten, f"approvals were answered and lost: {forgotten}")


@experiment("F12", "PostgreSQL restarts and connections are cut at random")
def connections_are_cut(world: World) -> None:
    with provider.smtp(world.journal) as smtp:
        world.mails(world.size(150), smtp)
        browser = Browser(world.alice, int(world.env["PORT"]))
        world.crew.start("web")
        with world.at_work():
            world.wait_for(lambda: len(world.journal) > 5, "the first mails")
            world.wait_for(lambda: browser.get("/healthz"), "the web process")
            cut, slowest = 0, 0.0
            for _ in range(world.size(12)):
                cut += len(world.postgres.ask(CUT))
                slowest = max(slowest, until_answers(world, browser))
            for _ in range(world.size(2)):
                world.postgres.stop("fast")
                world.servers_killed += 1
                world.postgres.start()
                slowest = max(slowest, until_answers(world, browser))
            world.settle()
    expect(cut, "no connection was there to be cut")
    world.note = f"{cut} connections cut, pages answered again after {slowest:.1f} s at most"


def until_answers(world: World, browser: Browser) -> float:
    """Return how long it took until every page answered as usual, several times in a row."""
    began = time.monotonic()
    world.wait_for(
        lambda: all(browser.get(page) == 200 for page in PAGES * 2), "pages", seconds=ANSWERS_AGAIN
    )
    return time.monotonic() - began
