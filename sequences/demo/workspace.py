"""Make the demo's workspace, people and sequences."""

import re
import unicodedata
from dataclasses import dataclass

from django.db import transaction

from mailboxes.models import Mailbox
from outreach.models import Membership, User, Workspace
from sequences.demo.people import FIRMS, REFUSED, Firm
from sequences.engine import defining
from sequences.models import Company, Contact, ContactList, Sequence
from sequences.readymade import CANDIDATE, FIRST_MEETING, PARTNERSHIP, ReadyMade

NAME = "Brightline (demo)"
ZONE = "Europe/Lisbon"
ADDRESS = "Brightline Lda.\nRua das Flores 12\n1200-194 Lisboa, Portugal"
LIST = "Trade fair, autumn"
PROOF = (
    "A freight office of eleven people went from two afternoons of copying a week to none, "
    "and found sixty customers listed twice on the first day."
)
# Letters that are not another one with a mark.
LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "ß": "ss", "ı": "i"})


@dataclass(frozen=True)
class Demo:
    workspace: Workspace
    contacts: list[Contact]
    meeting: Sequence
    candidate: Sequence


@transaction.atomic
def make(owner: User) -> Demo:
    """Make it all, or nothing, with nobody enrolled yet."""
    workspace = Workspace.objects.create(
        name=NAME, zone=ZONE, postal_address=ADDRESS, is_sandbox=True
    )
    Membership.objects.create(user=owner, workspace=workspace, role=Membership.Role.OWNER)
    mailbox = Mailbox.everywhere.create(
        workspace=workspace,
        provider=Mailbox.Provider.SANDBOX,
        email="alex@brightline.example",
        sender_name="Alex Moreau",
        signature="Brightline: tidy customer records for small teams",
        zone=ZONE,
        created_by=owner,
    )
    contacts = [contact for firm in FIRMS for contact in _people(workspace, firm)]
    ContactList.everywhere.create(workspace=workspace, name=LIST).contacts.set(contacts)
    meeting = _sequence(workspace, mailbox, owner, FIRST_MEETING, proof=PROOF)
    candidate = _sequence(workspace, mailbox, owner, CANDIDATE, pay="€78,000 to €95,000")
    # Whoever is approved here waits a day, so that there is something approved to look at.
    candidate.steps.filter(position=1).update(delay_days=1)
    _sequence(workspace, mailbox, owner, PARTNERSHIP)
    meeting.activate(by=owner)
    candidate.activate(by=owner)
    return Demo(workspace, contacts, meeting, candidate)


def _people(workspace: Workspace, firm: Firm) -> list[Contact]:
    company = Company.everywhere.create(
        workspace=workspace,
        name=firm.name,
        domain=firm.domain,
        industry=firm.industry,
        country=firm.country,
    )
    return [
        Contact.everywhere.create(
            workspace=workspace,
            company=company,
            email=("content+" if last == REFUSED else "") + address(first, last, firm.domain),
            first_name=first,
            last_name=last,
            title=title,
            city=firm.city,
            country=firm.country,
            zone=firm.zone,
            source=Contact.Source.IMPORT,
        )
        for first, last, title in firm.people
    ]


def address(first: str, last: str, domain: str) -> str:
    """Spell a name as addresses are spelt.

    >>> address("Małgorzata", "Wiśniewska-Kowalczyk", "nowaprzedza.example")
    'malgorzata.wisniewska-kowalczyk@nowaprzedza.example'
    >>> address("DeShawn", "O'Malley", "initech.example")
    'deshawn.omalley@initech.example'
    """
    words = (re.sub(r"[^a-z-]+", "", _plain(word)) for word in (first, last))
    return f"{'.'.join(words)}@{domain}"


def _plain(word: str) -> str:
    spread = unicodedata.normalize("NFKD", word.lower().translate(LETTERS))
    return "".join(letter for letter in spread if not unicodedata.combining(letter))


def _sequence(
    workspace: Workspace, mailbox: Mailbox, owner: User, ready: ReadyMade, **facts: str
) -> Sequence:
    return defining.create(
        workspace,
        name=ready.name,
        mailbox=mailbox,
        variables={fact.name: fact.value for fact in ready.facts} | facts,
        mails=ready.mails,
        by=owner,
    )
