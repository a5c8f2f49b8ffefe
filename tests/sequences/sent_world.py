"""Everything that can happen to a mail, made to happen by the product itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from mailboxes.models import Mailbox, SandboxMail
from mailboxes.providers.base import Mail, Receipt, Unknown, Verdict
from mailboxes.providers.sandbox import Sandbox
from outreach import times
from outreach.models import User, Workspace
from sequences.engine import (
    answering,
    draining,
    lifecycle,
    reconciling,
    replies,
    sandbox,
    sending,
    settling,
)
from sequences.engine.suppressing import suppress
from sequences.models import Enrollment, Sequence, Touch
from tests.factories import (
    make_contact,
    make_enrollment,
    make_mailbox,
    make_pool,
    make_sequence,
    make_user,
    make_workspace,
)


class Hands:
    """A clock that the test moves."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def read(self) -> datetime:
        return self.at

    @contextmanager
    def hold(self) -> Iterator[None]:
        with times.clock(self.read):
            yield


@dataclass
class Server:
    """A mail server that cannot be asked, and the journal it keeps for itself."""

    mailbox: Mailbox
    journal: list[dict[str, str]] = field(default_factory=list)
    silent: bool = False  # it takes the mail, and its answer is lost
    keeps_message_id = True
    can_unsubscribe_header = True
    lease = timedelta(seconds=60)
    budget = timedelta(seconds=30)

    def prepare(self, mail: Mail) -> "Taking":
        return Taking(self, mail)

    def look_up(self, **_: str) -> Verdict:
        return Verdict.UNKNOWN

    def close(self) -> None:
        """There is no connection."""


@dataclass
class Taking:
    server: Server
    mail: Mail
    draft_id: str = ""
    thread_id: str = ""

    def commit(self) -> Receipt:
        self.server.journal.append(
            {
                "message_id": self.mail.message_id,
                "recipient": self.mail.recipient,
                "mailbox": self.server.mailbox.email,
                "accepted_at": times.now().isoformat(),
                "sha256": sha256(self.mail.raw).hexdigest(),
                "reference": self.mail.reference,
            }
        )
        if self.server.silent:
            raise Unknown("The line went dead.")
        return Receipt(self.mail.message_id, words="250 OK")

    def abandon(self) -> None:
        """Nothing was begun."""


@dataclass
class World:
    alice: User
    workspace: Workspace
    sequence: Sequence
    runs: dict[str, Enrollment]
    server: Server
    elsewhere: Enrollment
    hands: Hands
    pool: list[Mailbox]

    def touch(self, name: str, position: int = 1) -> Touch:
        return Touch.objects.get(enrollment=self.runs[name], position=position)

    def mail(self, name: str, position: int = 1) -> SandboxMail:
        caught = SandboxMail.everywhere.caught()
        return caught.get(message_id=self.touch(name, position).message_id)


# Each prospect, and what stands before the plus sign of the address: see Sandbox.
PEOPLE = {
    "all": "",  # gets every step
    "interested": "",
    "waiting": "",  # for its second step
    "undone": "",  # stopped by mistake
    "paused": "",
    "raced": "",  # stopped while a mail was on the wire
    "suppressed": "",
    "flaky": "flaky",
    "timeout": "timeout",
    "lost": "lost",
    "content": "content",
    "bounce": "bounce",
}


def build(hands: Hands) -> World:
    """Play the two weeks before what the clock shows; it shows the same again afterwards."""
    end = hands.at
    hands.at = end - timedelta(days=14)
    alice = make_user("alice@brightline.test")
    workspace = make_workspace(alice, name="Healthy")
    mailbox = make_mailbox(workspace, daily_limit=40)
    sequence = make_sequence(workspace, steps=3, mailbox=mailbox, daily_limit=30)
    runs = {name: _run(alice, sequence, name, trouble) for name, trouble in PEOPLE.items()}
    rotating = make_sequence(workspace, steps=2, mailbox=mailbox)
    pool = make_pool(rotating, 2)
    runs |= {name: _run(alice, rotating, name, "") for name in ("first", "second", "third")}
    elsewhere = _elsewhere(make_user("dave@elsewhere.test"))
    server = Server(make_mailbox(workspace, provider=Mailbox.Provider.SMTP))
    to_server = make_sequence(workspace, steps=1, mailbox=server.mailbox)
    runs["smtp"] = _run(alice, to_server, "smtp", "")
    world = World(alice, workspace, sequence, runs, server, elsewhere, hands, pool)

    _walk(hands, timedelta(minutes=30))
    _sent_again_by_a_person(world)
    theirs = sandbox.answer(world.mail("interested"), "interested").reply
    answering.write(theirs, text="Tuesday?", token="a-form-of-the-inbox", seen=0, by=alice)
    runs["undone"].stop(by=alice)
    hands.at += timedelta(seconds=5)
    runs["undone"].undo(by=alice)
    runs["paused"].pause(by=alice, until=hands.at + timedelta(days=2))
    suppress(workspace, world.touch("suppressed").recipient, reason="by_hand", source="", by=alice)
    _walk(hands, timedelta(days=2, hours=22))
    _stopped_on_the_wire(world)
    _walk(hands, timedelta(days=5))
    # What "waiting" waits for is still to come.
    hands.at = end - timedelta(hours=3)
    late = runs["waiting"] = _run(alice, sequence, "latecomer", "")
    _walk(hands, timedelta(minutes=30))
    assert Touch.objects.get(enrollment=late, position=2).status == Touch.Status.SCHEDULED
    turns = [world.touch(name, 2).mailbox for name in ("first", "second", "third")]
    assert turns == [pool[0], pool[1], pool[0]]
    hands.at = end
    return world


def _run(alice: User, sequence: Sequence, name: str, trouble: str) -> Enrollment:
    email = f"{trouble}+{name}@globex.test" if trouble else f"{name}@globex.test"
    contact = make_contact(sequence.workspace, email=email, first_name=name.title())
    run = make_enrollment(sequence=sequence, contact=contact)
    run.approve(by=alice, shown=run.approval_token())
    return run


def _elsewhere(dave: User) -> Enrollment:
    workspace = make_workspace(dave, name="Elsewhere")
    sequence = make_sequence(workspace, steps=1, mailbox=make_mailbox(workspace))
    return _run(dave, sequence, "stranger", "")


def _walk(hands: Hands, span: timedelta) -> None:
    """Let time pass as the scheduler sees it, in long steps where nothing is due."""
    until = hands.at + span
    while hands.at < until:
        lifecycle.tick()
        sending.reap()
        reconciling.tick()
        replies.tick()
        sandboxes = Mailbox.everywhere.filter(provider=Mailbox.Provider.SANDBOX)
        sent = sum(draining.drain(mailbox.pk) for mailbox in sandboxes)
        soonest = [until]
        waiting = Touch.objects.exclude(mailbox__provider=Mailbox.Provider.SMTP)
        for field_name, status in (("due_at", "scheduled"), ("check_at", "uncertain")):
            rows = waiting.filter(status=status, **{f"{field_name}__isnull": False})
            rows = rows.filter(enrollment__status__in=Enrollment.SENDING)
            soonest += rows.order_by(field_name).values_list(field_name, flat=True)[:1]
        step = timedelta(seconds=2) if sent else timedelta(seconds=30)
        hands.at = min(max(hands.at + step, min(soonest)), until)


def _sent_again_by_a_person(world: World) -> None:
    """The server took the mail and did not say so; a person who cannot know has it sent again."""
    touch, server = world.touch("smtp"), world.server
    server.silent = True
    assert not sending.send_one(touch.pk, server)
    server.silent = False
    world.hands.at += timedelta(minutes=20)
    Touch.objects.filter(pk=touch.pk).update(decide=True, check_at=None)
    assert settling.was_not_sent(touch.pk, by=world.alice)
    world.hands.at += timedelta(minutes=1)
    assert sending.send_one(touch.pk, server)


def _stopped_on_the_wire(world: World) -> None:
    """The second step of "raced" is taken, and before that is written down the run is stopped."""
    touch = world.touch("raced", 2)
    world.hands.at = max(world.hands.at, touch.due_at)
    provider: Any = Sandbox(world.sequence.mailbox)
    stages = sending.sending(touch.pk, provider)
    while next(stages) != "on the wire":
        pass
    world.hands.at += timedelta(seconds=3)
    world.runs["raced"].stop(by=world.alice)
    world.hands.at += timedelta(seconds=3)
    assert list(stages)[-1] == "accepted"
