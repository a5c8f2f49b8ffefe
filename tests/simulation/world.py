"""A small workspace to live in: three mailboxes, six sequences, and new prospects every day."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from mailboxes.models import Mailbox
from outreach.models import User, Workspace
from outreach.prepared import Prepared
from outreach.times import now
from sequences.engine import defining
from sequences.models import Company, Contact, Enrollment, Sequence, Touch
from sequences.rules.schedule import Window
from tests.factories import make_company, make_mailbox, make_sequence, make_user, make_workspace

# Mondays before the clocks change in Berlin, New York and on Lord Howe Island.
STARTS = [
    datetime(2026, 3, 2, tzinfo=UTC),
    datetime(2026, 3, 23, tzinfo=UTC),
    datetime(2026, 9, 28, tzinfo=UTC),
    datetime(2026, 10, 19, tzinfo=UTC),
]

MAILBOXES = {
    "gmail": ("anna@gmail.test", "Europe/Berlin"),
    "microsoft": ("ben@outlook.test", "Australia/Lord_Howe"),
    "smtp": ("cleo@smtp.test", "America/New_York"),
}
WEEK, EVERY_DAY = [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7]
# Name, mailbox, zone, window, weekdays, daily limit. Windows are short, so that edges are near.
SEQUENCES = [
    ("Morning", "gmail", "Europe/Berlin", time(9), time(11), WEEK, None),
    # Another one from the same mailbox at nearly the same hours, so that they share its limit.
    ("Late morning", "gmail", "Europe/Berlin", time(9, 30), time(11, 30), WEEK, None),
    # Its hours cross midnight and the change of the clocks; the mailbox's day ends within them.
    ("Night", "smtp", "America/New_York", time(22), time(2, 30), EVERY_DAY, None),
    # The clocks of Lord Howe change by half an hour, at two in the morning.
    ("Island", "microsoft", "Australia/Lord_Howe", time(1), time(3), EVERY_DAY, None),
    ("Limited", "gmail", "UTC", time(0), time(23, 59, 59, 999999), EVERY_DAY, 2),
    # Each run leaves from one of a pool, whose limits the other sequences use as well.
    ("Rotating", "gmail", "UTC", time(7), time(15), EVERY_DAY, None),
]
POOLS = {"Rotating": ("smtp", "gmail", "microsoft")}
STEPS = 3
LIMIT = 3

# Asked again and again, so that Django compiles them once.
RUN = Prepared(lambda pk: Enrollment.everywhere.filter(pk=pk), int)
TOUCH = Prepared(
    lambda pk: Touch.objects.filter(pk=pk).order_by().select_related("enrollment"), int
)


@dataclass
class Rates:
    """How bad this seed's world is; every seed draws its own."""

    kill: float
    stall: float
    race: float
    lost_wake_up: float
    double_wake_up: float
    late_tick: float
    refusals: float
    answers: float
    trouble: float

    @classmethod
    def draw(cls, luck: Random) -> "Rates":
        def some(usual: float) -> float:
            return usual * luck.choice([0.3, 1.0, 1.0, 2.0])

        return cls(
            kill=some(0.03),
            stall=some(0.03),
            race=some(0.04),
            lost_wake_up=some(0.15),
            double_wake_up=some(0.15),
            late_tick=some(0.15),
            refusals=some(1.0),
            answers=some(1.0),
            trouble=some(1.0),
        )


@dataclass(eq=False)
class Run:
    """One prospect's run, and what the simulation itself knows about it."""

    number: int
    enrollment: Enrollment
    address: str
    sequence: str
    # Its mailbox; in a pool, until something may have left, the one that tried last.
    kind: str
    steps: int
    touches: dict[int, int]
    poison: bool = False
    # What a person approved, word for word; an edit or an undo takes it away.
    approved: dict[int, tuple[str, str]] = field(default_factory=dict)
    passed: set[int] = field(default_factory=set)  # steps a person skipped, or said were sent
    closed: str = ""  # why nothing of it may leave any more
    paused: bool = False
    pending: bool = False  # an edit or an undo took the run back to the review
    wording: int = 1
    # Answers that lie, or have lain, in an inbox that the product has to read.
    letters: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        return f"r{self.number}"

    def key(self, position: int) -> str:
        return f"r{self.number}/{position}"

    def fresh(self) -> Enrollment:
        fresh: Enrollment = RUN.get(self.enrollment.pk)
        return fresh

    def touch(self, position: int) -> Touch:
        touch: Touch = TOUCH.get(self.touches[position])
        return touch


@dataclass
class World:
    workspace: Workspace
    person: User
    company: Company
    mailboxes: dict[str, Mailbox]
    sequences: dict[str, Sequence]
    # What never changes, by id: the kind of a mailbox, when a sequence may send, and from where.
    kinds: dict[int, str]
    windows: dict[int, Window]
    senders: dict[int, list[int]]


def build() -> World:
    """Make the workspace with everything but prospects."""
    person = make_user("paula@brightline.test", name="Paula Person")
    workspace = make_workspace(person)
    mailboxes = {
        kind: make_mailbox(workspace, provider=kind, email=email, zone=zone, daily_limit=LIMIT)
        for kind, (email, zone) in MAILBOXES.items()
    }
    # This one's inbox is read by the product; of the others what comes in is known at once.
    Mailbox.everywhere.filter(pk=mailboxes["smtp"].pk).update(
        imap_host="imap.smtp.test", watched_at=None
    )
    sequences = {}
    for name, kind, zone, start, end, weekdays, limit in SEQUENCES:
        sequence = make_sequence(
            workspace,
            steps=STEPS,
            name=name,
            mailbox=mailboxes[kind],
            zone=zone,
            window_start=start,
            window_end=end,
            weekdays=weekdays,
            per_minute=20,
            daily_limit=limit,
        )
        sequence.steps.filter(position=2).update(delay_days=1)
        sequence.steps.filter(position=3).update(delay_days=0, delay_hours=20)
        pool = [mailboxes[kind] for kind in POOLS.get(name, ())]
        defining.configure(sequence, {}, by=person, pool=pool)
        sequences[name] = sequence
    return World(
        workspace,
        person,
        make_company(workspace, domain="globex.test"),
        mailboxes,
        sequences,
        kinds={mailbox.pk: kind for kind, mailbox in mailboxes.items()},
        windows={sequence.pk: sequence.window for sequence in sequences.values()},
        senders={
            sequences[name].pk: [mailboxes[each].pk for each in POOLS.get(name, (kind,))]
            for name, kind, *_ in SEQUENCES
        },
    )


def subject_of(number: int) -> str:
    return f"A question for r{number}"


def body_of(number: int, position: int, wording: int) -> str:
    return f"Hi there, this is step {position} of r{number}, wording {wording}."


def enroll(world: World, luck: Random, number: int, known: list[Run]) -> Run:
    """Enroll somebody, usually new, in one of the sequences; the drafts are written."""
    name = luck.choice(sorted(world.sequences))
    sequence, steps = world.sequences[name], luck.randint(1, STEPS)
    again = luck.choice(known) if known and luck.random() < 0.1 else None
    contact: Contact | None = None
    if again and not again.closed and again.sequence != name:
        contact = Contact.everywhere.filter(email=again.address).first()
    mine = Enrollment.everywhere.filter(contact=contact, sequence=sequence)
    if contact and mine.unfinished().exists():
        contact = None
    contact = contact or Contact.everywhere.create(
        workspace=world.workspace,
        company=world.company,
        email=f"lee{number}@globex.test",
        first_name="Jordan",
        last_name=f"Lee {number}",
    )
    run = Enrollment.everywhere.create(
        workspace=world.workspace,
        sequence=sequence,
        contact=contact,
        mailbox=None if sequence.rotates else sequence.mailbox,
        drafted_at=now(),
        steps_total=steps,
    )
    touches = {}
    for step in sequence.steps.all()[:steps]:
        touch = Touch.objects.create(
            enrollment=run,
            step=step,
            position=step.position,
            status=Touch.Status.DRAFT,
            subject=subject_of(number) if step.position == 1 else "",
            body=body_of(number, step.position, 1),
        )
        touches[step.position] = touch.pk
    run.refresh_digest()
    kind = next(row[1] for row in SEQUENCES if row[0] == name)
    return Run(number, run, contact.email, name, kind, steps, touches, poison=luck.random() < 0.02)


def delay(luck: Random, least: float, most: float) -> timedelta:
    """Draw a delay in whole milliseconds, which every database keeps."""
    return timedelta(milliseconds=round(luck.uniform(least, most) * 1000))


def any_of(luck: Random, things: list[Any]) -> Any:
    return things[luck.randrange(len(things))]
