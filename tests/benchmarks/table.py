"""The Sequences table, whole page, against Django's admin and a bare page on the same rows."""

import sys
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from io import BytesIO
from statistics import median
from typing import Any

from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sequences.filters import SORTS
from sequences.models import Enrollment
from sequences.pages import SIZE, Key
from tests.benchmarks import seed
from tests.benchmarks.databases import Database, seeded
from tests.benchmarks.report import Targets, judge, say

SMALL = 10_000
DEEP = 2_000
ROUNDS = 9
TABLE = "/sequences/"
TARGETS: Targets = {
    "table_vs_admin": (">=", 15),
    "table_vs_bare": ("<=", 0.7),
    "table_growth": ("<=", 1.2),
    "table_deep": ("<=", 1.5),
    "table_queries": ("<=", 15),
}


@dataclass(frozen=True)
class Place:
    """Who is signed in to a database, and its deep page."""

    cookie: str
    deep: int
    deep_url: str


@dataclass(frozen=True)
class Case:
    """One request to time, and what its answer has to contain to count."""

    name: str
    database: Database[Place]
    url: str
    proof: str
    each_round: int
    signed_in: bool = True
    counts_kept: bool = True


def run(rows: int) -> int:
    """Seed, measure and report; the exit code is 1 when a target is missed."""
    say(f"Seeding {rows:,} and {SMALL:,} rows ...")
    with seeded([rows, SMALL], prepare) as (large, small):
        deep = large.found
        cases = [
            Case("table", large, TABLE, f"1–{SIZE} of", 12),
            Case("table, counts anew", large, TABLE, f"1–{SIZE} of", 4, counts_kept=False),
            Case("table, deep page", large, deep.deep_url, f"{deep.deep * SIZE:,} of", 12),
            Case("table, small", small, TABLE, f"1–{SIZE} of", 12),
            Case("Django admin", large, "/plain-admin/sequences/enrollment/", "result_list", 2),
            Case("bare page", large, "/bare/", " rows</p>", 3, signed_in=False),
        ]
        times = measure(cases)
        queries = count_queries(cases[0])
    report(cases, times, queries, deep.deep)
    middle = {name: median(taken) for name, taken in times.items()}
    figures = {
        "table_vs_admin": round(middle["Django admin"] / middle["table"], 1),
        "table_vs_bare": round(middle["table"] / middle["bare page"], 2),
        "table_growth": round(middle["table"] / middle["table, small"], 2),
        "table_deep": round(middle["table, deep page"] / middle["table"], 2),
        "table_queries": queries,
    }
    return judge(figures, TARGETS)


def measure(cases: list[Case]) -> dict[str, list[float]]:
    """Time every case in every round, so that other work on the machine hits all alike."""
    handler = WSGIHandler()
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(ROUNDS + 1):
        for case in cases:
            with case.database.used():
                for _ in range(case.each_round):
                    taken = ask(handler, case)
                    # The first round only warms up.
                    if number:
                        times[case.name].append(taken)
    return times


def ask(handler: WSGIHandler, case: Case) -> float:
    """Make one request as a server would; returns its seconds."""
    if not case.counts_kept:
        cache.clear()
    path, _, query = case.url.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "SCRIPT_NAME": "",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
    }
    if case.signed_in:
        environ["HTTP_COOKIE"] = case.database.found.cookie
    status: list[str] = []
    start = time.perf_counter()
    response = handler(environ, lambda line, headers: status.append(line))
    body = b"".join(response)
    response.close()
    taken = time.perf_counter() - start
    text = body.decode()
    if not status[0].startswith("200") or case.proof not in text or text.count("<tr") < SIZE:
        raise RuntimeError(f"{case.name}: {status[0]}, and not the {SIZE} rows that were asked for")
    return taken


def count_queries(case: Case) -> int:
    with case.database.used(), CaptureQueriesContext(case.database.wrapper) as captured:
        ask(WSGIHandler(), case)
    return len(captured)


def prepare(rows: int) -> Place:
    """Fill one database, sign its owner in, and find the deep page's link."""
    owner = seed.fill(rows)
    client = Client()
    client.force_login(owner)
    cookie = SimpleCookie({key: morsel.value for key, morsel in client.cookies.items()})
    deep = min(DEEP, max(2, rows // 2 // SIZE))
    return Place(cookie.output(header="", sep=";").strip(), deep, deep_link(deep))


def deep_link(page: int) -> str:
    """Return the link of a page that nobody wants to click through to."""
    sort = SORTS["last_sent_at:desc"]
    rows = Enrollment.everywhere.filter(workspace=1, last_sent_at__isnull=False)
    listed = sort.order(rows.exclude(chip__in=["archived", "dropped"]))
    behind = (page - 1) * SIZE
    last = listed.values("pk", "last_sent_at")[behind - 1]
    return f"{TABLE}?after={Key(last['last_sent_at'], last['pk'], behind).write(sort)}"


def report(cases: list[Case], times: dict[str, list[float]], queries: int, deep: int) -> None:
    say(f"\nWhole pages through the WSGI handler, {ROUNDS} interleaved rounds, milliseconds:")
    say(f"  {'':<18}{'rows':>12}{'median':>10}{'lowest':>10}{'highest':>10}")
    for case in cases:
        taken = [second * 1000 for second in times[case.name]]
        line = f"{median(taken):>10.1f}{min(taken):>10.1f}{max(taken):>10.1f}"
        say(f"  {case.name:<18}{case.database.size:>12,}{line}")
    say(f"  The deep page is page {deep:,}; the table page makes {queries} queries.\n")
