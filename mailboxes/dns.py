"""What the DNS says about a sender's domain: may its provider send for it, and can it be answered?

Only what DNS said for certain is Passing or Failing. A server that cannot be asked, or a DKIM
key whose name nobody knows, is Unknown.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import dns.exception
import dns.name
import dns.resolver
from django.conf import settings

from mailboxes.dns_records import (
    IS_DMARC,
    IS_SPF,
    MOST_LOOKUPS,
    SPF,
    Malformed,
    check_dkim,
    check_dmarc,
    read_spf,
    with_include,
)

# A person may be waiting for all of it.
PATIENCE = timedelta(seconds=15)
PATIENCE_PER_QUESTION = timedelta(seconds=4)

PASSING, FAILING, UNKNOWN = "passing", "failing", "unknown"
# What keeps mail of a domain from being believed; without MX it only cannot be answered.
AUTHENTICATION = ("spf", "dkim", "dmarc")
LABELS = {"spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC", "mx": "MX"}
# The names that keys usually have; they cannot be listed.
SELECTORS = ("google", "selector1", "selector2", "default", "k1")

MOST_RECORDS = 5
LONGEST_RECORD = 600


class CannotAsk(Exception):
    """No answer that says anything: it may be there or not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one kind of record came to, and what to publish where it is wrong."""

    kind: str
    status: str
    words: str
    name: str = ""
    found: list[str] = field(default_factory=list)
    advice: str = ""
    # False where DNS gave no answer, so that the one before is still the best there is.
    asked: bool = True

    @property
    def label(self) -> str:
        return LABELS[self.kind]


class Resolver:
    """Asks DNS, for so long in all; absent is an empty list, no answer is CannotAsk."""

    def __init__(self) -> None:
        self.until = time.monotonic() + PATIENCE.total_seconds()
        if settings.DNS_SERVER:
            host, _, port = settings.DNS_SERVER.rpartition(":")
            self.asked = dns.resolver.Resolver(configure=False)
            self.asked.nameservers = [host.strip("[]")]
            self.asked.port = int(port)
        else:
            try:
                self.asked = dns.resolver.Resolver()
            except dns.resolver.NoResolverConfiguration:
                raise CannotAsk("This machine knows no DNS server.") from None
        self.asked.timeout = PATIENCE_PER_QUESTION.total_seconds() / 2

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, each in one piece."""
        return [
            b"".join(record.strings).decode("ascii", "replace") for record in self._ask(name, "TXT")
        ]

    def exchangers(self, name: str) -> list[tuple[int, str]]:
        """Return the mail servers of a name, first to be tried first."""
        records = self._ask(name, "MX")
        return sorted((each.preference, each.exchange.to_text().rstrip(".")) for each in records)

    def has_host(self, name: str) -> bool:
        return bool(self._ask(name, "A") or self._ask(name, "AAAA"))

    def _ask(self, name: str, kind: str) -> list[Any]:
        left = self.until - time.monotonic()
        if left <= 0:
            raise CannotAsk("DNS answered too slowly.")
        lifetime = min(left, PATIENCE_PER_QUESTION.total_seconds())
        try:
            asked = dns.name.from_text(name, idna_codec=dns.name.IDNA_2008_Practical)
            return list(self.asked.resolve(asked, kind, search=False, lifetime=lifetime))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.Timeout:
            raise CannotAsk(f"DNS did not answer for {name} in time.") from None
        except dns.resolver.NoNameservers:
            raise CannotAsk(f"The DNS servers of {name} answer with a fault.") from None
        except (dns.exception.DNSException, OSError, ValueError) as problem:
            raise CannotAsk(f"{name[:100]} cannot be asked for: {problem}"[:200]) from None


@dataclass(frozen=True)
class Sender:
    """Whose mail is checked: the domain, and what its provider is known to need."""

    domain: str
    # What the domain's SPF has to include, and the provider's name; empty where it is not known.
    include: str = ""
    provider: str = ""
    selector: str = ""
    exchange: str = ""
    usual_selectors: tuple[str, ...] = SELECTORS


def check(sender: Sender) -> list[Finding]:
    """Ask for all four kinds of records; never takes much longer than PATIENCE."""
    checks = {"spf": _spf, "dkim": _dkim, "dmarc": _dmarc, "mx": _mx}
    try:
        resolver = Resolver()
    except CannotAsk as problem:
        return [Finding(kind, UNKNOWN, str(problem), asked=False) for kind in checks]
    findings = []
    for kind, ask in checks.items():
        try:
            findings.append(ask(resolver, sender))
        except CannotAsk as problem:
            findings.append(Finding(kind, UNKNOWN, str(problem), asked=False))
    return findings


def _spf(resolver: Resolver, sender: Sender) -> Finding:
    found = _spf_records(resolver, sender.domain)
    fresh = f"v=spf1 include:{sender.include} ~all" if sender.include else ""

    def finding(status: str, words: str, advice: str = "", asked: bool = True) -> Finding:
        return Finding("spf", status, words, sender.domain, _shown(found), advice, asked)

    if not found:
        return finding(FAILING, "There is no SPF record.", fresh)
    if len(found) > 1:
        return finding(FAILING, f"There are {len(found)} SPF records; only one may be there.")
    try:
        seen, whole = _follow(resolver, sender.domain, found[0])
    except Malformed as problem:
        return finding(FAILING, str(problem))
    if any(record.passes_everybody for record in list(seen.values())[:1]):
        return finding(FAILING, "It lets everybody send (“+all”), so nobody trusts it.", fresh)
    if not sender.include or sender.include in seen:
        named = f", and it names {sender.provider}" if sender.include else ""
        return finding(PASSING, f"There is one SPF record{named}.")
    better = with_include(found[0], sender.include)
    if whole and not any(record.names_servers for record in seen.values()):
        return finding(FAILING, f"It does not let {sender.provider} send.", better)
    return finding(
        UNKNOWN,
        f"It does not name {sender.provider}. That is right only if it lists their servers.",
        better,
    )


def _spf_records(resolver: Resolver, name: str) -> list[str]:
    return [text for text in resolver.texts(name) if IS_SPF.match(text)]


def _follow(resolver: Resolver, domain: str, text: str) -> tuple[dict[str, SPF], bool]:
    """Read the record and all that it hands on to; the second tells whether nothing was left out.

    Raises Malformed where a receiver would give up on it.
    """
    seen = {domain: read_spf(text)}
    # Each record is fetched once and counted as often as it is named, as receivers do.
    waiting = [(domain, seen[domain])]
    lookups, whole = 0, True
    while waiting:
        _, record = waiting.pop(0)
        lookups += record.lookups
        if lookups > MOST_LOOKUPS:
            raise Malformed(f"It takes more than {MOST_LOOKUPS} DNS look-ups; receivers give up.")
        for name in [*record.includes, *([record.redirect] if record.redirect else [])]:
            if "%" in name:
                whole = False
                continue
            if name not in seen:
                texts = _spf_records(resolver, name)
                if len(texts) != 1:
                    many = "no" if not texts else "more than one"
                    raise Malformed(f"It hands on to {name[:100]}, which has {many} SPF record.")
                seen[name] = read_spf(texts[0])
            waiting.append((name, seen[name]))
    return seen, whole


def _dkim(resolver: Resolver, sender: Sender) -> Finding:
    usual = list(dict.fromkeys((*sender.usual_selectors, *SELECTORS)))
    problems: list[str] = []
    for selector in [sender.selector] if sender.selector else usual:
        name = f"{selector}._domainkey.{sender.domain}"
        found = resolver.texts(name)
        for text in found:
            try:
                key = check_dkim(text)
            except Malformed as problem:
                problems.append(str(problem))
            else:
                return Finding("dkim", PASSING, f"There is {key}.", name, _shown(found))
        if sender.selector:
            words = problems[0] if problems else f"There is no key named {selector}."
            return Finding("dkim", FAILING, words, name, _shown(found))
    words = f"No key has a usual name ({', '.join(usual)}). Enter the selector if there is one."
    name = f"{usual[0]}._domainkey.{sender.domain}"
    return Finding("dkim", UNKNOWN, words, name)


def _dmarc(resolver: Resolver, sender: Sender) -> Finding:
    first = f"_dmarc.{sender.domain}"
    for domain in tree(sender.domain):
        name = f"_dmarc.{domain}"
        found = [text for text in resolver.texts(name) if IS_DMARC.match(text)]
        # Two are as good as none (RFC 9989 section 4.10.1).
        if len(found) != 1:
            if found and domain == sender.domain:
                words = f"There are {len(found)} DMARC records; only one may be there."
                return Finding("dmarc", FAILING, words, name, _shown(found))
            continue
        try:
            policy = check_dmarc(found[0])
        except Malformed as problem:
            return Finding("dmarc", FAILING, str(problem), name, _shown(found), "v=DMARC1; p=none")
        words = f"There is a DMARC record with the policy “{policy}”."
        return Finding("dmarc", PASSING, words, name, _shown(found))
    return Finding("dmarc", FAILING, "There is no DMARC record.", first, [], "v=DMARC1; p=none")


def tree(domain: str) -> Iterator[str]:
    """Yield the domains whose DMARC record may speak for this one (RFC 9989 section 4.10).

    >>> list(tree("mail.acme.test"))
    ['mail.acme.test', 'acme.test', 'test']
    >>> len(list(tree("a.b.c.d.e.f.g.h.i.j.acme.test")))
    8
    """
    yield domain
    labels = domain.split(".")[1:][-7:]
    for number in range(len(labels)):
        yield ".".join(labels[number:])


def _mx(resolver: Resolver, sender: Sender) -> Finding:
    servers = resolver.exchangers(sender.domain)
    found = [f"{preference} {host or '.'}" for preference, host in servers]

    def finding(status: str, words: str, advice: str = "") -> Finding:
        return Finding("mx", status, words, sender.domain, _shown(found), advice)

    if any(not host for _, host in servers):
        return finding(FAILING, "The domain says that it takes no mail: no reply can arrive.")
    if servers:
        return finding(PASSING, f"Replies go to {servers[0][1][:100]}.")
    if resolver.has_host(sender.domain):
        return finding(PASSING, "There is no MX record; replies go to the domain's own address.")
    words = "There is no MX record: no reply and no bounce can arrive."
    return finding(FAILING, words, sender.exchange)


def _shown(found: list[str]) -> list[str]:
    return [text[:LONGEST_RECORD] for text in found[:MOST_RECORDS]]
