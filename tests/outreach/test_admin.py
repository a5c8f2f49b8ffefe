import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse

from mailboxes.models import Mailbox
from outreach.models import Tick
from sequences.models import Contact, Enrollment, Sequence, Touch
from tests.factories import make_due_touch, make_enrollment, make_mailbox, make_user

OURS = [
    m for m in admin.site._registry if m._meta.app_label in ("outreach", "mailboxes", "sequences")
]


@pytest.fixture
def operator(db, client):
    user = make_user("operator@brightline.test", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_model_has_a_list_that_can_be_searched(operator, model):
    touch = make_due_touch()
    assert touch.pk

    page = operator.get(
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    )

    assert page.status_code == 200
    assert operator.get(page.request["PATH_INFO"], {"q": "a"}).status_code == 200
    if model is not Tick:  # a dozen rows
        assert admin.site._registry[model].search_fields
        assert admin.site._registry[model].list_filter


def test_a_mailbox_page_shows_no_password(operator):
    mailbox = make_mailbox(make_due_touch().enrollment.workspace, smtp_password="s3cret-words")

    page = operator.get(reverse("admin:mailboxes_mailbox_change", args=[mailbox.pk]))

    assert page.status_code == 200
    assert b"s3cret-words" not in page.content and b"smtp_password" not in page.content


def test_history_cannot_be_changed(operator):
    touch = make_due_touch()
    url = reverse("admin:sequences_touch_change", args=[touch.pk])

    assert operator.get(url).status_code == 200
    assert operator.post(url, {"status": "sent"}).status_code == 403


def test_operators_pause_and_resume_mailboxes_and_prospects(operator):
    enrollment = make_enrollment()
    mailbox = enrollment.mailbox
    for model, row in ((Mailbox, mailbox), (Enrollment, make_due_touch().enrollment)):
        label = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        for action in ("pause", "resume"):
            operator.post(reverse(label), {"action": action, "_selected_action": [row.pk]})
            row.refresh_from_db()
            assert (row.status == "paused") == (action == "pause")


def test_operators_retry_failed_touches(operator):
    touch = make_due_touch()
    Touch.objects.filter(pk=touch.pk).update(status=Touch.Status.FAILED, error="550 no")

    operator.post(
        reverse("admin:sequences_touch_changelist"),
        {"action": "retry", "_selected_action": [touch.pk]},
    )

    touch.refresh_from_db()
    assert touch.status == Touch.Status.SCHEDULED and touch.error == ""


def test_whoever_may_only_look_is_offered_no_action(db, client):
    looker = make_user(is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(looker)
    touch = make_due_touch()

    for model in OURS:
        label = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        assert b'name="action"' not in client.get(reverse(label)).content, model
    chosen = {"action": "stop", "_selected_action": [touch.enrollment_id]}
    client.post(reverse("admin:sequences_enrollment_changelist"), chosen)

    assert Enrollment.everywhere.get().status == Enrollment.Status.APPROVED


@pytest.mark.parametrize("by", ["page", "action"])
def test_a_contact_that_an_operator_deletes_gets_no_more_mail(operator, by):
    contact = make_due_touch().enrollment.contact
    if by == "page":
        url = reverse("admin:sequences_contact_delete", args=[contact.pk])
        operator.post(url, {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [contact.pk], "post": "yes"}
        operator.post(reverse("admin:sequences_contact_changelist"), chosen)

    run = Enrollment.everywhere.get()
    assert not Contact.everywhere.exists()
    assert (run.status, run.end_reason) == (Enrollment.Status.ARCHIVED, "cancelled")


def test_nobody_deletes_what_was_sent_and_to_whom(operator):
    run = make_due_touch().enrollment

    url = reverse("admin:sequences_enrollment_delete", args=[run.pk])

    assert operator.post(url, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Mars/Phobos"},
        {"weekdays": "[]"},
        {"weekdays": "[9]"},
        {"weekdays": '"x"'},
        {"window_start": "09:00", "window_end": "09:00"},
    ],
)
def test_operators_cannot_give_a_sequence_times_that_never_come(operator, wrong):
    sequence = make_due_touch().enrollment.sequence
    url = reverse("admin:sequences_sequence_change", args=[sequence.pk])
    form = operator.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    values = {name: "" if value is None else value for name, value in values.items()}
    values |= {"weekdays": "[1]", "variables": "{}"} | {
        "steps-TOTAL_FORMS": 0,
        "steps-INITIAL_FORMS": 0,
    }

    assert operator.post(url, values | wrong).status_code == 200
    assert Sequence.everywhere.get().weekdays == sequence.weekdays
    assert operator.post(url, values).status_code == 302


def test_operators_cannot_give_a_mailbox_a_zone_that_is_none(operator):
    mailbox = make_due_touch().enrollment.mailbox
    url = reverse("admin:mailboxes_mailbox_change", args=[mailbox.pk])
    form = operator.get(url).context["adminform"].form
    stored = {name: form[name].value() for name in form.fields}
    values = {name: value for name, value in stored.items() if value is not None}

    assert operator.post(url, values | {"zone": "Mars/Phobos"}).status_code == 200
    assert Mailbox.everywhere.get().zone == "UTC"


def test_operators_cannot_make_a_sandbox_of_a_workspace_that_sends(operator):
    workspace = make_due_touch().enrollment.workspace

    page = operator.get(reverse("admin:outreach_workspace_change", args=[workspace.pk]))

    assert "is_sandbox" not in page.context["adminform"].form.fields
    new = operator.get(reverse("admin:outreach_workspace_add"))
    assert "is_sandbox" in new.context["adminform"].form.fields
