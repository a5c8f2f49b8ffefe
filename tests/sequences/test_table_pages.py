"""Paging by key: stable, the same in both directions, and the same at any depth."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from outreach.times import now
from sequences import pages
from sequences.filters import SORTS
from sequences.models import Enrollment
from sequences.pages import Key
from tests.factories import make_enrollment, make_sequence
from tests.sequences.table_page import TABLE, link, make_rows, rows, set_row, text

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
SOME_TIME = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def page(client, alice, workspace):
    client.force_login(alice)
    return client


@pytest.fixture
def three_a_page(monkeypatch):
    monkeypatch.setattr(pages, "SIZE", 3)


@pytest.fixture
def mixed(workspace):
    """Eleven runs: some sent at the same instant, some never."""
    at = now()
    runs = make_rows(workspace, 11, status="active")
    for number, run in enumerate(runs):
        sent = None if number % 3 == 0 else at - timedelta(days=number // 4)
        set_row(run, last_sent_at=sent, created_at=at - timedelta(days=number // 2))
    return runs


def walk(client, url, rel):
    """Follow a pager's links from this page on; returns the rows of every page."""
    found = []
    while url:
        answer = client.get(url)
        found.append(rows(answer))
        url = link(answer, rel)
    return found


@pytest.mark.parametrize("sort", list(SORTS))
def test_walking_forwards_meets_every_row_once_in_order(page, mixed, three_a_page, sort):
    shown = walk(page, f"{TABLE}?sort={sort}", "next")

    field, way = sort.split(":")
    turn = -1 if way == "desc" else 1

    def place(run):
        value = getattr(run, field)
        return (value is None, turn * value.timestamp() if value else 0, turn * run.pk)

    assert [len(part) for part in shown] == [3, 3, 3, 2]
    assert sum(shown, []) == [run.pk for run in sorted(mixed, key=place)]


@pytest.mark.parametrize("sort", list(SORTS))
def test_walking_back_meets_the_same_pages(page, mixed, three_a_page, sort):
    forwards = []
    url = f"{TABLE}?sort={sort}"
    while url:
        answer = page.get(url)
        forwards.append(rows(answer))
        last, url = url, link(answer, "next")

    backwards = walk(page, last, "prev")

    assert backwards == forwards[::-1]


def test_a_page_says_where_it_stands(page, mixed, three_a_page):
    first = page.get(TABLE)
    second = page.get(link(first, "next"))
    third = page.get(link(second, "next"))
    last = page.get(link(third, "next"))
    back = page.get(link(third, "prev"))

    assert "1–3 of 11" in text(first) and "4–6 of 11" in text(second)
    assert "7–9 of 11" in text(third) and "10–11 of 11" in text(last)
    assert "4–6 of 11" in text(back)
    assert not link(first, "prev") and not link(last, "next")
    assert rows(page.get(link(third, "first"))) == rows(first)


def test_rows_that_arrive_above_move_nothing_on_the_next_page(page, workspace, three_a_page):
    sequence = make_sequence(workspace, steps=1)
    at = now()
    runs = make_rows(workspace, 6, sequence=sequence, status="active")
    for number, run in enumerate(runs):
        set_row(run, last_sent_at=at - timedelta(days=number))
    first = page.get(TABLE)
    for run in make_rows(workspace, 2, sequence=sequence, status="active"):
        set_row(run, last_sent_at=at + timedelta(days=1))

    second = page.get(link(first, "next"))

    assert rows(first) == [run.pk for run in runs[:3]]
    assert rows(second) == [run.pk for run in runs[3:]]


def test_the_last_page_counts_from_the_end_when_rows_went_away(page, mixed, three_a_page):
    third = page.get(link(page.get(link(page.get(TABLE), "next")), "next"))
    Enrollment.everywhere.filter(pk=rows(page.get(TABLE))[0]).update(
        status="archived", end_reason="by_hand"
    )

    last = page.get(link(third, "next"))

    assert "9–10 of 10" in text(last)


def test_a_page_whose_rows_are_all_gone_is_the_first_page(page, mixed, three_a_page):
    url = link(page.get(TABLE), "next")
    keep = rows(page.get(TABLE))
    Enrollment.everywhere.exclude(pk__in=keep).update(status="archived", end_reason="by_hand")

    assert rows(page.get(url)) == keep


def test_a_key_of_another_order_means_the_first_page(page, mixed, three_a_page):
    url = link(page.get(f"{TABLE}?sort=created_at:asc"), "next")

    crossed = page.get(url.replace("sort=created_at:asc", "sort=last_sent_at:desc"))

    assert rows(crossed) == rows(page.get(TABLE))


@pytest.mark.parametrize(
    "damaged",
    [
        "x",
        "%%%",
        "é",
        "AAAA",
        Key(None, 5, 3).write(SORTS["created_at:desc"]),
        Key(SOME_TIME, 2**80, 3).write(SORTS["last_sent_at:desc"]),
        Key(SOME_TIME, 5, -1).write(SORTS["last_sent_at:desc"]),
        "a" * 5_000,
    ],
    ids=["x", "signs", "accent", "zeros", "no value", "huge id", "minus", "long"],
)
def test_a_damaged_key_means_the_first_page(page, mixed, three_a_page, damaged):
    for side in ("after", "before"):
        for sort in ("last_sent_at:desc", "created_at:desc"):
            plain = page.get(TABLE, {"sort": sort})
            assert rows(page.get(TABLE, {"sort": sort, side: damaged})) == rows(plain)


def test_a_key_reads_back_what_it_wrote():
    sort = SORTS["last_sent_at:desc"]
    for key in (Key(now(), 42, 100), Key(None, 7, 0)):
        assert Key.read(key.write(sort), sort) == key


def test_another_workspaces_key_shows_only_rows_of_ones_own(page, mixed, carol, three_a_page):
    elsewhere = carol.memberships.get().workspace
    theirs = make_rows(elsewhere, 1, status="active")[0]
    key = Key(None, theirs.pk + 1, 0).write(SORTS["last_sent_at:desc"])

    shown = rows(page.get(TABLE, {"after": key}))

    assert shown and set(shown) <= {run.pk for run in mixed}


def test_a_page_far_down_has_its_own_link_and_reads_no_more_rows(page, workspace, three_a_page):
    """No OFFSET, no NULLS LAST, and one index that serves filter and order alike."""
    run = make_enrollment(workspace)
    make_rows(workspace, 8, status="active")
    key = Key(now(), run.pk, 6_000).write(SORTS["last_sent_at:desc"])

    with connection.execute_wrapper(seen := Statements()):
        answer = page.get(TABLE, {"after": key})

    listing = [sql for sql in seen.found if "last_sent_at" in sql and "ORDER BY" in sql]
    assert listing and not any("OFFSET" in sql or "NULLS" in sql for sql in listing)
    assert all("LIMIT 4" in sql or "LIMIT 1" in sql for sql in listing[:2])
    assert rows(answer)


class Statements:
    """What was asked of the database."""

    def __init__(self):
        self.found = []

    def __call__(self, execute, sql, params, many, context):
        self.found.append(sql)
        return execute(sql, params, many, context)


# News


def updates(client, answer):
    """Ask, as a page does every 20 seconds, what changed of what it shows."""
    content = answer.content.decode()
    asking = content.split('id="updates"')[1].split('hx-get="')[1].split('"')[0]
    seen = [part.split('"')[0] for part in content.split('name="seen" value="')[1:]]
    url = asking.replace("&amp;", "&") + "".join(f"&seen={each}" for each in seen)
    return client.get(url, headers=HTMX)


def test_an_unchanged_page_has_no_news(page, mixed):
    assert updates(page, page.get(TABLE)).content.strip() == b""


def test_changed_new_and_gone_rows_are_news_and_move_nothing(page, workspace, mixed):
    shown = page.get(TABLE)
    first, second, *_ = mixed
    first.pause(by=None)
    second.stop(by=None)
    make_enrollment(workspace)

    said = updates(page, shown)

    assert "3 updates – show" in text(said)
    assert f'href="{TABLE}?status=active&amp;sort=last_sent_at:desc"' in said.content.decode()
    assert rows(said) == []


def test_a_row_that_only_moved_up_into_the_page_is_no_news(page, mixed, three_a_page):
    shown = page.get(TABLE)
    gone = rows(shown)[0]
    Enrollment.everywhere.get(pk=gone).stop(by=None)

    assert "1 update – show" in text(updates(page, shown))


def test_news_are_of_this_page_and_this_workspace(page, mixed, carol, three_a_page):
    second = page.get(link(page.get(TABLE), "next"))
    Enrollment.everywhere.get(pk=rows(page.get(TABLE))[0]).pause(by=None)
    make_enrollment(carol.memberships.get().workspace)

    assert updates(page, second).content.strip() == b""


def test_asking_for_news_signed_out_stops_the_asking(client, db):
    assert client.get("/sequences/updates/").status_code == 286


def test_nonsense_news_are_harmless(page, mixed):
    answer = page.get("/sequences/updates/?seen=x&seen=1.zz&seen=99999999999999999999.1&after=%00")

    assert answer.status_code == 200
