import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from outreach.models import AuditEntry, Membership
from sequences.engine import drafting
from sequences.models import Enrollment, Sequence, Step, Touch
from sequences.readymade import READY_MADE
from tests.factories import (
    make_contact,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_user,
    make_workspace,
)

pytestmark = pytest.mark.django_db(transaction=True)

DRAFT = Sequence.Status.DRAFT


def url(name: str, *args: Any) -> str:
    return reverse(f"sequences:{name}", args=args)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def member_of(workspace: Any, role: str) -> Client:
    user = make_user()
    Membership.objects.create(user=user, workspace=workspace, role=role)
    return signed_in(user)


@pytest.fixture
def page(alice: Any, workspace: Any) -> Client:
    return signed_in(alice)


# Making one


@pytest.mark.parametrize("ready", READY_MADE, ids=lambda ready: ready.key)
def test_a_ready_made_sequence_has_four_mails_at_0_3_7_and_12_days(page, workspace, ready):
    make_mailbox(workspace)
    shown = page.get(url("new") + f"?start={ready.key}")
    form = shown.context["form"]

    answer = page.post(
        url("new"),
        {"start": ready.key} | {name: form[name].value() or "" for name in form.fields},
    )

    sequence = Sequence.everywhere.get()
    days = [step.delay_days for step in sequence.steps.all()]
    assert answer.url == url("steps", sequence.pk)
    assert [sum(days[: n + 1]) for n in range(4)] == [0, 3, 7, 12]
    assert sequence.status == DRAFT and sequence.missing() == []


@pytest.mark.parametrize("ready", READY_MADE, ids=lambda ready: ready.key)
def test_every_ready_made_mail_can_be_sent_to_a_bare_address(alice, page, workspace, ready):
    mailbox = make_mailbox(workspace, sender_name="")
    data = {"start": ready.key, "name": "Mine", "mailbox": mailbox.pk}
    page.post(url("new"), data | {f"fact_{fact.name}": fact.value for fact in ready.facts})
    sequence = Sequence.everywhere.get()
    nobody = make_contact(workspace, first_name="", last_name="", title="", company=None)
    run = Enrollment.everywhere.create(
        workspace=workspace, sequence=sequence, contact=nobody, mailbox=mailbox
    )

    drafting.draft(run)

    assert all(touch.is_ready for touch in run.touches.all())
    run.approve(by=alice, shown=run.approval_token())


def test_the_choice_shows_the_words_of_every_mail(page):
    shown = page.get(url("new")).content.decode()

    for ready in READY_MADE:
        assert ready.name in shown and f"?start={ready.key}" in shown
    assert "turns into somebody&#x27;s second job" in shown


def test_an_empty_sequence_needs_only_a_name(page):
    page.post(url("new"), {"start": "empty", "name": "From nothing"})

    sequence = Sequence.everywhere.get()
    assert sequence.steps.count() == 1
    assert sequence.missing() == [
        "Write the subject of step 1.",
        "Write the text of step 1.",
        "Choose the mailbox it sends from.",
    ]


def test_a_sequence_without_a_name_is_not_made(page):
    answer = page.post(url("new"), {"start": "empty", "name": " "})

    assert answer.status_code == 422 and not Sequence.everywhere.exists()


# Looking at it


def test_the_overview_says_what_is_missing_and_where_to_mend_it(alice):
    workspace = make_workspace(alice, postal_address="")
    sequence = make_sequence(workspace, steps=0, status=DRAFT, mailbox=None)

    shown = signed_in(alice).get(url("overview", sequence.pk)).content.decode()

    for sentence in sequence.missing():
        assert sentence.replace("'", "&#x27;") in shown
    for link in (url("steps", sequence.pk), url("settings", sequence.pk), "/settings/"):
        assert f'href="{link}"' in shown


def test_the_numbers_count_the_sequences_own_runs(alice, page, workspace):
    sequence = make_sequence(workspace)
    make_enrollment(sequence=sequence)
    stopped = make_enrollment(sequence=sequence)
    stopped.stop(by=alice)
    Enrollment.everywhere.create(
        workspace=workspace, sequence=sequence, status="archived", end_reason="refused"
    )
    make_enrollment(workspace)

    shown = page.get(url("overview", sequence.pk)).context

    numbers = {chip: number for chip, number, _, _ in shown["tiles"]}
    assert numbers["active"] == "1" and numbers["pending_approval"] == "1"
    assert numbers["archived"] == "2" and shown["sent"] == 0


def test_every_number_of_the_overview_leads_to_as_many_rows(alice, page, workspace):
    sequence = make_sequence(workspace)
    make_enrollment(sequence=sequence)
    make_enrollment(sequence=sequence).stop(by=alice)

    shown = page.get(url("overview", sequence.pk))

    for chip, number, words, _ in shown.context["tiles"]:
        link = f"/sequences/?sequence={sequence.pk}&status={chip}"
        assert f'href="{link.replace("&", "&amp;")}"' in shown.content.decode()
        assert len(page.get(link).context["rows"]) == int(number), words


# Its states


def test_a_sequence_lives_from_draft_to_archive(page, workspace):
    sequence = make_sequence(workspace, status=DRAFT)

    for verb, status in (
        ("activate", "active"),
        ("pause_sequence", "paused"),
        ("resume_sequence", "active"),
        ("pause_sequence", "paused"),
        ("archive", "archived"),
    ):
        answer = page.post(url(verb, sequence.pk))
        sequence.refresh_from_db()
        assert (answer.status_code, sequence.status) == (302, status)

    verbs = AuditEntry.everywhere.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["activate", "pause", "resume", "pause", "archive"]


@pytest.mark.parametrize(
    ("verb", "status", "sentence"),
    [
        ("pause_sequence", "draft", "Only active sequences can be paused; this one is draft."),
        ("resume_sequence", "active", "Only paused sequences can be resumed; this one is active."),
        ("activate", "active", "Only draft sequences can be activated; this one is active."),
        ("archive", "active", "Only paused or completed sequences can be archived"),
        ("delete", "active", "Only draft sequences can be deleted; this one is active."),
    ],
)
def test_a_verb_in_the_wrong_state_is_a_409_that_names_the_right_one(
    page, workspace, verb, status, sentence
):
    sequence = make_sequence(workspace, status=status)

    answer = page.post(url(verb, sequence.pk))

    assert answer.status_code == 409 and sentence in answer.content.decode()
    sequence.refresh_from_db()
    assert sequence.status == status


def test_activating_without_a_mailbox_is_a_422_that_says_so(page, workspace):
    sequence = make_sequence(workspace, status=DRAFT, mailbox=None)

    answer = page.post(url("activate", sequence.pk))

    assert answer.status_code == 422
    assert "Choose the mailbox it sends from." in answer.content.decode()


def test_archiving_says_how_many_runs_end_and_ends_them(page, workspace):
    sequence = make_sequence(workspace, status="paused")
    for _ in range(2):
        make_enrollment(sequence=sequence)

    asked = page.get(url("archive", sequence.pk)).content.decode()
    page.post(url("archive", sequence.pk))

    assert "Archive and cancel 2 runs" in asked
    assert {run.end_reason for run in sequence.enrollments.all()} == {"cancelled"}


def test_a_draft_is_deleted_after_a_question(page, workspace):
    sequence = make_sequence(workspace, status=DRAFT)

    assert "gone for good" in page.get(url("delete", sequence.pk)).content.decode()
    assert Sequence.everywhere.exists()
    page.post(url("delete", sequence.pk))

    assert not Sequence.everywhere.exists()


def test_a_copy_is_a_draft_with_the_same_steps_and_nobody_in_it(alice, page, workspace):
    sequence = make_sequence(
        workspace, steps=3, approval_mode="automatic", approver=alice, variables={"a": "b"}
    )
    make_enrollment(sequence=sequence)

    answer = page.post(url("duplicate", sequence.pk))

    copy = Sequence.everywhere.exclude(pk=sequence.pk).get()
    assert answer.url == url("overview", copy.pk)
    assert (copy.status, copy.approval_mode, copy.approver) == ("draft", "manual", None)
    assert (copy.variables, copy.weekdays) == ({"a": "b"}, sequence.weekdays)
    assert [step.body for step in copy.steps.all()] == [s.body for s in sequence.steps.all()]
    assert not copy.enrollments.exists()


# Its steps, with nothing but forms


def step_values(**changes: Any) -> dict[str, Any]:
    return {
        "subject": "A subject",
        "body": "Hi {{ first_name }}",
        "angle": "proof",
        "delay_days": 0,
        "delay_hours": 0,
    } | changes


def test_a_step_is_written_added_moved_and_removed_with_plain_forms(page, workspace):
    sequence = make_sequence(workspace, steps=1, status=DRAFT)

    page.post(url("step", sequence.pk, 1), step_values(body="First", then="add"))
    page.post(url("step", sequence.pk, 2), step_values(body="Second", delay_days=4, subject=""))
    page.post(url("step_add", sequence.pk))
    page.post(url("step", sequence.pk, 3), step_values(body="Third", delay_hours=5))
    moved = page.post(url("step_up", sequence.pk, 3))
    page.post(url("step_remove", sequence.pk, 1))

    steps = sequence.steps.all()
    assert moved.url == url("step", sequence.pk, 2)
    assert [(s.position, s.body) for s in steps] == [(1, "Third"), (2, "Second")]
    assert steps[0].delay_hours == 5 and steps[1].in_thread


@pytest.mark.parametrize("then", ["step_up", "step_down"])
def test_moving_beyond_the_ends_changes_nothing(page, workspace, then):
    sequence = make_sequence(workspace, steps=1, status=DRAFT)

    assert page.post(url(then, sequence.pk, 1)).status_code == 302

    assert sequence.steps.get().position == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"body": "Hi {{ first_name"}, "is not closed"),
        ({"subject": "{{ first name }}"}, "is not a name"),
        ({"body": ""}, "This field is required."),
        ({"subject": ""}, "This field is required."),
        ({"delay_days": 400}, "less than or equal to 365"),
        ({"delay_hours": 24}, "less than or equal to 23"),
    ],
)
def test_a_step_that_is_wrong_is_kept_on_the_page_and_not_saved(page, workspace, changes, sentence):
    sequence = make_sequence(workspace, steps=1, status=DRAFT)
    before = sequence.steps.get().body

    answer = page.post(url("step", sequence.pk, 1), step_values(angle="kept words") | changes)

    shown = answer.content.decode()
    assert answer.status_code == 422 and sentence in shown and "kept words" in shown
    assert sequence.steps.get().body == before


@pytest.mark.parametrize("verb", ["step_remove", "step_up", "step_down"])
def test_steps_keep_number_and_order_once_a_sequence_has_been_active(page, workspace, verb):
    sequence = make_sequence(workspace)

    answer = page.post(url(verb, sequence.pk, 2))

    shown = answer.content.decode()
    assert answer.status_code == 422 and "only while the sequence is a draft" in shown
    assert "Duplicate" in shown
    assert list(sequence.steps.values_list("position", flat=True)) == [1, 2]


def test_no_step_is_added_once_a_sequence_has_been_active(page, workspace):
    sequence = make_sequence(workspace)

    assert page.post(url("step_add", sequence.pk)).status_code == 422
    assert (
        page.post(url("step", sequence.pk, 2), step_values(delay_days=3, then="add")).status_code
        == 422
    )

    assert sequence.steps.count() == 2


def test_the_text_of_an_active_sequence_can_be_corrected_and_its_delay_not(page, workspace):
    sequence = make_sequence(workspace)

    page.post(url("step", sequence.pk, 2), step_values(body="Corrected", delay_days=9))

    step = sequence.steps.get(position=2)
    assert (step.body, step.delay_days) == ("Corrected", 3)


def test_redrafting_says_whom_it_concerns_and_revokes_approvals(alice, page, workspace):
    sequence = make_sequence(workspace)
    run = make_enrollment(sequence=sequence)
    run.approve(by=alice, shown=run.approval_token())
    saved = page.post(url("step", sequence.pk, 2), step_values(body="New words", delay_days=3))
    assert "Re-draft what is unsent" in page.get(saved.url).content.decode()

    asked = page.get(url("redraft", sequence.pk)).content.decode()
    page.post(url("redraft", sequence.pk))

    run.refresh_from_db()
    assert "Re-draft 1 prospect" in asked and "1 prospect is approved already" in asked
    assert run.touches.get(position=2).body == "New words"
    assert run.status == Enrollment.Status.PENDING_APPROVAL


def test_redrafting_many_goes_on_where_it_stopped(page, workspace, monkeypatch):
    monkeypatch.setattr("sequences.views.definitions.REDRAFTED_AT_ONCE", 2)
    sequence = make_sequence(workspace, steps=1)
    for _ in range(3):
        make_enrollment(sequence=sequence)
    sequence.steps.update(body="New words")

    first = page.post(url("redraft", sequence.pk))
    assert "Go on with 1 prospect" in first.content.decode()
    assert Touch.objects.filter(body="New words").count() == 2
    page.post(url("redraft", sequence.pk), {"after": first.context["after"]})

    assert Touch.objects.filter(body="New words").count() == 3


def test_the_preview_shows_what_one_contact_would_read(page, workspace):
    contact = make_contact(workspace, first_name="Zoë")
    sequence = make_sequence(workspace, variables={"offer": "a walk-through"})

    answer = page.post(
        url("step_preview", sequence.pk, 2),
        {
            "contact": contact.pk,
            "subject": "",
            "body": "Hi {{ first_name }}, {{ offer }} <b>{{ terminal }}</b>",
        },
    )

    shown = answer.content.decode()
    assert "Hi Zoë, a walk-through &lt;b&gt;" in shown
    assert "Re: Quick question about Globex" in shown
    assert answer.context["lacking"] == ["terminal"]
    assert Step.objects.filter(body__contains="terminal").count() == 0


def test_the_preview_says_what_is_wrong_with_a_token(page, workspace):
    make_contact(workspace)
    sequence = make_sequence(workspace)

    answer = page.post(url("step_preview", sequence.pk, 1), {"subject": "{{ x", "body": "}}"})

    shown = answer.content.decode()
    assert "is not closed" in shown and "has no “{{” before it" in shown


def test_the_preview_never_shows_another_workspaces_contact(page, workspace):
    stranger = make_contact(make_workspace(), first_name="Secret")
    sequence = make_sequence(workspace)

    answer = page.post(
        url("step_preview", sequence.pk, 1),
        {"contact": stranger.pk, "subject": "", "body": "{{ first_name }}"},
    )

    assert "Secret" not in answer.content.decode()


# Its settings


def settings_of(sequence: Sequence, **changes: Any) -> dict[str, Any]:
    return {
        "name": sequence.name,
        "description": "",
        "mailbox": sequence.mailbox_id or "",
        "sender_name": "",
        "window_start": "09:00",
        "window_end": "18:00",
        "weekdays": [1, 2, 3],
        "zone": "Europe/Lisbon",
        "per_minute": 2,
        "daily_limit": "",
        "approval_mode": "manual",
        "variable_name": [],
        "variable_value": [],
    } | changes


def test_the_settings_of_a_draft_are_all_editable(page, workspace):
    sequence = make_sequence(workspace, status=DRAFT)

    answer = page.post(
        url("settings", sequence.pk),
        settings_of(
            sequence,
            name=" New  name ",
            window_start="22:00",
            window_end="24:00",
            weekdays=[6, 7],
            per_minute=60,
            daily_limit=25,
            variable_name=["offer", "", "gone"],
            variable_value=["a walk-through", "", ""],
        ),
    )

    sequence.refresh_from_db()
    assert answer.status_code == 302
    assert (sequence.name, sequence.zone) == ("New name", "Europe/Lisbon")
    assert sequence.weekdays == [6, 7] and sequence.per_minute == 60
    assert sequence.daily_limit == 25
    assert sequence.variables == {"offer": "a walk-through"}
    assert "until" not in page.get(url("settings", sequence.pk)).context
    assert 'value="24:00"' in page.get(url("settings", sequence.pk)).content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"per_minute": 0}, "greater than or equal to 1"),
        ({"per_minute": 61}, "less than or equal to 60"),
        ({"zone": "Mars/Olympus"}, "is not a time zone"),
        ({"window_start": "9.30"}, "Write the time as HH:MM"),
        ({"window_end": "09:00"}, "cannot start and end at the same time"),
        ({"weekdays": []}, "This field is required."),
        ({"weekdays": [8]}, "Select a valid choice"),
        ({"daily_limit": 0}, "greater than or equal to 1"),
        ({"variable_name": ["my offer"], "variable_value": ["x"]}, "is not a name"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_saved(page, workspace, changes, sentence):
    sequence = make_sequence(workspace, status=DRAFT)

    answer = page.post(url("settings", sequence.pk), settings_of(sequence, name="X") | changes)

    assert answer.status_code == 422 and sentence in answer.content.decode()
    sequence.refresh_from_db()
    assert sequence.name == "Q4 outbound"


def test_times_and_pace_are_fixed_once_it_has_been_active_and_the_rest_is_not(page, workspace):
    sequence = make_sequence(workspace)

    answer = page.post(
        url("settings", sequence.pk), settings_of(sequence, name="Renamed", daily_limit=9)
    )

    sequence.refresh_from_db()
    assert answer.status_code == 302
    assert (sequence.name, sequence.daily_limit) == ("Renamed", 9)
    assert (sequence.per_minute, sequence.zone, len(sequence.weekdays)) == (60, "UTC", 7)
    shown = page.get(url("settings", sequence.pk)).content.decode()
    assert "fixed once a sequence has been active" in shown


def test_another_workspaces_mailbox_cannot_be_chosen(page, workspace):
    sequence = make_sequence(workspace, status=DRAFT)
    strange = make_mailbox(make_workspace())

    answer = page.post(url("settings", sequence.pk), settings_of(sequence, mailbox=strange.pk))

    assert answer.status_code == 422


def test_automatic_mode_takes_the_name_of_who_switches_it_on(alice, page, workspace):
    sequence = make_sequence(workspace, status=DRAFT)

    page.post(url("settings", sequence.pk), settings_of(sequence, approval_mode="automatic"))
    sequence.refresh_from_db()
    assert sequence.approver == alice
    assert (
        "Nobody reads these drafts first" in page.get(url("overview", sequence.pk)).content.decode()
    )

    page.post(url("settings", sequence.pk), settings_of(sequence))
    sequence.refresh_from_db()
    assert sequence.approver is None


def test_saving_settings_never_takes_back_what_a_worker_did_meanwhile(page, workspace, monkeypatch):
    sequence = make_sequence(workspace, status="paused")
    page.get(url("settings", sequence.pk))
    Sequence.everywhere.filter(pk=sequence.pk).update(status="active")

    page.post(url("settings", sequence.pk), settings_of(sequence, name="Renamed"))

    sequence.refresh_from_db()
    assert (sequence.name, sequence.status) == ("Renamed", "active")


# Who may

PAGES = ["overview", "settings", "steps", "step:1"]
WRITES = {
    "activate": "member",
    "pause_sequence": "approver",
    "resume_sequence": "approver",
    "archive": "approver",
    "delete": "member",
    "duplicate": "member",
    "redraft": "member",
    "settings": "admin",
    "step:1": "member",
    "step_add": "member",
    "step_remove:1": "member",
    "step_up:1": "member",
    "step_down:1": "member",
}
ONLY_POST = [
    "activate",
    "pause_sequence",
    "resume_sequence",
    "duplicate",
    "step_add",
    "step_remove:1",
    "step_up:1",
    "step_down:1",
    "step_preview:1",
]
BELOW = {"member": "viewer", "approver": "member", "admin": "approver"}


def address(name: str, sequence: Sequence) -> str:
    view, _, position = name.partition(":")
    return url(view, sequence.pk, *([position] if position else []))


@pytest.mark.parametrize("name", PAGES)
def test_a_viewer_may_look(bob, workspace, name):
    sequence = make_sequence(workspace)

    assert signed_in(bob).get(address(name, sequence), follow=True).status_code == 200


@pytest.mark.parametrize(("name", "role"), WRITES.items())
def test_who_has_too_few_rights_gets_a_403(workspace, name, role):
    sequence = make_sequence(workspace, status=DRAFT)
    client = member_of(workspace, BELOW[role])

    assert client.post(address(name, sequence)).status_code == 403
    assert Sequence.everywhere.get().status == DRAFT


@pytest.mark.parametrize("name", [*PAGES, *WRITES, "step_preview:1"])
def test_a_stranger_finds_nothing(carol, workspace, name):
    sequence = make_sequence(workspace, status=DRAFT)
    client = signed_in(carol)

    assert client.post(address(name, sequence)).status_code in (404, 405)
    assert client.get(address(name, sequence)).status_code in (404, 405)
    assert Sequence.everywhere.filter(workspace=workspace).count() == 1


@pytest.mark.parametrize("name", ONLY_POST)
def test_a_verb_cannot_be_linked_to(page, workspace, name):
    assert page.get(address(name, make_sequence(workspace))).status_code == 405


def test_signed_out_means_signing_in_first(workspace):
    sequence = make_sequence(workspace)

    assert "/accounts/login/" in Client().get(url("overview", sequence.pk)).url


@pytest.mark.parametrize("status", ["completed", "archived"])
def test_the_steps_of_a_sequence_that_has_ended_are_only_read(page, workspace, status):
    sequence = make_sequence(workspace, status=status)

    shown = page.get(url("step", sequence.pk, 1)).content.decode()

    assert "Duplicate it to go on with its texts." in shown and "Save step" not in shown
    assert re.search(r"<textarea[^>]*\breadonly\b", shown)


def test_a_viewer_reads_a_step_and_is_told_why_not_more(bob, workspace):
    sequence = make_sequence(workspace, status=DRAFT)

    shown = signed_in(bob).get(url("step", sequence.pk, 1)).content.decode()

    assert "Your role reads steps; members and above change them." in shown
    assert re.search(r"<textarea[^>]*\breadonly\b", shown) and "Save step" not in shown


def test_an_unfamiliar_word_is_explained_where_it_is_asked_for(page, workspace):
    sequence = make_sequence(workspace, status=DRAFT)

    shown = page.get(url("step", sequence.pk, 1)).content.decode()

    assert "The reason this mail gives to answer." in shown
    assert re.search(r'name="angle"[^>]*aria-describedby="id_angle_helptext"', shown)


def test_a_mistake_in_the_text_names_the_field_as_the_page_does(page, workspace):
    sequence = make_sequence(workspace, status=DRAFT)
    typed = {"delay_days": 0, "delay_hours": 0, "subject": "Kept", "body": "Hi {{ first_name"}

    answer = page.post(url("step", sequence.pk, 1), typed)

    shown = answer.content.decode()
    assert answer.status_code == 422 and 'value="Kept"' in shown
    assert '<a href="#id_body">Text</a>' in shown
    assert re.search(r'name="body"[^>]*aria-describedby="[^"]*id_body_error"', shown)


def test_what_cannot_be_changed_any_more_says_why(page, workspace):
    sequence = make_sequence(workspace)

    shown = page.get(url("settings", sequence.pk)).content.decode()

    assert re.search(r'name="zone"[^>]*aria-describedby="fixed"', shown)
    assert re.search(r'<p id="fixed">[^<]+</p>', shown)
