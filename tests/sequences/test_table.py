"""The Sequences table: its columns, chips, order and search, all of it in the URL."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from outreach.models import User
from outreach.times import now
from sequences.engine import counts
from sequences.models import Enrollment, Touch
from tests.factories import make_company, make_contact, make_enrollment, make_sequence
from tests.sequences.table_page import (
    TABLE,
    chips,
    make_rows,
    row_of,
    rows,
    run_in,
    set_row,
    text,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, alice, workspace):
    client.force_login(alice)
    return client


@pytest.fixture
def memo():
    """What was counted in one test must not be remembered in the next."""
    cache.clear()
    yield cache
    cache.clear()


def one_of_each(workspace):
    """One run for every status, in the order of the vocabulary; the last one was dropped."""
    sent = {"last_sent_at": now(), "steps_done": 1}
    return {
        "pending": run_in(workspace),
        "approved": run_in(workspace, status="approved"),
        "active": run_in(workspace, status="active", **sent),
        "paused": run_in(workspace, status="paused", **sent),
        "positive": run_in(workspace, status="replied_positive", **sent),
        "objection": run_in(workspace, status="replied_objection", **sent),
        "complete": run_in(workspace, status="complete", **sent),
        "archived": run_in(workspace, status="archived", end_reason="by_hand"),
        "blocked": run_in(workspace, status="active", blocked_by="unapproved_touch", **sent),
        "failed": run_in(workspace, status="active", blocked_by="failed_touch", **sent),
        "dropped": run_in(workspace, status="pending_approval", dropped_at=now()),
    }


def test_the_table_has_exactly_the_six_columns_in_their_order(page, workspace):
    make_enrollment(workspace)

    head = re.search(r"<thead>.*?</thead>", page.get(TABLE).content.decode(), re.S)[0]
    cells = re.findall(r"<th scope.*?</th>", head, re.S)
    pick, *names = [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]

    assert not pick
    assert names == ["Prospect", "Status", "Progress", "Last sent", "Created", "Action"]
    assert head.count("aria-sort") == 2


def test_the_default_chip_hides_only_archived_and_dropped_runs(page, workspace):
    runs = one_of_each(workspace)

    shown = rows(page.get(TABLE))

    hidden = {runs["archived"].pk, runs["dropped"].pk}
    assert set(shown) == {run.pk for run in runs.values()} - hidden


@pytest.mark.parametrize(
    ("chip", "names"),
    [
        ("pending_approval", {"pending", "blocked"}),
        ("replied", {"positive", "objection"}),
        ("complete", {"complete"}),
        ("archived", {"archived"}),
        ("attention", {"blocked", "failed"}),
    ],
)
def test_a_chip_lists_what_it_names(page, workspace, chip, names):
    runs = one_of_each(workspace)

    assert set(rows(page.get(TABLE, {"status": chip}))) == {runs[name].pk for name in names}


def test_every_chip_counts_the_rows_that_it_yields(page, workspace):
    one_of_each(workspace)

    numbers = chips(page.get(TABLE))

    assert list(numbers) == list(counts.CHIPS)
    for chip, number in numbers.items():
        assert len(rows(page.get(TABLE, {"status": chip}))) == int(number)


@pytest.mark.parametrize("narrowing", ["search", "sequence"])
def test_counts_follow_the_search_and_the_sequence(page, workspace, narrowing):
    runs = one_of_each(workspace)
    one = runs["failed"]
    set_row(one, contact=make_contact(workspace, first_name="Zoë", last_name="Ängström"))
    query = {"q": "zoë ÄNGSTRÖM"} if narrowing == "search" else {"sequence": one.sequence_id}

    answer = page.get(TABLE, query)

    assert rows(answer) == [one.pk]
    assert chips(answer) == {
        "active": "1",
        "pending_approval": "0",
        "replied": "0",
        "complete": "0",
        "archived": "0",
        "attention": "1",
    }


def test_exactly_one_chip_is_current(page, workspace):
    make_enrollment(workspace)

    for query in ({}, {"status": "replied"}, {"status": "nonsense"}):
        nav = re.search(r'<nav class="chips".*?</nav>', page.get(TABLE, query).content.decode())[0]
        assert nav.count('aria-current="true"') == 1


@pytest.mark.parametrize(
    "query",
    [
        "?status=nonsense",
        "?status=",
        "?sort=prospect:desc",
        "?sort=last_sent_at",
        "?sort=last_sent_at:down",
        "?sequence=banana",
        "?sequence=99999999999999999999999",
        "?sequence=%EF%BC%91",
        "?after=banana",
        "?before=%00%FF",
        "?after=bGFzdF9zZW50X2F0OmRlc2Mv",
        "?q=%00",
        "?page=7",
    ],
)
def test_a_mistyped_url_shows_the_default_table(page, workspace, query):
    runs = one_of_each(workspace)

    answer = page.get(TABLE + query)

    assert answer.status_code == 200
    assert set(rows(answer)) == {
        run.pk for name, run in runs.items() if name not in ("archived", "dropped")
    }


def test_the_default_order_is_last_sent_newest_first_with_what_was_never_sent_last(page, workspace):
    at = now()
    never = make_enrollment(workspace)
    older = run_in(workspace, status="active", last_sent_at=at - timedelta(days=2))
    newer = run_in(workspace, status="active", last_sent_at=at - timedelta(days=1))

    answer = page.get(TABLE)

    assert rows(answer) == [newer.pk, older.pk, never.pk]
    assert 'aria-sort="descending"' in answer.content.decode()


def test_nothing_sent_comes_last_in_the_other_direction_too(page, workspace):
    at = now()
    never = make_enrollment(workspace)
    newer = run_in(workspace, status="active", last_sent_at=at - timedelta(days=1))
    older = run_in(workspace, status="active", last_sent_at=at - timedelta(days=2))

    assert rows(page.get(TABLE, {"sort": "last_sent_at:asc"})) == [older.pk, newer.pk, never.pk]


def test_created_sorts_both_ways(page, workspace):
    first, second = make_enrollment(workspace), make_enrollment(workspace)

    assert rows(page.get(TABLE, {"sort": "created_at:asc"})) == [first.pk, second.pk]
    assert rows(page.get(TABLE, {"sort": "created_at:desc"})) == [second.pk, first.pk]


def test_a_second_click_on_a_header_turns_the_order_around(page, workspace):
    make_enrollment(workspace)

    by_default = page.get(TABLE).content.decode()
    turned = page.get(TABLE, {"sort": "last_sent_at:asc"}).content.decode()

    assert "?status=active&amp;sort=last_sent_at:asc" in by_default
    assert "?status=active&amp;sort=created_at:desc" in by_default
    assert "?status=active&amp;sort=last_sent_at:desc" in turned


def test_links_keep_chip_order_search_and_sequence_together(page, workspace):
    run = make_enrollment(workspace)
    query = {
        "status": "pending_approval",
        "sort": "created_at:asc",
        "sequence": run.sequence_id,
        "q": "jordan & co",
    }

    links = re.findall(r'id="chip-replied"|href="([^"]+)"', page.get(TABLE, query).content.decode())

    wanted = f"status=replied&amp;sort=created_at:asc&amp;sequence={run.sequence_id}"
    assert any(wanted in one and "q=jordan+%26+co" in one for one in links)


def test_search_looks_in_name_address_company_and_title(page, workspace):
    company = make_company(workspace, "Straßenbau Köln")
    wanted = make_enrollment(
        workspace,
        contact=make_contact(
            workspace,
            email="mia@koeln.test",
            first_name="Mia",
            last_name="Özil",
            title="Einkäuferin",
            company=company,
        ),
    )
    make_enrollment(workspace)

    for query in ("mia", "ÖZIL", "koeln.test", "strassenbau", "einkäufer", "mia köln"):
        assert rows(page.get(TABLE, {"q": query})) == [wanted.pk], query


def test_percent_and_underscore_are_looked_for_as_they_are(page, workspace):
    make_enrollment(workspace)

    assert rows(page.get(TABLE, {"q": "%"})) == []
    assert rows(page.get(TABLE, {"q": "_"})) == []


def test_a_search_that_finds_very_many_contacts_still_lists_them(page, workspace, monkeypatch):
    monkeypatch.setattr("sequences.filters.FEW", 2)
    runs = make_rows(workspace, 5)

    answer = page.get(TABLE, {"q": "jordan"})

    assert set(rows(answer)) == {run.pk for run in runs}
    assert chips(answer)["active"] == "5"


def test_another_workspaces_rows_and_sequences_are_not_there(page, workspace, carol):
    mine = make_enrollment(workspace)
    elsewhere = carol.memberships.get().workspace
    theirs = make_enrollment(elsewhere)

    answer = page.get(TABLE, {"sequence": theirs.sequence_id})

    assert rows(answer) == [mine.pk]
    assert f'value="{theirs.sequence_id}"' not in answer.content.decode()


def test_a_stranger_sees_an_empty_table_of_their_own(client, carol, workspace):
    make_enrollment(workspace)
    client.force_login(carol)

    assert rows(client.get(TABLE)) == []


def test_the_table_needs_somebody_signed_in(client, db):
    answer = client.get(TABLE)

    assert answer.status_code == 302 and "/accounts/login/" in answer.url


def test_a_post_to_the_table_is_not_allowed(page, workspace):
    assert page.post(TABLE).status_code == 405


# What a row says


def test_a_row_names_company_person_and_title(page, workspace):
    contact = make_contact(
        workspace,
        first_name="Amélie",
        last_name="Laurent",
        title="Head of Revenue",
        company=make_company(workspace, "Harbor & Pine <script>"),
    )
    run = make_enrollment(workspace, contact=contact)

    row = row_of(page, run)

    assert "<strong>Harbor &amp; Pine &lt;script&gt;</strong>" in row
    assert "<span>Amélie Laurent · Head of Revenue</span>" in row


def test_a_deleted_contact_leaves_a_row_that_says_so(page, workspace):
    run = make_enrollment(workspace)
    run.contact.delete()

    assert "Deleted contact" in row_of(page, run)


@pytest.mark.parametrize(
    ("status", "label"),
    [(word, label) for word, label in Enrollment.Status.choices if word != "archived"],
)
def test_a_status_is_a_chip_with_colour_icon_and_word(page, workspace, status, label):
    run = run_in(workspace, status=status)

    row = row_of(page, run)

    chip = re.search(rf'<span class="status" data-status="{status}"><svg.*?</svg>([^<]+)<', row)
    assert chip and chip[1] == label


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"blocked_by": "failed_touch", "blocked_position": 2}, "Step 2 failed"),
        ({"blocked_by": "uncertain_touch", "blocked_position": 1}, "Step 1 uncertain"),
        ({"blocked_by": "unapproved_touch", "blocked_position": 3}, "Step 3 needs approval"),
        ({"blocked_by": "mailbox"}, "Mailbox needs you"),
        ({"status": "paused", "pause_note": "Answered in Win back"}, "Answered in Win back"),
    ],
)
def test_a_badge_says_what_the_status_does_not(page, workspace, values, words):
    run = run_in(workspace, **({"status": "active"} | values))

    assert words in row_of(page, run)


def test_a_pause_says_until_when_on_the_readers_clock(page, workspace, alice):
    User.objects.filter(pk=alice.pk).update(zone="Asia/Tokyo")
    until = datetime(2999, 3, 4, 0, 30, tzinfo=UTC)
    run = run_in(workspace, status="paused", paused_until=until)

    assert "until Mon 4 Mar 2999, 09:30 Tokyo" in row_of(page, run)


def test_times_are_relative_and_whole_in_the_title(page, workspace):
    sent = now() - timedelta(hours=3)
    run = run_in(workspace, status="active", last_sent_at=sent)

    row = row_of(page, run)

    assert re.search(r'<time datetime="20[^"]+" title="[^"]+ UTC">3 h ago</time>', row)


def test_progress_has_a_segment_for_each_step_and_says_it_in_words(page, workspace):
    sequence = make_sequence(workspace, steps=4)
    run = run_in(workspace, sequence, status="active", steps_done=2, blocked_by="failed_touch")
    run.touches.filter(position=2).update(status=Touch.Status.SKIPPED)
    run.touches.filter(position=3).update(status=Touch.Status.FAILED)

    row = row_of(page, run)

    states = re.findall(r'<i class="(\w+)">', row)
    assert states == ["sent", "skipped", "failed", "waiting"]
    assert 'role="img" aria-label="2 of 4 steps done, step 2 skipped, step 3 failed"' in row
    assert "<b>2/4</b>" in row


def test_approve_and_send_stands_only_on_rows_that_wait_for_it(page, workspace):
    runs = one_of_each(workspace)
    drafting = run_in(workspace, drafted_at=None)

    for name, run in (runs | {"drafting": drafting}).items():
        if name in ("archived", "dropped"):
            continue
        offers = "Approve &amp; send" in row_of(page, run)
        assert offers == (name == "pending"), name
    assert "Drafting…" in row_of(page, drafting)


def test_the_approve_button_carries_what_the_page_showed(page, workspace):
    run = make_enrollment(workspace)

    assert f'name="shown" value="{run.approval_token()}"' in row_of(page, run)


def test_a_draft_that_lacks_a_value_offers_to_fill_it_in(page, workspace):
    run = make_enrollment(workspace)
    run.touches.filter(position=2).update(missing=["industry"])

    row = row_of(page, run)

    assert "Step 2 needs industry" in row and "Fill in" in row
    assert "Approve &amp; send" not in row


def test_the_menu_offers_what_the_row_can_do(page, workspace):
    active = row_of(page, run_in(workspace, status="active"))
    paused = row_of(page, run_in(workspace, status="paused"))
    ended = row_of(page, run_in(workspace, status="complete"))
    failed = run_in(workspace, status="active", blocked_by="failed_touch", blocked_position=2)

    assert all(f"{verb}/" in active for verb in ("pause", "stop")) and "resume/" not in active
    assert "resume/" in paused and "pause/" not in paused
    assert not any(f"{verb}/" in ended for verb in ("pause", "resume", "stop", "retry"))
    assert "Retry step 2" in row_of(page, failed)


def test_a_viewer_sees_the_rows_and_none_of_the_verbs(client, bob, workspace):
    runs = one_of_each(workspace)
    client.force_login(bob)

    content = client.get(TABLE).content.decode()

    assert f'id="row-{runs["pending"].pk}"' in content
    for verb in ("approve", "pause", "resume", "stop", "retry"):
        assert f"/{verb}/" not in content
    assert "data-pick" not in content


def test_a_member_may_pause_and_not_approve(client, workspace):
    member = User.objects.create_user("dan@brightline.test", password="dan-password-1")
    member.memberships.create(workspace=workspace, role="member")
    pending, active = make_enrollment(workspace), run_in(workspace, status="active")
    client.force_login(member)

    assert "approve/" not in row_of(client, pending)
    row = row_of(client, active)
    assert "pause/" in row and "stop/" not in row


# Empty tables


def test_a_new_workspace_is_told_how_to_begin(page, workspace):
    said = text(page.get(TABLE))

    assert "No prospects yet" in said and "Import contacts" in said


def test_a_search_without_a_match_names_what_was_looked_for(page, workspace):
    run = make_enrollment(workspace)

    answer = page.get(TABLE, {"q": "Nobody <b>", "sequence": run.sequence_id})

    assert "Nothing matches" in text(answer)
    assert f"“Nobody <b>” and the sequence “{run.sequence.name}”" in text(answer)
    assert "Nobody <b>" not in answer.content.decode()
    assert 'href="/sequences/?status=active&amp;sort=last_sent_at:desc"' in answer.content.decode()


def test_an_empty_queue_is_praised(page, workspace):
    run_in(workspace, status="active")

    assert "All caught up" in text(page.get(TABLE, {"status": "pending_approval"}))


# Parts, titles, announcements


def test_htmx_gets_the_part_with_its_title_and_is_told_what_it_shows(page, workspace):
    make_enrollment(workspace)
    query = {"status": "pending_approval"}

    part = page.get(TABLE, query, headers={"HX-Request": "true"})
    whole = page.get(TABLE, query)

    assert "<!doctype" not in part.content.decode().lower()
    assert "<title>Pending approval (1) - Sequences" in part.content.decode()
    assert 'id="chips"' in part.content.decode() and "hx-swap-oob" in part.content.decode()
    assert "1 prospect, sorted by last sent, newest first" in part["HX-Trigger"]
    assert "HX-Request" in part["Vary"]
    assert "<title>Pending approval (1) - Sequences" in whole.content.decode()


def test_a_page_of_fifty_rows_costs_as_many_queries_as_one_of_one(
    page, workspace, django_assert_max_num_queries
):
    make_rows(workspace, 1, status="pending_approval", drafted_at=now())
    with django_assert_max_num_queries(15) as few:
        page.get(TABLE)
    make_rows(workspace, 60, status="pending_approval", drafted_at=now())
    with django_assert_max_num_queries(15) as many:
        answer = page.get(TABLE)

    assert len(rows(answer)) == 50
    assert answer.content.decode().count('name="shown"') == 50
    assert len(many) == len(few)


# Counting


def test_counts_are_exact_up_to_the_limit_and_say_plus_beyond(page, workspace, memo, monkeypatch):
    monkeypatch.setattr(counts, "LIMIT", 3)
    monkeypatch.setattr(counts, "PLENTY", 6)
    make_rows(workspace, 3, status="complete")
    make_rows(workspace, 4, status="approved")

    answer = page.get(TABLE)

    assert chips(answer)["complete"] == "3"
    assert chips(answer)["active"] == "3+"
    assert "1–7 of 7" in text(answer)


def test_a_chip_with_plenty_of_rows_is_not_counted_again_for_a_while(workspace, memo, monkeypatch):
    monkeypatch.setattr(counts, "LIMIT", 2)
    monkeypatch.setattr(counts, "PLENTY", 4)
    make_rows(workspace, 5, status="complete")
    first = counts.chips(workspace)
    Enrollment.everywhere.filter(workspace=workspace).update(status="approved")

    again = counts.chips(workspace)

    assert first["complete"] > 2 and again["complete"] > 2
    assert again["replied"] == 0


def test_the_review_count_leaves_out_what_is_still_being_drafted(workspace):
    make_enrollment(workspace)
    run_in(workspace, drafted_at=None)

    assert counts.review(workspace) == 1


# The drawer in the URL


def test_the_open_drawer_is_in_the_url(page, workspace):
    run = make_enrollment(workspace)

    answer = page.get(TABLE, {"open": run.pk})

    assert answer.status_code == 200 and 'id="drawer-title"' in answer.content.decode()


@pytest.mark.parametrize("wanted", ["999999", "banana", "theirs"])
def test_a_drawer_that_is_not_here_says_so_over_the_table(page, workspace, carol, wanted):
    make_enrollment(workspace)
    theirs = make_enrollment(carol.memberships.get().workspace)

    answer = page.get(TABLE, {"open": theirs.pk if wanted == "theirs" else wanted})

    assert answer.status_code == 404 and "This prospect is not here" in text(answer)
    assert len(rows(answer)) == 1


def test_who_may_only_read_is_offered_nothing_to_make(client, bob):
    client.force_login(bob)

    said = text(client.get(TABLE))

    assert "No prospects yet" in said
    assert "Import contacts" not in said and "New sequence" not in said
