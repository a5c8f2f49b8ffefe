"""The page of deals: what it lists, in which order, and what is changed on it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from mailboxes.models import SandboxMail
from outreach import times
from outreach.models import AuditEntry, Membership, Workspace
from outreach.templatetags.shell import STATUS_ICONS
from sequences import pages
from sequences.engine import consequences, draining, replies, sandbox
from sequences.models import Deal, Enrollment, Event, Reply
from tests.factories import (
    make_company,
    make_contact,
    make_due_touch,
    make_enrollment,
    make_user,
    make_workspace,
)

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def page(client: Client, alice, workspace) -> Client:
    client.force_login(alice)
    return client


def opened(workspace: Workspace, **values) -> Deal:
    """A deal as an interested reply opens it, with what is written on it later."""
    company = make_company(workspace, values.pop("company", "Globex"))
    contact = make_contact(workspace, company=company, first_name=values.pop("first", "Jordan"))
    deal = consequences.open_deal(make_enrollment(workspace, contact=contact))
    Deal.everywhere.filter(pk=deal.pk).update(**values)
    deal.refresh_from_db()
    return deal


def listed(answer) -> list[int]:
    return [row["pk"] for row in answer.context["rows"]]


def chips(answer) -> dict[str, str]:
    return {chip["key"]: chip["number"] for chip in answer.context["chips"]}


def test_an_interested_reply_is_listed_with_its_prospect_and_its_thread(page, workspace):
    touch = make_due_touch(workspace=workspace, steps=2)
    draining.drain_all()
    caught = SandboxMail.everywhere.caught().get()
    reply = sandbox.answer(caught, "text", "Sounds interesting, let us talk.").reply

    (row,) = page.get("/deals/").context["rows"]
    text = page.get("/deals/").content.decode()

    assert (row["title"], row["label"]) == ("Globex – Q4 outbound", "New")
    assert row["about"] == "Jordan Lee · COO · Globex"
    assert f'href="/sequences/?open={touch.enrollment_id}"' in text
    assert f'href="/inbox/?state=all&amp;at={reply.pk}"' in text
    assert f'href="/sequences/{touch.enrollment.sequence_id}/"' in text


def test_the_thread_and_the_drawer_lead_to_the_deal(page, workspace):
    touch = make_due_touch(workspace=workspace, steps=2)
    draining.drain_all()
    sandbox.answer(SandboxMail.everywhere.caught().get(), "interested")
    deal = Deal.everywhere.get()
    other = opened(workspace)

    link = f'href="/deals/{deal.pk}/"'
    assert link in page.get("/inbox/").content.decode()
    assert link in page.get(f"/enrollments/{touch.enrollment_id}/").content.decode()
    there = page.get(f"/deals/{deal.pk}/", follow=True)

    assert listed(there) == [deal.pk]
    assert (there.context["total"], chips(there)["all"]) == ("1", "2")
    assert other.pk in listed(page.get("/deals/"))


def test_chips_count_each_stage_and_what_is_worth_what(page, workspace):
    new, won = opened(workspace), opened(workspace, stage="won", value=900, currency="USD")
    meeting = opened(workspace, stage="meeting", value="12000.5", currency="EUR")
    opened(make_workspace(), value=7, currency="EUR")

    answer = page.get("/deals/")

    assert chips(answer) == {
        "open": "2",
        "new": "1",
        "meeting": "1",
        "proposal": "0",
        "won": "1",
        "lost": "0",
        "all": "3",
    }
    assert listed(answer) == [meeting.pk, new.pk]
    assert answer.context["worth"] == "12,000.50 EUR"
    assert listed(page.get("/deals/?stage=won")) == [won.pk]
    assert page.get("/deals/?stage=all").context["worth"] == "12,000.50 EUR and 900.00 USD"
    assert listed(page.get("/deals/?stage=zebra&sort=zebra&after=zebra")) == listed(answer)


def test_a_search_finds_title_company_and_person(page, workspace):
    blue = opened(workspace, title="Blue plan")
    acme = opened(workspace, company="Acme", first="Zoë")

    for words, found in {"acme": acme, "ZOË": acme, "zo acme": acme, "lee BLUE": blue}.items():
        assert listed(page.get("/deals/", {"q": words})) == [found.pk], words
    answer = page.get("/deals/?q=zebra")
    assert "No deal matches “zebra”" in answer.content.decode()
    assert chips(answer)["all"] == "0"


def test_columns_sort_both_ways_and_what_has_no_value_comes_last(page, workspace):
    at = times.now()
    none = opened(workspace, created_at=at - timedelta(days=3))
    small = opened(workspace, value=5, currency="EUR", created_at=at - timedelta(days=1))
    large = opened(workspace, value=50, currency="EUR", created_at=at - timedelta(days=2))
    Deal.everywhere.filter(pk=none.pk).update(updated_at=at + timedelta(days=1))

    def order(sort: str) -> list[int]:
        return listed(page.get(f"/deals/?sort={sort}"))

    assert order("") == order("created_at:desc") == [small.pk, large.pk, none.pk]
    assert order("created_at:asc") == [none.pk, large.pk, small.pk]
    assert order("value:desc") == [large.pk, small.pk, none.pk]
    assert order("value:asc") == [small.pk, large.pk, none.pk]
    assert order("updated_at:desc")[0] == none.pk
    headers = page.get("/deals/?sort=value:desc").context["headers"]
    assert (headers["value"]["aria"], headers["created_at"]["aria"]) == ("descending", "none")
    assert headers["value"]["url"] == "/deals/?stage=open&sort=value:asc"


@pytest.mark.parametrize("sort", ["created_at:desc", "value:desc", "value:asc", "updated_at:asc"])
def test_pages_show_every_deal_once_and_lead_back(page, workspace, monkeypatch, sort):
    monkeypatch.setattr(pages, "SIZE", 3)
    values = [None, 10, "9.50", 10, None, "100.25", 0, 10]
    for value in values:
        opened(workspace, value=value, currency="EUR")

    answer = page.get(f"/deals/?sort={sort}")
    whole, firsts = listed(answer), [answer.context["page"].first]
    while url := answer.context["next_url"]:
        before, answer = answer, page.get(url)
        assert listed(page.get(answer.context["previous_url"])) == listed(before)
        whole += listed(answer)
        firsts.append(answer.context["page"].first)

    by_value = dict(Deal.everywhere.values_list("pk", "value"))
    assert len(whole) == len(set(whole)) == 8
    assert firsts == [1, 4, 7]
    if sort.startswith("value"):
        amounts = [by_value[pk] for pk in whole if by_value[pk] is not None]
        assert amounts == sorted(amounts, reverse=sort == "value:desc")
        assert [by_value[pk] for pk in whole[-2:]] == [None, None]


def test_a_page_costs_the_same_queries_however_long_it_is(
    page, workspace, django_assert_max_num_queries
):
    for _ in range(12):
        opened(workspace)

    with django_assert_max_num_queries(13):
        assert len(listed(page.get("/deals/"))) == 12


def test_a_deal_is_moved_and_the_move_is_written_down(page, alice, workspace):
    deal = opened(workspace)
    before = times.now()

    answer = page.post(f"/deals/{deal.pk}/move/?stage=new", {"stage": "meeting"}, headers=HTMX)

    deal.refresh_from_db()
    assert deal.stage == "meeting" and deal.updated_at >= before
    assert listed(answer) == [], "it has left the chip"
    assert "Moved Globex – Q4 outbound to Meeting." in answer.content.decode()
    event = Event.everywhere.get(enrollment=deal.enrollment, kind="deal_moved")
    assert (event.by, event.detail["note"]) == (alice, "From New to Meeting")
    entry = AuditEntry.everywhere.get(verb="change", record_id=deal.pk)
    assert (entry.by, entry.detail["fields"]) == (alice, ["stage"])
    activity = page.get(f"/enrollments/{deal.enrollment_id}/?tab=activity").content.decode()
    assert "Deal moved to another stage by Alice Reyes" in activity
    assert "changed the deal" in page.get("/settings/audit/").content.decode()


def test_a_move_can_be_undone(page, workspace):
    deal = opened(workspace)
    answer = page.post(f"/deals/{deal.pk}/move/?stage=new", {"stage": "lost"}, headers=HTMX)

    undo = f"/deals/{deal.pk}/move/?stage=new&sort=created_at:desc&back=new"
    assert undo.replace("&", "&amp;") in answer.content.decode()
    back = page.post(undo, headers=HTMX)

    deal.refresh_from_db()
    assert deal.stage == "new" and listed(back) == [deal.pk]
    assert back["HX-Retarget"] == "#results"


def test_who_moves_it_where_it_is_changes_nothing(page, workspace):
    deal = opened(workspace, stage="won")

    answer = page.post(f"/deals/{deal.pk}/move/", {"stage": "won"}, follow=True)

    assert "is in Won already" in answer.content.decode()
    assert not Event.everywhere.filter(kind="deal_moved").exists()
    assert not AuditEntry.everywhere.exists()


def test_an_unknown_stage_is_refused_with_a_sentence(page, workspace):
    deal = opened(workspace)

    answer = page.post(f"/deals/{deal.pk}/move/", {"stage": "zebra"})

    assert answer.status_code == 422
    said = "Choose one of the stages: New, Meeting, Proposal, Won or Lost."
    assert said in answer.content.decode()
    deal.refresh_from_db()
    assert deal.stage == "new"


def test_a_value_is_put_on_a_deal_and_taken_off(page, alice, workspace):
    deal = opened(workspace)

    answer = page.post(
        f"/deals/{deal.pk}/revalue/", {"value": "12000.5", "currency": "eur"}, follow=True
    )

    deal.refresh_from_db()
    assert (deal.value, deal.currency) == (Decimal("12000.50"), "EUR")
    assert "Globex – Q4 outbound is worth 12,000.50 EUR." in answer.content.decode()
    event = Event.everywhere.get(kind="deal_valued")
    assert (event.by, event.detail["note"]) == (alice, "From none to 12,000.50 EUR")
    second = opened(workspace, company="Acme")
    assert page.get("/deals/").context["usual_currency"] == "EUR"

    page.post(f"/deals/{deal.pk}/revalue/", {"value": "", "currency": "EUR"})

    deal.refresh_from_db()
    assert (deal.value, deal.currency, second.currency) == (None, "", "")


@pytest.mark.parametrize(
    ("value", "currency", "said"),
    [
        ("a lot", "EUR", "Write the value as a number, as 12000 or 12000.50."),
        ("12,000", "EUR", "Write the value as a number"),
        ("NaN", "EUR", "Write the value as a number"),
        ("-1", "EUR", "A deal is worth nothing or more."),
        ("1.005", "EUR", "Write at most two digits after the point."),
        ("99999999999", "EUR", "A deal is worth less than ten thousand million."),
        ("1e400", "EUR", "A deal is worth less than ten thousand million."),
        ("5", "", "Say in which currency, as EUR."),
        ("5", "Euro", "Write the currency as three letters, as EUR."),
        ("5", "E\0R", "Null characters are not allowed."),
    ],
)
def test_a_bad_value_is_refused_and_stays_as_it_was_typed(page, workspace, value, currency, said):
    deal = opened(workspace)

    answer = page.post(f"/deals/{deal.pk}/revalue/", {"value": value, "currency": currency})

    text = answer.content.decode()
    assert answer.status_code == 422 and said in text
    assert f'value="{value}" aria-invalid="true"' in text
    deal.refresh_from_db()
    assert deal.value is None


def test_viewers_read_only(client, bob, workspace):
    deal = opened(workspace, value=5, currency="EUR")
    client.force_login(bob)

    text = client.get("/deals/").content.decode()

    assert "5.00 EUR" in text and "New" in text
    assert "/move/" not in text and "/revalue/" not in text
    assert client.post(f"/deals/{deal.pk}/move/", {"stage": "won"}).status_code == 403
    assert client.post(f"/deals/{deal.pk}/revalue/", {"value": "1"}).status_code == 403


def test_a_member_may_change_what_is_on_a_deal(client, workspace):
    deal = opened(workspace)
    member = make_user("mia@brightline.test")
    Membership.objects.create(user=member, workspace=workspace, role="member")
    client.force_login(member)

    assert client.post(f"/deals/{deal.pk}/move/", {"stage": "won"}).status_code == 302

    deal.refresh_from_db()
    assert deal.stage == "won"


def test_a_deal_of_another_workspace_is_not_there(page, workspace):
    theirs = opened(make_workspace())

    assert theirs.pk not in listed(page.get("/deals/?stage=all"))
    assert page.get(f"/deals/{theirs.pk}/").status_code == 404
    assert page.get(f"/deals/?deal={theirs.pk}").status_code == 404
    for verb in ("move", "revalue"):
        assert page.post(f"/deals/{theirs.pk}/{verb}/", {"stage": "won"}).status_code == 404
    theirs.refresh_from_db()
    assert (theirs.stage, theirs.value) == ("new", None)


def test_empty_pages_say_what_would_be_there(page, workspace):
    assert "No deals yet" in page.get("/deals/").content.decode()

    opened(workspace, stage="won")

    assert "Every deal is won or lost." in page.get("/deals/").content.decode()
    assert "No deal is in “Meeting”" in page.get("/deals/?stage=meeting").content.decode()


def test_a_deal_outlives_its_prospect(page, workspace):
    deal = opened(workspace)
    run, contact = deal.enrollment, deal.contact

    run.drop(by=None)
    text = page.get("/deals/").content.decode()
    assert "Globex – Q4 outbound" in text
    assert f"open={run.pk}" not in text and f'href="/contacts/{contact.pk}/"' in text

    contact.delete()
    Enrollment.everywhere.filter(pk=run.pk).delete()
    answer = page.get("/deals/")
    assert "Globex – Q4 outbound" in answer.content.decode()
    page.post(f"/deals/{deal.pk}/move/", {"stage": "lost"})
    deal.refresh_from_db()
    assert deal.stage == "lost", "without a run as well"


def test_a_correction_closes_no_deal_that_has_a_value(page, alice, workspace):
    touch = make_due_touch(workspace=workspace, steps=2)
    draining.drain_all()
    sandbox.answer(SandboxMail.everywhere.caught().get(), "interested")
    deal = Deal.everywhere.get(enrollment=touch.enrollment)
    page.post(f"/deals/{deal.pk}/revalue/", {"value": "5", "currency": "EUR"})

    replies.relabel(Reply.everywhere.get(), "not_interested", by=alice)

    assert Deal.everywhere.filter(pk=deal.pk).exists()


def test_every_stage_has_a_picture():
    assert set(Deal.Stage.values) <= set(STATUS_ICONS)
