"""The Sequences table, whole page, against Django's admin and a bare page on the same rows."""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from io import BytesIO
from statistics import median
from typing import Any

from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sequences.filters import SORTS
from sequences.models import Enrollment
from sequences.pages import SIZE, Key
from tests.benchmarks import seed

SMALL = 10_000
DEEP = 2_000
ROUNDS = 9
TABLE = "/sequences/"
TARGETS = {
    "table_vs_admin": (">=", 15),
    "table_vs_bare": ("<=", 0.7),
    "table_growth": ("<=", 1.2),
    "table_deep": ("<=", 1.5),
    "table_queries": ("<=", 15),
}


@dataclass(frozen=True)
class Place:
    """One seeded database, and who is signed in to it."""

    rows: int
    wrapper: BaseDatabaseWrapper
    cookie: str
    deep: int
    deep_url: str


@dataclass(frozen=True)
class Case:
    """One request to time, and what its answer has to contain to count."""

    name: str
    place: Place
    url: str
    proof: str
    each_round: int
    signed_in: bool = True
    counts_kept: bool = True


def run(rows: int) -> int:
    """Seed, measure and report; the exit code is 1 when a target is missed."""
    say(f"Seeding {rows:,} and {SMALL:,} rows ...")
    with databases(rows, SMALL) as (large, small):
        cases = [
            Case("table", large, TABLE, f"1–{SIZE} of", 12),
            Case("table, counts anew", large, TABLE, f"1–{SIZE} of", 4, counts_kept=False),
            Case("table, deep page", large, large.deep_url, f"{large.deep * SIZE:,} of", 12),
            Case("table, small", small, TABLE, f"1–{SIZE} of", 12),
            Case("Django admin", large, "/plain-admin/sequences/enrollment/", "result_list", 2),
            Case("bare page", large, "/bare/", " rows</p>", 3, signed_in=False),
        ]
        times = measure(cases)
        queries = count_queries(cases[0])
    report(cases, times, queries, large)
    middle = {name: median(taken) for name, taken in times.items()}
    figures = {
        "table_vs_admin": round(middle["Django admin"] / middle["table"], 1),
        "table_vs_bare": round(middle["table"] / middle["bare page"], 2),
        "table_growth": round(middle["table"] / middle["table, small"], 2),
        "table_deep": round(middle["table, deep page"] / middle["table"], 2),
        "table_queries": queries,
    }
    return judge(figures)


def measure(cases: list[Case]) -> dict[str, list[float]]:
    """Time every case in every round, so that other work on the machine hits all alike."""
    handler = WSGIHandler()
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(ROUNDS + 1):
        for case in cases:
            with using(case.place):
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
        environ["HTTP_COOKIE"] = case.place.cookie
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
    with using(case.place), CaptureQueriesContext(case.place.wrapper) as captured:
        ask(WSGIHandler(), case)
    return len(captured)


@contextmanager
def using(place: Place) -> Any:
    """Let every query go to this database, and keep its counts from the others'."""
    before = connections["default"], cache.key_prefix
    connections["default"], cache.key_prefix = place.wrapper, str(place.rows)
    try:
        yield
    finally:
        connections["default"], cache.key_prefix = before


@contextmanager
def databases(*sizes: int) -> Any:
    """Create, seed and in the end drop one database for each size."""
    base = connections["default"]
    names = [f"outreach_bench_{os.getpid()}_{size}" for size in sizes]
    server = base.copy("default")
    server.settings_dict = base.settings_dict | {"NAME": "postgres"}
    places = []
    try:
        for name, size in zip(names, sizes, strict=True):
            with server.cursor() as cursor:
                cursor.execute(f'CREATE DATABASE "{name}"')
            wrapper = base.copy("default")
            wrapper.settings_dict = base.settings_dict | {"NAME": name}
            places.append(prepare(wrapper, size))
        yield places
    finally:
        connections["default"] = base
        for place in places:
            place.wrapper.close()
        for name in names:
            with server.cursor() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.close()


def prepare(wrapper: BaseDatabaseWrapper, rows: int) -> Place:
    """Migrate and fill one database, sign its owner in, and find the deep page's link."""
    connections["default"] = wrapper
    start = time.perf_counter()
    call_command("migrate", verbosity=0)
    owner = seed.fill(rows)
    client = Client()
    client.force_login(owner)
    cookie = SimpleCookie({key: morsel.value for key, morsel in client.cookies.items()})
    say(f"  {rows:,} rows in {time.perf_counter() - start:.0f} s")
    deep = min(DEEP, max(2, rows // 2 // SIZE))
    return Place(rows, wrapper, cookie.output(header="", sep=";").strip(), deep, deep_link(deep))


def deep_link(page: int) -> str:
    """Return the link of a page that nobody wants to click through to."""
    sort = SORTS["last_sent_at:desc"]
    rows = Enrollment.everywhere.filter(workspace=1, last_sent_at__isnull=False)
    listed = sort.order(rows.exclude(chip__in=["archived", "dropped"]))
    behind = (page - 1) * SIZE
    last = listed.values("pk", "last_sent_at")[behind - 1]
    return f"{TABLE}?after={Key(last['last_sent_at'], last['pk'], behind).write(sort)}"


def report(cases: list[Case], times: dict[str, list[float]], queries: int, large: Place) -> None:
    say(f"\nWhole pages through the WSGI handler, {ROUNDS} interleaved rounds, milliseconds:")
    say(f"  {'':<18}{'rows':>12}{'median':>10}{'lowest':>10}{'highest':>10}")
    for case in cases:
        taken = [second * 1000 for second in times[case.name]]
        line = f"{median(taken):>10.1f}{min(taken):>10.1f}{max(taken):>10.1f}"
        say(f"  {case.name:<18}{case.place.rows:>12,}{line}")
    say(f"  The deep page is page {large.deep:,}; the table page makes {queries} queries.\n")


def judge(figures: dict[str, float]) -> int:
    """Print one line of JSON for each figure; returns 1 when one misses its target."""
    missed = 0
    for name, value in figures.items():
        sign, target = TARGETS[name]
        compare: Callable[[float, float], bool] = float.__ge__ if sign == ">=" else float.__le__
        missed |= not compare(float(value), float(target))
        say(json.dumps({"figure": name, "value": value, "target": f"{sign} {target}"}))
    return int(missed)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
