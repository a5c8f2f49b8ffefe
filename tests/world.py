"""A workspace in the middle of its week, played with the real engine from a few facts.

The clock is turned back two weeks and walked forward, so every mail, reply, failure and event is
one that the product made. The same moment always gives the same workspace.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Min

from mailboxes.models import Mailbox, SandboxMail
from outreach import ticks, times
from outreach.models import User, Workspace
from sequences.engine import defining, drafting, draining, enrolling, lifecycle, replies, sandbox
from sequences.models import Company, Contact, ContactList, Enrollment, Sequence, Touch
from sequences.readymade import Mail

# A Wednesday, before noon in Lisbon.
TODAY = datetime(2026, 11, 18, 10, 24, tzinfo=UTC)

MAILS = (
    Mail(
        angle="timely trigger",
        subject="{{ company }}'s wholesale orders",
        body="Hi {{ first_name }},\n\nSaw that {{ company }} took on two wholesale accounts in "
        "{{ city | default: 'your region' }} this quarter. Most teams I talk to at that point "
        "are still re-typing purchase orders by hand.\n\nWe read them straight from the mail "
        "and put them into the order book. It takes an afternoon to try.\n\nWould a "
        "ten-minute walk-through next week be useless to you?\n\nAlex",
    ),
    Mail(
        angle="proof",
        delay_days=3,
        body="Hi {{ first_name }},\n\nOne number, in case it helps: Pereira & Filhos cut the "
        "order desk from nine hours a week to one. Happy to show you how on a fifteen-minute "
        "call.\n\nAlex",
    ),
    Mail(
        angle="easy out",
        delay_days=4,
        subject="Should I close the file?",
        body="Hi {{ first_name }},\n\nI don't want to crowd your inbox. If wholesale paperwork "
        "isn't a headache right now, a one-word reply is all I need.\n\nAlex",
    ),
    Mail(
        angle="last word",
        delay_days=5,
        body="{{ first_name }}, this is my last note. If it ever becomes one, you know where "
        "I am.\n\nAlex",
    ),
)

# Company, domain, industry, first and last name, title, city, country, zone: enrolled early on,
# and by then what becomes of each (a day and a word of the script below).
EARLY = (
    ("Ostra Foods", "ostra", "Food", "Lucía", "Fernández", "Head of Partnerships", "Vigo", "ES"),
    ("Corvid Systems", "corvid", "Software", "Rafael", "Duarte", "VP Engineering", "Porto", "PT"),
    ("Lumen Health", "lumen", "Health", "Priya", "Raman", "Director, Growth", "London", "GB"),
    ("Quillworks", "quillworks", "Publishing", "Sofia", "Marchetti", "CMO", "Milan", "IT"),
    ("Atlas Cold Storage", "atlas", "Logistics", "Grace", "Kim", "Operations Director", "", "US"),
    ("Fjord Logistics", "fjord", "Logistics", "Mads", "Kristensen", "CFO", "Aarhus", "DK"),
    ("Bluefin Marine", "bluefin", "Shipping", "Ines", "Carvalho", "Fleet Manager", "Faro", "PT"),
    ("Sundial Solar", "sundial", "Energy", "Karim", "Benali", "Sales Director", "Lyon", "FR"),
)
MIDDLE = (
    ("Harbor & Pine", "harborpine", "Furniture", "Daniel", "Okafor", "Founder", "Porto", "PT"),
    ("Kestrel Robotics", "kestrel", "Robotics", "Ingrid", "Sørensen", "VP Sales", "Oslo", "NO"),
    ("Verdant Labs", "verdant", "Biotech", "Noah", "Feldman", "CTO", "Basel", "CH"),
    ("Cobalt Insurance", "cobalt", "Insurance", "Liam", "Carter", "Head of Sales", "Dublin", "IE"),
    ("Solstice Media", "solstice", "Media", "Yara", "Haddad", "Managing Editor", "Paris", "FR"),
    ("Granite Works", "granite", "Construction", "Pavel", "Novák", "Owner", "Brno", "CZ"),
    ("Nimbus Travel", "nimbus", "Travel", "Aoife", "Byrne", "Commercial Lead", "Cork", "IE"),
    (
        "Gesellschaft für angewandte Verpackungstechnik und Logistik mbH",
        "verpackung",
        "Packaging",
        "Maximiliane-Theodora",
        "von Hohenstein-Wittelsbach",
        "Leiterin Vertrieb und strategische Partnerschaften Mitteleuropa",
        "Nürnberg",
        "DE",
    ),
)
TODAYS = (
    (
        "Northwind Analytics",
        "northwind",
        "Software",
        "Amélie",
        "Laurent",
        "Head of Revenue",
        "",
        "BE",
    ),
    ("Meridian Freight", "meridian", "Freight", "Tomás", "Herrera", "COO", "Santo Domingo", "DO"),
    ("Sable & Co", "sable", "Retail", "Hannah", "Lindqvist", "Managing Partner", "Malmö", "SE"),
    ("Orchard Dental", "orchard", "Health", "Wei", "Zhang", "Practice Manager", "Leeds", "GB"),
    ("Fieldstone Capital", "fieldstone", "Finance", "Marcus", "Bell", "Partner", "London", "GB"),
    (
        "Tidewater Bank",
        "tidewater",
        "Finance",
        "Elena",
        "Petrova",
        "Innovation Lead",
        "Sofia",
        "BG",
    ),
    (
        "Brightwater Energy",
        "brightwater",
        "Energy",
        "Jonas",
        "Weber",
        "Procurement Lead",
        "Bern",
        "CH",
    ),
    ("شركة النور", "alnoor", "Retail", "ليلى", "حداد", "مديرة المبيعات", "Amman", "JO"),
)
ZONES = {
    "ES": "Europe/Madrid",
    "PT": "Europe/Lisbon",
    "GB": "Europe/London",
    "US": "America/New_York",
}
# An address of the sandbox that is refused, for the failure that somebody has to look at.
REFUSED = "Okafor"


class Hands:
    """The clock of the world."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def read(self) -> datetime:
        return self.at


@dataclass
class World:
    workspace: Workspace
    mailbox: Mailbox
    sequence: Sequence
    draft: Sequence
    contacts: ContactList

    def run_of(self, last_name: str) -> Enrollment:
        return Enrollment.everywhere.get(
            workspace=self.workspace, sequence=self.sequence, contact__last_name=last_name
        )

    def mail_to(self, last_name: str) -> SandboxMail:
        caught = SandboxMail.everywhere.caught().filter(mailbox=self.mailbox)
        return caught.filter(recipient=self.run_of(last_name).contact.email).latest("pk")


@contextmanager
def standing_still(at: datetime = TODAY) -> Iterator[None]:
    """Let no time pass, so that what is shown does not depend on when it is looked at."""
    with times.clock(lambda: at):
        yield


def build(alice: User, workspace: Workspace, *, today: datetime = TODAY) -> World:
    """Play two weeks of this workspace up to `today`."""
    hands = Hands(today - timedelta(days=15))
    with times.clock(hands.read):
        world = _begin(alice, workspace)
        _enroll(world, alice, EARLY)
        _approve(world, alice, EARLY)
        _walk(hands, until=today - timedelta(days=12))
        _answer(world, "Marchetti", "objection")
        _walk(hands, until=today - timedelta(days=9))
        _answer(world, "Raman", "interested")
        _enroll(world, alice, MIDDLE[:3])
        _approve(world, alice, MIDDLE[:3])
        _walk(hands, until=today - timedelta(days=6, hours=1))
        _enroll(world, alice, MIDDLE[3:])
        _approve(world, alice, MIDDLE[3:6])
        _walk(hands, until=today - timedelta(days=5))
        world.run_of("Kim").pause(by=alice, until=today.replace(hour=9, minute=0) + timedelta(5))
        _answer(world, "Benali", "unsubscribe")
        _answer(world, "Novák", "bounce")
        _walk(hands, until=today - timedelta(hours=21))
        _approve(world, alice, MIDDLE[6:-1])
        _walk(hands, until=today - timedelta(hours=3))
        _enroll(world, alice, TODAYS)
        _approve(world, alice, TODAYS[-2:-1])
        _walk(hands, until=today - timedelta(minutes=10))
        _approve(world, alice, TODAYS[-3:-2])
        hands.at = today
        ticks.run("heartbeat")
    return world


def _begin(alice: User, workspace: Workspace) -> World:
    mailbox = Mailbox.everywhere.create(
        workspace=workspace,
        provider=Mailbox.Provider.SANDBOX,
        email="alex@brightline.test",
        sender_name="Alex Morgan",
        signature="Alex Morgan\nBrightline",
        zone="Europe/Lisbon",
    )
    sequence = defining.create(
        workspace, name="Q4 wholesale", by=alice, mailbox=mailbox, mails=MAILS
    )
    sequence.activate(by=alice)
    draft = defining.create(
        workspace, name="Spring fairs", by=alice, mailbox=mailbox, mails=MAILS[:2]
    )
    contacts = ContactList.everywhere.create(workspace=workspace, name="Wholesale leads")
    for person in EARLY + MIDDLE + TODAYS:
        contacts.contacts.add(_contact(workspace, *person))
    return World(workspace, mailbox, sequence, draft, contacts)


def _contact(
    workspace: Workspace,
    company: str,
    domain: str,
    industry: str,
    first_name: str,
    last_name: str,
    title: str,
    city: str,
    country: str,
) -> Contact:
    found = Company.everywhere.create(
        workspace=workspace, name=company, domain=f"{domain}.test", industry=industry
    )
    number = found.pk
    fault = "content+" if last_name == REFUSED else ""
    return Contact.everywhere.create(
        workspace=workspace,
        company=found,
        email=f"{fault}person{number}@{domain}.test",
        first_name=first_name,
        last_name=last_name,
        title=title,
        city=city,
        country=country,
        zone=ZONES.get(country, ""),
        source=Contact.Source.IMPORT,
    )


def _enroll(world: World, alice: User, people: tuple[tuple[str, ...], ...]) -> None:
    names = [person[4] for person in people]
    mine = Contact.everywhere.filter(workspace=world.workspace, last_name__in=names)
    ids = mine.order_by("pk").values_list("pk", flat=True)
    enrolling.enroll(world.sequence, ids, by=alice)
    while enrolling.tick():
        pass
    while drafting.tick():
        pass


def _approve(world: World, alice: User, people: tuple[tuple[str, ...], ...]) -> None:
    for person in people:
        run = world.run_of(person[4])
        run.approve(by=alice, shown=run.approval_token())


def _answer(world: World, last_name: str, kind: str) -> None:
    sandbox.answer(world.mail_to(last_name), kind)


def _walk(hands: Hands, *, until: datetime) -> None:
    """Let time pass as the scheduler sees it, in long steps where nothing is due."""
    while hands.at < until:
        lifecycle.tick()
        sent = draining.drain_all()
        hands.at = min(hands.at + timedelta(minutes=1 if sent else 60), until)
        waiting = Touch.objects.filter(status=Touch.Status.SCHEDULED)
        soonest = waiting.aggregate(Min("due_at"))["due_at__min"] or until
        hands.at = min(max(hands.at, soonest), until)
    replies.tick()
