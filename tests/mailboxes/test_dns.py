"""What DNS says about a sender's domain, asked of a server that can fail in every way."""

import base64
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailboxes import dns
from tests.fakes.dns import FAULTS, Zone, running_dns

GOOGLE = dns.Sender(
    "acme.test", include="_spf.google.com", provider="Google", exchange="1 smtp.google.com"
)


def key(bits: int = 2048) -> str:
    public = generate_private_key(65537, bits).public_key()
    wire = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(wire).decode()}"


@pytest.fixture
def zone(settings, monkeypatch) -> Iterator[Zone]:
    """A DNS in which everything about acme.test is as Google wants it."""
    monkeypatch.setattr(dns, "PATIENCE_PER_QUESTION", timedelta(seconds=0.4))
    with running_dns() as zone:
        settings.DNS_SERVER = zone.server
        zone.txt("acme.test", "v=spf1 include:_spf.google.com ~all", "some-other-proof=1")
        zone.txt("_spf.google.com", "v=spf1 ip4:192.0.2.0/24 ~all")
        zone.txt("google._domainkey.acme.test", key())
        zone.txt("_dmarc.acme.test", "v=DMARC1; p=none; rua=mailto:d@acme.test")
        zone.mx("acme.test", "1 smtp.google.com.")
        yield zone


def statuses(sender: dns.Sender = GOOGLE) -> dict[str, str]:
    return {each.kind: each.status for each in dns.check(sender)}


def found(kind: str, sender: dns.Sender = GOOGLE) -> dns.Finding:
    return next(each for each in dns.check(sender) if each.kind == kind)


def test_a_domain_in_order_passes_everything(zone):
    assert set(statuses().values()) == {dns.PASSING}
    assert found("dkim").words == "There is a key of 2048 bits."


@pytest.mark.parametrize("fault", FAULTS)
def test_a_dns_that_cannot_be_asked_fails_nothing(zone, fault):
    zone.fail("*", fault)

    seen = dns.check(GOOGLE)

    if fault == "nxdomain":
        # The one answer among them that says something: none of it is there.
        failing = {each.kind for each in seen if each.status == dns.FAILING}
        assert failing == {"spf", "dmarc", "mx"}
    else:
        assert {each.status for each in seen} == {dns.UNKNOWN}
        assert not any(each.asked for each in seen)


def test_a_server_that_is_not_there_fails_nothing(settings, zone):
    settings.DNS_SERVER = "127.0.0.1:9"

    assert set(statuses().values()) == {dns.UNKNOWN}


def test_a_slow_dns_does_not_keep_a_person_waiting_for_long(zone, monkeypatch):
    monkeypatch.setattr(dns, "PATIENCE", timedelta(seconds=0))

    assert set(statuses().values()) == {dns.UNKNOWN}
    assert zone.asked == []


@pytest.mark.parametrize(
    ("records", "status", "words"),
    [
        ([], dns.FAILING, "There is no SPF record."),
        (["v=spf1 ~all", "v=spf1 -all"], dns.FAILING, "There are 2 SPF records"),
        (["v=spf10 +all"], dns.FAILING, "There is no SPF record."),
        (["v=spf1 +all"], dns.FAILING, "lets everybody send"),
        (["v=spf1 all"], dns.FAILING, "lets everybody send"),
        (["v=spf1 inclde:_spf.google.com"], dns.FAILING, "is not known in an SPF record"),
        (["v=spf1 include:nowhere.test -all"], dns.FAILING, "which has no SPF record"),
        (["v=spf1 -all"], dns.FAILING, "It does not let Google send."),
        (["v=spf1 ip4:192.0.2.1 -all"], dns.UNKNOWN, "It does not name Google."),
        (["v=spf1 include:%{d}.acme.test -all"], dns.UNKNOWN, "It does not name Google."),
        (["v=spf1 redirect=_spf.google.com"], dns.PASSING, "names Google"),
        (["V=SPF1 include:_SPF.Google.com ~all"], dns.PASSING, "names Google"),
        ([f"v=spf1 {'a ' * 10}include:_spf.google.com ~all"], dns.FAILING, "more than 10"),
        ([f"v=spf1 {'a ' * 9}include:_spf.google.com ~all"], dns.PASSING, "names Google"),
        (["v=spf1 include:acme.test ~all"], dns.FAILING, "more than 10"),
    ],
)
def test_spf(zone, records, status, words):
    zone.txt("acme.test", *records)

    seen = found("spf")

    assert (seen.status, words in seen.words) == (status, True), seen


def test_an_include_that_cannot_be_asked_for_is_unknown(zone):
    zone.fail("_spf.google.com", "servfail")

    assert (found("spf").status, found("spf").asked) == (dns.UNKNOWN, False)


def test_the_record_to_publish_keeps_what_is_there(zone):
    zone.txt("acme.test", "v=spf1 ip4:192.0.2.7 -all")

    assert found("spf").advice == "v=spf1 ip4:192.0.2.7 include:_spf.google.com -all"


def test_a_record_longer_than_one_string_is_read_in_one_piece(zone):
    many = " ".join(f"ip4:192.0.2.{number}" for number in range(40))
    zone.txt("acme.test", f"v=spf1 {many} include:_spf.google.com ~all")

    assert found("spf").status == dns.PASSING


def test_a_key_under_no_usual_name_is_unknown(zone):
    del zone.records["google._domainkey.acme.test", "TXT"]

    assert (found("dkim").status, found("dkim").asked) == (dns.UNKNOWN, True)


@pytest.mark.parametrize(
    ("record", "status", "words"),
    [
        (key(1024), dns.PASSING, "1024 bits"),
        ("v=DKIM1; p=", dns.FAILING, "revoked"),
        ("v=DKIM1; p=AAAA", dns.FAILING, "cannot be read"),
        ("v=DKIM1; p=!!", dns.FAILING, "cannot be read"),
        (f"v=DKIM1; k=ed25519; p={base64.b64encode(b'k' * 32).decode()}", dns.PASSING, "Ed25519"),
        ("v=DKIM1; k=ed25519; p=AAAA", dns.FAILING, "wrong length"),
        ("v=DKIM2; p=AAAA", dns.FAILING, "no DKIM key"),
    ],
)
def test_the_key_of_a_selector_that_was_entered(zone, record, status, words):
    zone.txt("mine._domainkey.acme.test", record)

    seen = found("dkim", dns.Sender("acme.test", selector="mine"))

    assert (seen.status, words in seen.words) == (status, True), seen


def test_an_entered_selector_without_a_key_fails(zone):
    assert found("dkim", dns.Sender("acme.test", selector="mine")).status == dns.FAILING


def test_a_revoked_key_under_a_guessed_name_says_nothing(zone):
    zone.txt("google._domainkey.acme.test", "v=DKIM1; p=")

    assert found("dkim").status == dns.UNKNOWN


@pytest.mark.parametrize(
    ("name", "records", "status"),
    [
        ("_dmarc.acme.test", [], dns.FAILING),
        ("_dmarc.acme.test", ["v=DMARC1"], dns.PASSING),
        ("_dmarc.acme.test", ["v=DMARC1; p=reject"], dns.PASSING),
        ("_dmarc.acme.test", ["v=DMARC1; p=maybe"], dns.FAILING),
        ("_dmarc.acme.test", ["p=none; v=DMARC1"], dns.FAILING),
        ("_dmarc.acme.test", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], dns.FAILING),
        ("_dmarc.test", ["v=DMARC1; p=none; psd=y"], dns.PASSING),
    ],
)
def test_dmarc(zone, name, records, status):
    del zone.records["_dmarc.acme.test", "TXT"]
    zone.txt(name, *records)

    assert found("dmarc").status == status


def test_a_subdomain_is_covered_by_the_record_above_it(zone):
    assert found("dmarc", dns.Sender("mail.acme.test")).status == dns.PASSING


@pytest.mark.parametrize(
    ("servers", "status", "words"),
    [
        (["10 b.acme.test.", "5 a.acme.test."], dns.PASSING, "Replies go to a.acme.test."),
        (["0 ."], dns.FAILING, "takes no mail"),
        ([], dns.FAILING, "no reply and no bounce"),
    ],
)
def test_mx(zone, servers, status, words):
    zone.mx("acme.test", *servers)

    seen = found("mx")

    assert (seen.status, words in seen.words) == (status, True), seen


def test_a_domain_without_mx_is_answered_at_its_own_address(zone):
    del zone.records["acme.test", "MX"]
    zone.records["acme.test", "A"] = ["192.0.2.9"]

    assert found("mx").status == dns.PASSING


@pytest.mark.parametrize("domain", ["bücher.test", "a" * 64 + ".test", "a..test", "xn--.test"])
def test_odd_domains_are_asked_for_or_unknown_and_never_a_crash(zone, domain):
    assert set(statuses(dns.Sender(domain))) == {"spf", "dkim", "dmarc", "mx"}
