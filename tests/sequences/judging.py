"""Asking the invariants, and one corruption for each that makes it and no other fire."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.models import F

from mailboxes.models import InboundMail, Mailbox, MailboxDay, SandboxMail
from outreach import times
from outreach.times import now
from sequences.engine import invariants
from sequences.engine.invariants import Finding, Look
from sequences.models import Attempt, Enrollment, Event, Sequence, Suppression, Touch
from tests.factories import make_contact
from tests.sequences.sent_world import World

CODES = [f"I{number:02}" for number in range(1, 25)]
NEEDS_JOURNAL = {"I01", "I02", "I03", "I04", "I05", "I06", "I11", "I15", "I16", "I18"}


def judge(**values: object) -> dict[str, Finding]:
    with invariants.reading():
        look = Look(at=times.database_now(), **values)
        return {each.invariant.code: each for each in invariants.judge(look)}


def broken(**values: object) -> dict[str, list[str]]:
    found = judge(**values)
    return {code: each.offenders for code, each in found.items() if each.verdict == "BROKEN"}


def verify(*options: str) -> str:
    out = io.StringIO()
    call_command("verify", *options, stdout=out)
    return out.getvalue()


def journal(tmp_path: Path, *lines: dict[str, str]) -> str:
    """Write these lines into a file, as a provider would."""
    file = tmp_path / "journal.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return str(file)


@contextmanager
def without_checks() -> Iterator[None]:
    """Let rows break the CHECK of the ledgers, until the test's transaction is rolled back."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            try:
                yield
            finally:
                cursor.execute("PRAGMA ignore_check_constraints = OFF")
        else:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            table = MailboxDay._meta.db_table
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT mailboxday_within_quota")
            yield


def copy_mail(world: World, **changes: object) -> None:
    mail = world.mail("all", 3)
    values = {"pk": None, "draft_id": f"copy{mail.pk}"} | changes
    for name, value in values.items():
        setattr(mail, name, value)
    mail._state.adding = True
    mail.save()


def _reserve(touch: Touch) -> None:
    """Have one more mail of the newest day under way, as a claim does."""
    day = MailboxDay.objects.filter(mailbox=touch.enrollment.mailbox).latest("day")
    MailboxDay.objects.filter(pk=day.pk).update(reserved=F("reserved") + 1)


def _attempt(touch: Touch, outcome: str, number: int = 90, **values: object) -> Attempt:
    mailbox = touch.enrollment.mailbox
    day = MailboxDay.objects.filter(mailbox=mailbox).latest("day").day
    values = {"token": 1, "epoch": touch.enrollment.epoch, "mailbox": mailbox, "day": day} | values
    return Attempt.objects.create(touch=touch, number=number, outcome=outcome, **values)


def _another_id(world: World) -> None:
    copy_mail(world, message_id="<another@brightline.test>")


def _a_ghost(world: World) -> None:
    copy_mail(world, message_id="<ghost@brightline.test>", raw=b"Subject: Boo\r\n\r\n")


def _no_wire_mark(world: World) -> None:
    world.touch("all", 3).attempts.update(wire_at=None)


def _refused_but_delivered(world: World) -> None:
    first, touch = world.mail("waiting"), world.touch("waiting", 2)
    _attempt(touch, "rejected", wire_at=now() - timedelta(minutes=5))
    copy_mail(
        world,
        message_id=touch.message_id,
        recipient=touch.recipient,
        raw=bytes(first.raw).replace(b"this is step 1", b"this is step 2"),
        accepted_at=now(),
    )


def never_asked_about(world: World) -> None:
    touch, since = world.touch("waiting", 2), now() - timedelta(minutes=30)
    Touch.objects.filter(pk=touch.pk).update(status="uncertain", unknown_since=since)
    _attempt(touch, "unknown", wire_at=since)
    _reserve(touch)


def forgotten(world: World) -> None:
    touch, since = world.touch("waiting", 2), now() - timedelta(hours=1)
    Touch.objects.filter(pk=touch.pk).update(due_at=since, updated_at=since)
    Enrollment.everywhere.update(updated_at=since)
    Sequence.everywhere.update(updated_at=since)
    Mailbox.everywhere.update(updated_at=since)


def _ledger(column: str) -> Callable[[World], None]:
    def miscount(world: World) -> None:
        day = MailboxDay.objects.filter(mailbox=world.sequence.mailbox).earliest("day")
        MailboxDay.objects.filter(pk=day.pk).update(**{column: F(column) + 1})

    return miscount


def _lower_limit(world: World) -> None:
    day = MailboxDay.objects.filter(mailbox=world.sequence.mailbox).earliest("day")
    assert day.sent > 1
    with without_checks():
        MailboxDay.objects.filter(pk=day.pk).update(quota=day.sent - 1)


def _other_hours(world: World) -> None:
    mark = Attempt.objects.get(touch__enrollment=world.elsewhere).wire_at
    other = mark.isoweekday() % 7 + 1
    Sequence.everywhere.filter(pk=world.elsewhere.sequence_id).update(weekdays=[other])


def _stopped_before(world: World) -> None:
    mark = world.touch("all", 2).attempts.get().wire_at
    run = world.runs["all"]
    event = Event.log(run, "stopped", reason="by_hand")
    Event.everywhere.filter(pk=event.pk).update(at=mark - timedelta(minutes=10))


def _suppressed_before(world: World) -> None:
    Suppression.everywhere.create(
        workspace=world.workspace,
        value=world.touch("flaky").recipient,
        created_at=now() - timedelta(days=15),
    )


def _wrong_order(world: World) -> None:
    late = world.mail("all", 3).accepted_at + timedelta(minutes=1)
    SandboxMail.everywhere.filter(pk=world.mail("all", 2).pk).update(accepted_at=late)


def _other_text(world: World) -> None:
    Touch.objects.filter(pk=world.touch("all").pk).update(full_text="Nobody read this.")


def _foreign_contact(world: World) -> None:
    foreign = make_contact(world.elsewhere.workspace)
    Enrollment.everywhere.filter(pk=world.runs["all"].pk).update(contact=foreign)


def _somebody_else(world: World) -> None:
    mail = world.mail("all")
    SandboxMail.everywhere.filter(pk=mail.pk).update(recipient="somebody@else.test")


def _nobody_decided(world: World) -> None:
    world.touch("smtp").attempts.update(decided_by=None)


def six_attempts(world: World) -> None:
    touch = world.touch("all", 3)
    accepted = touch.attempts.get()
    for number in range(2, 7):
        _attempt(
            touch, "rejected", number, wire_at=accepted.wire_at, day=accepted.day, finished_at=now()
        )


def _no_event(world: World) -> None:
    Event.everywhere.filter(touch=world.touch("all"), kind="sent").delete()


def _alive_again(world: World) -> None:
    touch = world.touch("interested", 2)
    Touch.objects.filter(pk=touch.pk).update(status="scheduled")


def _open_attempt(world: World) -> None:
    touch = world.touch("waiting", 2)
    _attempt(touch, "")
    _reserve(touch)


def _unsettled(world: World) -> None:
    InboundMail.everywhere.create(
        workspace=world.workspace,
        mailbox=world.sequence.mailbox,
        provider_id="left",
        received_at=now() - timedelta(hours=1),
    )


BREAKS: dict[str, Callable[[World], object]] = {
    "I01": copy_mail,
    "I02": _another_id,
    "I03": _a_ghost,
    "I04": _no_wire_mark,
    "I05": lambda world: world.mail("all", 3).delete(),
    "I06": _refused_but_delivered,
    "I07": never_asked_about,
    "I08": forgotten,
    "I09": _ledger("sent"),
    "I10": _ledger("reserved"),
    "I11": _lower_limit,
    "I12": _other_hours,
    "I13": _stopped_before,
    "I14": _suppressed_before,
    "I15": _wrong_order,
    "I16": _other_text,
    "I17": _foreign_contact,
    "I18": _somebody_else,
    "I19": _nobody_decided,
    "I20": six_attempts,
    "I21": _no_event,
    "I22": _alive_again,
    "I23": _open_attempt,
    "I24": _unsettled,
}
