"""What the inbox lists, what its verbs do, and who may do them."""

from datetime import timedelta

import pytest
from django.test import Client

from mailboxes.models import InboundMail, SandboxMail
from outreach import times
from outreach.models import AuditEntry, Membership, Workspace
from outreach.templatetags.shell import STATUS_ICONS
from sequences.engine import counts, draining, sandbox
from sequences.models import Deal, Enrollment, Reply, Suppression
from tests.factories import make_due_touch, make_user, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(client: Client, alice, workspace) -> Client:
    client.force_login(alice)
    return client


def answered(workspace: Workspace, text: str = "Sounds interesting, let us talk.") -> Reply:
    """A reply to a mail that was really sent."""
    touch = make_due_touch(workspace=workspace, steps=2)
    draining.drain_all()
    caught = SandboxMail.everywhere.caught().filter(recipient=touch.enrollment.contact.email)
    return sandbox.answer(caught.latest("pk"), "text", text).reply


def listed(answer) -> list[int]:
    return [reply.pk for reply in answer.context["page"].rows]


def chips(answer) -> dict[str, str]:
    return {chip.key: chip.number for chip in answer.context["labels_shown"]}


def test_replies_of_all_mailboxes_are_listed_newest_first(page, workspace):
    first, second = answered(workspace), answered(workspace)

    answer = page.get("/inbox/")

    assert first.mail.mailbox_id != second.mail.mailbox_id
    assert listed(answer) == [second.pk, first.pk]
    assert answer.context["reply"] == second


def test_every_label_has_a_picture():
    assert set(Reply.Label.values) <= set(STATUS_ICONS)


def test_a_sender_without_a_name_is_shown_by_the_address(page, workspace):
    reply = answered(workspace)
    InboundMail.everywhere.update(from_name="")

    assert f"&lt;{reply.mail.from_email}&gt;" not in page.get("/inbox/").content.decode()


def test_chips_count_what_each_label_lists(page, workspace):
    interested = answered(workspace)
    answered(workspace, "How much does it cost?")
    Reply.everywhere.exclude(pk=interested.pk).update(label="question")

    assert chips(page.get("/inbox/")) == {"all": "2", "interested": "1", "question": "1"}
    narrowed = page.get("/inbox/?label=interested")
    assert listed(narrowed) == [interested.pk]
    assert chips(narrowed)["question"] == "1", "another label is one click away"


def test_a_label_that_lists_nothing_stays_while_it_is_chosen(page, workspace):
    answered(workspace)

    assert chips(page.get("/inbox/?label=referral"))["referral"] == "0"


def test_a_handled_reply_moves_and_the_next_one_is_shown(page, alice, workspace):
    first, second = answered(workspace), answered(workspace)

    answer = page.post(f"/inbox/{second.pk}/handle/", headers={"HX-Request": "true"})

    second.refresh_from_db()
    assert (second.handled_by, second.is_snoozed) == (alice, False)
    assert answer.context["reply"] == first
    assert answer["HX-Replace-Url"] == f"/inbox/?at={first.pk}"
    assert listed(page.get("/inbox/")) == [first.pk]
    assert listed(page.get("/inbox/?state=handled")) == [second.pk]
    assert listed(page.get("/inbox/?state=all")) == [second.pk, first.pk]


def test_handling_can_be_undone(page, workspace):
    reply = answered(workspace)

    answer = page.post(f"/inbox/{reply.pk}/handle/", headers={"HX-Request": "true"})
    assert f'hx-post="/inbox/{reply.pk}/reopen/?"' in answer.content.decode()
    page.post(f"/inbox/{reply.pk}/reopen/")

    reply.refresh_from_db()
    assert (reply.handled_at, reply.handled_by) == (None, None)
    assert listed(page.get("/inbox/")) == [reply.pk]


def test_who_comes_second_is_told_who_was_first(page, alice, workspace):
    reply = answered(workspace)
    bea = make_user("bea@brightline.test", name="Bea Fox")
    reply.handle(by=bea)

    answer = page.post(f"/inbox/{reply.pk}/handle/", follow=True)

    assert "Bea Fox has handled it already." in answer.content.decode()
    reply.refresh_from_db()
    assert reply.handled_by == bea


def test_the_sidebar_counts_what_waits(page, workspace):
    reply = answered(workspace)
    answered(workspace)
    assert counts.inbox(workspace) == 2

    reply.handle(by=None)

    assert counts.inbox(workspace) == 1
    side = page.get("/mailboxes/").content.decode()
    assert 'id="count-inbox">1<' in side


def test_a_snoozed_reply_comes_back_by_itself(page, workspace):
    reply = answered(workspace)
    at = times.now()

    page.post(f"/inbox/{reply.pk}/snooze/", {"until": f"{at + timedelta(days=2):%Y-%m-%dT%H:%M}"})

    assert listed(page.get("/inbox/")) == []
    assert listed(page.get("/inbox/?state=snoozed")) == [reply.pk]
    assert counts.inbox(workspace) == 0
    Reply.everywhere.update(snoozed_until=at - timedelta(seconds=1))
    assert listed(page.get("/inbox/")) == [reply.pk]


def test_a_snoozed_reply_can_be_brought_back(page, workspace):
    reply = answered(workspace)
    reply.snooze(times.now() + timedelta(days=2))

    page.post(f"/inbox/{reply.pk}/wake/")

    assert listed(page.get("/inbox/")) == [reply.pk]


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("", "Choose when it comes back."),
        ("soon", "Choose a day and a time, as 2026-11-30 09:00."),
        ("2020-01-01T09:00", "Choose a time in the future, within a year."),
        ("2999-01-01T09:00", "Choose a time in the future, within a year."),
    ],
)
def test_a_time_that_is_none_is_refused(page, workspace, until, said):
    reply = answered(workspace)

    answer = page.post(f"/inbox/{reply.pk}/snooze/", {"until": until})

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert listed(page.get("/inbox/")) == [reply.pk]


def test_a_reply_is_assigned_to_a_member_and_to_nobody_else(page, alice, workspace, carol):
    reply = answered(workspace)

    page.post(f"/inbox/{reply.pk}/assign/", {"to": alice.pk})
    assert page.post(f"/inbox/{reply.pk}/assign/", {"to": carol.pk}).status_code == 400
    assert page.post(f"/inbox/{reply.pk}/assign/", {"to": "somebody"}).status_code == 400

    assert listed(page.get("/inbox/?mine=1")) == [reply.pk]
    page.post(f"/inbox/{reply.pk}/assign/", {"to": ""})
    assert listed(page.get("/inbox/?mine=1")) == []


def test_another_label_replays_its_consequences(page, workspace):
    reply = answered(workspace, "We already use another tool for this.")
    assert not Deal.everywhere.exists()

    answer = page.post(f"/inbox/{reply.pk}/relabel/", {"label": "interested"}, follow=True)

    run = Enrollment.everywhere.get(pk=reply.enrollment_id)
    assert run.status == Enrollment.Status.REPLIED_POSITIVE
    assert "Deal: New" in answer.content.decode()
    assert page.post(f"/inbox/{reply.pk}/relabel/", {"label": "spam"}).status_code == 400


def test_suppressing_is_the_same_as_on_the_list_and_audited(page, alice, workspace):
    reply = answered(workspace)
    address = reply.enrollment.contact.email

    answer = page.post(f"/inbox/{reply.pk}/suppress/", follow=True)

    entry = Suppression.everywhere.get()
    assert (entry.value, entry.source, entry.created_by) == (address, "Inbox", alice)
    assert AuditEntry.everywhere.filter(verb="suppress", by=alice).count() == 1
    page_now = answer.content.decode()
    assert "Suppressed</span>" in page_now
    assert "Suppress…" not in page_now


@pytest.mark.parametrize("word", ["jordan", "wholesale", "Globex wholesale"])
def test_search_looks_at_people_companies_and_words(page, workspace, word):
    found = answered(workspace, "We do wholesale only.")
    InboundMail.everywhere.update(from_name="Jordan Lee")

    assert listed(page.get("/inbox/", {"q": word})) == [found.pk]
    nothing = page.get("/inbox/", {"q": f"{word} zebra"})
    assert listed(nothing) == []
    assert "No reply matches" in nothing.content.decode()


def test_the_thread_shows_our_mails_and_theirs_in_order(page, workspace):
    reply = answered(workspace, "First words.")
    caught = SandboxMail.everywhere.caught().latest("pk")
    sandbox.answer(caught, "text", "Second words.")

    letters = page.get(f"/inbox/?at={reply.pk}").context["letters"]

    assert [bool(letter.touch) for letter in letters] == [True, False, False]
    assert [letter.reply.text for letter in letters[1:]] == ["First words.", "Second words."]
    assert [letter.is_open for letter in letters] == [True, True, False]


def test_the_drawer_and_the_inbox_lead_to_each_other(page, workspace):
    reply = answered(workspace)

    run = f"/enrollments/{reply.enrollment_id}/"
    assert f"/inbox/?state=all&amp;at={reply.pk}" in page.get(run).content.decode()
    there = page.get(f"/inbox/?state=all&at={reply.pk}").content.decode()
    assert f"/sequences/?open={reply.enrollment_id}" in there


def test_a_frame_comes_with_its_own_policy(page, workspace):
    reply = answered(workspace)
    InboundMail.everywhere.update(html="<p>Hi</p><img src='https://t.test/1.png'>")

    plain = page.get(f"/inbox/{reply.pk}/html/")
    asked = page.get(f"/inbox/{reply.pk}/html/with-images/")

    policy = plain["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "img-src data:;" in f"{policy};"
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "script" not in policy
    assert "https:" in asked["Content-Security-Policy"]
    assert plain["X-Frame-Options"] == asked["X-Frame-Options"] == "SAMEORIGIN"
    assert b"t.test" not in plain.content
    assert b"https://t.test/1.png" in asked.content


def test_a_mail_without_html_has_no_frame(page, workspace):
    reply = answered(workspace)

    assert page.get(f"/inbox/{reply.pk}/html/").status_code == 404
    assert "iframe" not in page.get("/inbox/").content.decode()


def test_what_a_stranger_knows_of_is_not_found(client, carol, workspace):
    reply = answered(workspace)
    client.force_login(carol)

    assert listed(client.get("/inbox/?state=all&q=interesting")) == []
    assert client.get(f"/inbox/?at={reply.pk}").status_code == 404
    for verb in ("handle", "reopen", "relabel", "suppress", "assign", "snooze", "wake"):
        assert client.post(f"/inbox/{reply.pk}/{verb}/").status_code == 404
    assert client.get(f"/inbox/{reply.pk}/html/").status_code == 404
    assert counts.inbox(Membership.objects.get(user=carol).workspace) == 0


def test_who_may_only_read_is_shown_no_verb(client, bob, workspace):
    reply = answered(workspace)
    client.force_login(bob)

    answer = client.get("/inbox/")

    assert listed(answer) == [reply.pk]
    assert "/handle/" not in answer.content.decode()
    assert client.post(f"/inbox/{reply.pk}/handle/").status_code == 403


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "All caught up"),
        ("state=snoozed", "Nothing is snoozed"),
        ("state=handled", "Nothing is handled yet"),
        ("state=all", "No reply yet"),
        ("label=question", "No reply matches"),
        ("mine=1", "No reply matches"),
    ],
)
def test_an_empty_list_says_why(page, query, said):
    assert said in page.get(f"/inbox/?{query}").content.decode()


@pytest.mark.parametrize("query", ["state=x&label=y&mine=z", "after=x&before=y", "at=x", "q=%00"])
def test_a_mistyped_address_shows_the_default(page, workspace, query):
    reply = answered(workspace)

    assert listed(page.get(f"/inbox/?{query}")) == [reply.pk]


def many(reply: Reply, number: int) -> None:
    """Let the same prospect answer so many times more."""
    mails = InboundMail.everywhere.bulk_create(
        InboundMail(
            workspace_id=reply.workspace_id,
            mailbox_id=reply.mail.mailbox_id,
            provider_id=f"many-{each}",
            from_email=f"jordan{each}@globex.test",
            html="<p>Hi <img src='https://t.test/1'></p>",
        )
        for each in range(number)
    )
    Reply.everywhere.bulk_create(
        Reply(
            workspace_id=reply.workspace_id,
            enrollment_id=reply.enrollment_id,
            touch_id=reply.touch_id,
            mail=mail,
            label="question",
            text=f"Question of {mail.from_email}",
        )
        for mail in mails
    )


def test_pages_hold_fifty_and_no_reply_is_lost_between_them(page, workspace):
    many(answered(workspace), 119)

    seen, address = [], "/inbox/"
    while address:
        answer = page.get(address)
        seen.append(listed(answer))
        address = answer.context["page"].next_url

    assert [len(each) for each in seen] == [50, 50, 20]
    assert len({pk for each in seen for pk in each}) == 120
    assert len(answer.context["letters"]) <= 52, "a thread is bounded as well"


def test_the_keys_go_on_to_the_next_page(page, workspace):
    many(answered(workspace), 60)
    first = page.get("/inbox/").context["page"]

    last = page.get(f"/inbox/?at={first.rows[-1].pk}")
    top = page.get(f"/inbox/?at={first.rows[0].pk}")

    assert listed(page.get(last.context["next_at"])) == listed(page.get(first.next_url))
    assert listed(page.get(last.context["next_at"]))[0] < first.rows[-1].pk
    assert top.context["previous_at"] == ""
    assert top.context["next_at"] == f"/inbox/?at={first.rows[1].pk}"


def test_a_full_inbox_asks_as_little_as_an_empty_one(
    page, workspace, django_assert_max_num_queries
):
    reply = answered(workspace)
    with django_assert_max_num_queries(25) as few:
        page.get("/inbox/")
    many(reply, 80)

    # One more: who wrote is not the prospect here, and either may be suppressed.
    with django_assert_max_num_queries(len(few) + 1):
        page.get("/inbox/")


def test_the_same_list_is_not_another_workspaces(page, alice, workspace):
    reply = answered(workspace)
    other = make_workspace(alice, name="Other")
    answered(other)

    assert listed(page.get("/inbox/?state=all")) == [reply.pk]
