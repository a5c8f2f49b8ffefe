"""What SPF, DKIM and DMARC records say, as far as their own text tells. Pure."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

MOST_LOOKUPS = 10  # RFC 7208 section 4.6.4
LEAST_RSA_BITS = 1024  # RFC 8301
POLICIES = ("none", "quarantine", "reject")

IS_SPF = re.compile(r"v=spf1(?: |\Z)", re.IGNORECASE)
IS_DMARC = re.compile(r"v\s*=\s*DMARC1\s*(?:;|\Z)")
TERM = re.compile(
    r"(?P<sign>[-+~?]?)(?P<name>all|include|a|mx|ptr|exists|ip4|ip6)(?P<rest>(?:[:/].*)?)",
    re.IGNORECASE,
)
MODIFIER = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)=(?P<value>.*)", re.IGNORECASE)


class Malformed(ValueError):
    """The record breaks the rules that everybody reads it by; the text says which."""


@dataclass(frozen=True, slots=True)
class SPF:
    """One record: what it hands on to, what it costs, and whom it may name by address."""

    includes: list[str] = field(default_factory=list)
    redirect: str = ""
    lookups: int = 0
    # Servers may be named in ways that only their addresses could be compared with.
    names_servers: bool = False
    passes_everybody: bool = False


def read_spf(text: str) -> SPF:
    """Read one SPF record; raises Malformed.

    >>> record = read_spf("v=spf1 include:_spf.google.com a ~all")
    >>> record.includes, record.lookups, record.names_servers
    (['_spf.google.com'], 2, True)
    >>> read_spf("v=spf1 +all").passes_everybody
    True
    >>> read_spf("v=spf1 includes:acme.test -all")
    Traceback (most recent call last):
    mailboxes.dns_records.Malformed: “includes:acme.test” is not known in an SPF record.
    """
    includes, redirect = [], ""
    lookups, names_servers, everybody, ends = 0, False, False, False
    for word in text.split()[1:]:
        if term := TERM.fullmatch(word):
            name, target = term["name"].lower(), term["rest"].removeprefix(":")
            if name == "include":
                if not target:
                    raise Malformed(f"“{word[:80]}” names no domain.")
                includes.append(target.lower().rstrip("."))
            if name in ("include", "a", "mx", "ptr", "exists"):
                lookups += 1
            names_servers |= name in ("a", "mx", "ptr", "exists", "ip4", "ip6")
            everybody |= name == "all" and term["sign"] in ("", "+")
            ends |= name == "all"
        elif modifier := MODIFIER.fullmatch(word):
            if modifier["name"].lower() == "redirect":
                redirect, lookups = modifier["value"].lower().rstrip("."), lookups + 1
        else:
            raise Malformed(f"“{word[:80]}” is not known in an SPF record.")
    if ends and redirect:
        # Whoever reads it never comes as far as the redirect.
        redirect, lookups = "", lookups - 1
    return SPF(includes, redirect, lookups, names_servers, everybody)


def tags(text: str) -> dict[str, str]:
    """Return the tags of a DKIM or DMARC record.

    >>> tags("v=DMARC1; p=none;")
    {'v': 'DMARC1', 'p': 'none'}
    """
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def check_dkim(text: str) -> str:
    """Say what the key is; raises Malformed where no signature can be checked with it.

    >>> check_dkim("v=DKIM1; p=")
    Traceback (most recent call last):
    mailboxes.dns_records.Malformed: The key was revoked: its “p=” is empty.
    """
    found = tags(text)
    if found.get("v", "DKIM1") != "DKIM1" or "p" not in found:
        raise Malformed("It is no DKIM key: it begins with “v=DKIM1” and has a “p=”.")
    if not found["p"]:
        raise Malformed("The key was revoked: its “p=” is empty.")
    kind = found.get("k", "rsa").lower()
    try:
        key = base64.b64decode("".join(found["p"].split()), validate=True)
        if kind == "ed25519":
            if len(key) != 32:
                raise Malformed("Its Ed25519 key has the wrong length.")
            return "an Ed25519 key"
        public = load_der_public_key(key)
    except (binascii.Error, UnsupportedAlgorithm, ValueError) as problem:
        if isinstance(problem, Malformed):
            raise
        raise Malformed("Its key cannot be read; it may have been cut off.") from None
    if not isinstance(public, RSAPublicKey):
        raise Malformed(f"Its key is not of the kind it says ({kind[:20]}).")
    if public.key_size < LEAST_RSA_BITS:
        raise Malformed(
            f"Its key has {public.key_size} bits; below {LEAST_RSA_BITS} nobody accepts it."
        )
    return f"a key of {public.key_size} bits"


def check_dmarc(text: str) -> str:
    """Return the policy; raises Malformed. A policy that is missing is “none” (RFC 9989).

    >>> check_dmarc("v=DMARC1; p=Reject; rua=mailto:d@acme.test"), check_dmarc("v=DMARC1")
    ('reject', 'none')
    """
    policy = tags(text).get("p", "none").lower()
    if policy not in POLICIES:
        raise Malformed(f"Its “p=” is one of {', '.join(POLICIES)}; this one is “{policy[:40]}”.")
    return policy


def with_include(text: str, include: str) -> str:
    """Return the SPF record with one more include, before what ends it.

    >>> with_include("v=spf1 ip4:192.0.2.1 ~all", "_spf.google.com")
    'v=spf1 ip4:192.0.2.1 include:_spf.google.com ~all'
    """
    words = text.split()
    ends = (
        number
        for number, word in enumerate(words)
        if word.lower().lstrip("+-~?") == "all" or word.lower().startswith("redirect=")
    )
    words.insert(next(ends, len(words)), f"include:{include}")
    return " ".join(words)
