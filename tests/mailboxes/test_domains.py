"""The domain of a mailbox: checked by the timetable and by hand, warned of, and stopped for."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from mailboxes import dns, domains
from mailboxes.models import DomainCheck, Mailbox
from mailboxes.providers import provider_for
from outreach import ticks, times
from outreach.models import AuditEntry, User, Workspace
from sequences.engine import draining, explain, lifecycle, sending
from sequences.models import Enrollment, Touch
from sequences.rules.reasons import Reason
from tests.factories import (
    approve,
    make_due_touch,
    make_enrollment,
    make_mailbox,
    make_pool,
    make_sequence,
)
from tests.fakes.dns import Zone, running_dns
from tests.mailboxes.test_dns import key

pytestmark = pytest.mark.django_db(transaction=True)

A_DAY = timedelta(days=1)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def zone(settings, monkeypatch) -> Iterator[Zone]:
    monkeypatch.setattr(dns, "PATIENCE_PER_QUESTION", timedelta(seconds=0.4))
    with running_dns() as zone:
        settings.DNS_SERVER = zone.server
        put_in_order(zone)
        yield zone


def put_in_order(zone: Zone) -> None:
    zone.faults.clear()
    zone.txt("acme.test", "v=spf1 ip4:192.0.2.1 ~all")
    zone.txt("default._domainkey.acme.test", key())
    zone.txt("_dmarc.acme.test", "v=DMARC1; p=none")
    zone.mx("acme.test", "1 mx.acme.test.")


def break_spf(zone: Zone) -> None:
    zone.txt("acme.test", "v=spf1 +all")


@pytest.fixture
def mailbox(workspace) -> Mailbox:
    return make_mailbox(
        workspace, provider="smtp", email="ana@acme.test", smtp_host="mail.acme.test"
    )


def checked(mailbox: Mailbox, at: datetime) -> Mailbox:
    with times.clock(lambda: at):
        domains.check(mailbox)
    mailbox.refresh_from_db()
    return mailbox


def stop(mailbox: Mailbox) -> Mailbox:
    at = times.now()
    note = "SPF of acme.test fails"
    Mailbox.everywhere.filter(pk=mailbox.pk).update(
        failing_since=at - 3 * A_DAY, failing_note=note, cold_stopped_at=at
    )
    mailbox.refresh_from_db()
    return mailbox


# When it stops, and when it does not


def test_a_failing_domain_stops_cold_mail_after_72_hours_and_not_before(mailbox, zone):
    break_spf(zone)
    start = times.now()

    assert checked(mailbox, start).cold_stopped_at is None
    assert checked(mailbox, start + timedelta(hours=71)).cold_stopped_at is None
    checked(mailbox, start + timedelta(hours=72))

    assert mailbox.failing_since == start
    assert mailbox.cold_stopped_at == start + timedelta(hours=72)
    note = AuditEntry.everywhere.get(verb="stop_cold")
    assert (note.by, note.detail["why"]) == (None, "SPF of acme.test fails.")


def test_a_domain_that_passes_in_between_begins_anew(mailbox, zone):
    start = times.now()
    break_spf(zone)
    checked(mailbox, start)
    put_in_order(zone)
    assert checked(mailbox, start + 2 * A_DAY).failing_since is None

    break_spf(zone)
    checked(mailbox, start + 3 * A_DAY)

    assert (mailbox.failing_since, mailbox.cold_stopped_at) == (start + 3 * A_DAY, None)


@pytest.mark.parametrize("fault", ["timeout", "servfail", "garbage"])
def test_a_dns_that_cannot_be_asked_stops_nothing(mailbox, zone, fault):
    start = times.now()
    zone.fail("*", fault)
    for days in (0, 4):
        assert checked(mailbox, start + days * A_DAY).failing_since is None

    put_in_order(zone)
    break_spf(zone)
    checked(mailbox, start + 5 * A_DAY)
    zone.fail("*", fault)
    checked(mailbox, start + 9 * A_DAY)

    # Warned of since then, but the last word that it fails is younger than 72 hours.
    assert (mailbox.failing_since, mailbox.cold_stopped_at) == (start + 5 * A_DAY, None)


def test_a_stop_outlasts_a_dns_that_cannot_be_asked_and_ends_with_a_record_in_order(mailbox, zone):
    start = times.now()
    break_spf(zone)
    checked(mailbox, start)
    assert checked(mailbox, start + 3 * A_DAY).cold_stopped_at
    zone.fail("*", "servfail")
    assert checked(mailbox, start + 4 * A_DAY).cold_stopped_at

    put_in_order(zone)
    checked(mailbox, start + 5 * A_DAY)

    assert (mailbox.cold_stopped_at, mailbox.failing_since) == (None, None)
    assert mailbox.failing_note == ""
    assert AuditEntry.everywhere.filter(verb="resume_cold").count() == 1


def test_a_key_that_nobody_finds_and_a_domain_without_mx_stop_nothing(mailbox, zone):
    del zone.records["default._domainkey.acme.test", "TXT"]
    del zone.records["acme.test", "MX"]
    start = times.now()

    for days in (0, 4):
        checked(mailbox, start + days * A_DAY)

    statuses = {each["kind"]: each["status"] for each in mailbox.domain_check.findings}
    assert (statuses["dkim"], statuses["mx"]) == (dns.UNKNOWN, dns.FAILING)
    assert (mailbox.failing_since, mailbox.cold_stopped_at) == (None, None)


def test_of_two_checks_at_once_the_later_is_believed(mailbox, zone):
    start = times.now()
    checked(mailbox, start)
    late = [dns.Finding("spf", dns.FAILING, "It was so a moment ago.")]

    assert not domains.take_in(mailbox.domain_check.pk, late, start - timedelta(seconds=3))

    mailbox.refresh_from_db()
    assert mailbox.failing_since is None


def test_no_transaction_is_open_while_dns_is_asked(mailbox, zone, monkeypatch):
    open_ones = []
    ask = dns.check

    def looked_at(sender: dns.Sender) -> list[dns.Finding]:
        open_ones.append(connection.in_atomic_block)
        return ask(sender)

    monkeypatch.setattr(dns, "check", looked_at)
    domains.tick()

    assert open_ones == [False]


# Who is asked for, and how often


def test_the_timetable_checks_each_connected_mailbox_every_six_hours(workspace, mailbox, zone):
    make_mailbox(workspace)
    make_mailbox(workspace, provider="smtp", email="b@acme.test", status="disconnected")
    start = times.now()

    assert domains.tick() == 1
    assert domains.tick() == 0
    with times.clock(lambda: start + timedelta(hours=7)):
        assert domains.tick() == 1

    assert DomainCheck.objects.get().mailbox == mailbox


def test_a_dns_that_does_not_answer_keeps_a_tick_for_half_a_minute(workspace, mailbox, monkeypatch):
    make_mailbox(workspace, provider="smtp", email="b@acme.test")
    passed = iter(range(0, 1000, 40))
    monkeypatch.setattr(ticks.time, "monotonic", lambda: next(passed))
    monkeypatch.setattr(dns, "check", lambda sender: [])

    assert domains.tick() == 1
    assert domains.tick() == 1
    assert domains.tick() == 0


def test_the_domain_of_a_provider_is_asked_what_that_provider_needs(workspace, zone):
    mailbox = make_mailbox(workspace, provider="gmail", email="ana@acme.test")

    asked = domains.check(mailbox)

    spf = asked.findings[0]
    assert (spf["status"], "does not name Google" in spf["words"]) == (dns.UNKNOWN, True)
    assert ("google._domainkey.acme.test", "TXT") in zone.asked


# What stops


@pytest.fixture
def run(alice, workspace, mailbox) -> Enrollment:
    return approve(make_enrollment(sequence=make_sequence(workspace, mailbox=mailbox)), by=alice)


def test_neither_first_steps_nor_follow_ups_leave_from_a_stopped_mailbox(run, mailbox):
    stop(mailbox)
    fresh = Enrollment.everywhere.get(pk=run.pk)

    for position in (1, 2):
        Touch.objects.filter(enrollment=run, position=position).update(
            status="scheduled", mailbox=mailbox, due_at=times.now() - A_DAY
        )
        answer = explain.touch(run.touches.get(position=position), fresh)
        assert (answer.reason, answer.kind) == (Reason.AUTHENTICATION, explain.Kind.BLOCKED)
    assert mailbox.pk not in draining.mailboxes_with_work(times.now())
    assert draining.drain_all() == 0


def test_a_stop_between_claim_and_gate_holds_the_mail_back():
    touch = make_due_touch()
    stages = sending.sending(touch.pk, provider_for(touch.mailbox))
    assert next(stages) == "claimed"

    stop(touch.mailbox)

    assert list(stages)[-1] == "held back"
    touch.refresh_from_db()
    assert (touch.status, touch.attempts_made) == (Touch.Status.SCHEDULED, 0)


def test_what_waited_leaves_once_the_domain_is_in_order_again(run, mailbox, zone):
    stop(mailbox)
    Touch.objects.filter(enrollment=run, position=1).update(due_at=times.now() - A_DAY)
    assert mailbox.pk not in draining.mailboxes_with_work(times.now())

    domains.check(mailbox)

    assert mailbox.pk in draining.mailboxes_with_work(times.now())


def test_the_run_says_that_its_mailbox_needs_a_person_until_it_no_longer_does(run, mailbox, zone):
    stop(mailbox)
    lifecycle.follow_mailboxes()
    run.refresh_from_db()
    assert run.blocked_by == Enrollment.Block.MAILBOX

    domains.check(mailbox)
    lifecycle.follow_mailboxes()

    run.refresh_from_db()
    assert run.blocked_by == ""


def test_a_pool_goes_on_without_a_stopped_mailbox(alice, workspace):
    sequence = make_sequence(workspace)
    first, second = make_pool(sequence, 2)
    stop(first)
    for _ in range(2):
        approve(make_enrollment(sequence=sequence), by=alice)

    while draining.drain_all():
        Touch.objects.filter(status="scheduled").update(due_at=times.now() - A_DAY)

    sent = Touch.objects.filter(status="sent").values_list("mailbox", flat=True)
    assert set(sent) == {second.pk}


# The page


def test_the_page_shows_each_record_with_what_to_publish(alice, mailbox, zone):
    del zone.records["_dmarc.acme.test", "TXT"]
    del zone.records["default._domainkey.acme.test", "TXT"]
    client = signed_in(alice)
    url = f"/mailboxes/{mailbox.pk}/domain/"
    assert "They have not been looked up yet." in client.get(url).content.decode()

    client.post(f"{url}check/", {"dkim_selector": ""})

    page = client.get(url).content.decode()
    for words in ("Passing", "Failing", "Unknown", "v=spf1 ip4:192.0.2.1 ~all"):
        assert words in page
    assert "<code>v=DMARC1; p=none</code>" in page and "Copy the DMARC record" in page
    assert "DMARC of acme.test fails." in page and "it stops sending campaign mail" in page


def test_the_key_of_an_entered_selector_is_looked_for(alice, mailbox, zone):
    zone.txt("mine._domainkey.acme.test", key())

    signed_in(alice).post(f"/mailboxes/{mailbox.pk}/domain/check/", {"dkim_selector": "mine"})

    asked = DomainCheck.objects.get()
    assert (asked.dkim_selector, asked.findings[1]["name"]) == (
        "mine",
        "mine._domainkey.acme.test",
    )
    assert AuditEntry.everywhere.get(verb="change").detail["fields"] == ["dkim_selector"]


@pytest.mark.parametrize("typed", ["a b", "../x", ".a", "a" * 101, "<b>"])
def test_what_is_no_selector_is_refused(alice, mailbox, zone, typed):
    answer = signed_in(alice).post(
        f"/mailboxes/{mailbox.pk}/domain/check/", {"dkim_selector": typed}
    )

    assert answer.status_code == 422
    assert zone.asked == [] and not DomainCheck.objects.exists()


def test_a_viewer_looks_and_does_not_re_check(bob, mailbox, zone):
    client = signed_in(bob)
    url = f"/mailboxes/{mailbox.pk}/domain/"

    assert "Re-check" not in client.get(url).content.decode()
    assert client.post(f"{url}check/").status_code == 403
    assert zone.asked == []


def test_another_workspaces_domain_is_not_found(carol, mailbox):
    assert signed_in(carol).get(f"/mailboxes/{mailbox.pk}/domain/").status_code == 404


def test_a_sandbox_mailbox_is_not_checked(alice, workspace, zone):
    mailbox = make_mailbox(workspace)
    client = signed_in(alice)

    client.post(f"/mailboxes/{mailbox.pk}/domain/check/")

    assert zone.asked == []
    assert "Nothing to check." in client.get(f"/mailboxes/{mailbox.pk}/domain/").content.decode()


def test_every_page_warns_before_it_stops(bob, mailbox, workspace: Workspace, zone):
    break_spf(zone)
    client = signed_in(bob)
    assert "fails authentication" not in client.get("/contacts/").content.decode()

    domains.check(mailbox)

    page = client.get("/contacts/").content.decode()
    assert "The domain of 1 mailbox fails authentication." in page
    card = client.get("/mailboxes/").content.decode()
    assert "SPF of acme.test fails." in card and "it stops sending campaign mail" in card
    stop(mailbox)
    assert "It sends no campaign mail since" in client.get("/mailboxes/").content.decode()
