"""Fill a database with approved mails that are due: `python -m tests.benchmarks.outgoing …`.

One run of each mailbox is approved as people approve, and copied; every copy is personal and
has a hash of its own. A sequence sends at most 60 mails a minute, so there are many of them.
"""

import argparse
import os
from copy import copy
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.settings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, required=True)
    parser.add_argument("--mailboxes", type=int, required=True)
    parser.add_argument("--each-sequence", type=int, default=2)
    parser.add_argument("--port", type=int, required=True, help="of the SMTP server")
    given = parser.parse_args()
    django.setup()
    # Models can only be imported once the settings are there.
    from django.core.management import call_command
    from django.db import connection, transaction

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        fill(given.mails // given.mailboxes, given.mailboxes, given.each_sequence, given.port)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def fill(each_mailbox: int, mailboxes: int, each_sequence: int, port: int) -> None:
    from tests import factories

    workspace = factories.make_workspace(name="Benchmark")
    somebody = factories.make_user()
    for number in range(mailboxes):
        mailbox = factories.make_mailbox(
            workspace,
            provider="smtp",
            email=f"dana{number}@sender.test",
            sender_name="Dana Fields",
            signature="Dana Fields",
            daily_limit=10_000,
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_security="plain",
        )
        first = factories.make_sequence(workspace, name=f"Sequence {number}.0", mailbox=mailbox)
        touch = factories.make_due_touch(by=somebody, sequence=first)
        touches = [touch, *factories.copies_of(touch, each_mailbox - 1)]
        make_personal(touches, number * each_mailbox)
        spread(touches, first, each_sequence)


def make_personal(touches: list[Any], begin: int) -> None:
    """Give every mail a text of its own, approved as it stands."""
    from sequences.models import Touch
    from tests.benchmarks import letters

    for n, touch in enumerate(touches, begin):
        touch.subject, touch.body = letters.subject(n), letters.TEXT.format(n=n)
        touch.full_text = letters.text(n)
        touch.approved_hash = touch.frozen_hash()
    fields = ["subject", "body", "full_text", "approved_hash"]
    Touch.objects.bulk_update(touches, fields, batch_size=500)


def spread(touches: list[Any], first: Any, each_sequence: int) -> None:
    """Hand the runs on to sequences like the first, so many to each."""
    from sequences.models import Enrollment, Sequence, Step, Touch

    count = -(-len(touches) // each_sequence)
    sequences = [first]
    for number in range(1, count):
        another = copy(first)
        another.pk, another._state = None, type(first)()._state
        another.name = f"{first.name.rpartition('.')[0]}.{number}"
        sequences.append(another)
    Sequence.everywhere.bulk_create(sequences[1:])
    steps = list(first.steps.all())
    made = [
        Step(
            **{
                **{f.attname: getattr(step, f.attname) for f in Step._meta.concrete_fields},
                "id": None,
                "sequence_id": sequence.pk,
            }
        )
        for sequence in sequences[1:]
        for step in steps
    ]
    Step.objects.bulk_create(made)
    mine = {(step.sequence_id, step.position): step.pk for step in [*steps, *made]}
    owner = {
        touch.enrollment_id: sequences[n // each_sequence].pk for n, touch in enumerate(touches)
    }
    runs = list(Enrollment.everywhere.filter(pk__in=owner))
    for run in runs:
        run.sequence_id = owner[run.pk]
    Enrollment.everywhere.bulk_update(runs, ["sequence"], batch_size=500)
    followed = list(Touch.objects.filter(enrollment__in=owner))
    for touch in followed:
        touch.step_id = mine[owner[touch.enrollment_id], touch.position]
    Touch.objects.bulk_update(followed, ["step"], batch_size=500)


if __name__ == "__main__":
    main()
