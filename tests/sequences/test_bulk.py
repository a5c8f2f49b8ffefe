"""Verbs for a selection: everything is read first, every item is answered for."""

import re
from html import unescape

import pytest

from outreach.times import now
from sequences.models import Enrollment
from sequences.views import bulk
from tests.factories import make_contact, make_enrollment, make_sequence, make_user
from tests.sequences.table_page import TABLE, run_in, text

pytestmark = pytest.mark.django_db(transaction=True)
PATHS = ["approve", "pause", "resume", "stop", "undo"]


@pytest.fixture
def page(client, alice, workspace):
    client.force_login(alice)
    return client


def post(client, verb, runs=(), **values):
    return client.post(f"/enrollments/{verb}/", {"ids": [run.pk for run in runs]} | values)


def ticks(answer):
    """Return what the ticked boxes of the reading page would send."""
    return re.findall(r'name="approve" value="([^"]+)" checked', answer.content.decode())


def statuses(*runs):
    return [Enrollment.everywhere.get(pk=run.pk).status for run in runs]


@pytest.mark.parametrize("verb", PATHS)
def test_a_viewer_may_not(client, bob, workspace, verb):
    run = make_enrollment(workspace)
    client.force_login(bob)

    assert post(client, verb, [run], go="1").status_code == 403


@pytest.mark.parametrize("verb", ["approve", "stop", "undo"])
def test_a_member_may_neither_approve_nor_stop(client, workspace, verb):
    member = make_user()
    member.memberships.create(workspace=workspace, role="member")
    client.force_login(member)

    assert post(client, verb, [make_enrollment(workspace)], go="1").status_code == 403


@pytest.mark.parametrize("verb", ["pause", "resume", "stop", "undo"])
def test_a_get_is_not_allowed(page, workspace, verb):
    assert page.get(f"/enrollments/{verb}/").status_code == 405


@pytest.mark.parametrize("verb", ["approve", "pause", "stop"])
def test_another_workspaces_runs_are_not_in_a_selection(page, carol, verb):
    theirs = make_enrollment(carol.memberships.get().workspace)

    answer = post(page, verb, [theirs], go="1", approve=f"{theirs.pk}:{theirs.approval_token()}")

    assert answer.status_code == 200
    assert theirs.prospect not in text(answer)
    assert statuses(theirs) == ["pending_approval"]


def test_every_text_is_shown_in_full_before_anything_is_approved(page, workspace):
    runs = [make_enrollment(workspace, steps=3) for _ in range(2)]
    long = "A long body. " * 400 + "THE END"
    runs[0].touches.filter(position=3).update(body=long)
    runs[1].mailbox.signature = "Alex, with a signature"
    runs[1].mailbox.save()

    answer = post(page, "approve", runs)

    said = text(answer)
    assert statuses(*runs) == ["pending_approval"] * 2
    assert said.count("this is step 1.") == 2 and said.count("this is step 2.") == 2
    assert "THE END" in said and "Alex, with a signature" in said
    assert said.count("1 Main Street, Springfield") == 6
    assert len(ticks(answer)) == 2


def test_a_step_in_the_thread_is_read_with_the_subject_it_leaves_with(page, workspace, alice):
    run = make_enrollment(workspace, steps=3)
    run.touches.get(position=1).skip(by=alice)

    said = text(post(page, "approve", [run]))

    assert said.count("Re: Quick question about Globex") == 2
    assert "this is step 1" not in said


def test_the_question_names_some_and_counts_the_rest(page, workspace):
    sequence = make_sequence(workspace, steps=1)
    runs = [make_enrollment(sequence=sequence) for _ in range(bulk.NAMED + 3)]

    assert "and 3 more." in text(post(page, "stop", runs))


def test_what_is_ticked_is_approved_and_nothing_else(page, workspace):
    one, two, three = (make_enrollment(workspace) for _ in range(3))
    shown = ticks(post(page, "approve", [one, two, three]))

    answer = post(page, "approve", [one, two, three], go="1", approve=shown[:2])

    assert statuses(one, two, three) == ["approved", "approved", "pending_approval"]
    assert "2 prospects approved" in text(answer)


def test_a_part_that_failed_is_never_reported_as_success(page, workspace, alice):
    fine, changed, late, lacking = (make_enrollment(workspace) for _ in range(4))
    for run, name in ((changed, "Chang"), (late, "Late"), (lacking, "Lack")):
        run.contact.first_name = name
        run.contact.save()
    shown = [
        f"{run.pk}:{Enrollment.everywhere.get(pk=run.pk).approval_token()}"
        for run in (fine, changed, late, lacking)
    ]
    changed.touches.get(position=1).edit(subject="New", body="Another text", by=alice)
    late.stop(by=alice)
    lacking.touches.filter(position=2).update(missing=["industry"])

    answer = post(page, "approve", go="1", approve=shown)

    said = text(answer)
    assert "1 of 4 approved, 3 not" in said
    assert "Chang Lee Changed meanwhile; read the new text first." in said
    assert "Late Lee Only prospects pending approval" in said
    assert "Lack Lee Step 2 still needs {{ industry }}" in said
    assert f'href="/enrollments/{changed.pk}/"' in answer.content.decode()
    assert statuses(fine, changed, late, lacking) == [
        "approved",
        "pending_approval",
        "archived",
        "pending_approval",
    ]


def test_a_draft_that_lacks_a_value_cannot_be_ticked(page, workspace):
    run = make_enrollment(workspace)
    run.touches.filter(position=2).update(missing=["industry"])

    answer = post(page, "approve", [run])

    assert not ticks(answer)
    assert "Cannot be approved yet: fill in industry" in text(answer)


def test_a_selection_tells_what_it_leaves_out(page, workspace):
    pending = make_enrollment(workspace)
    active, drafting = run_in(workspace, status="active"), run_in(workspace, drafted_at=None)

    answer = post(page, "approve", [pending, active, drafting])

    assert len(ticks(answer)) == 1
    assert "2 selected prospects not shown" in text(answer)


def test_a_long_selection_is_read_in_pages(page, workspace, monkeypatch):
    monkeypatch.setattr(bulk, "MOST", 2)
    runs = [make_enrollment(workspace) for _ in range(5)]

    first = post(page, "approve", runs)
    fields = dict(re.findall(r'name="(after)" value="(\d+)"', first.content.decode()))
    second = post(page, "approve", runs, skip="1", **fields)
    done = post(page, "approve", runs, go="1", approve=ticks(first), **fields)

    assert len(ticks(first)) == 2 and "the others follow on the next page" in text(first)
    assert len(ticks(second)) == 2 and not set(ticks(first)) & set(ticks(second))
    assert "2 prospects approved" in text(done) and "Go on with the next" in text(done)
    assert statuses(*runs).count("approved") == 2


def test_everything_that_a_filter_matches_can_be_selected(page, workspace):
    sequence = make_sequence(workspace)
    mine = [make_enrollment(sequence=sequence) for _ in range(2)]
    other = make_enrollment(workspace)
    filter = f"status=pending_approval&sequence={sequence.pk}"

    answer = post(page, "approve", matching="1", filter=filter)

    assert [int(tick.split(":")[0]) for tick in ticks(answer)] == [run.pk for run in mine]
    assert str(other.pk) not in {tick.split(":")[0] for tick in ticks(answer)}


def test_a_filter_of_another_workspace_selects_ones_own(page, workspace, carol):
    theirs = make_enrollment(carol.memberships.get().workspace)
    mine = make_enrollment(workspace)

    answer = post(page, "approve", matching="1", filter=f"sequence={theirs.sequence_id}")

    assert [int(tick.split(":")[0]) for tick in ticks(answer)] == [mine.pk]


def test_a_bulk_approval_can_be_undone_within_its_window(page, workspace):
    runs = [make_enrollment(workspace) for _ in range(3)]
    done = post(page, "approve", go="1", approve=ticks(post(page, "approve", runs)))
    undo = unescape(re.search(r'hx-post="(/enrollments/undo/[^"]+)"', done.content.decode())[1])

    answer = page.post(undo, headers={"HX-Request": "true"})

    assert statuses(*runs) == ["pending_approval"] * 3
    assert answer["HX-Redirect"] == TABLE


def test_an_undo_that_came_too_late_for_some_says_for_whom(page, workspace):
    runs = [make_enrollment(workspace) for _ in range(2)]
    post(page, "approve", go="1", approve=ticks(post(page, "approve", runs)))
    Enrollment.everywhere.filter(pk=runs[1].pk).update(undo_until=now())

    answer = page.post(f"/enrollments/undo/?ids={runs[0].pk}&ids={runs[1].pk}", follow=True)

    said = text(answer)
    assert statuses(*runs) == ["pending_approval", "approved"]
    assert "Undone for 1 prospect." in said
    assert "Too late to undo" in said and f"Not undone for {runs[1].prospect}" in said


@pytest.mark.parametrize(
    ("verb", "before", "after", "question"),
    [
        ("pause", "approved", "paused", "Pause 2 prospects?"),
        ("resume", "paused", "approved", "Resume 2 prospects?"),
        ("stop", "active", "archived", "Stop 2 prospects?"),
    ],
)
def test_a_verb_asks_first_naming_the_number(page, workspace, verb, before, after, question):
    runs = [run_in(workspace, status=before) for _ in range(2)]
    ended = run_in(workspace, status="complete")

    asked = post(page, verb, [*runs, ended])
    assert question in text(asked) and "1 selected prospect left out" in text(asked)
    assert statuses(*runs) == [before] * 2

    done = post(page, verb, [*runs, ended], go="1")
    assert statuses(*runs, ended) == [after, after, "complete"]
    assert re.search(r"2 prospects (paused|resumed|stopped)", text(done))


def test_a_bulk_pause_takes_a_time(page, workspace, alice):
    alice.zone = "Asia/Tokyo"
    alice.save()
    run = run_in(workspace, status="active")

    refused = post(page, "pause", [run], go="1", until="2001-01-01T09:00")
    post(page, "pause", [run], go="1", until="2999-03-04T09:30")

    run.refresh_from_db()
    assert refused.status_code == 422 and "Choose a time in the future." in text(refused)
    assert run.paused_until.isoformat() == "2999-03-04T00:30:00+00:00"


def test_many_at_once_are_done_in_portions_and_it_says_so(page, workspace, monkeypatch):
    monkeypatch.setattr(bulk, "MOST", 2)
    runs = [run_in(workspace, status="active") for _ in range(3)]

    asked = post(page, "stop", runs)
    done = post(page, "stop", runs, go="1")

    assert "More are selected" in text(asked)
    assert statuses(*runs).count("archived") == 2
    assert "Go on with the next" in text(done)


def test_an_empty_or_nonsense_selection_does_nothing(page, workspace):
    run = make_enrollment(workspace)

    for ids in ([], ["x"], ["99999999999999999999"], ["-1"]):
        answer = page.post("/enrollments/stop/", {"ids": ids, "go": "1"})
        assert answer.status_code == 200 and "Nothing to stop" in text(answer)
    assert statuses(run) == ["pending_approval"]


def test_names_are_escaped(page, workspace):
    contact = make_contact(workspace, first_name="<b>Ana</b>")
    run = make_enrollment(workspace, contact=contact)

    for verb in ("approve", "stop"):
        assert "<b>Ana" not in post(page, verb, [run]).content.decode()


def test_reading_a_selection_costs_the_same_queries_for_one_and_for_many(
    page, workspace, django_assert_max_num_queries
):
    runs = [make_enrollment(workspace) for _ in range(6)]

    with django_assert_max_num_queries(20) as one:
        post(page, "approve", runs[:1])
    with django_assert_max_num_queries(20) as six:
        post(page, "approve", runs)

    assert len(one) == len(six)
